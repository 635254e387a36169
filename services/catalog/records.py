"""What the catalogue's journal holds and which read models follow from it."""

from typing import Any

from services.catalog.contact_address import CONTACT_ADDRESS
from services.catalog.contact_list import CONTACT_ADDRESSES, CONTACT_REQUESTS
from services.catalog.contact_request import CONTACT_REQUEST
from services.catalog.cooperation_list import COOPERATION_REQUESTS
from services.catalog.cooperation_request import COOPERATION_REQUEST
from services.catalog.experience import EXPERIENCE
from services.catalog.funding_estimate import PROGRAMMES
from services.catalog.funding_programme import FUNDING_PROGRAMME
from services.catalog.history import HISTORY
from services.catalog.import_list import IMPORTS
from services.catalog.key_figure import KEY_FIGURE
from services.catalog.key_figure_list import KEY_FIGURES
from services.catalog.organisation import ORGANISATION
from services.catalog.organisation_directory import ORGANISATIONS
from services.catalog.project import PROJECT
from services.catalog.project_import import PROJECT_IMPORT
from services.catalog.project_page import PAGES
from services.catalog.resource import RESOURCE
from services.catalog.resource_list import RESOURCES
from services.catalog.search import SEARCH
from services.catalog.topic import TOPIC
from services.catalog.topic_list import TOPICS
from services.catalog.undertaking import UNDERTAKING
from services.catalog.undertaking_page import UNDERTAKINGS
from shared.kernel.decider import Decider

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    PROJECT,
    ORGANISATION,
    TOPIC,
    RESOURCE,
    KEY_FIGURE,
    FUNDING_PROGRAMME,
    UNDERTAKING,
    CONTACT_REQUEST,
    CONTACT_ADDRESS,
    COOPERATION_REQUEST,
    PROJECT_IMPORT,
)
PROJECTIONS = (
    PAGES,
    SEARCH,
    ORGANISATIONS,
    TOPICS,
    RESOURCES,
    KEY_FIGURES,
    PROGRAMMES,
    HISTORY,
    UNDERTAKINGS,
    CONTACT_REQUESTS,
    CONTACT_ADDRESSES,
    COOPERATION_REQUESTS,
    EXPERIENCE,
    IMPORTS,
)
