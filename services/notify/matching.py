"""Who subscribed to what has just been published? All subscriptions at once, in the database.

A fact is told to each person once, however many subscriptions match, and the row remembers which. These are not told:

- who is told of the same fact as a registrant or participant, or by an announcement that was mailed;
- of the opening of a registration, who was told of the session within a day;
- of a revision or a mark, who was told of the project before, unless the project itself is followed;
- who subscribed later than the fact happened, wants none of that kind, or paused without an end.

What comes in a pause that ends, or was to be sent then, waits for the digest after it.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.notify import announcement_mailings, things
from services.notify.followed import (
    FOLLOWS,
    Followed,
    Thing,
    as_followed,
    follow_of,
    is_told,
    keys_of,
    places,
    thing_of,
)
from services.notify.matter import Mailing
from services.notify.subscription_upkeep import open_searches
from services.notify.wished_kinds import SEARCHES, WISHED
from shared.contracts.catalog import (
    BestPracticeAwarded,
    CooperationRequestOpened,
    ProjectArchived,
    ProjectPublished,
    ProjectRevised,
    ResourcePublished,
)
from shared.contracts.events import (
    MaterialPublished,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionPostponed,
    SessionRegistrationOpened,
    SessionReinstated,
    SessionScheduled,
)
from shared.contracts.notify import AnnouncementPublished
from shared.contracts.rpc import FitsAnswered, FitsAsked, ProjectKeys, ProjectKeysAnswered, ProjectKeysAsked
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault

# A search that the catalogue has not taken apart yet, or by other rules, has to be proven; so has each where something
# was public before.
# It is known of each part by a bit whether the project has a key of it, and one that is sure.
CANDIDATES = """
WITH met AS (
    SELECT k.subscription_id, bit_or(1::bigint << k.part) AS parts,
           coalesce(bit_or(1::bigint << k.part) FILTER (WHERE k.sure), 0) AS sure
    FROM unnest($1::text[]) AS given (key) JOIN search_key k USING (key) GROUP BY k.subscription_id
), fitting AS (
    SELECT c.subscription_id, c.needs_proof OR met.sure <> met.parts AS needs_proof, c.near, c.within_km
    FROM met JOIN compiled_search c USING (subscription_id)
    WHERE c.rules = $4 AND met.parts = (1::bigint << c.groups) - 1
    UNION ALL
    SELECT c.subscription_id, c.needs_proof, c.near, c.within_km
    FROM compiled_search c WHERE c.rules = $4 AND c.groups = 0
), candidate AS (
    SELECT f.subscription_id, f.needs_proof FROM fitting f
    WHERE f.within_km IS NULL OR f.within_km >= (
        SELECT n.km FROM unnest($2::text[], $3::float8[]) AS n (ags, km) WHERE n.ags = f.near
    )
    UNION ALL
    SELECT o.subscription_id, true FROM saved_search o LEFT JOIN compiled_search c USING (subscription_id)
    WHERE c.rules IS DISTINCT FROM $4
)
SELECT o.query, c.needs_proof OR $6 AS needs_proof, array_agg(c.subscription_id) AS subscriptions
FROM candidate c JOIN saved_search o USING (subscription_id)
JOIN subscription s ON s.id = c.subscription_id AND s.state = 'confirmed' AND s.since <= $5
GROUP BY o.query, c.needs_proof OR $6 ORDER BY o.query
"""
OTHER_RULES = "UPDATE compiled_search SET stale = true WHERE rules <> $1 AND NOT stale"
# Parameters: 1 mailing, 2 kind, 3 kind that is wished, 4 and 5 thing, 6 and 7 subjects and keys, 8 searches that fit,
# 9 when it happened, 10 now, 11 kinds that were told of the thing before, 12 since when, 13 whether a follower of the
# very thing is told all the same, 14 mailings that tell the same, 15 how often searches are told of unless it is said.
MATCH = """
WITH RECURSIVE asked AS (
    SELECT k.subject, k.key FROM unnest($6::text[], $7::text[]) AS k (subject, key)
    UNION
    SELECT f.subject, f.key FROM asked a JOIN former_key f ON f.subject = a.subject AND f.now = a.key
), hit AS (
    SELECT s.id, s.person_id, s.subject, s.key, s.rhythm
    FROM asked a JOIN subscription s ON s.subject = a.subject AND s.key = a.key
    WHERE s.state = 'confirmed' AND s.since <= $9
    UNION ALL
    SELECT s.id, s.person_id, s.subject, s.key, s.rhythm
    FROM unnest($8::uuid[]) AS fitting (id) JOIN subscription s USING (id)
    WHERE s.state = 'confirmed' AND s.since <= $9
), wanted AS (
    SELECT h.id, h.person_id, h.subject, h.key,
           CASE WHEN p.rhythm = 'off' THEN 'off'
                ELSE coalesce(h.rhythm, p.rhythm, CASE h.subject WHEN 'search' THEN $15 ELSE 'immediate' END)
           END AS rhythm
    FROM hit h LEFT JOIN preference p ON p.person_id = h.person_id AND p.channel = 'email'
         AND p.kind = CASE h.subject WHEN 'search' THEN 'saved_search_digest' ELSE $3 END
), found AS (
    SELECT person_id, array_agg(id ORDER BY subject, id) AS subscriptions,
           bool_or(subject = $4 AND key = $5) AS follows_it,
           min(CASE rhythm WHEN 'immediate' THEN 0 WHEN 'daily' THEN 1 ELSE 2 END) AS rhythm
    FROM wanted WHERE rhythm <> 'off' GROUP BY person_id
)
INSERT INTO finding (mailing_id, person_id, kind, thing_kind, thing_id, subscriptions, rhythm, found_at)
SELECT $1, f.person_id, $2, $4, $5, f.subscriptions,
       CASE WHEN s.paused_until > $10 AND f.rhythm = 0 THEN 'daily'
            ELSE (ARRAY['immediate', 'daily', 'weekly'])[f.rhythm + 1] END, $10
FROM found f JOIN subscriber s USING (person_id)
WHERE s.address IS NOT NULL AND (s.paused_until IS NULL OR s.paused_until < 'infinity')
  AND NOT EXISTS (
      SELECT FROM finding o
      WHERE o.thing_kind = $4 AND o.thing_id = $5 AND o.person_id = f.person_id AND o.mailing_id <> $1
        AND o.kind = ANY($11::text[]) AND o.found_at >= $12 AND NOT ($13 AND f.follows_it)
  )
  AND NOT EXISTS (
      SELECT FROM message m WHERE m.mailing_id = ANY($14::bigint[]) AND m.person_id = f.person_id
  )
  AND NOT EXISTS (
      SELECT FROM finding o WHERE o.mailing_id = ANY($14::bigint[]) AND o.person_id = f.person_id
  )
ON CONFLICT DO NOTHING
"""
# Whoever subscribed to these and wants all of them in digests gets an announcement there. As above, nobody twice.
COLLECT = """
WITH RECURSIVE asked AS (
    SELECT k.subject, k.key FROM unnest($5::text[], $6::text[]) AS k (subject, key)
    UNION
    SELECT f.subject, f.key FROM asked a JOIN former_key f ON f.subject = a.subject AND f.now = a.key
)
INSERT INTO finding (mailing_id, person_id, kind, thing_kind, thing_id, subscriptions, rhythm, found_at)
SELECT $1::bigint, w.person_id, $2, $3, $4, array_agg(w.id ORDER BY w.id),
       CASE WHEN bool_or(w.rhythm = 'daily') THEN 'daily' ELSE 'weekly' END, $8::timestamptz
FROM (
    SELECT s.id, s.person_id, coalesce(s.rhythm, p.rhythm, 'immediate') AS rhythm
    FROM asked a JOIN subscription s ON s.subject = a.subject AND s.key = a.key
    LEFT JOIN preference p ON p.person_id = s.person_id AND p.channel = 'email' AND p.kind = $9
    WHERE s.state = 'confirmed' AND s.person_id = ANY($7::text[])
) AS w
GROUP BY w.person_id HAVING bool_and(w.rhythm IN ('daily', 'weekly'))
ON CONFLICT DO NOTHING
"""
COLLECTED = "SELECT person_id FROM finding WHERE mailing_id = $1 AND person_id = ANY($2::text[])"
THE_SAME = """
SELECT id, state FROM mailing WHERE cause = $2 AND recorded_at = $3 AND id <> $1
UNION
SELECT id, state FROM mailing WHERE data ? 'announcement_id' AND data->>'announcement_id' = $4 AND id <> $1
"""
PAGE = """
SELECT person_id, subscriptions FROM finding
WHERE mailing_id = $1 AND rhythm = 'immediate' AND person_id > $2 ORDER BY person_id LIMIT $3
"""
# Whoever paused until some day after they were found hears of it in a digest, and not beside it.
AT_ONCE = """
WITH asked AS (
    SELECT * FROM unnest($1::bigint[], $2::text[]) AS m (mailing_id, person_id)
), put_off AS (
    UPDATE finding f SET rhythm = 'daily' FROM asked JOIN subscriber s USING (person_id)
    WHERE f.mailing_id = asked.mailing_id AND f.person_id = asked.person_id AND f.rhythm = 'immediate'
      AND s.paused_until > $3 AND s.paused_until < 'infinity'
    RETURNING f.mailing_id, f.person_id
)
SELECT mailing_id, person_id FROM asked JOIN finding f USING (mailing_id, person_id) WHERE f.rhythm = 'immediate'
EXCEPT SELECT mailing_id, person_id FROM put_off
"""
AGS = "SELECT ags FROM known_body WHERE organisation_id = $1"
FORGET = "DELETE FROM finding WHERE person_id = ANY($1::text[])"
FORGET_DIGESTS = "DELETE FROM digest WHERE person_id = ANY($1::text[])"

OF_PROJECTS = ("project_published", "project_revised", "best_practice_awarded")
A_DAY = timedelta(days=1)
EVER = timedelta(days=36500)
PROVEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Whom to ask what a project is found by, and which searches find it."""

    keys: Callable[[ProjectKeysAsked], Awaitable[ProjectKeysAnswered]]
    fits: Callable[[FitsAsked], Awaitable[FitsAnswered]]


@dataclass(frozen=True, slots=True)
class Matching:
    """Finds who is to be told, and notes it."""

    pool: Pool
    vault: Vault
    catalogue: Catalogue

    async def find(self, mailing: Mailing, now: datetime) -> None:
        """Notes everybody who is to be told of a mailing's cause. Doing it again changes nothing."""
        cause: Followed = mailing.what
        if not is_told(cause):
            return
        told_otherwise = await self._told_otherwise(mailing)
        keys, searches = await self._followed_by(mailing, cause)
        await self._note(mailing, told_otherwise, keys, searches, now)

    async def page(self, mailing: Mailing, after: str, limit: int) -> Sequence[Any]:
        """The next of those who are told at once: person and subscriptions."""
        return await self.pool.fetch(PAGE, mailing.id, after, limit)

    async def at_once(self, found: Sequence[tuple[int, str]], now: datetime) -> set[tuple[int, str]]:
        """Those of some (mailing, person) that are still told at once; who paused meanwhile waits for a digest."""
        mailings, people = [mailing for mailing, _ in found], [person for _, person in found]
        rows = await self.pool.fetch(AT_ONCE, mailings, people, now)
        return {(row["mailing_id"], row["person_id"]) for row in rows}

    async def _told_otherwise(self, mailing: Mailing) -> list[int]:
        """The mailings that tell the same to others; they come first."""
        cause = mailing.what
        announcement_id = cause.announcement_id if isinstance(cause, AnnouncementPublished) else None
        if announcement_id is not None and await announcement_mailings.is_to_begin(self.pool, announcement_id):
            raise Problem("unavailable")
        rows = await self.pool.fetch(THE_SAME, mailing.id, mailing.cause, mailing.recorded_at, announcement_id)
        if any(row["state"] == "open" for row in rows):
            raise Problem("unavailable")
        return [row["id"] for row in rows]

    async def _followed_by(self, mailing: Mailing, cause: Followed) -> tuple[set[str], list[UUID]]:
        """What it is followed by: keys of subscriptions, and the searches that find it."""
        thing = thing_of(cause)
        match cause:
            case ProjectPublished() | ProjectRevised() | BestPracticeAwarded():
                return await self._project(mailing, cause)
            case ProjectArchived():
                return {f"project:{thing.id}"}, []
            case CooperationRequestOpened():
                ags = await self.pool.fetchval(AGS, cause.organisation_id)
                return keys_of(cause) | set(places(ags) if ags else ()), []
            case (
                SessionAnnounced()
                | SessionRegistrationOpened()
                | SessionScheduled()
                | SessionPostponed()
                | SessionCancelled()
                | SessionReinstated()
                | SessionDocumented()
                | MaterialPublished()
                | ResourcePublished()
                | AnnouncementPublished()
            ):  # what was published of it before says the rest
                return keys_of(cause) | await things.keys(self.pool, thing), []

    async def _project(
        self, mailing: Mailing, cause: ProjectPublished | ProjectRevised | BestPracticeAwarded
    ) -> tuple[set[str], list[UUID]]:
        version = int(mailing.cause.rpartition("@")[2])
        answer = await self.catalogue.keys(ProjectKeysAsked(project_id=cause.project_id, version=version))
        if answer.project is None:
            return set(), []
        while await open_searches(self.pool, self.vault, mailing.happened_at):  # confirmed a moment ago
            pass
        own = keys_of(cause) - (keys_of(cause) & {f"topic:{each}" for each in getattr(cause, "topics", ())})
        new = _followed(answer.project) - (_followed(answer.before) if answer.before else set())
        if answer.before is not None and isinstance(cause, ProjectPublished):
            own -= {f"kind:{follow_of(cause).wished}"}  # it is back, and nothing new
        return own | new, await self._searches(mailing, answer, version)

    async def _searches(self, mailing: Mailing, answer: ProjectKeysAnswered, version: int) -> list[UUID]:
        """The searches that find it and did not before."""
        assert answer.project is not None
        reach = answer.project.reach
        found = await self.pool.fetch(
            CANDIDATES,
            list(answer.project.keys),
            list(reach),
            list(reach.values()),
            answer.rules,
            mailing.happened_at,
            answer.before is not None,
        )
        await self.pool.execute(OTHER_RULES, answer.rules)
        fitting = [row for row in found if not row["needs_proof"]]
        to_prove = [row for row in found if row["needs_proof"]]
        for start in range(0, len(to_prove), PROVEN_AT_ONCE):
            some = to_prove[start : start + PROVEN_AT_ONCE]
            asked = FitsAsked(
                project_id=mailing.what.project_id,
                version=version,
                searches=tuple({name: tuple(values) for name, values in row["query"].items()} for row in some),
            )
            fitting += [some[place] for place in (await self.catalogue.fits(asked)).fitting]
        return [each for row in fitting for each in row["subscriptions"]]

    async def _note(
        self,
        mailing: Mailing,
        told_otherwise: Sequence[int],
        keys: Iterable[str],
        searches: Sequence[UUID],
        now: datetime,
    ) -> None:
        cause, thing, follow = mailing.what, thing_of(mailing.what), follow_of(mailing.what)
        told_before, within, follower_is_told = _told_before(cause)
        pairs = [key.partition(":") for key in sorted(keys)]
        await self.pool.execute(
            MATCH,
            mailing.id,
            follow.kind.name,
            follow.wished,
            thing.kind,
            thing.id,
            [subject for subject, _, _ in pairs],
            [key for _, _, key in pairs],
            searches,
            mailing.happened_at,
            now,
            told_before,
            now - within,
            follower_is_told,
            told_otherwise,
            WISHED[SEARCHES].default,
        )


def _told_before(cause: Followed) -> tuple[Sequence[str], timedelta, bool]:
    """The kinds after which it is no news any more, within what time, and whether it still is for who follows it."""
    match cause:
        case SessionRegistrationOpened():
            return ("session_announcement",), A_DAY, False
        case ProjectPublished() | ProjectRevised() | BestPracticeAwarded():
            return OF_PROJECTS, EVER, True
        case (
            SessionAnnounced()
            | SessionScheduled()
            | SessionPostponed()
            | SessionCancelled()
            | SessionReinstated()
            | SessionDocumented()
            | MaterialPublished()
            | ProjectArchived()
            | ResourcePublished()
            | CooperationRequestOpened()
            | AnnouncementPublished()
        ):  # what happens to a thing is news whenever it happens
            return (), EVER, False


def _followed(project: ProjectKeys) -> set[str]:
    return {key for each in project.keys if (key := as_followed(each)) is not None}


async def collect(
    pool: Pool, mailing: Mailing, followed: Sequence[tuple[str, str]], people: Sequence[str], now: datetime
) -> set[str]:
    """Those of some people who read an announcement in a digest; `followed` (subject, key) are what it is mailed for.

    They are noted for it. Doing it again changes nothing.
    """
    follow = FOLLOWS[AnnouncementPublished]
    subjects, keys = [subject for subject, _ in followed], [key for _, key in followed]
    thing = Thing("announcement", mailing.what.announcement_id)
    told = (mailing.id, follow.kind.name, thing.kind, thing.id)
    if followed:
        await pool.execute(COLLECT, *told, subjects, keys, people, now, follow.wished)
    return {row["person_id"] for row in await pool.fetch(COLLECTED, mailing.id, people)}


async def forget(connection: Connection, people: Sequence[str]) -> None:
    """Nothing of these people is left."""
    await connection.execute(FORGET, people)
    await connection.execute(FORGET_DIGESTS, people)
