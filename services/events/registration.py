"""Who takes part in a session: one registration a person, seats up to the capacity, a queue behind them.

Registrations live in their session's stream, because capacity is one decision; `session.py` joins both halves.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import islice
from typing import Any, Literal, Protocol

from immutables import Map

from services.events.programme import Content
from services.events.registration_commands import (
    ChangeRegistration,
    ConfirmRegistration,
    EraseParticipant,
    RegisterParticipant,
    RegistrationCommand,
    Stating,
    WithdrawRegistration,
)
from services.events.registration_events import (
    Cause,
    Entry,
    MemberRegistered,
    OfRegistration,
    ParticipantErased,
    PlaceAsked,
    RegistrationChanged,
    RegistrationConfirmed,
    RegistrationEvent,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationProlonged,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationReconfirmed,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    WaitlistingConfirmed,
)
from shared.kernel.decider import NotThere, Refused

HOLD = timedelta(hours=24)
LINKS_AN_HOUR = 3
DOORS_OPEN = timedelta(hours=1)
"""How long before the begin somebody can be there."""

type Status = Literal["received", "confirmed", "waitlisted", "lapsed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Registration:
    """`confirm_by` is set while the address is unproven or a seat is offered; `number` is the place while waiting.

    `answered` counts the postponements that it needs no answer to, or no more.
    """

    registration_id: str
    person_id: str
    status: Status
    confirm_by: datetime | None = None
    number: int = 0
    asked: tuple[datetime, ...] = ()
    request: str = ""
    answered: int = 0
    change: str = ""

    def owes_answer(self, asked: int) -> bool:
        """Whether it was there when people were asked for the last time, the `asked`th, and is silent."""
        return self.standing and self.answered < asked

    @property
    def seated(self) -> bool:
        """Whether it takes a seat."""
        return self.status in {"received", "confirmed"}

    @property
    def standing(self) -> bool:
        """Whether it takes a seat or a place in the queue."""
        return self.seated or self.status == "waitlisted"


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who ever asked. `latest` leads from a person to the last registration; `queue` from numbers to ids.

    Numbers only grow; `first` is at or before the smallest one in the queue. `asked` counts how often it was asked
    whether a new date suits, `owing` who has not answered the last time.
    """

    registrations: Map[str, Registration] = Map()  # noqa: RUF009 -- immutable
    latest: Map[str, str] = Map()  # noqa: RUF009 -- immutable
    queue: Map[int, str] = Map()  # noqa: RUF009 -- immutable
    first: int = 1
    last: int = 0
    seated: int = 0
    asked: int = 0
    owing: int = 0

    @classmethod
    def of_all(
        cls, everybody: Collection[Registration], latest: Mapping[str, str], first: int, last: int, asked: int
    ) -> "Roster":
        """The roster that these registrations make up."""
        registrations = Map((one.registration_id, one) for one in everybody)
        queue = Map((one.number, one.registration_id) for one in everybody if one.status == "waitlisted")
        seated, owing = sum(one.seated for one in everybody), sum(one.owes_answer(asked) for one in everybody)
        return cls(registrations, Map(latest), queue, first, last, seated, asked, owing)

    def of(self, person_id: str) -> Registration | None:
        """The person's place, if there is one."""
        found = self.registrations.get(self.latest.get(person_id, ""))
        return found if found and found.standing else None

    def waiting(self) -> Iterator[Registration]:
        """The queue in its order."""
        return (self.registrations[self.queue[n]] for n in range(self.first, self.last + 1) if n in self.queue)


class Admission(Protocol):
    """What a session says about who may come in; obstacles are the codes of what stands against it."""

    @property
    def session_id(self) -> str: ...
    @property
    def content(self) -> Content: ...
    @property
    def capacity(self) -> int | None: ...
    @property
    def starts_at(self) -> datetime | None: ...
    def obstacle(self, at: datetime) -> str | None: ...
    def unanswered_go(self, at: datetime) -> bool: ...
    def registration_obstacle(self, at: datetime) -> str | None: ...


def evolve(roster: Roster, event: RegistrationEvent) -> Roster:
    """Records who holds what now."""
    match event:
        case RegistrationReceived():
            return _enter(roster, event, "received", event.confirm_by)
        case MemberRegistered():
            return _enter(roster, event, "confirmed", None)
        case RegistrationWaitlisted():
            return _enter(roster, event, "waitlisted", event.confirm_by)
        case RegistrationChanged():
            return _change(roster, event, change=event.change)
        case RegistrationConfirmed():
            return _change(roster, event, status="confirmed", confirm_by=None)
        case WaitlistingConfirmed():
            return _change(roster, event, confirm_by=None)
        case RegistrationPromoted():
            return _change(
                roster, event, status="received" if event.confirm_by else "confirmed", confirm_by=event.confirm_by
            )
        case RegistrationProlonged():
            return _change(roster, event, confirm_by=event.confirm_by)
        case RegistrationReconfirmed():
            return _change(roster, event, answered=roster.asked)
        case RegistrationLapsed() | RegistrationWithdrawn():
            left: Status = "lapsed" if isinstance(event, RegistrationLapsed) else "withdrawn"
            return _change(roster, event, status=left, confirm_by=None)
        case RegistrationLinkRequested():
            asked = (*roster.registrations[event.registration_id].asked, event.at)[-LINKS_AN_HOUR:]
            return _change(roster, event, asked=asked, request=event.request)
        case ParticipantErased():
            return replace(roster, latest=roster.latest.delete(event.person_id))


def _enter(roster: Roster, event: PlaceAsked, status: Status, confirm_by: datetime | None) -> Roster:
    waits = status == "waitlisted"
    last = roster.last + waits
    number = last if waits else 0
    one = Registration(event.registration_id, event.person_id, status, confirm_by, number, answered=roster.asked)
    return Roster(
        roster.registrations.set(one.registration_id, one),
        roster.latest.set(one.person_id, one.registration_id),
        roster.queue.set(last, one.registration_id) if waits else roster.queue,
        roster.first,
        last,
        roster.seated + one.seated,
        roster.asked,
        roster.owing,
    )


def _change(roster: Roster, event: OfRegistration, **changes: Any) -> Roster:
    before = roster.registrations[event.registration_id]
    after = replace(before, **changes)
    queue, first = roster.queue, roster.first
    if before.status == "waitlisted" != after.status:
        queue = queue.delete(before.number)
        while first <= roster.last and first not in queue:
            first += 1
    registrations = roster.registrations.set(after.registration_id, after)
    seated = roster.seated + after.seated - before.seated
    owing = roster.owing + after.owes_answer(roster.asked) - before.owes_answer(roster.asked)
    return Roster(registrations, roster.latest, queue, first, roster.last, seated, roster.asked, owing)


def decide(command: RegistrationCommand, roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """What becomes of a command; whatever frees a place is followed by the promotions it allows."""
    match command:
        case RegisterParticipant():
            return register(command, roster, session, at)
        case ChangeRegistration():
            return change(command, roster, session, at)
        case ConfirmRegistration():
            return confirm(command, roster, session, at)
        case WithdrawRegistration():
            return withdraw(command, roster, session, at)
        case EraseParticipant():
            return erase(command, roster, session, at)


def register(command: RegisterParticipant, roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """A seat if there is one, else a place in the queue; who has either gets the link again, a few times an hour.

    Whatever is refused is refused to everybody, so that no answer tells who is registered. An organiser who writes
    somebody in is not asked the session's questions, and may know who is there.
    """
    if command.registration_id in roster.registrations:
        return []
    if obstacle := entry_obstacle(command.entry, session, at):
        hidden = obstacle == "session_not_announced" and command.entry == "self"
        raise NotThere if hidden else Refused(obstacle)
    standing = roster.of(command.person_id)
    if standing and command.entry != "self":
        return []
    full = bool(roster.queue) or (session.capacity is not None and roster.seated >= session.capacity)
    if full and session.content.waiting_list == "none":
        raise Refused("session_full")
    if command.entry == "self":
        _same_questions(command, session)
    if standing:
        return ask_again(standing, session, command.registration_id, at)
    asked: dict[str, Any] = {
        "session_id": session.session_id,
        "registration_id": command.registration_id,
        "person_id": command.person_id,
        "token_hash": command.token_hash,
        **_stated(command),
        "entry": command.entry,
        "at": at,
    }
    if full:
        return [RegistrationWaitlisted(confirm_by=None if command.member else held_until(session, at), **asked)]
    if command.member:
        return [MemberRegistered(**asked)]
    return [RegistrationReceived(confirm_by=held_until(session, at), **asked)]


def _same_questions(command: Stating, session: Admission) -> None:
    """What was answered are the questions as they are now, or they have to be answered again."""
    if command.questions != session.content.registration_questions:
        raise Refused("registration_questions_changed")


def _stated(command: Stating) -> dict[str, Any]:
    return {
        "sealed": command.sealed,
        "sealed_answers": command.sealed_answers,
        "sealed_for_days": command.sealed_for_days,
        "organisation_id": command.organisation_id,
    }


def entry_obstacle(entry: Entry, session: Admission, at: datetime) -> str | None:
    """Why nobody may be written in. Organisers need no open registration, and at the door not even a session ahead."""
    if entry == "self":
        return session.registration_obstacle(at)
    obstacle = session.obstacle(at)
    if session.starts_at is None:
        return obstacle or "session_without_time"
    if entry == "organiser":
        return obstacle
    if obstacle == "session_over":
        return None
    return obstacle or ("attendance_too_early" if at < session.starts_at - DOORS_OPEN else None)


def ask_again(standing: Registration, session: Admission, request: str, at: datetime) -> list[RegistrationEvent]:
    """The link once more, unless this request had it already or the last hour saw enough of them."""
    recent = [asked for asked in standing.asked if asked > at - timedelta(hours=1)]
    if standing.request == request or len(recent) >= LINKS_AN_HOUR:
        return []
    return [RegistrationLinkRequested(request=request, **_named(standing, session, at))]


def change(command: ChangeRegistration, roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """Until the session begins, by whoever has a place and saw what is there."""
    found = _find(roster, command.registration_id)
    if found.change == command.change:
        return []
    if not found.standing:
        raise Refused(f"registration_{found.status}")
    if obstacle := session.obstacle(at):
        raise Refused(obstacle)
    if found.change != command.seen:
        raise Refused("stale_version")
    _same_questions(command, session)
    return [RegistrationChanged(change=command.change, **_stated(command), **_named(found, session, at))]


def confirm(command: ConfirmRegistration, roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """Confirms a held seat or a place in the queue; a second click changes nothing."""
    found = _find(roster, command.registration_id)
    if not found.standing:
        raise Refused(f"registration_{found.status}")
    if found.confirm_by is None:
        return []
    if obstacle := session.obstacle(at):
        raise Refused(obstacle)
    if found.status == "waitlisted":
        return [WaitlistingConfirmed(**_named(found, session, at))]
    return [RegistrationConfirmed(**_named(found, session, at))]


def withdraw(
    command: WithdrawRegistration, roster: Roster, session: Admission, at: datetime
) -> list[RegistrationEvent]:
    """Gives a place back; what is gone already stays gone."""
    found = _find(roster, command.registration_id)
    return _freed([_withdrawn(found, command.cause, session, at)], roster, session, at) if found.standing else []


def erase(command: EraseParticipant, roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """Forgets a person, whatever became of the registration."""
    if command.person_id not in roster.latest:
        return []
    erased = ParticipantErased(session_id=session.session_id, person_id=command.person_id, at=at)
    standing = roster.of(command.person_id)
    return _freed([*([_withdrawn(standing, "erasure", session, at)] if standing else []), erased], roster, session, at)


def lapse(registration_ids: Iterable[str], roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """Ends those of the named registrations whose time to confirm is over. None while the session is cancelled."""
    if session.obstacle(at) == "session_cancelled":
        return []
    named = (roster.registrations.get(registration_id) for registration_id in dict.fromkeys(registration_ids))
    late = [found for found in named if found and found.standing and found.confirm_by and found.confirm_by <= at]
    ends = [RegistrationLapsed(seat=found.seated, **_named(found, session, at)) for found in late]
    return _freed(ends, roster, session, at)


def prolong(roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """Time to confirm for everybody who has not: during a cancellation nobody could."""
    confirm_by = held_until(session, at)
    unconfirmed = (found for found in roster.registrations.values() if found.standing and found.confirm_by)
    return [
        RegistrationProlonged(seat=found.seated, confirm_by=confirm_by, **_named(found, session, at))
        for found in sorted(unconfirmed, key=lambda found: found.registration_id)
    ]


def promotions(roster: Roster, session: Admission, at: datetime) -> list[RegistrationEvent]:
    """Seats for the first in the queue, as many as are free; where seats are offered, each to be taken in time.

    Who owed an answer and must go now is passed over.
    """
    if not roster.queue or session.obstacle(at):
        return []
    free = len(roster.queue) if session.capacity is None else max(0, session.capacity - roster.seated)
    waiting = roster.waiting()
    if session.unanswered_go(at):
        waiting = (found for found in waiting if not found.owes_answer(roster.asked))
    offers = session.content.waiting_list == "offer"
    hold = timedelta(hours=session.content.offer_hours) if offers else HOLD
    confirm_by = held_until(session, at, hold)
    return [
        RegistrationPromoted(
            confirm_by=confirm_by if offers or found.confirm_by else None, **_named(found, session, at)
        )
        for found in islice(waiting, free)
    ]


def held_until(session: Admission, at: datetime, hold: timedelta = HOLD) -> datetime:
    """A day from now, or as long as the organiser offers a seat, but not beyond the begin of the session."""
    return min(at + hold, session.starts_at.astimezone(UTC)) if session.starts_at else at + hold


def _freed(
    ends: Sequence[RegistrationEvent], roster: Roster, session: Admission, at: datetime
) -> list[RegistrationEvent]:
    return [*ends, *promotions(reduce(evolve, ends, roster), session, at)]


def _withdrawn(found: Registration, cause: Cause, session: Admission, at: datetime) -> RegistrationEvent:
    return RegistrationWithdrawn(seat=found.seated, cause=cause, **_named(found, session, at))


def _find(roster: Roster, registration_id: str) -> Registration:
    found = roster.registrations.get(registration_id)
    if found is None:
        raise NotThere(registration_id)
    return found


def _named(found: Registration, session: Admission, at: datetime) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "registration_id": found.registration_id,
        "person_id": found.person_id,
        "at": at,
    }
