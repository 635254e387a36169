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
    """A session moved from `previous`; without a day of its own, the new date is open. Registrations stay.

    With `answer_by` everybody who holds a place is asked whether the new date suits; who has not answered by then keeps
    the place (`unanswered` is `stay`) or gives it up (`go`).
    """

    type: ClassVar[str] = "ikz.events.session.postponed.v1"

    previous: Times
    reason: str
    answer_by: AwareDatetime | None = None
    unanswered: Literal["stay", "go"] | None = None


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


class SessionGroupMessageRequested(_OfSession):
    """An organiser writes to a group of the people of a session. `rpc.events.recipients` tells what, and to whom."""

    type: ClassVar[str] = "ikz.events.session.group_message_requested.v1"

    message_id: str


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


class RegistrationReconfirmed(_OfRegistration):
    """The person comes to the new date of a postponed session."""

    type: ClassVar[str] = "ikz.events.registration.reconfirmed.v1"


class RegistrationLapsed(_OfRegistration):
    """Nobody confirmed in time; the place is free again."""

    type: ClassVar[str] = "ikz.events.registration.lapsed.v1"


class RegistrationWithdrawn(_OfRegistration):
    """The place was given back: by the person, by an organiser, or because nobody answered a postponement in time.

    After an erasure there is nobody left to tell.
    """

    type: ClassVar[str] = "ikz.events.registration.withdrawn.v1"

    cause: Literal["participant", "organiser", "erasure", "no_answer"]


class RegistrationLinkRequested(_OfRegistration):
    """Someone registered who is registered already: send the link to the registration again."""

    type: ClassVar[str] = "ikz.events.registration.link_requested.v1"


class _OfQuestion(Contract):
    """`person_id` is who asks. What was asked and answered is for `rpc.events.question`."""

    key: ClassVar[str] = "question_id"

    question_id: str
    session_id: str
    person_id: str


class QuestionReceived(_OfQuestion):
    """A question from an address that is not proven yet; it counts once the link was followed, until `confirm_by`."""

    type: ClassVar[str] = "ikz.events.question.received.v1"

    confirm_by: AwareDatetime


class QuestionSubmitted(_OfQuestion):
    """A question waits for moderation."""

    type: ClassVar[str] = "ikz.events.question.submitted.v1"


class QuestionAccepted(_OfQuestion):
    """The question will be dealt with in its session or in writing."""

    type: ClassVar[str] = "ikz.events.question.accepted.v1"


class QuestionMerged(_OfQuestion):
    """The question is dealt with together with another one, `into`."""

    type: ClassVar[str] = "ikz.events.question.merged.v1"

    into: str


class QuestionDeclined(_OfQuestion):
    """The question will not be dealt with; the reason is for the asker alone."""

    type: ClassVar[str] = "ikz.events.question.declined.v1"


class QuestionAnswered(_OfQuestion):
    """The question was answered in its session or in writing. `published`: everybody may read it on the portal."""

    type: ClassVar[str] = "ikz.events.question.answered.v1"

    way: Literal["in_session", "in_writing"]
    published: bool = False


class QuestionCarriedOver(_OfQuestion):
    """The question is kept for another date: the session was postponed, or it goes to another session.

    `from_session_id` is the session it was asked for; the same as `session_id` after a postponement.
    """

    type: ClassVar[str] = "ikz.events.question.carried_over.v1"

    from_session_id: str


class PublishedMaterial(BaseModel):
    """A file that can be downloaded. `talk` is the title of the talk it belongs to; none for the whole session."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    material_id: str
    title: str
    talk: str | None = None
    file_name: str
    media_type: str
    size: int


class MaterialPublished(Contract):
    """Files of a session can be downloaded: one release with everything that is new in it."""

    type: ClassVar[str] = "ikz.events.material.published.v1"
    key: ClassVar[str] = "release_id"

    release_id: str
    session_id: str
    series_id: str
    title: str
    items: tuple[PublishedMaterial, ...]


class FeedbackOpened(Contract):
    """Who took part in a session is asked how it was, until `closes_at`; answers cannot be led back to people."""

    type: ClassVar[str] = "ikz.events.feedback.opened.v1"
    key: ClassVar[str] = "session_id"

    session_id: str
    series_id: str
    title: str
    closes_at: AwareDatetime
