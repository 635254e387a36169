"""Who is in an audience? Found page by page, each owner asked for ids alone; counted before anything is sent.

Subscribers are this service's own; people of a session are known to the events service, members of organisations to the
catalogue and the gateway together. Nobody is written to who does not want it, was erased, or whose address takes
nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict

from services.notify.announcement_content import Audience, Part
from services.notify.wished_kinds import WISHED
from shared.contracts.rpc import (
    AudienceAnswered,
    AudienceAsked,
    KnownAnswered,
    KnownAsked,
    OrganisationsOfTypesAnswered,
    OrganisationsOfTypesAsked,
    PeopleAnswered,
    PeopleAsked,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
)
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem, of_fields

# Who subscribed to a topic or a municipality that is gone means what it went into.
SUBSCRIBERS = """
WITH RECURSIVE wanted AS (
    SELECT w.subject, w.key FROM unnest($1::text[], $2::text[]) AS w(subject, key)
    UNION
    SELECT f.subject, f.key FROM wanted w JOIN former_key f ON f.subject = w.subject AND f.now = w.key
)
SELECT DISTINCT s.person_id FROM subscription s
JOIN wanted ON wanted.subject = s.subject AND wanted.key = s.key
WHERE s.state = 'confirmed' AND s.person_id > $3
ORDER BY s.person_id LIMIT $4
"""
UNWANTED = """
SELECT person_id, 'unsubscribed' AS why FROM preference
WHERE person_id = ANY($1::text[]) AND kind = $2 AND channel = 'email' AND rhythm = 'off'
UNION ALL
SELECT person_id, 'paused' FROM subscriber WHERE person_id = ANY($1::text[]) AND paused_until > $3
UNION ALL
SELECT person_id, 'unreachable' FROM vault WHERE person_id = ANY($1::text[]) AND erased_at IS NOT NULL
"""
SUBJECTS: dict[Part, str] = {
    "kinds": "kind",
    "topics": "topic",
    "series": "series",
    "municipalities": "municipality",
    "districts": "district",
}
OF_A_PAGE = 1000
ORGANISATIONS = 200
AT_ONCE = 4

type Why = Literal["subscribed", "registered", "attended", "member"]
type Excluded = Literal["unsubscribed", "paused", "suppressed", "unreachable"]
WHY: dict[Part, Why] = {"registrants": "registered", "attendees": "attended", "organisation_types": "member"}


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom to ask; `suppressed` gives those of some addresses that take no mail."""

    audience: Callable[[AudienceAsked], Awaitable[AudienceAnswered]]
    organisations: Callable[[OrganisationsOfTypesAsked], Awaitable[OrganisationsOfTypesAnswered]]
    people: Callable[[PeopleAsked], Awaitable[PeopleAnswered]]
    known: Callable[[KnownAsked], Awaitable[KnownAnswered]]
    series: Callable[[SeriesTitlesAsked], Awaitable[SeriesTitlesAnswered]]
    suppressed: Callable[[Sequence[str]], Awaitable[Collection[str]]]


@dataclass(frozen=True, slots=True)
class Found:
    """Some people of an audience, why they are in it, and where the next ones begin; None after the last."""

    person_ids: Sequence[str]
    why: Why
    next: str | None


class PartCount(BaseModel):
    """How many people are in one part, whatever they want."""

    model_config = ConfigDict(frozen=True)

    part: Part
    key: str
    count: int


class AudienceCount(BaseModel):
    """How many people get a mail (`total`): everybody who is in any part, without those who are left out."""

    model_config = ConfigDict(frozen=True)

    parts: tuple[PartCount, ...]
    found: int
    excluded: dict[str, int]
    total: int
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Audiences:
    """Finds people."""

    pool: Pool
    owners: Owners
    clock: Clock

    async def page(self, audience: Audience, after: str | None, limit: int) -> Found:
        """Some of the people, part after part; somebody who is in several comes several times."""
        groups = _groups(audience)
        place, inner = orjson.loads(after) if after else (0, None)
        if place >= len(groups):
            return Found((), "subscribed", None)
        ids, more = await self._of_group(groups[place], inner, limit)
        following = (place, more) if more is not None else (place + 1, None)
        last = more is None and place + 1 >= len(groups)
        return Found(
            ids, WHY.get(groups[place][0][0], "subscribed"), None if last else orjson.dumps(following).decode()
        )

    async def count(self, audience: Audience, kind: str) -> AudienceCount:
        """Exactly who would get a mail of this kind now."""
        parts = audience.parts()
        found = [await self._everybody([part]) for part in parts]
        everybody = sorted(set().union(*found))
        excluded = await self._excluded(everybody, kind)
        return AudienceCount(
            parts=tuple(
                PartCount(part=part, key=key, count=len(people))
                for (part, key), people in zip(parts, found, strict=True)
            ),
            found=len(everybody),
            excluded={why: sum(each == why for each in excluded.values()) for why in get_args(Excluded.__value__)},
            total=len(everybody) - len(excluded),
            counted_at=self.clock.now(),
        )

    async def unwanted(self, person_ids: Sequence[str], kind: str) -> dict[str, Excluded]:
        """Who of these must not be written to, and why, as far as it is known here."""
        rows = await self.pool.fetch(UNWANTED, list(person_ids), kind, self.clock.now())
        return {row["person_id"]: row["why"] for row in rows}

    async def addresses(self, person_ids: Sequence[str]) -> dict[str, str]:
        """Where these people are reached; who was erased is left out."""
        found: dict[str, str] = {}
        for some in batched(dict.fromkeys(person_ids), OF_A_PAGE):
            answer = await self.owners.people(PeopleAsked(person_ids=some, limit=OF_A_PAGE))
            found |= {person.person_id: person.email for person in answer.people}
        return found

    async def refuse_unknown(self, audience: Audience) -> None:
        """A problem that names every kind, topic, place, series, session and type that there is not.

        `unavailable` when whoever knows does not answer.
        """
        wrong = [kind for kind in audience.kinds if kind not in WISHED or not WISHED[kind].by_itself]
        _refuse("unknown_kind", {"kinds": audience.kinds}, wrong)
        asked = KnownAsked(topics=audience.topics, ags=(*audience.municipalities, *audience.districts))
        known = await self.owners.known(asked) if asked.topics or asked.ags else KnownAnswered()
        _refuse("unknown_topic", {"topics": audience.topics}, known.unknown_topics)
        _refuse("unknown_municipality", {"municipalities": audience.municipalities}, known.unknown_ags)
        _refuse("unknown_district", {"districts": audience.districts}, known.unknown_ags)
        if audience.series:
            titles = (await self.owners.series(SeriesTitlesAsked(series=audience.series))).series
            _refuse("unknown_series", {"series": audience.series}, set(audience.series) - set(titles))
        if types := audience.organisation_types:
            of_types = await self.owners.organisations(OrganisationsOfTypesAsked(types=types, limit=1))
            _refuse("unknown_organisation_type", {"organisation_types": types}, of_types.unknown_types)
        sessions = {"registrants": audience.registrants, "attendees": audience.attendees}
        _refuse("unknown_session", sessions, await self._unknown_sessions(set().union(*sessions.values())))

    async def _unknown_sessions(self, session_ids: Collection[str]) -> list[str]:
        unknown = []
        for session_id in session_ids:
            try:
                await self.owners.audience(AudienceAsked(session_id=session_id, limit=1))
            except Problem as problem:
                if problem.code != "not_found":
                    raise
                unknown.append(session_id)
        return unknown

    async def _excluded(self, everybody: Sequence[str], kind: str) -> dict[str, Excluded]:
        """Some at a time, a few of these at once: how many there are is nobody's concern but ours."""
        at_once = asyncio.Semaphore(AT_ONCE)

        async def look(some: Sequence[str]) -> dict[str, Excluded]:
            async with at_once:
                return await self._left_out(some, kind)

        async with asyncio.TaskGroup() as tasks:
            looking = [tasks.create_task(look(some)) for some in batched(everybody, OF_A_PAGE)]
        return {person_id: why for task in looking for person_id, why in task.result().items()}

    async def _left_out(self, some: Sequence[str], kind: str) -> dict[str, Excluded]:
        left_out = await self.unwanted(some, kind)
        addresses = await self.addresses([person_id for person_id in some if person_id not in left_out])
        suppressed = await self.owners.suppressed(list(addresses.values()))
        for person_id in some:
            if person_id not in left_out and person_id not in addresses:
                left_out[person_id] = "unreachable"
        return left_out | {person_id: "suppressed" for person_id, address in addresses.items() if address in suppressed}

    async def _everybody(self, parts: Sequence[tuple[Part, str]]) -> set[str]:
        people: set[str] = set()
        async for some in self._pages(parts):
            people.update(some)
        return people

    async def _pages(self, parts: Sequence[tuple[Part, str]]) -> AsyncIterator[Sequence[str]]:
        inner: str | None = None
        while True:
            ids, inner = await self._of_group(parts, inner, OF_A_PAGE * 10)
            yield ids
            if inner is None:
                return

    async def _of_group(
        self, parts: Sequence[tuple[Part, str]], after: str | None, limit: int
    ) -> tuple[Sequence[str], str | None]:
        """Some people of parts that are looked up together, and where the next ones begin."""
        part = parts[0][0]
        if part in SUBJECTS:
            subjects, keys = [SUBJECTS[each] for each, _ in parts], [key for _, key in parts]
            rows = await self.pool.fetch(SUBSCRIBERS, subjects, keys, after or "", limit + 1)
            ids = [row["person_id"] for row in rows[:limit]]
            return ids, ids[-1] if len(rows) > limit else None
        if part == "organisation_types":
            return await self._members([key for _, key in parts], after, limit)
        asked = AudienceAsked(session_id=parts[0][1], attended=part == "attendees", after=after, limit=limit)
        answer = await self.owners.audience(asked)
        return answer.person_ids, answer.next

    async def _members(self, types: Sequence[str], after: str | None, limit: int) -> tuple[Sequence[str], str | None]:
        """Members of a few hundred organisations at a time."""
        organisation, person = orjson.loads(after) if after else (None, None)
        some = await self.owners.organisations(
            OrganisationsOfTypesAsked(types=tuple(types), after=organisation, limit=ORGANISATIONS)
        )
        if not some.organisation_ids:
            return (), None
        asked = PeopleAsked(organisation_ids=some.organisation_ids, after=person, limit=min(limit, OF_A_PAGE))
        found = await self.owners.people(asked)
        ids = [member.person_id for member in found.people]
        if found.next is not None:
            return ids, orjson.dumps((organisation, found.next)).decode()
        return ids, orjson.dumps((some.next, None)).decode() if some.next is not None else None


def subscribed_parts(audience: Audience) -> list[tuple[str, str]]:
    """What its subscribers subscribed to: subject and key."""
    return [(SUBJECTS[part], key) for part, key in audience.parts() if part in SUBJECTS]


def _groups(audience: Audience) -> list[list[tuple[Part, str]]]:
    """Parts that are looked up together: all subscriptions at once, all types of organisations, each session alone."""
    parts = audience.parts()
    subscribed = [each for each in parts if each[0] in SUBJECTS]
    of_types = [each for each in parts if each[0] == "organisation_types"]
    sessions = [[each] for each in parts if each[0] in ("registrants", "attendees")]
    return [group for group in (subscribed, *sessions, of_types) if group]


def _refuse(code: str, given: dict[str, tuple[str, ...]], unknown: Collection[str]) -> None:
    fields = [f"/audience/{name}/{n}" for name, keys in given.items() for n, key in enumerate(keys) if key in unknown]
    if fields:
        raise of_fields(code, fields)
