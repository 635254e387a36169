"""Asking a question about a session: whoever asks gets the same answer, whatever we know of the person."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.addresses import MailAddress, lookup_key
from services.gateway.contacts import LongText, blank, readable
from services.gateway.limits import Limit
from services.gateway.people import People
from services.gateway.registrations import Typed, in_beats, take, who
from services.gateway.upstream import Fetched, Upstream
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.problems import FieldError, Problem
from shared.kernel.recorded import Context
from shared.kernel.texts import Id

LONGEST = 5000
OF_THE_TEXT = {
    "question_missing": "Bitte schreiben Sie Ihre Frage.",
    "question_too_long": f"Bitte kürzen Sie Ihre Frage auf höchstens {LONGEST} Zeichen.",
}
REASONS = ("session_cancelled", "session_over")


class Asking(BaseModel):
    """What a person asks about a session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(description="Where the link to confirm is sent.", examples=["erika.muster@stadt.example"])
    name: Typed = Field(description="The person's name; it is never published.", examples=["Erika Muster"])
    organisation_id: Id | None = Field(default=None, description="An organisation of the catalogue.")
    organisation_name: Typed | None = Field(default=None, description="Or its name.", examples=["Stadt Musterstadt"])
    text: LongText = Field(description="The question, as plain text.", examples=["Wie verteilen andere die Kosten?"])
    may_publish: bool = Field(default=False, description="Whether question and answer may be published.")
    may_name_organisation: bool = Field(default=False, description="And the organisation with them.")


@dataclass(frozen=True, slots=True)
class Asker:
    """What a person asked, checked."""

    address: MailAddress
    name: str
    organisation_id: str | None
    organisation_name: str | None
    text: str
    may_publish: bool
    may_name_organisation: bool


class Form(BaseModel):
    """What has to be known of a session before anything is kept of a person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    open: bool
    code: str | None = None

    def refuse(self) -> None:
        """Raises the problem that keeps people from asking, if there is one."""
        if not self.open:
            raise Problem(self.code if self.code in REASONS else "questions_closed")


def checked(asking: Asking) -> Asker:
    """The asker; `invalid_request` names every field that is wrong, in the order of the form."""
    errors: list[FieldError] = []
    address, name, organisation = who(asking.email, asking.name, asking.organisation_name, errors)
    text = checked_text(asking.text, errors)
    if errors or address is None or name is None:
        raise Problem("invalid_request", errors=errors)
    return Asker(
        address, name, asking.organisation_id, organisation, text, asking.may_publish, asking.may_name_organisation
    )


def checked_text(text: str, errors: list[FieldError]) -> str:
    """The question as it goes on, with one more error if it is empty or too long."""
    plain = readable(text).strip()
    if blank(plain) or len(plain) > LONGEST:
        code = "question_missing" if blank(plain) else "question_too_long"
        errors.append(FieldError("/text", code, OF_THE_TEXT[code]))
    return plain


class QuestionDesk:
    """Where questions come in, by the API and by the portal's form."""

    def __init__(self, people: People, upstream: Upstream, by_network: Limit | None, by_address: Limit | None) -> None:
        self.people = people
        self.upstream = upstream
        self.by_network = by_network
        self.by_address = by_address

    def admit(self, network: str) -> Mapping[str, str]:
        """Counts one question from a network, and says so in headers; `too_many_requests` when it had its share."""
        return take(self.by_network, network)

    async def ask(self, session_id: str, asker: Asker, context: Context, idempotency_key: str | None = None) -> Fetched:
        """What the events service says, which is the same for everyone; raises `Down`. Takes a multiple of `BEAT`."""
        take(self.by_address, lookup_key(asker.address, self.people.key))
        async with in_beats():
            path = f"/api/v1/sessions/{session_id}/question-form"
            form = await self.upstream.fetch("events", "GET", path, identity=ANONYMOUS, headers={})
            if form.status != HTTPStatus.OK:
                return form
            try:
                Form.model_validate_json(form.content).refuse()
            except Problem:
                if accepted := await self._accepted_before(session_id, asker, context, idempotency_key):
                    return accepted
                raise
            if refused := await self._unknown(session_id, asker.organisation_id):
                return await self._accepted_before(session_id, asker, context, idempotency_key) or refused
            return await self._forward(session_id, asker, context, idempotency_key)

    async def _unknown(self, session_id: str, organisation_id: str | None) -> Fetched | None:
        """What the events service has against the organisation, before anything is kept of a person."""
        if organisation_id is None:
            return None
        checked = await self.upstream.fetch(
            "events",
            "POST",
            f"/internal/sessions/{session_id}/question-checks",
            identity=ANONYMOUS,
            headers={"Content-Type": "application/json"},
            body=orjson.dumps({"organisation_id": organisation_id}),
        )
        return None if checked.status == HTTPStatus.OK else checked

    async def _accepted_before(
        self, session_id: str, asker: Asker, context: Context, idempotency_key: str | None
    ) -> Fetched | None:
        """The answer to a request that is repeated when nobody may ask any more."""
        if idempotency_key is None or await self.people.known(asker.address) is None:
            return None
        answer = await self._forward(session_id, asker, context, idempotency_key)
        return answer if answer.status == HTTPStatus.ACCEPTED else None

    async def _forward(self, session_id: str, asker: Asker, context: Context, idempotency_key: str | None) -> Fetched:
        person_id = await self.people.find_or_make(asker.address, context)
        body = {
            "person_id": person_id,
            "email": asker.address.mailbox,
            "name": asker.name,
            "organisation_id": asker.organisation_id,
            "organisation_name": asker.organisation_name,
            "text": asker.text,
            "may_publish": asker.may_publish,
            "may_name_organisation": asker.may_name_organisation,
            "member": False,
        }
        again = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        guest = Identity(person_id=person_id, roles=frozenset({"reader"}), organisation_id=None, label="guest")
        return await self.upstream.fetch(
            "events",
            "POST",
            f"/internal/sessions/{session_id}/questions",
            identity=guest,
            headers={"Content-Type": "application/json", **again},
            body=orjson.dumps(body),
        )
