"""What deals with mail that comes back, put together: where it arrives, what is counted, how long it is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from services.notify import bounces_http, delivery_log, metrics, suppression_list
from services.notify.address_mark import AddressMarks
from services.notify.bounce_address import BounceAddresses
from services.notify.counting import Counting
from services.notify.mailbox_reader import MailboxReader
from services.notify.report_proof import ReportProof
from services.notify.returned_mail import Reader, hush
from services.notify.sender import Rules
from services.notify.settings import NotifySettings
from shared.kernel.clock import Clock
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.service import Figures, Runtime, Work
from shared.kernel.wakeup import Wakeup


@dataclass(frozen=True, slots=True)
class BounceParts:
    """`rules` are what the sender asks about addresses."""

    rules: Rules
    handlers: bounces_http.Handlers
    tasks: Sequence[Work]
    metrics: Figures


def bounce_parts(runtime: Runtime[NotifySettings], journal: Journal, ends: Wakeup) -> BounceParts:
    """The parts; `ends` is rung when a message has got its verdict."""
    settings, pool, clock = runtime.settings, runtime.pool, runtime.clock
    came_back = Wakeup()
    hush()
    mailbox, secret = settings.bounce_address, settings.bounce_webhook_secret
    addresses = BounceAddresses.of_vault(mailbox, settings.vault_key) if mailbox else None
    marks, reader = AddressMarks.of_vault(settings.vault_key), Reader(settings.mail_domain, addresses)
    proof = ReportProof.of(secret) if secret else None
    tasks: list[Work] = [Counting(pool, journal, clock, came_back.waiter(), ends).run]
    if settings.bounce_mailbox is not None:
        reading = MailboxReader(
            pool=pool,
            dsn=settings.database_url,
            mailbox=settings.bounce_mailbox.mailbox,
            reader=reader,
            clock=clock,
            health=runtime.health,
            every=settings.bounce_poll_seconds,
            taken=came_back.announce,
        )
        tasks.append(reading.run)
    if (kept := settings.delivery_log_retention) is not None:

        async def forget(limit: int) -> int:
            return await delivery_log.forget(pool, clock.now() - kept, limit)

        tasks.append(partial(keep_forgetting, "messages", forget))
    return BounceParts(
        rules=rules_of(pool, clock, marks, addresses),
        handlers=bounces_http.Handlers(journal, pool, marks, reader, proof, came_back.announce),
        tasks=tasks,
        metrics=lambda: metrics.exposition(pool, clock.now()),
    )


def rules_of(pool: Pool, clock: Clock, marks: AddressMarks, addresses: BounceAddresses | None) -> Rules:
    """What the sender asks: who gets nothing, where bounces come back to, what is kept of an address."""

    async def suppressed(batch: Sequence[str]) -> set[str]:
        marked = [(address, marks.of(address)) for address in batch]
        found = await suppression_list.suppressed(pool, {mark for _, mark in marked}, clock.now())
        return {address for address, mark in marked if mark in found}

    return Rules(suppressed, addresses.of if addresses else None, marks.of)
