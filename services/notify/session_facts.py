"""The box in a letter to somebody registered: when and where, what changed, what can be downloaded."""

from urllib.parse import quote

from services.notify import german
from services.notify.cause import ReminderDue
from services.notify.letter import Fact, listed, visible
from services.notify.scene import Scene, dated, moved
from shared.contracts.events import (
    FeedbackOpened,
    MaterialPublished,
    PublishedMaterial,
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
)
from shared.contracts.rpc import Recipient

WHOLE_SESSION = "Zur Veranstaltung"


def facts(scene: Scene) -> list[Fact]:
    """What this letter states beside its sentences."""
    session = scene.session
    when = german.span(session) or german.OPEN
    where = Fact("Ort", german.place(session.mode, session.venue))
    hosts = [Fact("Veranstaltet von", listed(session.hosts))] if session.hosts else []
    match scene.cause:
        case SessionPostponed() as cause:
            before = german.span(cause.previous)
            old = [Fact("Bisheriger Termin", before, outdated=True)] if before else []
            new = Fact("Neuer Termin", when, main=True)
            return [*old, new, *_reason(cause.reason), where, *_link(scene.person), *hosts]
        case SessionRelocated() as cause if moved(cause):
            before = german.place(cause.previous_mode, cause.previous_venue)
            places = [Fact("Bisheriger Ort", before, outdated=True), Fact("Neuer Ort", where.value, main=True)]
            return [Fact("Termin", when), *places, *_link(scene.person), *hosts]
        case SessionCancelled() as cause:
            planned = [Fact("Abgesagter Termin", when, outdated=True)] if dated(session) else []
            return [*planned, *_reason(cause.reason), *hosts]
        case MaterialPublished() as cause:
            return [*(_file(item, scene.portal) for item in cause.items), Fact("Termin", when), *hosts]
        case FeedbackOpened() | SessionGroupMessageRequested():
            return [Fact("Termin", when, main=True), where, *hosts]
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationWaitlisted() | RegistrationPromoted():
            return [Fact("Termin", when, main=True), where, *_link(scene.person), *hosts]
        case RegistrationReconfirmed() | RegistrationLapsed() | RegistrationWithdrawn() | RegistrationLinkRequested():
            return [Fact("Termin", when, main=True), where, *_link(scene.person), *hosts]
        case SessionScheduled() | SessionRelocated() | SessionReinstated() | ReminderDue():
            return [Fact("Termin", when, main=True), where, *_link(scene.person), *hosts]


def _reason(reason: str) -> list[Fact]:
    return [Fact("Grund", reason)] if reason else []


def _link(person: Recipient) -> list[Fact]:
    """The way into an online session, for people with a place."""
    link = person.access_link
    if link is None or person.status != "confirmed":
        return []
    return [Fact("Zugang", link, url=link if link.startswith(("https://", "http://")) else None)]


def _file(item: PublishedMaterial, portal: str) -> Fact:
    """What one file is, how large, and where it is."""
    about = f"{visible(item.title)} ({german.file(item.file_name, item.size)})"
    url = f"{portal}/api/v1/materials/{quote(item.material_id, safe='')}/file"
    return Fact(visible(item.talk) if item.talk else WHOLE_SESSION, about, url=url)
