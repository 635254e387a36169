"""Writing to a contact: whoever writes gets the same answer, and nobody is shown where it goes."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.gateway.addresses import MailAddress, lookup_key
from services.gateway.limits import Limit
from services.gateway.people import People
from services.gateway.registrations import Typed, address_of, in_beats, take, who
from services.gateway.upstream import Fetched, Upstream
from shared.kernel.endpoint import Call
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.parsing import REFUSED
from shared.kernel.problems import FieldError, Problem
from shared.kernel.recorded import Context

LONGEST_TEXT = 5000
LONGEST_SUBJECT = 200
OF_THE_TEXT = {
    "message_missing": "Bitte schreiben Sie eine Nachricht.",
    "message_too_long": f"Bitte kürzen Sie die Nachricht auf höchstens {LONGEST_TEXT} Zeichen.",
    "subject_too_long": f"Bitte kürzen Sie den Betreff auf höchstens {LONGEST_SUBJECT} Zeichen.",
}
NOBODY = "Hierzu leiten wir keine Nachrichten weiter: Es ist abgeschlossen, oder es ist keine Adresse hinterlegt."

type Kind = Literal["projects", "cooperation-requests"]
type LongText = Annotated[str, StringConstraints(max_length=50_000)]


class Writing(BaseModel):
    """What a person writes to a contact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(
        description="Where the link to confirm is sent, and answers go.", examples=["erika.muster@stadt.example"]
    )
    name: Typed = Field(description="The person's name; the contact sees it.", examples=["Erika Muster"])
    organisation_name: Typed | None = Field(default=None, examples=["Stadt Musterstadt"])
    subject: Typed | None = Field(default=None, examples=["Wie wurden die Kosten verteilt?"])
    message: LongText = Field(description="Plain text.", examples=["Guten Tag, …"])


class NewAddress(BaseModel):
    """Where a contact is reached. It is never answered again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(examples=["bauhof@stadt.example"])


@dataclass(frozen=True, slots=True)
class Writer:
    """What a person wrote, checked."""

    address: MailAddress
    name: str
    organisation_name: str | None
    subject: str | None
    message: str


class Office(BaseModel):
    """Whom to turn to instead."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    office: str


class Organisation(BaseModel):
    """Who opened a cooperation request."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: str


class Entry(BaseModel):
    """An entry of the directory, or the one that it was merged into."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str


class Reachable(BaseModel):
    """What has to be known of a project or a cooperation request before anything is kept of a person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    contact_possible: bool
    contacts: tuple[Office, ...] = ()
    organisation: Organisation | None = None

    def refuse(self) -> None:
        """`contact_not_possible`, with whom to turn to, where nobody can be written to."""
        if self.contact_possible:
            return
        offices = [contact.office for contact in self.contacts if contact.office]
        offices += [self.organisation.name] if self.organisation else []
        instead = f" Bitte wenden Sie sich direkt an: {', '.join(offices)}." if offices else ""
        raise Problem("contact_not_possible", NOBODY + instead)


def checked(writing: Writing) -> Writer:
    """The writer; `invalid_request` names every field that is wrong, in the order of the form."""
    errors: list[FieldError] = []
    address, name, organisation = who(writing.email, writing.name, writing.organisation_name, errors)
    subject = " ".join(readable(writing.subject or "").split())
    if len(subject) > LONGEST_SUBJECT:
        errors.append(_wrong("/subject", "subject_too_long"))
    message = readable(writing.message).strip()
    if blank(message) or len(message) > LONGEST_TEXT:
        errors.append(_wrong("/message", "message_missing" if blank(message) else "message_too_long"))
    if errors or address is None or name is None:
        raise Problem("invalid_request", errors=errors)
    return Writer(address, name, organisation, subject or None, message)


def _wrong(pointer: str, code: str) -> FieldError:
    return FieldError(pointer, code, OF_THE_TEXT[code])


def readable(text: str) -> str:
    """Lines that end in one way, without what no text of a request may hold; pasted text often brings it along."""
    return REFUSED.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


def blank(text: str) -> bool:
    """Whether there is nothing to read in a text."""
    return all(c.isspace() or unicodedata.category(c) == "Cf" for c in text)


class ContactDesk:
    """Where texts for contacts come in, by the API and by the portal's form, and contacts' addresses."""

    def __init__(self, people: People, upstream: Upstream, by_network: Limit | None, by_address: Limit | None) -> None:
        self.people = people
        self.upstream = upstream
        self.by_network = by_network
        self.by_address = by_address

    def admit(self, network: str) -> Mapping[str, str]:
        """Counts one text from a network, and says so in headers; `too_many_requests` when it had its share."""
        return take(self.by_network, network)

    async def write(
        self, kind: Kind, about_id: str, writer: Writer, context: Context, idempotency_key: str | None = None
    ) -> Fetched:
        """What the catalogue says, which is the same for everyone; raises `Down`. Takes a multiple of `BEAT`."""
        take(self.by_address, lookup_key(_untagged(writer.address), self.people.key))
        async with in_beats():
            page = await self._page(kind, about_id, ANONYMOUS)
            if page.status != 200:
                return page
            try:
                Reachable.model_validate_json(page.content).refuse()
            except Problem:
                if accepted := await self._accepted_before(kind, about_id, writer, context, idempotency_key):
                    return accepted
                raise
            return await self._forward(kind, about_id, writer, context, idempotency_key)

    async def set_address(self, kind: Kind, call: Call) -> Fetched:
        """Keeps where a contact is reached; nobody becomes known to us for what the caller may not change."""
        about_id, address, identity = call.path_id(), address_of(call.body.email), call.identity
        page = await self._page(kind, about_id, identity)
        if page.status != 200:
            return page
        organisation = Reachable.model_validate_json(page.content).organisation
        if "editor" not in identity.roles and not await self._speaks_for(organisation, identity):
            raise Problem("forbidden")
        person_id = await self.people.find_or_make(address, call.context())
        return await self.upstream.fetch(
            "catalog",
            "PUT",
            f"/internal/{kind}/{about_id}/contact-address",
            identity=identity,
            headers=_headers(call.request.headers.get("Idempotency-Key")),
            body=orjson.dumps({"person_id": person_id, "email": address.mailbox}),
        )

    async def _speaks_for(self, organisation: Organisation | None, identity: Identity) -> bool:
        """Whether somebody is a member of it; their entry in the directory may have been merged into another."""
        own = identity.organisation_id
        if organisation is None or own is None:
            return False
        if organisation.id == own:
            return True
        entry = await self._page("organisations", own, identity)
        return entry.status == HTTPStatus.OK and Entry.model_validate_json(entry.content).id == organisation.id

    async def _page(self, kind: Kind | Literal["organisations"], about_id: str, identity: Identity) -> Fetched:
        return await self.upstream.fetch("catalog", "GET", f"/api/v1/{kind}/{about_id}", identity=identity, headers={})

    async def _accepted_before(
        self, kind: Kind, about_id: str, writer: Writer, context: Context, idempotency_key: str | None
    ) -> Fetched | None:
        """The answer to a request that is repeated when nobody can be written to any more."""
        if idempotency_key is None or await self.people.known(writer.address) is None:
            return None
        answer = await self._forward(kind, about_id, writer, context, idempotency_key)
        return answer if answer.status == 202 else None

    async def _forward(
        self, kind: Kind, about_id: str, writer: Writer, context: Context, idempotency_key: str | None
    ) -> Fetched:
        person_id = await self.people.find_or_make(writer.address, context)
        body = {
            "person_id": person_id,
            "email": writer.address.mailbox,
            "name": writer.name,
            "organisation_name": writer.organisation_name,
            "subject": writer.subject,
            "message": writer.message,
        }
        guest = Identity(person_id=person_id, roles=frozenset({"reader"}), organisation_id=None, label="guest")
        path = f"/internal/{kind}/{about_id}/contact-requests"
        return await self.upstream.fetch(
            "catalog", "POST", path, identity=guest, headers=_headers(idempotency_key), body=orjson.dumps(body)
        )


def _untagged(address: MailAddress) -> MailAddress:
    """Where mail for `name+anything@…` ends up with most providers: one mailbox, whatever the tag."""
    local, _, domain = address.mailbox.rpartition("@")
    return MailAddress(f"{local.partition('+')[0] or local}@{domain}")


def _headers(idempotency_key: str | None) -> dict[str, str]:
    again = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
    return {"Content-Type": "application/json", **again}
