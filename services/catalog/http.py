"""The catalogue over HTTP: readers see what is published, editors see and change everything."""

from services.catalog import (
    contact_http,
    cooperation_http,
    export_http,
    funding_http,
    import_http,
    key_figure_http,
    organisation_http,
    project_http,
    project_surroundings_http,
    resource_http,
    search_http,
    supervision_http,
    topic_http,
    undertaking_http,
    undertaking_step_http,
    vocabulary_http,
)
from services.catalog.request_examples import with_examples
from services.catalog.search_live import Live
from services.catalog.site import Site
from shared.kernel.endpoint import Endpoint
from shared.kernel.files import Files
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

NOWHERE = Site()


def endpoints(
    journal: Journal, pool: Pool, live: Live, files: Files, vault: Vault, *, site: Site = NOWHERE
) -> list[Endpoint]:
    """Everything the catalogue offers."""
    areas = [
        *search_http.endpoints(live),
        *export_http.endpoints(pool, live, site),
        *import_http.endpoints(journal, pool),
        *project_http.endpoints(journal, pool),
        *project_surroundings_http.endpoints(journal, pool, files),
        *organisation_http.endpoints(journal, pool),
        *topic_http.endpoints(journal, pool, live),
        *resource_http.endpoints(journal, pool, files),
        *key_figure_http.endpoints(journal, pool),
        *funding_http.endpoints(journal, pool),
        *supervision_http.endpoints(pool),
        *undertaking_http.endpoints(journal, pool),
        *undertaking_step_http.endpoints(journal, pool),
        *vocabulary_http.endpoints(),
        *contact_http.endpoints(journal, pool, vault),
        *cooperation_http.endpoints(journal, pool),
    ]
    return with_examples(areas)
