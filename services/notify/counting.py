"""What came back gives its message a verdict, and what arrives afterwards clears the address again.

That a mail server takes a mail over says little: the report of failure comes hours later. A delivery is a good one when
nothing has come back for three days.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

import structlog

from services.notify import bounces
from services.notify.faults import TRY_AGAIN
from services.notify.suppression import SUPPRESSION, RecordArrival
from shared.kernel.clock import Clock
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Conflict, Context, Unavailable
from shared.kernel.wakeup import Waiter, Wakeup

GOOD_AFTER = timedelta(days=3)
POLL = 10.0
CLEAR_EVERY = 600.0
RETRY = 1.0
ACTOR = "notify"

ARRIVED = """
SELECT s.address_mark, min(m.finished_at) AS at
FROM suppression s JOIN message b ON b.id = s.message_id
JOIN message m ON m.person_id = b.person_id AND m.address_mark = s.address_mark
WHERE s.soft > 0 AND m.state = 'delivered' AND m.finished_at > s.changed_at AND m.finished_at <= $1
GROUP BY s.address_mark
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Counting:
    """The worker. `bell` rings when something came back; `reports` is rung when messages have got verdicts."""

    pool: Pool
    journal: Journal
    clock: Clock
    bell: Waiter
    reports: Wakeup

    async def run(self) -> None:
        """Works for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settle())
            tasks.create_task(self._clear())

    async def _settle(self) -> None:
        while True:
            try:
                if await bounces.settle(self.pool):
                    self.reports.announce()
                await self.bell.wait(POLL)
            except TRY_AGAIN as error:
                log.warning("bounces_wait", reason=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _clear(self) -> None:
        while True:
            try:
                await self.clear()
            except* (Unavailable, Conflict, *TRY_AGAIN) as errors:
                log.warning("counting_waits", reason=type(errors.exceptions[0]).__name__)
            await asyncio.sleep(CLEAR_EVERY)

    async def clear(self) -> None:
        """Forgets what came back from addresses that mail has reached since."""
        for row in await self.pool.fetch(ARRIVED, self.clock.now() - GOOD_AFTER):
            mark, at = str(row["address_mark"]), row["at"]
            command_id = uuid5(NAMESPACE_URL, f"ikz:arrival:{mark}:{at.isoformat()}")
            context = Context(command_id=command_id, actor=ACTOR, at=self.clock.now(), correlation_id=command_id.hex)
            await self.journal.transact(SUPPRESSION, mark, RecordArrival(), context)
