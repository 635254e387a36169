"""What is published and by what it is followed: kept from what other services publish, history included.

Nobody is told anything here. A message looks up what a thing is called and whether it is still there when it is sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.notify.followed import Followed, Thing, keys_of, thing_of
from shared.contracts.catalog import (
    CooperationRequestClosed,
    CooperationRequestOpened,
    OrganisationChanged,
    ProjectArchived,
    ProjectPublished,
    ProjectRevised,
    ResourcePublished,
    TopicMerged,
    TopicRenamed,
)
from shared.contracts.events import (
    SessionAgendaPublished,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionHeld,
    SessionPostponed,
    SessionReinstated,
    SessionScheduled,
    Times,
)
from shared.contracts.notify import AnnouncementCorrected, AnnouncementPublished, AnnouncementWithdrawn
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection, Pool

KEEP = """
INSERT INTO published_thing AS t (kind, id, title, keys, times, gone)
SELECT kind, id, coalesce(title, ''), keys, times, coalesce(gone, false)
FROM jsonb_to_recordset($1::jsonb) AS r (kind text, id text, title text, keys text[], times jsonb, gone boolean)
ON CONFLICT (kind, id) DO UPDATE SET
    title = coalesce(nullif(excluded.title, ''), t.title), times = coalesce(excluded.times, t.times),
    keys = ARRAY(SELECT DISTINCT unnest(t.keys || excluded.keys)), gone = excluded.gone
"""
MERGE = """
INSERT INTO merged_topic (topic, into_topic) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (topic) DO UPDATE SET into_topic = excluded.into_topic
"""
KNOW = """
INSERT INTO known_body (organisation_id, ags, merged_into) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (organisation_id) DO UPDATE SET ags = excluded.ags, merged_into = excluded.merged_into
"""
# What searches are called may have changed; what they find is looked up anew by itself.
CALL_ANEW = "UPDATE compiled_search SET stale = true WHERE NOT stale"
OF = """
SELECT t.kind, t.id, t.title, t.times, t.gone
FROM unnest($1::text[], $2::text[]) AS asked (kind, id) JOIN published_thing t USING (kind, id)
"""
KEYS = "SELECT keys FROM published_thing WHERE kind = $1 AND id = $2"

DATED = (SessionAnnounced, SessionScheduled, SessionPostponed, SessionCancelled, SessionReinstated, SessionHeld)
OF_SESSIONS = (*DATED, SessionDocumented, SessionAgendaPublished)
OF_CATALOGUE = (ProjectPublished, ProjectRevised, ProjectArchived, ResourcePublished, CooperationRequestOpened)
OF_ANNOUNCEMENTS = (AnnouncementPublished, AnnouncementCorrected, AnnouncementWithdrawn)
type OfAnnouncement = AnnouncementPublished | AnnouncementCorrected | AnnouncementWithdrawn
type OfSession = (
    SessionAnnounced
    | SessionScheduled
    | SessionPostponed
    | SessionCancelled
    | SessionReinstated
    | SessionHeld
    | SessionDocumented
    | SessionAgendaPublished
)
type OfCatalogue = (
    ProjectPublished
    | ProjectRevised
    | ProjectArchived
    | ResourcePublished
    | CooperationRequestOpened
    | CooperationRequestClosed
)
type OfThing = OfSession | OfCatalogue | OfAnnouncement


@dataclass(frozen=True, slots=True)
class Shown:
    """A thing as it is now."""

    title: str
    times: Times | None
    gone: bool


def of_events() -> list[Effect]:
    """Sessions."""
    return [Effect(contract, _keep) for contract in OF_SESSIONS]


def of_catalog() -> list[Effect]:
    """Projects, resources, requests; topics and organisations that went into others."""
    return [
        *(Effect(contract, _keep) for contract in (*OF_CATALOGUE, CooperationRequestClosed)),
        Effect(TopicMerged, _merge),
        Effect(TopicRenamed, _rename),
        Effect(OrganisationChanged, _know),
    ]


async def keep(connection: Connection, contracts: Iterable[OfThing]) -> None:
    """Notes what these say of things; the later word counts."""
    rows: dict[Thing, dict[str, Any]] = {}
    for contract in contracts:
        thing, said = kept(contract)
        before = rows.get(thing, {"kind": thing.kind, "id": thing.id, "keys": []})
        keys = sorted({*before["keys"], *said.pop("keys", ())})
        rows[thing] = before | {name: value for name, value in said.items() if value is not None} | {"keys": keys}
    if rows:
        await connection.execute(KEEP, list(rows.values()))


async def shown(pool: Pool, things: Sequence[Thing]) -> Mapping[Thing, Shown]:
    """Those of some things that are known, as they are now."""
    rows = await pool.fetch(OF, [each.kind for each in things], [each.id for each in things])
    return {
        Thing(row["kind"], row["id"]): Shown(
            row["title"], Times.model_validate(row["times"]) if row["times"] else None, row["gone"]
        )
        for row in rows
    }


async def keys(pool: Pool, thing: Thing) -> set[str]:
    """By what a thing is followed, as far as that was ever published of it."""
    return set(await pool.fetchval(KEYS, thing.kind, thing.id) or ())


def kept(contract: OfThing) -> tuple[Thing, dict[str, Any]]:
    """What a contract says of a thing, and of which."""
    match contract:
        case (
            SessionAnnounced()
            | SessionScheduled()
            | SessionPostponed()
            | SessionCancelled()
            | SessionReinstated()
            | SessionDocumented()
        ):
            return thing_of(contract), {**_session(contract), "keys": _lasting(contract)}
        case SessionAgendaPublished():
            keys = {f"project:{talk.project_id}" for talk in contract.talks if talk.project_id}
            return thing_of(contract), {**_session(contract), "keys": keys | {f"series:{contract.series_id}"}}
        case SessionHeld():
            return Thing("session", contract.session_id), _session(contract)
        case ProjectArchived():
            return thing_of(contract), {"title": contract.title, "gone": True, "keys": _lasting(contract)}
        case (
            ProjectPublished()
            | ProjectRevised()
            | ResourcePublished()
            | CooperationRequestOpened()
            | AnnouncementPublished()
        ):
            return thing_of(contract), {"title": contract.title, "gone": False, "keys": _lasting(contract)}
        case CooperationRequestClosed():
            thing = Thing("cooperation_request", contract.cooperation_request_id)
            return thing, {"title": contract.title, "gone": True}
        case AnnouncementCorrected():
            return Thing("announcement", contract.announcement_id), {"title": contract.title, "gone": False}
        case AnnouncementWithdrawn():
            return Thing("announcement", contract.announcement_id), {"title": contract.title, "gone": True}


def _session(contract: OfSession) -> dict[str, Any]:
    times = {name: value for name in Times.model_fields if (value := getattr(contract, name)) is not None}
    return {
        "title": contract.title,
        "times": Times(**times).model_dump(mode="json"),
        "gone": isinstance(contract, SessionCancelled),
    }


def _lasting(contract: Followed) -> set[str]:
    """Not the kind, which is that of one fact."""
    return {key for key in keys_of(contract) if not key.startswith("kind:")}


async def _keep(connection: Connection, received: Sequence[Received[Any]]) -> None:
    await keep(connection, [each.data for each in received])


async def _merge(connection: Connection, received: Sequence[Received[TopicMerged]]) -> None:
    into = {each.data.topic: each.data.into for each in received}
    await connection.execute(MERGE, list(into), list(into.values()))
    await connection.execute(CALL_ANEW)


async def _rename(connection: Connection, _received: Sequence[Received[TopicRenamed]]) -> None:
    await connection.execute(CALL_ANEW)


async def _know(connection: Connection, received: Sequence[Received[OrganisationChanged]]) -> None:
    bodies = {each.data.organisation_id: each.data for each in received}
    ags, merged = [each.ags for each in bodies.values()], [each.merged_into for each in bodies.values()]
    await connection.execute(KNOW, list(bodies), ags, merged)
