"""What a letter does to a person's calendar: an entry, a new one, or none any more."""

from services.notify import german
from services.notify.cause import ReminderDue
from services.notify.invitation import Invitation, Method
from services.notify.letter import listed
from services.notify.scene import Scene, dated, page
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
from shared.contracts.rpc import SessionCard


def calendar_method(scene: Scene) -> Method | None:
    """What the letter does to this person's calendar."""
    method, times = _calendar(scene)
    return method if dated(times) else None


def invitation(scene: Scene) -> Invitation | None:
    """The session as this person's calendar is to show it."""
    method, times = _calendar(scene)
    if method is None or not dated(times):
        return None
    session = scene.session
    about = (
        session.series_title, session.summary, f"Veranstaltet von {listed(session.hosts)}" if session.hosts else ""
    )  # fmt: skip
    return Invitation(
        method=method,
        session_id=session.session_id,
        sequence=session.sequence,
        title=session.title,
        times=times,
        location=german.place(session.mode, session.venue),
        description="\n".join([*(line for line in about if line), page(scene)]),
        stamp=scene.stamp,
        takes_place=method == "REQUEST" or isinstance(scene.cause, RegistrationWithdrawn),
    )


def _calendar(scene: Scene) -> tuple[Method | None, Times]:
    """Who has a place gets an entry, who has or had one in the calendar gets it removed; and the entry's times."""
    has_place = scene.person.status == "confirmed"
    match scene.cause:
        case RegistrationReceived() | RegistrationWaitlisted() | RegistrationLapsed() | RegistrationReconfirmed():
            return None, scene.session
        case SessionGroupMessageRequested() | MaterialPublished() | FeedbackOpened() | ReminderDue():
            return None, scene.session
        case RegistrationConfirmed() | RegistrationPromoted() | RegistrationLinkRequested():
            return "REQUEST" if has_place and scene.session.status != "cancelled" else None, scene.session
        case RegistrationWithdrawn():
            return "CANCEL" if scene.in_calendar else None, _last_known(scene.session)
        case SessionCancelled():
            return "CANCEL" if has_place else None, _last_known(scene.session)
        case SessionPostponed() as cause if not dated(cause):
            return "CANCEL" if has_place else None, cause.previous
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionReinstated():
            return "REQUEST" if has_place else None, scene.session


def _last_known(session: SessionCard) -> Times:
    """The date in people's calendars, though the session's present date may be open."""
    return session if dated(session) else session.previous or session
