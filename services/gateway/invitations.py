"""Answering a personal invitation to a session. Its link proves the address it was sent to: nothing is confirmed again.

Notify knows whom a link is for, the gateway the address, the events service the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.addresses import MailAddress, Malformed, lookup_key, parse_address
from services.gateway.people import People
from services.gateway.registrations import Answer, Answers, Desk, Question, Registrant, Typed, who
from services.gateway.upstream import Down, Fetched, Service, Upstream
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.problems import FieldError, Problem
from shared.kernel.recorded import Context
from shared.kernel.texts import Id

STANDS = frozenset({"received", "confirmed", "waitlisted"})


class Accepting(BaseModel):
    """What who comes says; a name that is known need not be said again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Typed | None = Field(default=None, examples=["Erika Muster"])
    organisation_id: Id | None = Field(default=None, description="An organisation of the catalogue.")
    organisation_name: Typed | None = Field(default=None, examples=["Stadt Musterstadt"])
    answers: dict[Question, Answer] = Field(default={}, max_length=20, description="To the organiser's questions.")


class Invited(BaseModel):
    """Whom an invitation is for, to what, and what was answered, as notify knows it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    announcement_id: str
    title: str
    teaser: str
    session_id: str
    person_id: str
    answer: Literal["accepted", "declined"] | None = None


class Known(BaseModel):
    """What the events service knows of somebody."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["received", "confirmed", "waitlisted", "lapsed", "withdrawn"] | None = None
    status_label: str | None = None
    name: str | None = None
    organisation_id: str | None = None
    organisation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation with everything its page needs."""

    invited: Invited
    known: Known
    address: MailAddress

    @property
    def registered(self) -> bool:
        """Whether there is nothing left to accept."""
        return self.known.status in STANDS


class InvitationShown(BaseModel):
    """An invitation as who holds its link sees it. `status` is that of the registration, if there is one."""

    announcement_id: str
    title: str
    teaser: str
    session_id: str
    email: str
    name: str | None
    organisation_name: str | None
    answer: Literal["accepted", "declined"] | None
    status: str | None
    status_label: str | None


def shown(invitation: Invitation) -> InvitationShown:
    """What may be shown of it."""
    invited, known = invitation.invited, invitation.known
    return InvitationShown(
        **invited.model_dump(include={"announcement_id", "title", "teaser", "session_id", "answer"}),
        **known.model_dump(include={"name", "organisation_name", "status", "status_label"}),
        email=invitation.address.mailbox,
    )


@dataclass(frozen=True, slots=True)
class InvitationDesk:
    """Where invitations are answered, by the API and on the portal's page."""

    people: People
    upstream: Upstream
    desk: Desk

    async def look(self, token: str) -> Invitation:
        """The invitation; `not_found` for a link that leads nowhere (any more). Raises `Down`. Changes nothing."""
        invited = Invited.model_validate_json(await self._get("notify", f"/internal/invitations/{token}"))
        address = await self._address(invited.person_id)
        person = f"/internal/sessions/{invited.session_id}/people/{invited.person_id}"
        return Invitation(invited, Known.model_validate_json(await self._get("events", person)), address)

    async def accept(
        self, token: str, said: Accepting, context: Context, idempotency_key: str | None = None
    ) -> Fetched:
        """Registers who was invited, as `Desk.register` does, with the address proven."""
        invitation = await self.look(token)
        registrant = _registrant(invitation, said)
        proven = lookup_key(invitation.address, self.people.key)
        session_id = invitation.invited.session_id
        answer = await self.desk.register(session_id, registrant, context, idempotency_key, proven)
        if answer.status == HTTPStatus.ACCEPTED:
            await self._tell(token, "acceptances", invitation)
        return answer

    async def decline(self, token: str) -> Fetched:
        """Keeps that somebody will not come; who has a place gives it back by the link of the registration."""
        invitation = await self.look(token)
        if invitation.registered:
            raise Problem("invitation_accepted")
        return await self._tell(token, "declines", invitation)

    async def _tell(self, token: str, what: Literal["acceptances", "declines"], invitation: Invitation) -> Fetched:
        person_id = invitation.invited.person_id
        guest = Identity(person_id=person_id, roles=frozenset({"reader"}), organisation_id=None, label="guest")
        headers: Mapping[str, str] = {"Content-Type": "application/json"}
        return await self.upstream.fetch(
            "notify", "POST", f"/internal/invitations/{token}/{what}", identity=guest, headers=headers, body=b"{}"
        )

    async def _get(self, service: Service, path: str) -> bytes:
        got = await self.upstream.fetch(service, "GET", path, identity=ANONYMOUS, headers={})
        if got.status == HTTPStatus.NOT_FOUND:
            raise Problem("not_found")
        if got.status != HTTPStatus.OK:
            raise Down(service)
        return got.content

    async def _address(self, person_id: str) -> MailAddress:
        """Where the invitation went; nowhere once the person is forgotten."""
        address = await self.people.address_of(person_id)
        if address is None:
            raise Problem("not_found")
        try:
            return parse_address(address)
        except Malformed as malformed:
            raise Problem("not_found") from malformed


def _registrant(invitation: Invitation, said: Accepting) -> Registrant:
    """Who registers: as they call themselves now, or as they did before."""
    known, errors = invitation.known, list[FieldError]()
    answers: Answers = said.answers
    organisation_id, organisation_name = said.organisation_id, said.organisation_name
    if organisation_name is None and organisation_id is None:
        organisation_id, organisation_name = known.organisation_id, known.organisation_name
    name = said.name if said.name is not None else known.name or ""
    _, plain, organisation = who(invitation.address.mailbox, name, organisation_name, errors)
    if errors or plain is None:
        raise Problem("invalid_request", errors=errors)
    return Registrant(invitation.address, plain, organisation_id, organisation, answers)
