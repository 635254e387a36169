"""What kinds of bodies did a session's people come from? Counts without persons.

Counted from the registrations while they are there. What `counts` gave before they were forgotten is kept in
`session_statistics`, and answered from then on.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.events import attendance_list, organisations, statistics
from services.events.life import Life
from services.events.organisations import Organisation
from services.events.registration import Status
from services.events.session_list import session_row
from shared.kernel.postgres import Pool

GROUPS = """
SELECT r.organisation_id, r.status, coalesce(a.present, false) AS attended, count(*) AS people
FROM registration r
LEFT JOIN attendance a ON a.registration_id = r.registration_id AND a.recorded_at >= $2
WHERE r.session_id = $1
GROUP BY r.organisation_id, r.status, coalesce(a.present, false)
"""
FROZEN = "SELECT counted_at, counts FROM session_statistics WHERE session_id = $1"
NO_ORGANISATION, NOT_KNOWN, OUTSIDE, NO_REGION = "none", "unknown", "outside_nrw", "no_region"
LABELS = {
    NO_ORGANISATION: "Ohne Stelle aus dem Verzeichnis",
    NOT_KNOWN: "Stelle nicht mehr im Verzeichnis",
    OUTSIDE: "Außerhalb von NRW",
    NO_REGION: "Ohne räumliche Zuordnung",
}


@dataclass(frozen=True, slots=True)
class Group:
    """People of one organisation, or of none, who are alike in what is counted."""

    organisation_id: str | None
    status: Status
    attended: bool
    people: int


class Count(BaseModel):
    """How many people are, or were, registered (a seat or a place in the queue), confirmed and there."""

    model_config = ConfigDict(frozen=True)

    value: str
    label: str
    registered: int
    confirmed: int
    attended: int


class Statistics(BaseModel):
    """A session's people as numbers; each part comes to the same people. `by_status` counts everybody who ever asked.

    `frozen_at` is set once the registrations are erased and nothing but these numbers is left.
    """

    model_config = ConfigDict(frozen=True)

    registered: int = 0
    confirmed: int = 0
    attended: int = 0
    by_status: dict[Status, int] = {}
    by_organisation_type: tuple[Count, ...] = ()
    by_region: tuple[Count, ...] = ()
    by_district: tuple[Count, ...] = ()
    by_size_class: tuple[Count, ...] = ()
    organisations: int = 0
    without_organisation: int = 0
    outside_nrw: int = 0
    frozen_at: dt.datetime | None = None


type Key = tuple[str, str]
"""A value and its label."""


def statistics_of(
    groups: Sequence[Group], known: Mapping[str, Organisation], districts: Mapping[str, str]
) -> Statistics:
    """The counts of these people; whoever was there counts, whatever became of the registration."""
    counted = [group for group in groups if group.attended or group.status in STANDING]
    by_status: Counter[Status] = Counter()
    for group in groups:
        by_status[group.status] += group.people
    named = [(group, _organisation(group, known)) for group in counted]
    bodies = {body.organisation_id for _, body in named if isinstance(body, Organisation)}
    total = _count(("", ""), counted)
    return Statistics(
        registered=total.registered,
        confirmed=total.confirmed,
        attended=total.attended,
        by_status=dict(by_status),
        by_organisation_type=_counts((_type(body), group) for group, body in named),
        by_region=_counts((_region(body), group) for group, body in named),
        by_district=_counts((_district(body, districts), group) for group, body in named),
        by_size_class=_counts((key, group) for group, body in named if (key := _size(body)) is not None),
        organisations=len(bodies),
        without_organisation=sum(group.people for group in counted if group.organisation_id is None),
        outside_nrw=sum(group.people for group, body in named if isinstance(body, Organisation) and body.outside),
    )


STANDING: frozenset[Status] = frozenset({"received", "confirmed", "waitlisted"})


def _organisation(group: Group, known: Mapping[str, Organisation]) -> Organisation | str:
    """The organisation, or why there is none."""
    if group.organisation_id is None:
        return NO_ORGANISATION
    return known.get(group.organisation_id, NOT_KNOWN)


def _labelled(value: str) -> Key:
    return value, LABELS[value]


def _type(body: Organisation | str) -> Key:
    if isinstance(body, str):
        return _labelled(body)
    return body.organisation_type, organisations.TYPES.get(body.organisation_type, body.organisation_type)


def _region(body: Organisation | str) -> Key:
    if isinstance(body, str):
        return _labelled(body)
    if body.outside:
        return _labelled(OUTSIDE)
    return (body.region, organisations.REGIONS.get(body.region, body.region)) if body.region else _labelled(NO_REGION)


def _district(body: Organisation | str, districts: Mapping[str, str]) -> Key:
    if isinstance(body, str):
        return _labelled(body)
    if body.outside:
        return _labelled(OUTSIDE)
    return (body.district, districts.get(body.district, body.district)) if body.district else _labelled(NO_REGION)


def _size(body: Organisation | str) -> Key | None:
    if isinstance(body, str) or body.size_class is None:
        return None
    return body.size_class, organisations.SIZE_CLASSES.get(body.size_class, body.size_class)


def _counts(keyed: Iterable[tuple[Key, Group]]) -> tuple[Count, ...]:
    """The most first."""
    found: dict[Key, list[Group]] = {}
    for key, group in keyed:
        found.setdefault(key, []).append(group)
    counts = [_count(key, groups) for key, groups in found.items()]
    return tuple(sorted(counts, key=lambda count: (-count.registered, count.label)))


def _count(key: Key, groups: Iterable[Group]) -> Count:
    found = list(groups)
    return Count(
        value=key[0],
        label=key[1],
        registered=sum(group.people for group in found if group.status in STANDING),
        confirmed=sum(group.people for group in found if group.status == "confirmed"),
        attended=sum(group.people for group in found if group.attended),
    )


async def of_session(pool: Pool, life: Life) -> Statistics:
    """A session's counts: those that were frozen, else as it is now."""
    frozen = await pool.fetchrow(FROZEN, life.session_id)
    if frozen is not None:
        return Statistics.model_validate(frozen["counts"]).model_copy(update={"frozen_at": frozen["counted_at"]})
    return await counted(pool, life)


async def counted(pool: Pool, life: Life) -> Statistics:
    """The counts of the registrations that are there; those that were forgotten count by status."""
    rows = await pool.fetch(GROUPS, life.session_id, attendance_list.doors_open_at(life))
    groups = [Group(row["organisation_id"], row["status"], row["attended"], row["people"]) for row in rows]
    known = await organisations.known(pool, [g.organisation_id for g in groups if g.organisation_id])
    keys = {body.district for body in known.values() if body.district}
    present = statistics_of(groups, known, await organisations.district_names(pool, sorted(keys)))
    return present.model_copy(update=await statistics.by_status(pool, life.session_id))


async def counts(pool: Pool, session_id: str) -> dict[str, Any]:
    """What retention keeps of a session before it forgets the registrations."""
    found = await session_row(pool, session_id, drafts=True)
    if found is None:
        return {}
    return (await counted(pool, found.life)).model_dump(mode="json", exclude={"frozen_at"})
