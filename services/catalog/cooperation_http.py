"""Partner search over HTTP: everybody reads; members ask for their organisation, editors for any."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.catalog import (
    cooperation_list,
    cooperation_pairs,
    organisation_directory,
    project_page,
    topic_list,
    undertaking_page,
)
from services.catalog.answers import API, found, written_upon
from services.catalog.cooperation_list import CooperationQuery, CooperationRequestShown
from services.catalog.cooperation_pairs import Matches
from services.catalog.cooperation_request import (
    COOPERATION_REQUEST,
    CloseRequest,
    CooperationCommand,
    EditRequest,
    ExtendRequest,
    Kind,
    OpenRequest,
    Outcome,
    Wish,
)
from services.catalog.cooperation_rights import MAY_OPEN, own_organisation, require_own
from services.catalog.plain_text import PlainLine, PlainPages
from services.catalog.project_content import Ags
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, committed, page
from shared.kernel.identity import Identity
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import Problem, of_fields
from shared.kernel.texts import Id

WISH_CODES = ("unknown_topic", "too_many_topics", "topic_twice")
type PlainLines = Annotated[tuple[PlainLine, ...], Field(max_length=20)]

EXPIRY_CODES = ("expiry_in_past", "expiry_too_far")


class WishBody(Wish):
    """What a request says, as it is sent."""

    title: PlainLine
    text: PlainPages
    sought: PlainLines = ()
    offered: PlainLines = ()


class OpeningBody(WishBody):
    """A request. `organisation_id` or `ags` says whose it is; a member's is the own organisation's without them."""

    kind: Kind
    organisation_id: Id | None = None
    ags: Ags | None = None
    expires_on: dt.date | None = None


class ExtensionBody(BaseModel):
    """Until when a request stays open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expires_on: dt.date


class ClosingBody(BaseModel):
    """Why a request ends. With a partner: in which project or undertaking, if that is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Literal[Outcome.PARTNER_FOUND, Outcome.WITHDRAWN]
    project_id: Id | None = None
    undertaking_id: Id | None = None
    note: PlainPages | None = None


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def requests(self, call: Call) -> Answer:
        """One page of the requests."""
        return page(await cooperation_list.listed(self.pool, call.query), call)

    async def request(self, call: Call) -> Answer:
        """One request; its version is the ETag."""
        async with self.pool.acquire() as connection:
            shown = await cooperation_list.one(connection, call.path_id())
        if shown is None:
            raise Problem("not_found")
        return Answer(shown, version=shown.version)

    async def matches(self, call: Call) -> Answer:
        """What fits a request, and why."""
        return found(await cooperation_pairs.matches(self.pool, call.path_id()))

    async def open(self, call: Call) -> Answer:
        """A new request under a new id, or the one that the same attempt made before."""
        body: OpeningBody = call.body
        context = call.context()
        request_id = context.id_of_new("cooperation-requests")
        location = f"{API}/cooperation-requests/{request_id}"
        if before := await self.journal.outcome(context):
            return committed(before, 201, location)
        async with self.pool.acquire() as connection:
            organisation_id = await _organisation(connection, body, call.identity)
            wish = await _wish(connection, body)
        command = OpenRequest(
            cooperation_request_id=request_id,
            kind=body.kind,
            organisation_id=organisation_id,
            wish=wish,
            expires_on=body.expires_on,
        )
        outcome = await self.journal.transact(COOPERATION_REQUEST, request_id, command, context)
        return committed(outcome, 201, location)

    async def edit(self, call: Call) -> Answer:
        """A request that reads differently."""
        async with self.pool.acquire() as connection:
            await self._require_own(connection, call)
            wish = await _wish(connection, call.body)
        return await self._committed(call, EditRequest(wish=wish))

    async def extend(self, call: Call) -> Answer:
        """A request that stays open for longer."""
        async with self.pool.acquire() as connection:
            await self._require_own(connection, call)
        return await self._committed(call, ExtendRequest(expires_on=call.body.expires_on))

    async def close(self, call: Call) -> Answer:
        """A request's end."""
        body: ClosingBody = call.body
        async with self.pool.acquire() as connection:
            organisation_id = await self._require_own(connection, call)
            if body.project_id and not await project_page.known(connection, body.project_id):
                raise of_fields("unknown_project", ["/project_id"])
            if body.undertaking_id:
                await _refuse_undertaking_of_others(connection, body.undertaking_id, organisation_id)
        return await self._committed(call, CloseRequest(**body.model_dump()))

    async def _require_own(self, connection: Connection, call: Call) -> str:
        """The organisation whose request it is, which the asker may speak for."""
        organisation_id = await cooperation_list.organisation_of(connection, call.path_id())
        if organisation_id is None:
            raise Problem("not_found")
        await require_own(connection, call.identity, organisation_id)
        return organisation_id

    async def _committed(self, call: Call, command: CooperationCommand) -> Answer:
        async with self.pool.acquire() as connection:
            version, changed = await cooperation_list.standing(connection, call.path_id())
        outcome = await self.journal.transact(
            COOPERATION_REQUEST,
            call.path_id(),
            command,
            call.context(),
            expected_version=written_upon(call, version, version - changed),
        )
        return committed(outcome)


async def _organisation(connection: Connection, body: OpeningBody, identity: Identity) -> str:
    """Whose request it is; a problem when that is nobody, or nobody whom the caller may speak for."""
    by_key = await organisation_directory.ids_of(connection, [body.ags] if body.ags else [])
    named = body.organisation_id or (by_key.get(body.ags) if body.ags else own_organisation(identity))
    pointer = "/ags" if body.ags and not body.organisation_id else "/organisation_id"
    known = (await organisation_directory.named(connection, [named] if named else [])).get(named or "")
    if known is None or (body.ags is not None and known.ags != body.ags):
        raise of_fields("unknown_organisation", [pointer])
    await require_own(connection, identity, known.id)
    return known.id


async def _refuse_undertaking_of_others(connection: Connection, undertaking_id: str, organisation_id: str) -> None:
    """One that is another body's is not known here, so that nobody finds out that there is one."""
    owner = await undertaking_page.organisation_of(connection, undertaking_id)
    if owner is None or owner not in await organisation_directory.same_bodies(connection, [organisation_id]):
        raise of_fields("unknown_undertaking", ["/undertaking_id"])


async def _wish(connection: Connection, said: Wish) -> Wish:
    """The wish under the topics that are meant today; one that was said twice stays so, and is refused."""
    present = await topic_list.present(connection, said.topics)
    unknown = [f"/topics/{n}" for n, code in enumerate(said.topics) if code not in present]
    if unknown:
        raise of_fields("unknown_topic", unknown)
    fields = {name: getattr(said, name) for name in Wish.model_fields}
    twice = len(set(said.topics)) < len(said.topics)
    return Wish(**fields | {"topics": said.topics if twice else topic_list.meant(said.topics, present)})


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about cooperation requests but writing to who opened them."""
    do = Handlers(journal, pool)
    return [*_reading(do), *_asking(do)]


def _reading(do: Handlers) -> list[Endpoint]:
    request = f"{API}/cooperation-requests/{{id}}"
    return [
        Endpoint(
            "GET",
            f"{API}/cooperation-requests",
            do.requests,
            "Find cooperation requests and offers",
            query=CooperationQuery,
            answer=Page[CooperationRequestShown],
            description="The newest first; with `near` the nearest first.",
        ),
        Endpoint(
            "GET",
            request,
            do.request,
            "Read a cooperation request",
            answer=CooperationRequestShown,
            codes=("not_found",),
        ),
        Endpoint(
            "GET",
            f"{request}/matches",
            do.matches,
            "What fits a cooperation request: other requests, projects, organisations with experience",
            answer=Matches,
            codes=("not_found",),
            description="Scores are points of a hundred; their reasons add up to them.",
        ),
    ]


def _asking(do: Handlers) -> list[Endpoint]:
    request = f"{API}/cooperation-requests/{{id}}"
    own = ("not_found", "forbidden", "cooperation_request_closed")
    return [
        Endpoint(
            "POST",
            f"{API}/cooperation-requests",
            do.open,
            "Open a cooperation request",
            body=OpeningBody,
            answer=Committed,
            status=201,
            roles=MAY_OPEN,
            codes=("forbidden", "unknown_organisation", *WISH_CODES, *EXPIRY_CODES),
            description="It closes by itself after `expires_on`: six months from now, or as named, at most twelve.",
        ),
        Endpoint(
            "PUT",
            request,
            do.edit,
            "Change what a cooperation request says",
            body=WishBody,
            answer=Committed,
            roles=MAY_OPEN,
            codes=(*own, *WISH_CODES),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{request}/extensions",
            do.extend,
            "Keep a cooperation request open for longer",
            body=ExtensionBody,
            answer=Committed,
            roles=MAY_OPEN,
            codes=(*own, *EXPIRY_CODES, "expiry_not_later"),
        ),
        Endpoint(
            "POST",
            f"{request}/closings",
            do.close,
            "Close a cooperation request",
            body=ClosingBody,
            answer=Committed,
            roles=MAY_OPEN,
            codes=(*own, "unknown_project", "unknown_undertaking", "no_partner_found"),
        ),
    ]
