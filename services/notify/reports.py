"""From finished messages to the journal, which tells others what became of them.

A message is finished first and reported afterwards, many at a time. Reporting it twice changes nothing: the command's
id follows from the message and its end.
"""

import asyncio
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import asyncpg
import structlog

from services.notify.delivery import DELIVERY, Command, Message, RecordBounce, RecordDelivery
from services.notify.faults import TRY_AGAIN
from services.notify.queue import REPORTED, UNREPORTED
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
    """The worker that records deliveries and bounces."""

    pool: Pool
    journal: Journal
    bell: Waiter

    async def run(self) -> None:
        """Reports for ever."""
        while True:
            try:
                if not await self.step():
                    await self.bell.wait(POLL)
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
        message_id = str(row["id"])
        context = Context(
            command_id=uuid5(NAMESPACE_URL, f"ikz:report:{message_id}:{row['state']}"),
            actor=ACTOR,
            at=row["finished_at"],
            correlation_id=row["correlation_id"],
            causation_id=row["cause"],
        )
        await self.journal.transact(DELIVERY, message_id, _command(row), context)


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
