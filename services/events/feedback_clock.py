"""What time does with feedback: it is asked for when a session was held, counted now and then, and closed.

Everything due is found by what is there, so that it is found again after a crash; each step done twice changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from services.events import feedback_box, feedback_list
from services.events.due import by_itself
from services.events.feedback import DECIDER, CloseFeedback, Command, OpenFeedback
from services.events.feedback_questions import OF_THE_PORTAL
from services.events.life_kept import read_life
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

PORTION = 20
LATEST = timedelta(days=7)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FeedbackRules:
    """For how long people are asked, and of how many answers anything is shown."""

    days: int = 14
    minimum: int = 5


@dataclass(frozen=True, slots=True)
class FeedbackClock:
    """The clock's duty."""

    journal: Journal
    pool: Pool
    vault: Vault
    rules: FeedbackRules

    async def __call__(self, at: datetime) -> int:
        """A portion of everything that is due; gives how much that was."""
        done = [await self._open(row, at) for row in await self._to_open(at)]
        done += [await feedback_box.count(self.pool, each, self.rules.minimum) for each in await self._full()]
        for row in await self.pool.fetch(feedback_list.TO_CLOSE, at, PORTION):
            done.append(await self._close(row["session_id"], at))
        for row in await self.pool.fetch(feedback_list.LEFT_BEHIND, PORTION):
            await self._clear(row["session_id"])
        return sum(done)

    async def forget_texts(self, _at: datetime, before: datetime) -> int:
        """Free texts of what closed long enough ago."""
        rows = await self.pool.fetch(feedback_list.WITH_OLD_TEXTS, before, PORTION)
        for row in rows:
            await feedback_box.throw_away_texts(self.pool, self.vault, row["session_id"])
        return len(rows)

    async def _to_open(self, at: datetime) -> list[Any]:
        """One that was over too long ago was not asked about in time, and is not any more."""
        return await self.pool.fetch(feedback_list.TO_OPEN, at, at - LATEST, PORTION)

    async def _full(self) -> list[str]:
        return await feedback_box.full_enough(self.pool, PORTION)

    async def _open(self, row: Any, at: datetime) -> bool:
        session_id, content = row["session_id"], read_life(row["life"]).content
        await feedback_box.put_up(self.pool, self.vault, session_id)
        command = OpenFeedback(
            session_id=session_id,
            series_id=content.series_id,
            title=content.title,
            questions=OF_THE_PORTAL if content.feedback is None else content.feedback,
            invited=row["invited"],
            minimum=self.rules.minimum,
            closes_at=at + timedelta(days=self.rules.days),
        )
        return await self._told(session_id, command, at)

    async def _close(self, session_id: str, at: datetime) -> bool:
        """Nothing is taken any more, the rest is counted, the figures are recorded; then the box goes."""
        given = await feedback_box.shut(self.pool, session_id)
        found = await feedback_list.find(self.pool, session_id)
        if found is not None and given >= found.minimum:
            await feedback_box.count(self.pool, session_id, 1)
        _, _, tallies = await feedback_box.tallies(self.pool, session_id)
        if not await self._told(session_id, CloseFeedback(given=given, tallies=tallies), at):
            return False
        await self._clear(session_id)
        return True

    async def _clear(self, session_id: str) -> None:
        found = await feedback_list.find(self.pool, session_id)
        if found is not None and found.closed and found.given < found.minimum:
            await feedback_box.throw_away_texts(self.pool, self.vault, session_id)
        await feedback_box.throw_away(self.pool, self.vault, session_id)

    async def _told(self, session_id: str, command: Command, at: datetime) -> bool:
        try:
            await self.journal.transact(DECIDER, session_id, command, by_itself(at))
        except NotThere:  # the journal may have been restored to a time before it
            return False
        except UnknownEvent as unknown:
            log.warning("feedback_of_newer_code", session_id=session_id, reason=str(unknown))
            return False
        return True
