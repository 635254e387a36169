"""An organisation looks for others for a while: it seeks partners, offers something, wants to share a specialist."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from services.catalog.german_time import BERLIN, german_day
from services.catalog.project_content import TopicCode, refuse_bad_topics
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import LegalForm, Term
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.texts import Id, Line, Text

USUAL_MONTHS = 6
MOST_MONTHS = 12
REMINDED_BEFORE = dt.timedelta(days=14)


class Kind(Term):
    """What an organisation is after."""

    SEEK_PARTNERS = "seek_partners", "gesuch", "Gesuch: Partner gesucht"
    OFFER = "offer", "angebot", "Angebot"
    SHARE_SPECIALIST = "share_specialist", "spezialisten-sharing", "Spezialisten-Sharing"


class Outcome(Term):
    """How a request ended."""

    PARTNER_FOUND = "partner_found", "partner_gefunden", "Partner gefunden"
    WITHDRAWN = "withdrawn", "zurueckgezogen", "Zurückgezogen"
    EXPIRED = "expired", "abgelaufen", "Abgelaufen"


type Lines = Annotated[tuple[Line, ...], Field(max_length=20)]


class Wish(BaseModel):
    """What a request says. `size_classes`, `radius_km` and `legal_forms` are wishes; left out, anything goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line
    text: Text
    topics: Annotated[tuple[TopicCode, ...], Field(min_length=1, max_length=20)]
    sought: Lines = ()
    offered: Lines = ()
    size_classes: Annotated[tuple[SizeClass, ...], Field(max_length=len(SizeClass))] = ()
    radius_km: Annotated[int, Field(ge=1, le=1000)] | None = None
    legal_forms: Annotated[tuple[LegalForm, ...], Field(max_length=len(LegalForm))] = ()


class Command(BaseModel):
    """What can be asked of a cooperation request."""

    model_config = ConfigDict(frozen=True)


class OpenRequest(Command):
    """Begin a request; without `expires_on` for the usual time."""

    cooperation_request_id: str
    kind: Kind
    organisation_id: str
    wish: Wish
    expires_on: dt.date | None = None


class EditRequest(Command):
    """Say it differently."""

    wish: Wish


class ExtendRequest(Command):
    """Keep it open for longer."""

    expires_on: dt.date


class CloseRequest(Command):
    """End it."""

    outcome: Literal[Outcome.PARTNER_FOUND, Outcome.WITHDRAWN]
    project_id: Id | None = None
    undertaking_id: Id | None = None
    note: Text | None = None


class RecordMatch(Command):
    """Another request fits, as well as `score` says (of 100)."""

    matched_request_id: str
    score: int


class LetRequestAge(Command):
    """Time has passed: a reminder may be due, or the end."""


type CooperationCommand = OpenRequest | EditRequest | ExtendRequest | CloseRequest | RecordMatch | LetRequestAge


class OfRequest(Event):
    """A fact about one request."""

    cooperation_request_id: str


class CooperationRequestOpened(OfRequest):
    """It is public, until `expires_on` has passed."""

    kind: Kind
    organisation_id: str
    wish: Wish
    expires_on: dt.date


class CooperationRequestEdited(OfRequest):
    """It reads differently now."""

    wish: Wish


class CooperationRequestExtended(OfRequest):
    """It stays open for longer."""

    expires_on: dt.date


class CooperationRequestMatched(OfRequest):
    """Another request fits it."""

    matched_request_id: str
    score: int


class CooperationRequestExpiring(OfRequest):
    """It will close soon."""

    title: str
    organisation_id: str
    expires_on: dt.date


class CooperationRequestClosed(OfRequest):
    """It is over."""

    title: str
    organisation_id: str
    outcome: Outcome
    project_id: str | None = None
    undertaking_id: str | None = None
    note: str | None = None


type CooperationEvent = (
    CooperationRequestOpened
    | CooperationRequestEdited
    | CooperationRequestExtended
    | CooperationRequestMatched
    | CooperationRequestExpiring
    | CooperationRequestClosed
)


@dataclass(frozen=True, slots=True)
class CooperationRequest:
    """`dated_on` is the day on which the present expiry was chosen, `reminded` that the reminder of it went out."""

    id: str
    kind: Kind
    organisation_id: str
    wish: Wish
    dated_on: dt.date
    expires_on: dt.date
    reminded: bool = False
    outcome: Outcome | None = None
    project_id: str | None = None
    undertaking_id: str | None = None
    note: str | None = None
    matched: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether others may still answer."""
        return self.outcome is None


def evolve(request: CooperationRequest | None, event: CooperationEvent) -> CooperationRequest:
    """The request after `event`."""
    if isinstance(event, CooperationRequestOpened):
        return CooperationRequest(
            event.cooperation_request_id,
            event.kind,
            event.organisation_id,
            event.wish,
            german_day(event.at),
            event.expires_on,
        )
    assert request is not None
    match event:
        case CooperationRequestEdited():
            return replace(request, wish=event.wish)
        case CooperationRequestExtended():
            return replace(request, dated_on=german_day(event.at), expires_on=event.expires_on, reminded=False)
        case CooperationRequestMatched():
            return replace(request, matched=(*request.matched, event.matched_request_id))
        case CooperationRequestExpiring():
            return replace(request, reminded=True)
        case CooperationRequestClosed():
            return replace(
                request,
                outcome=event.outcome,
                project_id=event.project_id,
                undertaking_id=event.undertaking_id,
                note=event.note,
            )
    assert_never(event)


def decide(
    command: CooperationCommand, request: CooperationRequest | None, at: dt.datetime
) -> Sequence[CooperationEvent]:
    """The facts that follow from a command; a closed request takes no more of them."""
    if isinstance(command, OpenRequest):
        return _open(command, request, at)
    if request is None:
        raise NotThere
    match command:
        case EditRequest():
            return _edit(command, _still_open(request), at)
        case ExtendRequest():
            return _extend(command, _still_open(request), at)
        case CloseRequest():
            return _close(command, request, at)
        case RecordMatch():
            if not request.open or command.matched_request_id in request.matched:
                return []
            return [CooperationRequestMatched(at=at, cooperation_request_id=request.id, **command.model_dump())]
        case LetRequestAge():
            return _age(request, at)
    assert_never(command)


def _still_open(request: CooperationRequest) -> CooperationRequest:
    if not request.open:
        raise Refused("cooperation_request_closed")
    return request


def _open(command: OpenRequest, request: CooperationRequest | None, at: dt.datetime) -> Sequence[CooperationEvent]:
    today = german_day(at)
    opened = CooperationRequestOpened(
        at=at,
        cooperation_request_id=command.cooperation_request_id,
        kind=command.kind,
        organisation_id=command.organisation_id,
        wish=command.wish,
        expires_on=command.expires_on or months_after(today, USUAL_MONTHS),
    )
    if request is not None:
        if evolve(None, opened) == request:
            return []
        raise Refused("cooperation_request_exists")
    refuse_bad_topics(command.wish.topics)
    _refuse_expiry(opened.expires_on, today)
    return [opened]


def _edit(command: EditRequest, request: CooperationRequest, at: dt.datetime) -> Sequence[CooperationEvent]:
    refuse_bad_topics(command.wish.topics)
    if command.wish == request.wish:
        return []
    return [CooperationRequestEdited(at=at, cooperation_request_id=request.id, wish=command.wish)]


def _extend(command: ExtendRequest, request: CooperationRequest, at: dt.datetime) -> Sequence[CooperationEvent]:
    if command.expires_on == request.expires_on:
        return []
    _refuse_expiry(command.expires_on, german_day(at))
    if command.expires_on < request.expires_on:
        raise Refused("expiry_not_later", field="/expires_on")
    return [CooperationRequestExtended(at=at, cooperation_request_id=request.id, expires_on=command.expires_on)]


def _close(command: CloseRequest, request: CooperationRequest, at: dt.datetime) -> Sequence[CooperationEvent]:
    said = (command.outcome, command.project_id, command.undertaking_id, command.note)
    if (request.outcome, request.project_id, request.undertaking_id, request.note) == said:
        return []
    _still_open(request)
    if command.outcome is not Outcome.PARTNER_FOUND and (command.project_id or command.undertaking_id):
        raise Refused("no_partner_found", field="/outcome")
    return [_closed(request, command.outcome, at, **command.model_dump(exclude={"outcome"}))]


def _age(request: CooperationRequest, at: dt.datetime) -> Sequence[CooperationEvent]:
    """The end when the last day has passed, before it one reminder."""
    due = due_at(request)
    if due is None or at < due:
        return []
    if german_day(at) > request.expires_on:
        return [_closed(request, Outcome.EXPIRED, at)]
    return [
        CooperationRequestExpiring(
            at=at,
            cooperation_request_id=request.id,
            title=request.wish.title,
            organisation_id=request.organisation_id,
            expires_on=request.expires_on,
        )
    ]


def _closed(
    request: CooperationRequest, outcome: Outcome, at: dt.datetime, **more: str | None
) -> CooperationRequestClosed:
    return CooperationRequestClosed(
        at=at,
        cooperation_request_id=request.id,
        title=request.wish.title,
        organisation_id=request.organisation_id,
        outcome=outcome,
        **more,
    )


def _refuse_expiry(expires_on: dt.date, today: dt.date) -> None:
    if expires_on <= today:
        raise Refused("expiry_in_past", field="/expires_on")
    if expires_on > months_after(today, MOST_MONTHS):
        raise Refused("expiry_too_far", field="/expires_on", most=MOST_MONTHS)


def due_at(request: CooperationRequest) -> dt.datetime | None:
    """When time does something next: a reminder two weeks before the end, unless it was chosen later; then the end."""
    if not request.open:
        return None
    reminder = request.expires_on - REMINDED_BEFORE
    ends = request.expires_on + dt.timedelta(days=1)
    next_day = reminder if not request.reminded and request.dated_on < reminder else ends
    return dt.datetime.combine(next_day, dt.time(), BERLIN)


def months_after(start: dt.date, months: int) -> dt.date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(start.month - 1 + months, 12)
    first = dt.date(start.year + year, month + 1, 1)
    after = dt.date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + dt.timedelta(days=start.day - 1), after - dt.timedelta(days=1))


def publish(event: CooperationEvent) -> Contract | None:
    """What others learn."""
    match event:
        case CooperationRequestOpened():
            return contracts.CooperationRequestOpened(
                cooperation_request_id=event.cooperation_request_id,
                kind=event.kind,
                title=event.wish.title,
                topics=event.wish.topics,
                organisation_id=event.organisation_id,
                expires_on=event.expires_on,
            )
        case CooperationRequestMatched():
            return contracts.CooperationRequestMatched(**event.model_dump(exclude={"at"}))
        case CooperationRequestExpiring():
            return contracts.CooperationRequestExpiring(**event.model_dump(exclude={"at"}))
        case CooperationRequestClosed():
            return contracts.CooperationRequestClosed(**event.model_dump(exclude={"at", "note"}))
        case CooperationRequestEdited() | CooperationRequestExtended():
            return None
    assert_never(event)


COOPERATION_REQUEST: Decider[CooperationRequest | None, CooperationCommand, CooperationEvent] = Decider(
    category="cooperation_request",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(
        CooperationRequestOpened,
        CooperationRequestEdited,
        CooperationRequestExtended,
        CooperationRequestMatched,
        CooperationRequestExpiring,
        CooperationRequestClosed,
    ),
)
