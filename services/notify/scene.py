"""What a letter to somebody registered is composed from, and what can be said of it."""

from dataclasses import dataclass
from datetime import datetime

from services.notify.cause import Cause, ReminderDue
from shared.contracts.events import (
    FeedbackOpened,
    MaterialPublished,
    RegistrationConfirmed,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationReconfirmed,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    SessionCancelled,
    SessionGroupMessageRequested,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
    Times,
)
from shared.contracts.rpc import GroupMessage, Recipient, SessionCard

TAKES_PEOPLE = {"registration_open", "full", "postponed_rescheduled"}
GONE = {"lapsed", "withdrawn"}
DATE = ("title", "starts_at", "ends_at", "date", "sequence")


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a letter is composed from. `session` is the session as the cause left it.

    `in_calendar` says that this person was sent an invitation before; `stamp` is when the cause happened, `now` when
    the letter is written.
    """

    cause: Cause
    session: SessionCard
    person: Recipient
    portal: str
    stamp: datetime
    now: datetime
    in_calendar: bool = False
    group_message: GroupMessage | None = None


def as_left_by(cause: Cause, session: SessionCard) -> SessionCard:
    """The session as it was right after the cause, though more may have happened until its owner was asked."""
    return session.model_copy(update={name: getattr(cause, name) for name in _told_by(cause)})


def _told_by(cause: Cause) -> tuple[str, ...]:
    """What of the session a cause says itself."""
    match cause:
        case SessionPostponed() | SessionScheduled() | SessionCancelled() | SessionReinstated():
            return DATE
        case SessionGroupMessageRequested():
            return DATE
        case SessionRelocated():
            return (*DATE, "mode", "venue")
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationWaitlisted() | RegistrationPromoted():
            return ()
        case RegistrationReconfirmed() | RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return ()
        case MaterialPublished() | FeedbackOpened() | ReminderDue():
            return ()


def concerns(cause: Cause, person: Recipient) -> bool:
    """Whether somebody who is told of a session still has to be told of this.

    Files and reminders are for who has a place, so is the way in: a new link is no news to others. Nobody is offered
    a place that was taken or given back meanwhile, or thanked for coming after having withdrawn.
    """
    match cause:
        case MaterialPublished() | ReminderDue():
            return person.status == "confirmed"
        case SessionRelocated():
            return moved(cause) or person.status == "confirmed"
        case RegistrationPromoted():
            return cause.confirm_by is None or person.status not in {"confirmed", *GONE}
        case RegistrationReconfirmed():
            return person.status not in GONE
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationWaitlisted():
            return True
        case RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return True
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionCancelled() | SessionReinstated():
            return True
        case SessionGroupMessageRequested() | FeedbackOpened():
            return True


def while_registered(cause: Cause, person: Recipient) -> bool:
    """Whether a message that waits to be sent is of no use any more when the person gives the place back."""
    offered = isinstance(cause, SessionGroupMessageRequested | MaterialPublished | FeedbackOpened | ReminderDue)
    return offered and person.status not in GONE


def proven(person: Recipient) -> bool:
    """The person has acted from this mailbox, or was signed in."""
    return person.status == "confirmed" or (person.status == "waitlisted" and person.confirm_by is None)


def unproven_in_queue(person: Recipient) -> bool:
    """Somebody entered this address, and the place in the queue is not confirmed yet."""
    return person.status == "waitlisted" and not proven(person)


def owes_answer(scene: Scene) -> bool:
    """We wait for this person to say whether the new date suits."""
    by = scene.person.answer_by
    return by is not None and by > scene.now and scene.person.status not in GONE


def asks(scene: Scene) -> bool:
    """This letter is the one that asks whether the new date suits; a later postponement asks anew."""
    cause = scene.cause
    return isinstance(cause, SessionPostponed) and owes_answer(scene) and scene.person.answer_by == cause.answer_by


def dated(times: Times) -> bool:
    """At least the day is known."""
    return times.starts_at is not None or times.date is not None


def moved(cause: SessionRelocated) -> bool:
    """It changed its place, not only the way in."""
    return (cause.mode, cause.venue) != (cause.previous_mode, cause.previous_venue)


def takes_people(scene: Scene) -> bool:
    """Whether it makes sense to register again."""
    begin = scene.session.starts_at
    return scene.session.status in TAKES_PEOPLE and (begin is None or begin > scene.stamp)


def page(scene: Scene) -> str:
    """The session's public page."""
    return f"{scene.portal}/veranstaltungen/{scene.session.session_id}"
