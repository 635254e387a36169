"""Sample letters to people who registered: every cause, told to everybody whom it concerns."""

from collections.abc import Iterator, Mapping
from functools import partial

from services.notify.cause import Cause, OfRegistration, ReminderDue
from services.notify.letter import Letter
from services.notify.sample import (
    ANSWER_BY,
    ANY_ID,
    CONFIRM_BY,
    EMAIL,
    NAME,
    NEW,
    NOW,
    OLD,
    OPEN,
    PERSON,
    TOKEN,
    VENUE,
    Sample,
    session_card,
    times_of,
)
from services.notify.scene import Scene, as_left_by, concerns
from services.notify.session_letter import compose, text_for
from services.notify.texts import Text
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
    Times,
)
from shared.contracts.rpc import GroupMessage, Recipient

REGISTRATION = {"registration_id": ANY_ID, "session_id": ANY_ID, "person_id": PERSON}
SESSION = {"session_id": ANY_ID, "series_id": ANY_ID, "title": session_card().title}
WORDS = GroupMessage(
    subject="Bitte testen Sie vorab Ihr Mikrofon",
    text="Liebe Teilnehmende,\n\nbitte wählen Sie sich zehn Minuten früher ein.\n\nBis dann!",
)
FILES = (
    PublishedMaterial(
        material_id=ANY_ID,
        title="Gemeinsame IT beschaffen",
        talk="Erfahrungen aus dem Kreis Musterland",
        file_name="vortrag.pdf",
        media_type="application/pdf",
        size=1_234_567,
    ),
)


def _person(status: str, **changes: object) -> Recipient:
    known = {"registration_id": ANY_ID, "person_id": PERSON, "email": EMAIL, "name": NAME, "token": TOKEN}
    return Recipient.model_validate({**known, "status": status, **changes})


REGISTERED: dict[str, Recipient] = {
    "angemeldet": _person("confirmed", access_link="https://konferenz.example/raum", feedback_token=TOKEN),
    "angemeldet, Zugangslink fehlt noch": _person("confirmed"),
    "noch nicht bestätigt": _person("received", confirm_by=CONFIRM_BY),
    "auf der Warteliste": _person("waitlisted", waiting_position=3),
    "auf der Warteliste, noch nicht bestätigt": _person("waitlisted", confirm_by=CONFIRM_BY, waiting_position=3),
}
ASKED: dict[str, Recipient] = {
    f"{standing}, um Antwort gebeten": person.model_copy(update={"answer_by": ANSWER_BY, "unanswered": "go"})
    for standing, person in REGISTERED.items()
    if person.status != "received"
}
GONE = {"verfallen": _person("lapsed"), "abgemeldet": _person("withdrawn")}


def _postponed(previous: Times, to: Times, **changes: object) -> SessionPostponed:
    told = {**SESSION, **times_of(to), "sequence": 1, "previous": previous, "reason": "organisatorische Gründe"}
    return SessionPostponed.model_validate({**told, **changes})


def _relocated(**changes: object) -> SessionRelocated:
    told = {**SESSION, **times_of(NEW), "sequence": 1, "mode": "online", "previous_mode": "online"}
    return SessionRelocated.model_validate({**told, **changes})


ASKS = {"answer_by": ANSWER_BY, "unanswered": "go"}
TOLD_TO_ALL: tuple[Cause, ...] = (
    _postponed(OLD, NEW),
    _postponed(OLD, OPEN),
    _postponed(OPEN, NEW),
    SessionScheduled.model_validate({**SESSION, **times_of(NEW), "sequence": 2, "previous": OPEN}),
    _relocated(mode="in_person", venue=VENUE),
    _relocated(access_link_changed=True),
    SessionCancelled.model_validate({**SESSION, **times_of(NEW), "sequence": 1, "reason": "Erkrankung"}),
    SessionReinstated.model_validate({**SESSION, **times_of(NEW), "sequence": 2}),
    SessionGroupMessageRequested.model_validate({**SESSION, **times_of(NEW), "sequence": 0, "message_id": ANY_ID}),
    MaterialPublished.model_validate({**SESSION, "release_id": ANY_ID, "items": FILES}),
    FeedbackOpened.model_validate({**SESSION, "closes_at": ANSWER_BY}),
    ReminderDue.model_validate({"session_id": ANY_ID, "lead": "day", "starts_at": NEW.starts_at}),
    ReminderDue.model_validate({"session_id": ANY_ID, "lead": "hour", "starts_at": NEW.starts_at}),
)
TOLD_WITH_A_QUESTION: tuple[Cause, ...] = (_postponed(OLD, NEW, **ASKS), _postponed(OPEN, NEW, **ASKS))


def _withdrawn(cause: str) -> RegistrationWithdrawn:
    return RegistrationWithdrawn.model_validate({**REGISTRATION, "cause": cause})


TOLD_TO_ONE: tuple[tuple[OfRegistration, str], ...] = (
    (RegistrationReceived.model_validate({**REGISTRATION, "confirm_by": CONFIRM_BY}), "noch nicht bestätigt"),
    (RegistrationConfirmed.model_validate(REGISTRATION), "angemeldet"),
    (RegistrationConfirmed.model_validate(REGISTRATION), "angemeldet, Zugangslink fehlt noch"),
    (RegistrationWaitlisted.model_validate({**REGISTRATION, "confirm_by": None}), "auf der Warteliste"),
    (
        RegistrationWaitlisted.model_validate({**REGISTRATION, "confirm_by": CONFIRM_BY}),
        "auf der Warteliste, noch nicht bestätigt",
    ),
    (RegistrationPromoted.model_validate({**REGISTRATION, "confirm_by": None}), "angemeldet"),
    (RegistrationPromoted.model_validate({**REGISTRATION, "confirm_by": CONFIRM_BY}), "noch nicht bestätigt"),
    (RegistrationReconfirmed.model_validate(REGISTRATION), "angemeldet"),
    (RegistrationLapsed.model_validate(REGISTRATION), "verfallen"),
    (_withdrawn("participant"), "abgemeldet"),
    (_withdrawn("organiser"), "abgemeldet"),
    (_withdrawn("no_answer"), "abgemeldet"),
    *((RegistrationLinkRequested.model_validate(REGISTRATION), standing) for standing in REGISTERED),
)


def samples() -> Iterator[Sample]:
    """All of them; which text each is for is found as for a real one."""
    everybody = REGISTERED | ASKED | GONE
    for one, standing in TOLD_TO_ONE:
        yield _sample(one, standing, everybody[standing])
    for causes, people in ((TOLD_TO_ALL, REGISTERED), (TOLD_WITH_A_QUESTION, ASKED)):
        for cause in causes:
            for standing, person in people.items():
                if concerns(cause, person):
                    yield _sample(cause, standing, person)


def _sample(cause: Cause, standing: str, person: Recipient) -> Sample:
    return Sample(text_for(_scene(cause, person, "")), standing, partial(_letter, cause, person))


def _letter(cause: Cause, person: Recipient, texts: Mapping[str, Text], portal: str) -> Letter:
    return compose(_scene(cause, person, portal), texts)


def _scene(cause: Cause, person: Recipient, portal: str) -> Scene:
    words = WORDS if isinstance(cause, SessionGroupMessageRequested) else None
    in_calendar = isinstance(cause, RegistrationWithdrawn)
    return Scene(cause, as_left_by(cause, session_card()), person, portal, NOW, NOW, in_calendar, words)
