"""What the events service promises: sessions and the registrations for them.

A session's times carry the offset of Europe/Berlin; what counts is the time on the wall. A session's version is the
number after the `@` of the message's id, which is what `rpc.events.recipients` takes as `as_of_version`.
"""

import datetime as dt
from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts.contract import Contract

type Mode = Literal["online", "in_person", "hybrid"]


class Times(BaseModel):
    """When a session is: a begin with or without an end, only a day, or neither. `date` is set if the day is known."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    date: dt.date | None = None


class Place(BaseModel):
    """Where people meet. `ags` is the eight-digit key of the municipality."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    address: str | None = None
    city: str | None = None
    ags: str | None = None


class _OfSession(Times, Contract):
    """`sequence` is the SEQUENCE of the calendar entry `session-<session_id>@interkommunal` after this event."""

    key: ClassVar[str] = "session_id"

    session_id: str
    series_id: str
    title: str
    sequence: int


class SessionAnnounced(_OfSession):
    """A session is public. Flags and times that nobody stated are null."""

    type: ClassVar[str] = "ikz.events.session.announced.v1"

    mode: Mode
    venue: Place | None = None
    topics: tuple[str, ...] = ()
    registration_required: bool | None = None
    free_of_charge: bool | None = None
    registration_opens_at: AwareDatetime | None = None
    registration_closes_at: AwareDatetime | None = None
    capacity: int | None = None


class SessionScheduled(_OfSession):
    """A session that was announced without a time now has one; nothing was moved."""

    type: ClassVar[str] = "ikz.events.session.scheduled.v1"

    previous: Times


class SessionRegistrationOpened(_OfSession):
    """From now on people may register."""

    type: ClassVar[str] = "ikz.events.session.registration_opened.v1"

    closes_at: AwareDatetime | None = None
    capacity: int | None = None


class SessionRegistrationClosed(_OfSession):
    """Nobody may register any more: an organiser said so, the window ended, or the session begins."""

    type: ClassVar[str] = "ikz.events.session.registration_closed.v1"

    cause: Literal["organiser", "window", "session_begins"]


class SessionPostponed(_OfSession):
    """A session moved from `previous`; without a day of its own, the new date is open. Registrations stay."""

    type: ClassVar[str] = "ikz.events.session.postponed.v1"

    previous: Times
    reason: str


class SessionRelocated(_OfSession):
    """A session moved to another place, mode or access link. The link itself is for confirmed people only."""

    type: ClassVar[str] = "ikz.events.session.relocated.v1"

    mode: Mode
    venue: Place | None = None
    previous_mode: Mode
    previous_venue: Place | None = None
    access_link_changed: bool = False


class SessionCancelled(_OfSession):
    """A session will not take place."""

    type: ClassVar[str] = "ikz.events.session.cancelled.v1"

    reason: str


class SessionReinstated(_OfSession):
    """A cancelled session takes place after all; registrations are as they were."""

    type: ClassVar[str] = "ikz.events.session.reinstated.v1"


class SessionHeld(_OfSession):
    """A session took place."""

    type: ClassVar[str] = "ikz.events.session.held.v1"


class HeldTalk(BaseModel):
    """A talk that was given, with the catalogue's project it was about."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str
    project_id: str | None = None


class SessionDocumented(_OfSession):
    """What was held can be read: the programme as it was, which may differ from the one announced."""

    type: ClassVar[str] = "ikz.events.session.documented.v1"

    talks: tuple[HeldTalk, ...] = ()


class SessionAgendaPublished(_OfSession):
    """The planned programme has a new version."""

    type: ClassVar[str] = "ikz.events.session.agenda_published.v1"

    agenda_version: int
    talks: tuple[HeldTalk, ...] = ()


class _OfRegistration(Contract):
    key: ClassVar[str] = "registration_id"

    registration_id: str
    session_id: str
    person_id: str


class RegistrationReceived(_OfRegistration):
    """A guest asked for a place; a seat is held until `confirm_by`."""

    type: ClassVar[str] = "ikz.events.registration.received.v1"

    confirm_by: AwareDatetime


class RegistrationConfirmed(_OfRegistration):
    """The person has a seat: a guest followed the link, or a member registered."""

    type: ClassVar[str] = "ikz.events.registration.confirmed.v1"


class RegistrationWaitlisted(_OfRegistration):
    """The session was full. A guest's place in the queue must be confirmed until `confirm_by`; null needs nothing."""

    type: ClassVar[str] = "ikz.events.registration.waitlisted.v1"

    confirm_by: AwareDatetime | None = None


class RegistrationPromoted(_OfRegistration):
    """A seat became free for the first in the queue: confirmed at once, or held until `confirm_by` when it is set."""

    type: ClassVar[str] = "ikz.events.registration.promoted.v1"

    confirm_by: AwareDatetime | None = None


class RegistrationLapsed(_OfRegistration):
    """Nobody confirmed in time; the place is free again."""

    type: ClassVar[str] = "ikz.events.registration.lapsed.v1"


class RegistrationWithdrawn(_OfRegistration):
    """The place was given back. After an erasure there is nobody left to tell."""

    type: ClassVar[str] = "ikz.events.registration.withdrawn.v1"

    cause: Literal["participant", "organiser", "erasure"]


class RegistrationLinkRequested(_OfRegistration):
    """Someone registered who is registered already: send the link to the registration again."""

    type: ClassVar[str] = "ikz.events.registration.link_requested.v1"
