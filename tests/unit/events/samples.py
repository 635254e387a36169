"""Sessions to tell sentences about: a consultation hour on a Thursday morning, seats for two."""

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from typing import Any

from services.events.life import RegistrationOpened, SessionAnnounced, SessionDrafted
from services.events.programme import Content
from services.events.registration_commands import RegisterParticipant
from services.events.registration_events import MemberRegistered, RegistrationReceived, RegistrationWaitlisted
from services.events.session import DECIDER, Command, Session, SessionEvent
from services.events.times import BERLIN, When
from shared.kernel.decider import NotThere, Refused

SESSION = "11111111-1111-4111-8111-111111111111"
SERIES = "22222222-2222-4222-8222-222222222222"
NOW = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
THURSDAY = When(
    starts_at=dt.datetime(2025, 7, 31, 10, tzinfo=BERLIN), ends_at=dt.datetime(2025, 7, 31, 11, tzinfo=BERLIN)
)
BEGIN = dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC)


def hours(number: float) -> dt.timedelta:
    return dt.timedelta(hours=number)


def content(**changes: Any) -> Content:
    return Content(
        **({"series_id": SERIES, "title": "Digitale Sprechstunde", "mode": "online", "capacity": 2} | changes)
    )


def drafted(when: When = THURSDAY, **changes: Any) -> SessionDrafted:
    return SessionDrafted(session_id=SESSION, content=content(**changes), when=when, at=NOW)


def named(when: When = THURSDAY, sequence: int = 0, at: dt.datetime = NOW) -> dict[str, Any]:
    """What every public event of the sample session carries."""
    return {
        "session_id": SESSION,
        "series_id": SERIES,
        "title": "Digitale Sprechstunde",
        "sequence": sequence,
        "when": when,
        "at": at,
    }


def announced(when: When = THURSDAY, **changes: Any) -> list[SessionEvent]:
    return [drafted(when, **changes), SessionAnnounced(content=content(**changes), **named(when))]


def opened(when: When = THURSDAY, **changes: Any) -> list[SessionEvent]:
    values = content(**changes)
    closes_at = values.registration_closes_at
    return [
        *announced(when, **changes),
        RegistrationOpened(closes_at=closes_at, capacity=values.capacity, **named(when)),
    ]


def register(who: str, *, member: bool = False, registration: str | None = None) -> RegisterParticipant:
    return RegisterParticipant(**asked(who, registration), member=member)


def asked(who: str, registration: str | None = None) -> dict[str, Any]:
    number = registration or f"r-{who}"
    return {"registration_id": number, "person_id": who, "token_hash": f"hash of {number}", "sealed": "sealed"}


def of(who: str, registration: str | None = None, at: dt.datetime = NOW) -> dict[str, Any]:
    """What every event of a registration carries."""
    return {"session_id": SESSION, "registration_id": registration or f"r-{who}", "person_id": who, "at": at}


def received(who: str, at: dt.datetime = NOW) -> RegistrationReceived:
    return RegistrationReceived(confirm_by=at + hours(24), session_id=SESSION, at=at, **asked(who))


def member(who: str) -> MemberRegistered:
    return MemberRegistered(session_id=SESSION, at=NOW, **asked(who))


def waitlisted(who: str, confirm_by: dt.datetime | None = None) -> RegistrationWaitlisted:
    return RegistrationWaitlisted(confirm_by=confirm_by, session_id=SESSION, at=NOW, **asked(who))


def fold(events: Sequence[SessionEvent]) -> Session:
    return reduce(DECIDER.evolve, events, DECIDER.initial)


def attempt(session: Session, command: Command, at: dt.datetime) -> tuple[Session, Sequence[SessionEvent]]:
    """The session after a command; a refused one changes nothing."""
    try:
        events = DECIDER.decide(command, session, at)
    except (Refused, NotThere):
        return session, []
    return reduce(DECIDER.evolve, events, session), events
