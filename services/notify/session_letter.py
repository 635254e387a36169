"""Letters to people who registered for a session: what became of their place, of the session, and what it offers."""

from collections.abc import Mapping
from datetime import datetime

from services.notify import german
from services.notify.cause import KINDS, ReminderDue
from services.notify.letter import Button, Letter, greeting, paragraphs_of, subject, titled, visible
from services.notify.scene import (
    GONE,
    Scene,
    asks,
    dated,
    moved,
    owes_answer,
    page,
    proven,
    takes_people,
    unproven_in_queue,
)
from services.notify.session_calendar import invitation
from services.notify.session_facts import facts
from services.notify.texts import Text, fill, paragraphs
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
)
from shared.contracts.rpc import Recipient

UNCONFIRMED = "Ihre Anmeldung ist noch nicht bestätigt. Bitte bestätigen Sie sie{until}, wenn Sie teilnehmen möchten."
UNCONFIRMED_IN_QUEUE = (
    "Ihr Platz auf der Warteliste ist noch nicht bestätigt. "
    "Bitte bestätigen Sie ihn{until}, wenn Sie teilnehmen möchten."
)
STANDING = {
    "waitlisted": "Sie stehen weiterhin auf der Warteliste.",
    "confirmed": "Ihre Anmeldung bleibt bestehen, Sie brauchen nichts weiter zu tun.",
    "lapsed": "Die Anmeldung ist verfallen.",
    "withdrawn": "Sie haben sich abgemeldet.",
}
OWES_ANSWER = "Bitte sagen Sie bis {by} für den neuen Termin zu oder ab."
TOO_LATE = "Die Frist, um für den neuen Termin zu- oder abzusagen, ist am {by} abgelaufen."
BUTTON = {
    "received": "Anmeldung bestätigen",
    "waitlisted": "Warteliste ansehen oder verlassen",
    "confirmed": "Anmeldung ansehen oder abmelden",
    "lapsed": "Anmeldung ansehen",
    "withdrawn": "Anmeldung ansehen",
}
BUTTON_UNCONFIRMED_IN_QUEUE = "Platz auf der Warteliste bestätigen"
BUTTON_OWES_ANSWER = "Zu- oder absagen"
UNANSWERED = {
    ("stay", "received"): None,
    ("go", "received"): "Wenn Sie bis dahin nicht antworten, heben wir Ihre Anmeldung auf und geben den Platz weiter.",
    ("stay", "confirmed"): "Wenn Sie nicht antworten, bleibt Ihre Anmeldung bestehen.",
    ("stay", "waitlisted"): "Wenn Sie nicht antworten, bleiben Sie auf der Warteliste.",
    ("go", "confirmed"): "Wenn Sie bis dahin nicht antworten, heben wir Ihre Anmeldung auf und geben den Platz weiter.",
    ("go", "waitlisted"): "Wenn Sie bis dahin nicht antworten, nehmen wir Sie von der Warteliste.",
}
AGAIN = "Möchten Sie doch teilnehmen? Dann melden Sie sich gern noch einmal an, solange Plätze frei sind."
LINK_FOLLOWS = "Den Zugangslink erhalten Sie per E-Mail, sobald er feststeht."
WHY = "Sie erhalten diese Nachricht, weil Sie sich mit dieser E-Mail-Adresse angemeldet haben."
WHY_UNCONFIRMED = "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse bei einer Anmeldung angegeben wurde."


def compose(scene: Scene, texts: Mapping[str, Text]) -> Letter:
    """The letter that tells this person of this cause."""
    text = texts[text_for(scene)]
    entry = invitation(scene)
    values = _values(scene, text.calendar if entry else None)
    known = proven(scene.person)
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting=greeting(scene.person.name) if known else "Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=tuple(facts(scene)),
        closing=paragraphs(text.closing, values),
        button=_button(scene, text),
        footnote=WHY if known else WHY_UNCONFIRMED,
        invitation=entry,
        message=paragraphs_of(scene.group_message.text) if scene.group_message else (),
    )


def text_for(scene: Scene) -> str:
    """The name of the text for a cause and its circumstances."""
    kind = KINDS[type(scene.cause)].name
    match scene.cause:
        case RegistrationWaitlisted() | RegistrationPromoted() as cause:
            return f"{kind}_unconfirmed" if cause.confirm_by else kind
        case RegistrationWithdrawn() as cause:
            return f"{kind}_{cause.cause}" if cause.cause in {"organiser", "no_answer"} else kind
        case SessionPostponed() as cause if not dated(cause):
            return f"{kind}_open"
        case SessionPostponed() as cause:
            told = kind if dated(cause.previous) else "scheduling"
            return f"{told}_asked" if asks(scene) else told
        case SessionRelocated() as cause:
            return kind if moved(cause) else "access_changed"
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationReconfirmed() | RegistrationLapsed():
            return kind
        case RegistrationLinkRequested() | SessionScheduled() | SessionCancelled() | SessionReinstated():
            return kind
        case ReminderDue() as cause:
            return f"{kind}_{cause.lead}"
        case SessionGroupMessageRequested() | MaterialPublished() | FeedbackOpened():
            return kind


def _values(scene: Scene, calendar: str | None) -> dict[str, str | None]:
    session, cause, person = scene.session, scene.cause, scene.person
    position = person.waiting_position
    online = session.mode != "in_person" and person.status == "confirmed"
    return {
        "title": titled(session.title),
        "session": session.title,
        "when": german.span(session),
        "when_short": german.short(session),
        "before": german.span(cause.previous) if isinstance(cause, SessionPostponed) else None,
        "confirm_by": _moment(getattr(cause, "confirm_by", None)),
        "answer_by": _moment(person.answer_by),
        "unanswered": _unanswered(scene),
        "owes": _owes(scene),
        "unconfirmed": _unconfirmed(person),
        "position": str(position) if position else None,
        "standing": _standing(scene),
        "again": AGAIN if takes_people(scene) else None,
        "access": LINK_FOLLOWS if online and not person.access_link else None,
        "calendar": calendar,
        "message_subject": visible(scene.group_message.subject) if scene.group_message else None,
        "files": _files(cause) if isinstance(cause, MaterialPublished) else None,
        "closes_at": _moment(cause.closes_at) if isinstance(cause, FeedbackOpened) else None,
    }


def _standing(scene: Scene) -> str:
    """What becomes of the recipient's registration, and what the recipient has to do for it."""
    person, cause = scene.person, scene.cause
    if asked := [sentence for sentence in (_unconfirmed(person), _owes(scene)) if sentence]:
        return " ".join(asked)
    stays = isinstance(cause, SessionPostponed) and cause.unanswered == "stay"
    if person.answer_by is not None and person.status not in GONE and not stays:
        return TOO_LATE.format(by=german.moment(person.answer_by))
    return STANDING[person.status]


def _unconfirmed(person: Recipient) -> str | None:
    """That a place is not confirmed yet."""
    text = UNCONFIRMED_IN_QUEUE if unproven_in_queue(person) else UNCONFIRMED
    until = f" bis {german.moment(person.confirm_by)}" if person.confirm_by else ""
    return None if proven(person) or person.status in GONE else text.format(until=until)


def _owes(scene: Scene) -> str | None:
    """That we wait for an answer, whatever the letter is about, and what happens without one."""
    if not owes_answer(scene):
        return None
    return " ".join(filter(None, (OWES_ANSWER.format(by=_moment(scene.person.answer_by)), _unanswered(scene))))


def _unanswered(scene: Scene) -> str | None:
    """What happens to somebody who does not answer."""
    asked = scene.cause.unanswered if isinstance(scene.cause, SessionPostponed) and asks(scene) else None
    becomes = scene.person.unanswered or asked
    return UNANSWERED[becomes, scene.person.status] if becomes and owes_answer(scene) else None


def _moment(at: datetime | None) -> str | None:
    return german.moment(at) if at else None


def _files(cause: MaterialPublished) -> str:
    return german.number_of(len(cause.items), "eine Datei", "Dateien")


def _button(scene: Scene, text: Text) -> Button:
    places = {
        "registration": f"{scene.portal}/anmeldung/{scene.person.token}",
        "session": page(scene),
        "materials": f"{page(scene)}#unterlagen",
        "feedback": f"{scene.portal}/feedback/{scene.person.feedback_token}",
    }
    return Button(text.button or _fitting(scene), places[text.leads_to])


def _fitting(scene: Scene) -> str:
    """What this person can do about the registration."""
    if unproven_in_queue(scene.person):
        return BUTTON_UNCONFIRMED_IN_QUEUE
    return BUTTON_OWES_ANSWER if owes_answer(scene) and proven(scene.person) else BUTTON[scene.person.status]
