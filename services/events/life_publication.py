"""What others hear of a session's life: the contracts its events become."""

from typing import Any

from services.events.life import (
    AgendaPublished,
    AnnouncementMissed,
    AnnouncementScheduled,
    AnswersEnded,
    LifeEvent,
    OfSession,
    RegistrationClosed,
    RegistrationOpened,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionDrafted,
    SessionHeld,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionRevised,
    SessionScheduled,
)
from shared.contracts import events as contracts
from shared.contracts.contract import Contract


def publish(event: LifeEvent) -> Contract | None:
    """The contract an event becomes; drafts and corrections become none."""
    match event:
        case SessionDrafted() | SessionRevised() | AnnouncementScheduled() | AnnouncementMissed() | AnswersEnded():
            return None
        case SessionAnnounced():
            return _announced(event)
        case SessionScheduled():
            return contracts.SessionScheduled(previous=event.previous.times(), **_ids(event))
        case RegistrationOpened():
            return contracts.SessionRegistrationOpened(
                closes_at=event.closes_at, capacity=event.capacity, **_ids(event)
            )
        case RegistrationClosed():
            return contracts.SessionRegistrationClosed(cause=event.cause, **_ids(event))
        case SessionPostponed():
            return _postponement(event)
        case SessionRelocated():
            return _relocation(event)
        case AgendaPublished():
            talks = tuple(talk.held() for talk in event.content.agenda)
            return contracts.SessionAgendaPublished(agenda_version=event.agenda_version, talks=talks, **_ids(event))
        case SessionCancelled():
            return contracts.SessionCancelled(reason=event.reason, **_ids(event))
        case SessionReinstated():
            return contracts.SessionReinstated(**_ids(event))
        case SessionHeld():
            return contracts.SessionHeld(**_ids(event))
        case SessionDocumented():
            talks = tuple(talk.held() for talk in event.documentation.talks)
            return contracts.SessionDocumented(talks=talks, **_ids(event))


def _announced(event: SessionAnnounced) -> Contract:
    content = event.content
    return contracts.SessionAnnounced(
        mode=content.mode,
        venue=content.venue.place() if content.venue else None,
        topics=content.topics,
        registration_required=content.registration_required,
        free_of_charge=content.free_of_charge,
        registration_opens_at=content.registration_opens_at,
        registration_closes_at=content.registration_closes_at,
        capacity=content.capacity,
        **_ids(event),
    )


def _postponement(event: SessionPostponed) -> Contract:
    return contracts.SessionPostponed(
        previous=event.previous.times(),
        reason=event.reason,
        answer_by=event.answer_by,
        unanswered=event.unanswered,
        **_ids(event),
    )


def _relocation(event: SessionRelocated) -> Contract:
    return contracts.SessionRelocated(
        mode=event.content.mode,
        venue=event.content.venue.place() if event.content.venue else None,
        previous_mode=event.previous.mode,
        previous_venue=event.previous.venue.place() if event.previous.venue else None,
        access_link_changed=event.content.access_link != event.previous.access_link,
        **_ids(event),
    )


def _ids(event: OfSession) -> dict[str, Any]:
    return {
        "session_id": event.session_id,
        "series_id": event.series_id,
        "title": event.title,
        "sequence": event.sequence,
        **event.when.times().model_dump(),
    }
