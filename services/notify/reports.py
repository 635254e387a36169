"""From finished messages to the journal, which tells others what became of them.

A message is finished first and reported afterwards, many at a time. Reporting it twice changes nothing: the command's
id follows from the message and its end. What did not arrive is counted against its address, too.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import asyncpg
import structlog

from services.notify.bounce_codes import Weight, weight_of
from services.notify.delivery import DELIVERY, Command, Message, RecordBounce, RecordDelivery
from services.notify.faults import TRY_AGAIN
from services.notify.queue import REPORTED, UNREPORTED
from services.notify.suppression import SUPPRESSION, CountReturn
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Conflict, Context, Unavailable
from shared.kernel.wakeup import Waiter

BATCH = 200
POLL = 1.0
RETRY = 1.0
ACTOR = "notify"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reports:
    """The worker that records deliveries and bounces, and counts the latter. `busy` is said of who sends."""

    pool: Pool
    journal: Journal
    bell: Waiter
    busy: Callable[[], bool]

    async def run(self) -> None:
        """Reports for ever. While a large mailing is sent, reports of it may come later and do not slow it down."""
        while True:
            try:
                if not await self.step():
                    await self.bell.wait(POLL)
                elif self.busy():
                    await asyncio.sleep(POLL)
            except* (Unavailable, Conflict, *TRY_AGAIN) as errors:
                log.warning("reports_wait", reason=type(errors.exceptions[0]).__name__)
                await asyncio.sleep(RETRY)

    async def step(self) -> bool:
        """Reports what has finished; False when there was nothing."""
        rows = await self.pool.fetch(UNREPORTED, BATCH)
        if not rows:
            return False
        async with asyncio.TaskGroup() as tasks:
            for row in rows:
                tasks.create_task(self._report(row))
        await self.pool.execute(REPORTED, [row["id"] for row in rows])
        return True

    async def _report(self, row: asyncpg.Record) -> None:
        """The address first: who asks whether a message came back finds it counted."""
        message_id = str(row["id"])
        weight = weight_of_end(row["state"], row["reason"], row["status"], row["code"])
        if weight is not None and row["address_mark"] is not None:
            counted = CountReturn(message_id=message_id, weight=weight, status=row["status"])
            await self.journal.transact(SUPPRESSION, str(row["address_mark"]), counted, _context(row, "count"))
        await self.journal.transact(DELIVERY, message_id, _command(row), _context(row, "report"))


def weight_of_end(state: str, reason: str | None, status: str | None, code: int | None) -> Weight | None:
    """How the end of a message counts against its address. One that only grew too old says nothing."""
    if state != "bounced":
        return None
    match reason:
        case "complaint":
            return "complaint"
        case "mailbox_unknown":
            return "hard"
        case "refused":
            return weight_of(status, code)
        case "returned":
            return "soft" if weight_of(status) else None
        case "expired" if status is not None and code is not None and code >= 400:
            return weight_of(status, code)
        case _:
            return None


def _context(row: asyncpg.Record, what: str) -> Context:
    return Context(
        command_id=uuid5(NAMESPACE_URL, f"ikz:{what}:{row['id']}:{row['state']}"),
        actor=ACTOR,
        at=row["finished_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["cause"],
    )


def _command(row: asyncpg.Record) -> Command:
    message = Message(
        message_id=str(row["id"]),
        kind=row["kind"],
        cause=row["cause"],
        person_id=row["person_id"],
        session_id=row["session_id"],
        registration_id=row["registration_id"],
    )
    if row["state"] == "delivered":
        return RecordDelivery(message=message)
    return RecordBounce(message=message, reason=row["reason"], status=row["status"])
