"""What becomes of subscriptions by itself: requests lapse, searches are opened for matching, the past is forgotten.

One process at a time looks, but nothing rests on that: each command is decided by the subscriber, who does nothing
twice. What is due is read from what is there, so that it is found again after a restart or a restore.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.notify import subscriber_sealing
from services.notify.subscriber import SUBSCRIBER
from services.notify.subscriber_commands import (
    EraseSubscriber,
    ForgetSubscriptions,
    LetTimePass,
    SubscriberCommand,
)
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Connection, Pool
from shared.kernel.recorded import Conflict, Context, Unavailable
from shared.kernel.vault import Vault

LATE = """
SELECT DISTINCT person_id FROM subscription WHERE state = 'requested' AND confirm_by <= $1 LIMIT $2
"""
OLD = """
SELECT person_id, array_agg(id::text ORDER BY id) AS ids
FROM subscription
WHERE state IN ('ended', 'lapsed') AND ended_at <= CASE WHEN confirmed_at IS NULL THEN $1::timestamptz ELSE $2 END
GROUP BY person_id LIMIT $3
"""
UNOPENED = """
SELECT s.id::text, s.person_id, s.sealed_query
FROM subscription s LEFT JOIN saved_search o ON o.subscription_id = s.id
WHERE s.subject = 'search' AND s.state = 'confirmed' AND o.subscription_id IS NULL
LIMIT $1
"""
OPEN = """
INSERT INTO saved_search (subscription_id, person_id, query, opened_at)
SELECT o.subscription_id, s.person_id, o.query, $2
FROM jsonb_to_recordset($1::jsonb) AS o (subscription_id uuid, query jsonb)
JOIN subscription s ON s.id = o.subscription_id AND s.state = 'confirmed'
ON CONFLICT (subscription_id) DO NOTHING
"""
CLOSE = """
DELETE FROM saved_search o
WHERE NOT EXISTS (SELECT FROM subscription s WHERE s.id = o.subscription_id AND s.state = 'confirmed')
"""
FORGET = """
WITH people AS (
    DELETE FROM subscriber WHERE person_id = ANY($1::text[]) RETURNING person_id
), noted AS (
    INSERT INTO subscriber_erasure (person_id) SELECT person_id FROM people ON CONFLICT DO NOTHING
), preferences AS (
    DELETE FROM preference WHERE person_id = ANY($1::text[])
), searches AS (
    DELETE FROM saved_search WHERE person_id = ANY($1::text[])
)
DELETE FROM subscription WHERE person_id = ANY($1::text[])
"""
ERASURES = "SELECT person_id FROM subscriber_erasure ORDER BY person_id LIMIT $1"
# Who was erased while a request was on its way, or was brought back by a backup.
STILL_THERE = """
INSERT INTO subscriber_erasure (person_id)
SELECT s.person_id FROM subscriber s JOIN vault v ON v.person_id = s.person_id
WHERE v.erased_at IS NOT NULL LIMIT $1
ON CONFLICT DO NOTHING
RETURNING person_id
"""
ERASED = "DELETE FROM subscriber_erasure WHERE person_id = $1"
# A key is made before what it seals is recorded, and stays alone when that came to nothing, or was kept long enough.
STRAY = """
SELECT v.person_id AS thing FROM vault v
WHERE v.created_at < now() - interval '1 day'
  AND (v.person_id > 'subscriber/' AND v.person_id < 'subscriber0'
       AND NOT EXISTS (SELECT FROM subscriber s WHERE s.card_id = split_part(v.person_id, '/', 2))
       OR v.person_id > 'search/' AND v.person_id < 'search0'
       AND NOT EXISTS (SELECT FROM subscription s WHERE s.id = split_part(v.person_id, '/', 2)::uuid))
LIMIT $1
"""

PORTION = 200
TICK = 1.0
TROUBLE = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """How long is kept what lapsed or was never confirmed, and what was confirmed and ended; None: for ever."""

    requests: timedelta | None
    proofs: timedelta | None


async def open_searches(pool: Pool, vault: Vault, at: datetime) -> int:
    """Some confirmed searches that are not opened yet; gives how many."""
    rows = await pool.fetch(UNOPENED, PORTION)
    if not rows:
        return 0
    found = await subscriber_sealing.queries(vault, rows)
    await pool.execute(OPEN, [{"subscription_id": each, "query": query} for each, query in found.items()], at)
    return len(found)


async def forget_people(connection: Connection, people: list[str]) -> None:
    """Nothing of the erased is left in the tables; their streams are told of it right after."""
    await connection.execute(FORGET, people)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The duties."""

    journal: Journal
    pool: Pool
    vault: Vault
    terms: Terms

    async def run(self, dsn: str, clock: Clock) -> None:
        """Does every duty again and again, for ever, whenever this process leads."""

        async def work() -> None:
            while True:
                pause = await self.round(clock.now())
                await asyncio.sleep(pause)

        await lead(dsn, "subscriptions", work)

    async def round(self, at: datetime) -> float:
        """Every duty once; gives the seconds until the next round. One that has to wait keeps no other waiting."""
        pause = TICK
        for name, duty in self._duties().items():
            try:
                await duty(at)
            except (*CONNECTION_LOST, Unavailable, Conflict) as error:
                log.warning("duty_waits", duty=name, reason=type(error).__name__)
                pause = TROUBLE
        return pause

    def _duties(self) -> dict[str, Callable[[datetime], Awaitable[None]]]:
        return {
            "lapse": self.let_lapse,
            "open": self.open_searches,
            "erase": self.record_erasures,
            "forget": self.forget_old,
        }

    async def let_lapse(self, at: datetime) -> None:
        """What nobody confirmed in time."""
        for row in await self.pool.fetch(LATE, at, PORTION):
            await self._tell(row["person_id"], LetTimePass(), at)

    async def open_searches(self, at: datetime) -> None:
        """Confirmed searches for whoever matches them, and nothing of those that ended."""
        await self.pool.execute(CLOSE)
        await open_searches(self.pool, self.vault, at)

    async def record_erasures(self, at: datetime) -> None:
        """No table that is built anew has the erased again."""
        for row in await self.pool.fetch(ERASURES, PORTION):
            if await self._tell(row["person_id"], EraseSubscriber(), at):
                await self.pool.execute(ERASED, row["person_id"])

    async def forget_old(self, at: datetime) -> None:
        """What was kept long enough after its end; with a person's last subscription goes where to write to."""
        terms = self.terms
        before = [at - kept if kept is not None else None for kept in (terms.requests, terms.proofs)]
        for row in await self.pool.fetch(OLD, *before, PORTION):
            await self._tell(row["person_id"], ForgetSubscriptions(subscription_ids=tuple(row["ids"])), at)

    async def note_erased(self, limit: int) -> int:
        """Those of the erased who are here all the same; for `keep_forgetting`."""
        return len(await self.pool.fetch(STILL_THERE, limit))

    async def destroy_stray_keys(self, limit: int) -> int:
        """Keys of cards and searches that are not there, or no more; for `keep_forgetting`."""
        things = [row["thing"] for row in await self.pool.fetch(STRAY, limit)]
        if things:
            await self.vault.destroy(things)
            log.info("stray_keys_destroyed", number=len(things))
        return len(things)

    async def _tell(self, person_id: str, command: SubscriberCommand, at: datetime) -> bool:
        """False of a stream that newer code has written to: a replica that runs it will do this."""
        command_id = new_id()
        context = Context(command_id=command_id, actor="clock", at=at, correlation_id=command_id.hex, fresh=True)
        try:
            await self.journal.transact(SUBSCRIBER, person_id, command, context)
        except NotThere:  # the journal may have been restored to a time before the subscriber
            pass
        except UnknownEvent as unknown:
            log.warning("subscriber_of_newer_code", person_id=person_id, reason=str(unknown))
            return False
        return True
