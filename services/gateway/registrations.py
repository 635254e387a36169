"""Registering for a session: whoever asks gets the same answer, whatever we know of the person."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.gateway.addresses import MailAddress, Malformed, lookup_key, parse_address, parse_name
from services.gateway.limits import Limit
from services.gateway.people import People
from services.gateway.upstream import Down, Fetched, Upstream
from shared.kernel.identity import ANONYMOUS
from shared.kernel.ids import new_id
from shared.kernel.logs import current_trace
from shared.kernel.problems import FieldError, Problem
from shared.kernel.recorded import Context
from shared.kernel.texts import Id
from shared.kernel.together import Together

BEAT = 0.05
TOGETHER = 100
LONGEST = 256 * 1024  # characters, of which none takes more than a few bytes of the megabyte that a request may have
JSON, PROBLEM = "application/json", "application/problem+json"

SENTENCES = {
    "address_without_at": "Bitte geben Sie eine E-Mail-Adresse mit @ ein, zum Beispiel name@stadt.de.",
    "address_malformed": "Bitte geben Sie eine gültige E-Mail-Adresse ein, zum Beispiel name@stadt.de.",
    "address_not_ascii": "Bitte geben Sie eine Adresse ohne Umlaute vor dem @ ein, zum Beispiel name@stadt.de.",
    "name_missing": "Bitte geben Sie Ihren Namen ein.",
    "name_too_long": "Bitte kürzen Sie den Namen auf höchstens 200 Zeichen.",
    "name_not_plain": "Bitte geben Sie nur den Namen ein, ohne Internetadresse und Sonderzeichen.",
}

type Typed = Annotated[str, StringConstraints(max_length=1000)]
type Answers = Mapping[str, str | bool | tuple[str, ...]]
type Question = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]
type Answered = Annotated[str, StringConstraints(max_length=4000)]
type Answer = Answered | bool | Annotated[tuple[Answered, ...], Field(max_length=50)]


class Wanted(BaseModel):
    """What a person says when registering for a session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(description="Where the link to confirm is sent.", examples=["erika.muster@stadt.example"])
    name: Typed = Field(description="The person's name.", examples=["Erika Muster"])
    organisation_id: Id | None = Field(default=None, description="An organisation of the catalogue.")
    organisation_name: Typed | None = Field(default=None, description="Or its name.", examples=["Stadt Musterstadt"])
    answers: dict[Question, Answer] = Field(default={}, max_length=20, description="To the organiser's questions.")


class Accepted(BaseModel):
    """The answer to every registration: what comes of it is said in the mail alone."""

    status: Literal["accepted"]
    detail: str


class Enrolment(BaseModel):
    """What has to be known of a session before anything is kept of a person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str
    starts_at: dt.datetime | None
    registration_open: bool
    full: bool = False
    waiting_list: str = "promote"
    asks: bool = False

    def refuse(self, at: dt.datetime) -> None:
        """Raises the problem that keeps people from registering, if there is one."""
        if self.registration_open:
            if self.full and self.waiting_list == "none":
                raise Problem("session_full")
            return
        if self.status == "cancelled":
            raise Problem("session_cancelled")
        if self.status in {"held", "documented"} or (self.starts_at and self.starts_at <= at):
            raise Problem("session_over")
        raise Problem("registration_closed" if self.starts_at else "session_without_time")


class Enrolments(BaseModel):
    """What the events service says of sessions; null for one that is not there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enrolments: tuple[Enrolment | None, ...]


class Told(BaseModel):
    """What the events service says of one registration."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: int
    body: dict[str, object]


class ToldTogether(BaseModel):
    """What it says of registrations that were sent together."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    answers: tuple[Told, ...]


@dataclass(slots=True)
class Entering:
    """A registration on its way. `again`: the events service may have had it before."""

    session_id: str
    key: str
    said: str
    traceparent: str
    again: bool

    def sent(self) -> dict[str, object]:
        """As it goes over the wire; what is sent once more is sent again."""
        fields = {"session_id": self.session_id, "key": self.key, "said": self.said, "traceparent": self.traceparent}
        told = {**fields, "again": self.again}
        self.again = True
        return told


@dataclass(frozen=True, slots=True)
class Registrant:
    """What a person said, checked. `member`: signed in with this address."""

    address: MailAddress
    name: str
    organisation_id: str | None
    organisation_name: str | None
    answers: Answers
    member: bool = False


def checked(wanted: Wanted) -> Registrant:
    """The registrant; `invalid_request` names every field that is wrong, in the order of the form."""
    errors: list[FieldError] = []
    address, name, organisation = who(wanted.email, wanted.name, wanted.organisation_name, errors)
    if errors or address is None or name is None:
        raise Problem("invalid_request", errors=errors)
    return Registrant(address, name, wanted.organisation_id, organisation, wanted.answers)


def address_of(email: str) -> MailAddress:
    """The address; `invalid_request` for one that is none."""
    errors: list[FieldError] = []
    address = _parsed(parse_address, email, "/email", errors)
    if address is None:
        raise Problem("invalid_request", errors=errors)
    return address


def stated(name: str, organisation_name: str) -> None:
    """`invalid_request` for a name or an organisation that is none; for who changes what was said before."""
    errors: list[FieldError] = []
    _parsed(parse_name, name, "/name", errors)
    _organisation(organisation_name, errors)
    if errors:
        raise Problem("invalid_request", errors=errors)


def who(
    email: str, name: str, organisation_name: str | None, errors: list[FieldError]
) -> tuple[MailAddress | None, str | None, str | None]:
    """Somebody's address, name and organisation; None with one more error for what is wrong, in the form's order."""
    said = _parsed(parse_name, name, "/name", errors)
    address = _parsed(parse_address, email, "/email", errors)
    return address, said, _organisation(organisation_name, errors)


def _organisation(name: str | None, errors: list[FieldError]) -> str | None:
    plain = name and name.strip()
    return _parsed(parse_name, plain, "/organisation_name", errors) if plain else None


def _parsed[T](parse: Callable[[str], T], text: str, pointer: str, errors: list[FieldError]) -> T | None:
    try:
        return parse(text)
    except Malformed as malformed:
        errors.append(FieldError(pointer, malformed.code, SENTENCES[malformed.code]))
        return None


class Desk:
    """Where registrations come in, by the API and by the portal's form."""

    def __init__(self, people: People, upstream: Upstream, by_network: Limit | None, by_address: Limit | None) -> None:
        self.people = people
        self.upstream = upstream
        self.by_network = by_network
        self.by_address = by_address
        self._looking = Together(self._look)
        self._entering = Together(self._enter, most=TOGETHER)

    def admit(self, network: str) -> Mapping[str, str]:
        """Counts one registration from a network, and says so in headers; `too_many_requests` when it had its share."""
        return take(self.by_network, network)

    async def register(
        self,
        session_id: str,
        registrant: Registrant,
        context: Context,
        idempotency_key: str | None = None,
        signed_in: bytes | None = None,
    ) -> Fetched:
        """What the events service says, which is the same for everyone; raises `Down`. Takes a multiple of `BEAT`.

        Who is `signed_in` (as `lookup_key` makes it) with the address that is registered has it proven.
        """
        registrant = replace(registrant, member=signed_in == lookup_key(registrant.address, self.people.key))
        take(self.by_address, lookup_key(registrant.address, self.people.key))
        async with nullcontext() if registrant.member else in_beats():  # nobody learns anything of themselves
            try:
                refused = await self._ask_for(session_id, registrant, context.at)
            except Problem:
                if accepted := await self._accepted_before(session_id, registrant, context, idempotency_key):
                    return accepted
                raise
            if refused is None:
                return await self._forward(session_id, registrant, context, idempotency_key)
            return await self._accepted_before(session_id, registrant, context, idempotency_key) or refused

    async def _ask_for(self, session_id: str, registrant: Registrant, at: dt.datetime) -> Fetched | None:
        """Whether the session takes this registration, whoever it is: where it does not, nothing is kept of the person.

        The events service looks at answers and organisation where there are any, or should be.
        """
        enrolment = await self._looking.ask(session_id)
        if enrolment is None:
            raise Problem("not_found")
        enrolment.refuse(at)
        if enrolment.asks or registrant.answers or registrant.organisation_id:
            return await self.check(session_id, registrant.answers, registrant.organisation_id)
        return None

    async def check(self, session_id: str, answers: Answers, organisation_id: str | None = None) -> Fetched | None:
        """What the events service has against these answers of nobody in particular; raises `Down`."""
        path = f"/internal/sessions/{session_id}/registration-checks"
        checked = await self._ask(path, {"organisation_id": organisation_id, "answers": answers})
        return None if checked.status == 200 else checked

    async def _look(self, session_ids: Sequence[str]) -> list[Enrolment | None]:
        """What sessions say to whoever wants to register, each asked for once."""
        asked = list(dict.fromkeys(session_ids))
        got = await self._ask("/internal/enrolments", {"session_ids": asked})
        if got.status != 200:
            raise Down("events")
        found = dict(zip(asked, Enrolments.model_validate_json(got.content).enrolments, strict=True))
        return [found[session_id] for session_id in session_ids]

    async def _ask(self, path: str, body: Mapping[str, object]) -> Fetched:
        headers = {"Content-Type": JSON}
        return await self.upstream.fetch(
            "events", "POST", path, identity=ANONYMOUS, headers=headers, body=orjson.dumps(body)
        )

    async def _accepted_before(
        self, session_id: str, registrant: Registrant, context: Context, idempotency_key: str | None
    ) -> Fetched | None:
        """The answer to a request that is repeated when the session takes nobody any more; only the service knows it.

        A refusal is not passed on: it would tell that the address is known.
        """
        if idempotency_key is None or await self.people.known(registrant.address) is None:
            return None
        answer = await self._forward(session_id, registrant, context, idempotency_key)
        return answer if answer.status == 202 else None

    async def _forward(
        self, session_id: str, registrant: Registrant, context: Context, idempotency_key: str | None
    ) -> Fetched:
        person_id = await self.people.find_or_make(registrant.address, context)
        body = {
            "person_id": person_id,
            "email": registrant.address.mailbox,
            "name": registrant.name,
            "organisation_id": registrant.organisation_id,
            "organisation_name": registrant.organisation_name,
            "answers": registrant.answers,
            "member": registrant.member,
        }
        said = json.dumps(body)  # ASCII alone: no sign in it can spoil the request that others share
        key, again = idempotency_key or str(new_id()), idempotency_key is not None
        return await self._entering.ask(Entering(session_id, key, said, current_trace().traceparent, again))

    async def _enter(self, entering: Sequence[Entering]) -> list[Fetched]:
        """What the events service says of each; as many go together as wait, and fit into a request."""
        told: list[Fetched] = []
        for some in _fitting(entering):
            got = await self._ask("/internal/registrations", {"registrations": [one.sent() for one in some]})
            if got.status != 200:
                raise Down("events")
            told += map(_fetched, ToldTogether.model_validate_json(got.content).answers)
        return told


def _fitting(entering: Sequence[Entering]) -> Iterator[list[Entering]]:
    """Parts of it that fit into a request, in its order."""
    some: list[Entering] = []
    length = 0
    for one in entering:
        if some and length + len(one.said) > LONGEST:
            yield some
            some, length = [], 0
        some.append(one)
        length += len(one.said)
    yield some


def _fetched(told: Told) -> Fetched:
    retry = "1" if told.status in {429, 503} else None
    return Fetched(told.status, orjson.dumps(told.body), JSON if told.status < 400 else PROBLEM, retry)


@asynccontextmanager
async def in_beats() -> AsyncIterator[None]:
    """Ends after a multiple of `BEAT`, however it does: how long we needed tells nothing about the person."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        yield
    finally:
        await asyncio.sleep(BEAT - (clock() - began) % BEAT)


def take(limit: Limit | None, key: str | bytes) -> Mapping[str, str]:
    """Counts one use, and says so in headers; `too_many_requests` when the key had its share."""
    if limit is None:
        return {}
    allowance = limit.take(key)
    if not allowance.allowed:
        raise Problem("too_many_requests", headers=allowance.headers)
    return allowance.headers
