"""What time brings to announcements: the moment to publish one, and mailings that have to begin or to stop.

One process at a time does it; nothing rests on that. An announcement publishes itself once, whoever asks; a mailing is
noted once, by its key. What a crash left undone is found again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.notify import announcement_mailings, mailing, news
from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_commands import PublishScheduled
from services.notify.announcement_mailings import Ordered
from services.notify.announcement_matter import AnnouncementMailed, AnnouncementMatter, InvitationMailed
from services.notify.faults import TRY_AGAIN
from services.notify.halts import Halts
from services.notify.mailing import Occurred
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.leader import lead
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Conflict, Context, Unavailable
from shared.kernel.wakeup import Waiter

ACTOR = "clock"
SOME = 50
POLL = 1.0
LATER = 2.0
TROUBLE = (*TRY_AGAIN, Unavailable, Conflict)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AnnouncementClock:
    """Publishes what is due and has mailings begin and stop. `bell` rings when something was decided here."""

    journal: Journal
    pool: Pool
    matter: AnnouncementMatter
    clock: Clock
    max_age: timedelta
    noted: Callable[[], None]
    halts: Halts

    async def run(self, dsn: str, bell: Waiter) -> None:
        """Works for ever, whenever this process leads."""

        async def work() -> None:
            while True:
                try:
                    busy = await self.step()
                except TROUBLE as error:
                    log.warning("announcements_wait", reason=type(error).__name__)
                    await asyncio.sleep(LATER)
                    continue
                if not busy:
                    await bell.wait(POLL)

        await lead(dsn, "announcements", work)

    async def step(self) -> bool:
        """Some of what is due; False when there was nothing."""
        published = await self._publish()
        begun = await self._begin()
        stopped = await self._stop()
        return bool(published or begun or stopped)

    async def _publish(self) -> int:
        now = self.clock.now()
        done = 0
        for announcement_id, moment in await news.due(self.pool, now, SOME):
            try:
                await self.journal.transact(
                    ANNOUNCEMENT, announcement_id, PublishScheduled(publish_at=moment), _by_itself(now)
                )
            except UnknownEvent as unknown:  # left to a replica that runs newer code
                log.warning("stream_of_newer_code", announcement=announcement_id, reason=str(unknown))
                continue
            log.info("announcement_published_on_time", announcement=announcement_id)
            done += 1
        return done

    async def _begin(self) -> int:
        """What was ordered becomes a mailing."""
        now = self.clock.now()
        async with self.pool.acquire() as connection, connection.transaction():
            found = await announcement_mailings.ordered(connection, now - self.max_age, SOME)
            await mailing.note(connection, self.matter, [_occurred(each) for each in found], now)
        if found:
            self.noted()
        return len(found)

    async def _stop(self) -> int:
        """What was stopped or withdrawn goes to nobody more."""
        now = self.clock.now()
        found = await announcement_mailings.to_stop(self.pool, now - self.max_age, SOME)
        for mailing_id in found:
            await self.halts.stop(mailing_id, now)
        return len(found)


def _by_itself(at: datetime) -> Context:
    command_id = new_id()
    return Context(command_id=command_id, actor=ACTOR, at=at, correlation_id=command_id.hex, fresh=True)


def _occurred(ordered: Ordered) -> Occurred:
    shape = InvitationMailed if ordered.invitation else AnnouncementMailed
    cause = shape(
        announcement_id=ordered.announcement_id,
        ordered_version=ordered.version,
        purpose=ordered.purpose,
        note=ordered.note,
    )
    return Occurred(cause, ordered.cause, ordered.keyed_at, ordered.ordered_at, new_id().hex)
