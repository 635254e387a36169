"""A session, its people and one example of every cause."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.notify.cause import Cause, ReminderDue
from services.notify.layout import Layout
from services.notify.letter import Letter
from services.notify.mail import Composer, Envelope
from services.notify.scene import Scene, as_left_by
from services.notify.session_letter import compose
from services.notify.texts import Text, load_texts
from shared.contracts.events import (
    FeedbackOpened,
    MaterialPublished,
    Place,
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
from shared.contracts.rpc import GroupMessage, Recipient, SessionCard

BERLIN = ZoneInfo("Europe/Berlin")
PORTAL = "https://portal.example"
NAME = "Interkommunales.NRW"
SENDER = f"{NAME} <portal@interkommunal.example>"
SESSION = "0198f0a2-0000-7000-8000-000000000001"
TITLE = "Digitale Sprechstunde mit dem Landesbeauftragten für IKZ"
TOKEN = "q7Hc0mVt3yTn2b1kPzLx9A"
STAMP = datetime(2025, 7, 2, 14, 5, tzinfo=BERLIN)
CONFIRM_BY = datetime(2025, 7, 3, 14, 5, tzinfo=BERLIN)
ANSWER_BY = datetime(2025, 8, 14, 12, tzinfo=BERLIN)
CLOSES_AT = datetime(2025, 8, 14, 23, 59, tzinfo=BERLIN)
OLD = Times(starts_at=datetime(2025, 7, 31, 10, tzinfo=BERLIN), date=date(2025, 7, 31))
NEW = Times(starts_at=datetime(2025, 8, 28, 10, tzinfo=BERLIN), date=date(2025, 8, 28))
OPEN = Times()
MESSAGE = UUID("0198f0a2-1111-7000-8000-000000000002")
TEXTS: Mapping[str, Text] = load_texts()
COMPOSER = Composer(SENDER, Layout(PORTAL, NAME))


def dated(times: Times) -> dict[str, object]:
    return {"starts_at": times.starts_at, "ends_at": times.ends_at, "date": times.date}


def session(**changes: object) -> SessionCard:
    fields: dict[str, object] = {
        "session_id": SESSION,
        "series_id": "0198f0a2-0000-7000-8000-00000000000a",
        "series_title": "Digitale Sprechstunde",
        "title": TITLE,
        "status": "registration_open",
        "mode": "online",
        "hosts": ("Arbeitsgemeinschaft der kommunalen Spitzenverbände NRW",),
        "sequence": 0,
        "version": 9,
        **dated(OLD),
        **changes,
    }
    return SessionCard.model_validate(fields)


def person(status: str = "confirmed", **changes: object) -> Recipient:
    fields: dict[str, object] = {
        "registration_id": "0198f0a2-0000-7000-8000-0000000000f1",
        "person_id": "0198f0a2-0000-7000-8000-0000000000e1",
        "email": "erika@gemeinde.example",
        "name": "Erika Mustermann",
        "token": TOKEN,
        "status": status,
        **changes,
    }
    return Recipient.model_validate(fields)


OF_REGISTRATION = {
    "registration_id": person().registration_id,
    "session_id": SESSION,
    "person_id": person().person_id,
}
OF_SESSION: dict[str, object] = {"session_id": SESSION, "series_id": session().series_id, "title": TITLE}


def postponed(previous: Times = OLD, to: Times = NEW, sequence: int = 1) -> SessionPostponed:
    return SessionPostponed.model_validate(
        {**OF_SESSION, **dated(to), "sequence": sequence, "previous": previous, "reason": "organisatorische Gründe"}
    )


def postponed_and_asked(previous: Times = OLD, unanswered: str = "go") -> SessionPostponed:
    return postponed(previous).model_copy(update={"answer_by": ANSWER_BY, "unanswered": unanswered})


def relocated(**changes: object) -> SessionRelocated:
    fields = {**OF_SESSION, **dated(OLD), "sequence": 1, "mode": "online", "previous_mode": "online", **changes}
    return SessionRelocated.model_validate(fields)


RECEIVED = RegistrationReceived.model_validate({**OF_REGISTRATION, "confirm_by": CONFIRM_BY})
CONFIRMED = RegistrationConfirmed.model_validate(OF_REGISTRATION)
WAITLISTED = RegistrationWaitlisted.model_validate({**OF_REGISTRATION, "confirm_by": None})
WAITLISTED_GUEST = RegistrationWaitlisted.model_validate({**OF_REGISTRATION, "confirm_by": CONFIRM_BY})
PROMOTED = RegistrationPromoted.model_validate({**OF_REGISTRATION, "confirm_by": None})
PROMOTED_GUEST = RegistrationPromoted.model_validate({**OF_REGISTRATION, "confirm_by": CONFIRM_BY})
LAPSED = RegistrationLapsed.model_validate(OF_REGISTRATION)
WITHDRAWN = RegistrationWithdrawn.model_validate({**OF_REGISTRATION, "cause": "participant"})
WITHDRAWN_BY_ORGANISER = RegistrationWithdrawn.model_validate({**OF_REGISTRATION, "cause": "organiser"})
WITHDRAWN_UNANSWERED = RegistrationWithdrawn.model_validate({**OF_REGISTRATION, "cause": "no_answer"})
RECONFIRMED = RegistrationReconfirmed.model_validate(OF_REGISTRATION)
LINK = RegistrationLinkRequested.model_validate(OF_REGISTRATION)
SCHEDULED = SessionScheduled.model_validate({**OF_SESSION, **dated(NEW), "sequence": 2, "previous": OPEN})
CANCELLED = SessionCancelled.model_validate({**OF_SESSION, **dated(OLD), "sequence": 1, "reason": "Erkrankung"})
REINSTATED = SessionReinstated.model_validate({**OF_SESSION, **dated(OLD), "sequence": 2})
GROUP_MESSAGE = SessionGroupMessageRequested.model_validate(
    {**OF_SESSION, **dated(OLD), "sequence": 0, "message_id": "0198f0a2-0000-7000-8000-0000000000b1"}
)
WORDS = GroupMessage(
    subject="Bitte testen Sie vorab Ihr Mikrofon",
    text="Liebe Teilnehmende,\n\nam Donnerstag brauchen Sie:\n- ein Mikrofon\n- https://test.example\n\nBis dann!",
)
FILES = (
    PublishedMaterial(
        material_id="0198f0a2-0000-7000-8000-0000000000d1",
        title="Interkommunales Sozialamt",
        talk="Erfahrungen aus dem Kreis Unna",
        file_name="sozialamt.pdf",
        media_type="application/pdf",
        size=1_234_567,
    ),
    PublishedMaterial(
        material_id="0198f0a2-0000-7000-8000-0000000000d2",
        title="Tagesordnung",
        file_name="tagesordnung",
        media_type="application/octet-stream",
        size=312,
    ),
)
MATERIAL = MaterialPublished.model_validate(
    {
        "release_id": "0198f0a2-0000-7000-8000-0000000000c1",
        "session_id": SESSION,
        "series_id": OF_SESSION["series_id"],
        "title": TITLE,
        "items": FILES,
    }
)
FEEDBACK = FeedbackOpened.model_validate(
    {"session_id": SESSION, "series_id": OF_SESSION["series_id"], "title": TITLE, "closes_at": CLOSES_AT}
)
FEEDBACK_TOKEN = "Zp4s8mV1cK7wQ2xN9rT5bA"
VENUE = Place(name="Rathaus", address="Markt 1, 59423 Unna", city="Unna", ags="05978036")

assert OLD.starts_at is not None
REMINDER = ReminderDue(session_id=SESSION, lead="day", starts_at=OLD.starts_at)

CAUSES: dict[str, tuple[Cause, Recipient]] = {
    "received": (RECEIVED, person("received", confirm_by=CONFIRM_BY)),
    "confirmed": (CONFIRMED, person()),
    "waitlisted": (WAITLISTED, person("waitlisted", waiting_position=3)),
    "waitlisted guest": (WAITLISTED_GUEST, person("waitlisted", confirm_by=CONFIRM_BY, waiting_position=3)),
    "promoted": (PROMOTED, person()),
    "promoted guest": (PROMOTED_GUEST, person("received", confirm_by=CONFIRM_BY)),
    "lapsed": (LAPSED, person("lapsed")),
    "withdrawn": (WITHDRAWN, person("withdrawn")),
    "withdrawn by the organiser": (WITHDRAWN_BY_ORGANISER, person("withdrawn")),
    "withdrawn for want of an answer": (WITHDRAWN_UNANSWERED, person("withdrawn")),
    "reconfirmed": (RECONFIRMED, person()),
    "link again": (LINK, person()),
    "reminded a day before": (REMINDER, person(access_link="https://meet.example/raum")),
    "reminded an hour before": (REMINDER.model_copy(update={"lead": "hour"}), person()),
    "postponed": (postponed(), person()),
    "postponed, date open": (postponed(to=OPEN), person()),
    "dated after it was open": (postponed(previous=OPEN, sequence=2), person()),
    "postponed and asked": (postponed_and_asked(), person(answer_by=ANSWER_BY)),
    "dated and asked": (postponed_and_asked(previous=OPEN), person(answer_by=ANSWER_BY)),
    "scheduled": (SCHEDULED, person()),
    "relocated": (relocated(mode="in_person", venue=VENUE), person()),
    "access changed": (relocated(access_link_changed=True), person(access_link="https://konferenz.example/raum/8f1c")),
    "cancelled": (CANCELLED, person()),
    "reinstated": (REINSTATED, person()),
    "group message": (GROUP_MESSAGE, person()),
    "material": (MATERIAL, person()),
    "feedback": (FEEDBACK, person(feedback_token=FEEDBACK_TOKEN)),
}


def scene(
    cause: Cause,
    recipient: Recipient | None = None,
    card: SessionCard | None = None,
    *,
    in_calendar: bool = False,
    now: datetime = STAMP,
) -> Scene:
    left = as_left_by(cause, card or session())
    words = WORDS if isinstance(cause, SessionGroupMessageRequested) else None
    return Scene(cause, left, recipient or person(), PORTAL, STAMP, now, in_calendar, words)


def letter_for(
    cause: Cause,
    recipient: Recipient | None = None,
    card: SessionCard | None = None,
    *,
    in_calendar: bool = False,
    now: datetime = STAMP,
) -> Letter:
    return compose(scene(cause, recipient, card, in_calendar=in_calendar, now=now), TEXTS)


def mail_for(letter: Letter, recipient: str = "erika@gemeinde.example") -> bytes:
    return COMPOSER.compose(letter, Envelope(MESSAGE, recipient, STAMP))
