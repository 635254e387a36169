"""What tells other programs, put together: webhooks and the live stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from services.notify import webhook_upkeep
from services.notify.live import Grown, Numbering
from services.notify.live_http import LiveDesk
from services.notify.settings import NotifySettings
from services.notify.webhook_client import open_client
from services.notify.webhook_http import WebhookDesk
from services.notify.webhook_sender import WebhookSender
from services.notify.webhook_upkeep import WebhookUpkeep
from shared.kernel.journal import Journal
from shared.kernel.service import Runtime, Work
from shared.kernel.wakeup import Wakeup


@dataclass(frozen=True, slots=True)
class Programs:
    """The endpoints' desks, what runs beside them, and what is closed at the end."""

    webhooks: WebhookDesk
    live: LiveDesk
    tasks: Sequence[Work]
    closing: Sequence[Work]


def build(runtime: Runtime[NotifySettings], journal: Journal, taken: Wakeup, written: Wakeup) -> Programs:
    """`taken` rings when contracts were taken in, `written` when messages were written."""
    settings, pool, vault, clock = runtime.settings, runtime.pool, runtime.vault, runtime.clock
    client = open_client(settings.ports_of_webhooks, loopback=settings.webhook_loopback)
    due, grown = taken.waiter(), Grown()
    sender = WebhookSender(pool, vault, client, clock, partial(webhook_upkeep.disable, journal, clock), due)
    kept = timedelta(days=settings.webhook_log_retention_days)
    upkeep = WebhookUpkeep(pool, vault, clock, kept)
    numbering = Numbering(
        pool=pool,
        clock=clock,
        bells=(taken.waiter(), written.waiter()),
        others=runtime.wakeup.waiter(),
        numbered=runtime.wakeup.announce,
        grown=grown,
        kept=settings.live_retention,
    )
    ports, loopback = settings.ports_of_webhooks, settings.webhook_loopback
    return Programs(
        webhooks=WebhookDesk(journal, pool, vault, client, ports, loopback, due),
        live=LiveDesk(pool, grown, settings.live_retention),
        tasks=(sender.run, upkeep.run, numbering.run),
        closing=(client.close,),
    )
