"""What can become of a registration, and which contracts that becomes. Everything that is personal is sealed."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AwareDatetime

from shared.contracts import events as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Event

type Cause = Literal["participant", "organiser", "erasure", "no_answer"]
type Entry = Literal["self", "organiser", "door"]
"""Who wrote a person in: the person, an organiser beforehand, or an organiser when the person was there already."""


class OfRegistration(Event):
    """A fact about one registration."""

    session_id: str
    registration_id: str
    person_id: str


class _Stated(OfRegistration):
    sealed: str
    sealed_answers: str | None = None
    sealed_for_days: Mapping[str, str] = {}
    organisation_id: str | None = None


class PlaceAsked(_Stated):
    """Somebody asked for a place, and has one."""

    token_hash: str
    entry: Entry = "self"


class RegistrationReceived(PlaceAsked):
    """A guest's seat is held until `confirm_by`."""

    confirm_by: AwareDatetime


class MemberRegistered(PlaceAsked):
    """A signed-in member has a seat at once, and so has whom an organiser vouches for."""


class RegistrationWaitlisted(PlaceAsked):
    """No seat was left. A guest confirms this place, too."""

    confirm_by: AwareDatetime | None


class RegistrationChanged(_Stated):
    """The person's name, organisation or answers are others; `change` is the request that said so."""

    change: str


class RegistrationConfirmed(OfRegistration):
    """A guest's seat is confirmed, or one that was offered taken."""


class WaitlistingConfirmed(OfRegistration):
    """A guest's place in the queue is confirmed: when promoted, the seat needs nothing more."""


class RegistrationPromoted(OfRegistration):
    """The next in the queue has a seat: for good, or until `confirm_by` if offered, or the address is unproven."""

    confirm_by: AwareDatetime | None


class RegistrationProlonged(OfRegistration):
    """The session takes place after all, and there is time again to confirm the `seat`, or the place in the queue."""

    seat: bool
    confirm_by: AwareDatetime


class RegistrationReconfirmed(OfRegistration):
    """The person comes to the new date of a session that was postponed."""


class RegistrationLapsed(OfRegistration):
    """Nobody confirmed in time. `seat`: whether a seat became free, else a place in the queue."""

    seat: bool


class RegistrationWithdrawn(OfRegistration):
    """The place was given back."""

    seat: bool
    cause: Cause


class RegistrationLinkRequested(OfRegistration):
    """Who is registered asked again; `request` is the registration that was asked for."""

    request: str


class ParticipantErased(Event):
    """Nothing about the person may be shown any more."""

    session_id: str
    person_id: str


type RegistrationEvent = (
    RegistrationReceived
    | MemberRegistered
    | RegistrationWaitlisted
    | RegistrationChanged
    | RegistrationConfirmed
    | WaitlistingConfirmed
    | RegistrationPromoted
    | RegistrationProlonged
    | RegistrationReconfirmed
    | RegistrationLapsed
    | RegistrationWithdrawn
    | RegistrationLinkRequested
    | ParticipantErased
)
EVENTS = (
    RegistrationReceived,
    MemberRegistered,
    RegistrationWaitlisted,
    RegistrationChanged,
    RegistrationConfirmed,
    WaitlistingConfirmed,
    RegistrationPromoted,
    RegistrationProlonged,
    RegistrationReconfirmed,
    RegistrationLapsed,
    RegistrationWithdrawn,
    RegistrationLinkRequested,
    ParticipantErased,
)
ABOUT_PEOPLE = (OfRegistration, ParticipantErased)
"""What all of them are, and no event of a session's life is: two looks instead of one for every class."""


def publish(event: RegistrationEvent) -> Contract | None:
    """The contract an event becomes; what only concerns our own pages, and who stands at the door, becomes none."""
    match event:
        case RegistrationReceived():
            return contracts.RegistrationReceived(confirm_by=event.confirm_by, **_ids(event))
        case MemberRegistered():
            return None if event.entry == "door" else contracts.RegistrationConfirmed(**_ids(event))
        case RegistrationConfirmed():
            return contracts.RegistrationConfirmed(**_ids(event))
        case RegistrationWaitlisted():
            return (
                None
                if event.entry == "door"
                else contracts.RegistrationWaitlisted(confirm_by=event.confirm_by, **_ids(event))
            )
        case RegistrationPromoted():
            return contracts.RegistrationPromoted(confirm_by=event.confirm_by, **_ids(event))
        case RegistrationReconfirmed():
            return contracts.RegistrationReconfirmed(**_ids(event))
        case RegistrationLapsed():
            return contracts.RegistrationLapsed(**_ids(event))
        case RegistrationWithdrawn():
            return contracts.RegistrationWithdrawn(cause=event.cause, **_ids(event))
        case RegistrationLinkRequested():
            return contracts.RegistrationLinkRequested(**_ids(event))
        case RegistrationChanged() | WaitlistingConfirmed() | RegistrationProlonged() | ParticipantErased():
            return None


def _ids(event: OfRegistration) -> dict[str, Any]:
    return {"session_id": event.session_id, "registration_id": event.registration_id, "person_id": event.person_id}
