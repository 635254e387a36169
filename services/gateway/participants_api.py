"""Writing somebody in for a session over the public API: organisers do, and the gateway alone knows people."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.addresses import MailAddress
from services.gateway.people import People
from services.gateway.registrations import Typed, who
from services.gateway.upstream import Fetched, Upstream, passed_on
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.identity import Role
from shared.kernel.problems import FieldError, Problem
from shared.kernel.texts import Id

EDITORS: frozenset[Role] = frozenset({"editor", "operator"})


class Participant(BaseModel):
    """Whom an organiser writes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(description="The person's address.", examples=["erika.muster@stadt.example"])
    name: Typed = Field(description="The person's name.", examples=["Erika Muster"])
    organisation_id: Id | None = Field(default=None, description="An organisation of the catalogue.")
    organisation_name: Typed | None = Field(default=None, description="Or its name.", examples=["Stadt Musterstadt"])
    confirm: bool = Field(default=False, description="Whether the person has to confirm by mail.")
    walk_in: bool = Field(default=False, description="Whether the person is there already; attendance is recorded.")


class Entered(BaseModel):
    """What became of it. `existing`: the person was registered before; nobody is registered twice."""

    id: str
    status: Literal["received", "confirmed", "waitlisted", "lapsed", "withdrawn"]
    status_label: str
    existing: bool
    attended: bool
    version: int
    position: int


class Dated(BaseModel):
    """What has to be known of a session before anything is kept of a person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str
    starts_at: dt.datetime | None

    def refuse(self, at: dt.datetime, *, walk_in: bool) -> None:
        """Raises the problem that keeps anybody from being written in, if there is one."""
        if self.status == "cancelled":
            raise Problem("session_cancelled")
        over = self.status in {"held", "documented"} or (self.starts_at is not None and self.starts_at <= at)
        if over and not walk_in:
            raise Problem("session_over")
        if self.starts_at is None:
            raise Problem("session_without_time")


@dataclass(frozen=True, slots=True)
class Participants:
    """The endpoint's handler."""

    people: People
    upstream: Upstream

    async def enter(self, call: Call) -> Answer:
        """Writes somebody in; where the session takes nobody, an unknown address stays unknown."""
        wanted: Participant = call.body
        errors: list[FieldError] = []
        address, name, organisation = who(wanted.email, wanted.name, wanted.organisation_name, errors)
        if wanted.confirm and wanted.walk_in:
            sentence = "Wer schon da ist, muss nichts mehr bestätigen."
            errors.append(FieldError("/confirm", "confirm_at_the_door", sentence))
        if errors or address is None or name is None:
            raise Problem("invalid_request", errors=errors)
        if refused := await self._refused(call, address):
            return passed_on(refused, {})
        body = {
            "person_id": await self.people.find_or_make(address, call.context()),
            "email": address.mailbox,
            "name": name,
            "organisation_id": wanted.organisation_id,
            "organisation_name": organisation,
            "confirm": wanted.confirm,
            "walk_in": wanted.walk_in,
        }
        return passed_on(await self._forward(call, body), {})

    async def _refused(self, call: Call, address: MailAddress) -> Fetched | None:
        if await self.people.known(address) is not None:
            return None
        path = f"/api/v1/sessions/{call.path_id()}"
        session = await self.upstream.fetch("events", "GET", path, identity=call.identity, headers={})
        if session.status != 200:
            return session
        Dated.model_validate_json(session.content).refuse(call.at, walk_in=call.body.walk_in)
        return None

    async def _forward(self, call: Call, body: Mapping[str, object]) -> Fetched:
        headers = {"Content-Type": "application/json"}
        if (key := call.request.headers.get("Idempotency-Key")) is not None:
            headers["Idempotency-Key"] = key
        path = f"/internal/sessions/{call.path_id()}/participants"
        return await self.upstream.fetch(
            "events", "POST", path, identity=call.identity, headers=headers, body=orjson.dumps(body)
        )


def endpoints(participants: Participants) -> Sequence[Endpoint]:
    """For a session's organisers."""
    return [
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/participants",
            participants.enter,
            "Writes somebody in for a session; whoever is registered stays so, and the answer says it",
            body=Participant,
            answer=Entered,
            status=201,
            roles=EDITORS,
            codes=(
                "not_found",
                "person_erased",
                "session_not_announced",
                "session_cancelled",
                "session_over",
                "session_without_time",
                "attendance_too_early",
            ),
            description="200 where the person was registered before. A full session has a place in the queue for them.",
        )
    ]
