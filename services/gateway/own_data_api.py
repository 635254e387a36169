"""One's own data over the public API: asked for, read, erased; by a token made for one's address, or a mailed link."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from services.gateway import tokens
from services.gateway.data_links import DataLinks
from services.gateway.limits import network_asking
from services.gateway.own_data import LABELS, Erasure, OwnData, OwnDataDesk
from services.gateway.registrations import Typed, address_of
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.identity import Role
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context

SIGNED_IN: frozenset[Role] = frozenset({"member", "editor", "operator"})
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
RETRY_AFTER = "5"
SENT = "Wenn zu dieser Adresse etwas gespeichert ist, haben wir eine E-Mail mit einem Link gesendet."

log = structlog.get_logger()


class DataRequest(BaseModel):
    """Whose data somebody wants to see."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(description="Where the link is sent.", examples=["erika.muster@stadt.example"])


class DataRequestAccepted(BaseModel):
    """The answer to every request: whether there is anything is said in the mail alone."""

    status: Literal["accepted"] = "accepted"
    detail: str = SENT


class DataQuery(BaseModel):
    """Whether an answer without the services that are down will do."""

    model_config = ConfigDict(frozen=True)

    partial: bool = Field(default=False, description="Answer though a service is down; `missing` names it.")


class DataLink(BaseModel):
    """A page with everything that is kept about oneself."""

    url: str


class Forgotten(BaseModel):
    """What is kept is being erased. `erasure` leads to how far that is; null where nothing was kept."""

    erased: Literal[True] = True
    erasure: str | None


@dataclass(frozen=True, slots=True)
class OwnDataApi:
    """The endpoints' handlers."""

    desk: OwnDataDesk
    links: DataLinks
    public_url: str
    trusted_proxies: int

    async def request(self, call: Call) -> Answer:
        """Has the link mailed; the answer tells nothing of anybody."""
        limits = self.links.admit(network_asking(call.request, self.trusted_proxies))
        await self.links.request(address_of(call.body.email), call.context())
        return Answer(DataRequestAccepted(), headers={**PRIVATE, **limits})

    async def open(self, call: Call) -> Answer:
        """The page of who is signed in, without a mail."""
        person_id = await self.desk.people.behind(_lookup(call))
        token = person_id and await self.links.open(person_id, call.at)
        if not token:
            raise Problem("not_found")
        return Answer(DataLink(url=f"{self.public_url.rstrip('/')}/meine-daten/{token}"), headers=PRIVATE)

    async def of_signed_in(self, call: Call) -> Answer:
        """Everything about who is signed in."""
        lookup = _lookup(call)
        return _whole(await self.desk.everything(await self.desk.people.behind(lookup), call.at, lookup), call)

    async def of_link(self, call: Call) -> Answer:
        """Everything about whom the link leads to."""
        person_id = await self.links.person_of(call.request.match_info["token"], call.at)
        if person_id is None:
            raise Problem("not_found")
        return _whole(await self.desk.everything(person_id, call.at), call)

    async def erase_signed_in(self, call: Call) -> Answer:
        """Forgets who is signed in; the tokens made for the address end with it."""
        lookup, context = _lookup(call), call.context()
        person_id = await self.desk.people.behind(lookup)
        if person_id is not None:  # first: who loses the token before the rest is done cannot ask again
            await self.forget(person_id, context)
        await tokens.forget(self.desk.people.pool, lookup, context.at)
        return Answer(Forgotten(erasure=person_id), headers=PRIVATE)

    async def erase_by_link(self, call: Call) -> Answer:
        """Forgets whom the link leads to; doing it again answers the same as long as the link would have held."""
        person_id = await self.erased(call.request.match_info["token"], call.context())
        if person_id is None:
            raise Problem("not_found")
        return Answer(Forgotten(erasure=person_id), headers=PRIVATE)

    async def erased(self, token: str, context: Context) -> str | None:
        """Erases by a link, and gives whom; None where the link leads to nobody."""
        person_id = await self.links.person_of(token, context.at)
        if person_id is None:
            return await self.links.erased_by(token, context.at)
        await self.forget(person_id, context)
        return person_id

    async def forget(self, person_id: str, context: Context) -> None:
        """Erases a person who asked for it."""
        await self.desk.people.erase_person(person_id, context)
        log.info("person_erased_on_own_request", person_id=person_id)

    async def erasure(self, call: Call) -> Answer:
        """How far an erasure has come."""
        found = await self.desk.erasure(call.path_id())
        if found is None:
            raise Problem("not_found")
        return Answer(found, headers=PRIVATE)


def _lookup(call: Call) -> bytes:
    """What finds the person whose token came with the request."""
    holder: tokens.TokenHolder | None = call.request.get(tokens.HOLDER)
    if holder is None:
        raise Problem("unauthenticated")
    if holder.lookup is None:
        raise Problem("token_without_address")
    return holder.lookup


def _whole(data: OwnData, call: Call) -> Answer:
    """Half of it is not passed off as the whole, unless that is wanted."""
    if not data.complete and not call.query.partial:
        missing = ", ".join(f"„{LABELS[part]}“" for part in data.missing)
        detail = f"Zurzeit fehlt: {missing}. Bitte versuchen Sie es in Kürze erneut, oder fragen Sie mit partial=true."
        raise Problem("unavailable", detail, headers={"Retry-After": RETRY_AFTER})
    return Answer(data, headers=PRIVATE)


def endpoints(own: OwnDataApi) -> Sequence[Endpoint]:
    """Asking, reading, erasing."""
    by_link = "/api/v1/me/data-requests/{token}"
    return [
        Endpoint(
            "POST",
            "/api/v1/me/data-requests",
            own.request,
            "Asks for a link to everything that is kept about a person; the answer is the same for everyone",
            body=DataRequest,
            answer=DataRequestAccepted,
            status=202,
            codes=("too_many_requests",),
            description="The link goes to the address and nowhere else, holds for a short while, and changes nothing.",
        ),
        Endpoint(
            "GET",
            by_link,
            own.of_link,
            "Everything that is kept about the person a link leads to",
            query=DataQuery,
            answer=OwnData,
            codes=("not_found", "unavailable"),
        ),
        Endpoint(
            "POST",
            f"{by_link}/erasures",
            own.erase_by_link,
            "Forgets the person a link leads to, in every service",
            answer=Forgotten,
            codes=("not_found",),
            description="There is no way back.",
        ),
        Endpoint(
            "GET",
            "/api/v1/me/data",
            own.of_signed_in,
            "Everything that is kept about oneself",
            query=DataQuery,
            answer=OwnData,
            roles=SIGNED_IN,
            codes=("token_without_address", "unavailable"),
            description="For tokens that were made for an address.",
        ),
        Endpoint(
            "POST",
            "/api/v1/me/data-links",
            own.open,
            "A link to the page with everything that is kept about oneself",
            answer=DataLink,
            status=201,
            roles=SIGNED_IN,
            codes=("not_found", "token_without_address"),
        ),
        Endpoint(
            "POST",
            "/api/v1/me/erasures",
            own.erase_signed_in,
            "Forgets oneself in every service",
            answer=Forgotten,
            roles=SIGNED_IN,
            codes=("token_without_address",),
            description="There is no way back; tokens made for the address end with it.",
        ),
        Endpoint(
            "GET",
            "/api/v1/people/erasures/{id}",
            own.erasure,
            "How far an erasure has come, by service",
            answer=Erasure,
            codes=("not_found",),
        ),
    ]
