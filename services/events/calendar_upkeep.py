"""Calendar addresses that show nothing any more are taken back: nobody keeps a secret link for nothing."""

from dataclasses import dataclass
from datetime import datetime

from services.events.calendar_address import DECIDER, RevokeCalendarAddress
from services.events.due import by_itself
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

IDLE = """
SELECT c.person_id FROM calendar_address c
WHERE NOT EXISTS (SELECT FROM registration r WHERE r.person_id = c.person_id)
  AND (SELECT max(j.recorded_at) FROM journal j WHERE j.stream = 'calendar_address-' || c.person_id) <= $1
LIMIT $2
"""
PORTION = 100


@dataclass(frozen=True, slots=True)
class CalendarAddresses:
    """Takes back addresses of people of whom no registration is left."""

    journal: Journal
    pool: Pool

    async def forget_idle(self, at: datetime, before: datetime) -> int:
        """Those that were given before a moment; whoever asks again gets another one."""
        rows = await self.pool.fetch(IDLE, before, PORTION)
        for row in rows:
            await self.journal.transact(DECIDER, row["person_id"], RevokeCalendarAddress(), by_itself(at))
        return len(rows)
