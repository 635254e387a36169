"""Calendar addresses that show nothing any more are taken back: nobody keeps a secret link for nothing."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from services.events.calendar_address import DECIDER, RevokeCalendarAddress
from services.events.due import by_itself
from shared.kernel.codec import UnknownEvent
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

IDLE = """
SELECT c.person_id FROM calendar_address c
WHERE NOT EXISTS (SELECT FROM registration r WHERE r.person_id = c.person_id)
  AND (SELECT max(j.recorded_at) FROM journal j WHERE j.stream = 'calendar_address-' || c.person_id) <= $1
LIMIT $2
"""
PORTION = 100

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CalendarAddresses:
    """Takes back addresses of people of whom no registration is left."""

    journal: Journal
    pool: Pool

    async def forget_idle(self, at: datetime, before: datetime) -> int:
        """Those that were given before a moment; whoever asks again gets another one."""
        rows = await self.pool.fetch(IDLE, before, PORTION)
        return sum([await self._revoke(row["person_id"], at) for row in rows])

    async def _revoke(self, person_id: str, at: datetime) -> bool:
        try:
            await self.journal.transact(DECIDER, person_id, RevokeCalendarAddress(), by_itself(at))
        except UnknownEvent as unknown:
            log.warning("calendar_address_of_newer_code", reason=str(unknown))
            return False
        return True
