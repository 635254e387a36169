"""Everything that stands in this service's journal, and the read models made from it."""

from typing import Any

from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_mailings import MAILINGS
from services.notify.delivery import DELIVERY
from services.notify.invited import INVITED
from services.notify.invited_list import ANSWERS
from services.notify.mail_text import MAIL_TEXT
from services.notify.mail_text_list import MAIL_TEXTS
from services.notify.news import NEWS
from services.notify.subscriber import SUBSCRIBER
from services.notify.subscriber_list import SUBSCRIBERS
from services.notify.suppression import SUPPRESSION
from services.notify.suppression_list import SUPPRESSIONS
from services.notify.webhook import WEBHOOK
from services.notify.webhook_list import WEBHOOKS
from shared.kernel.decider import Decider

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (
    ANNOUNCEMENT,
    DELIVERY,
    SUBSCRIBER,
    MAIL_TEXT,
    SUPPRESSION,
    WEBHOOK,
    INVITED,
)
PROJECTIONS = (
    NEWS,
    SUBSCRIBERS,
    MAIL_TEXTS,
    SUPPRESSIONS,
    WEBHOOKS,
    MAILINGS,
    ANSWERS,
)
