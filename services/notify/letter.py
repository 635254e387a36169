"""What a message says, as a value: composed from its cause, the session and the recipient, before any layout.

No letter to an address that nobody has confirmed repeats a word that was typed into a form: whoever enters someone
else's address can make the portal write to it, but not what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notify import german
from services.notify.cause import KINDS, Cause
from services.notify.invitation import Invitation, Method
from services.notify.texts import Text, Tone, fill, paragraphs
from shared.contracts.events import (
    RegistrationConfirmed,
    RegistrationLapsed,
    RegistrationLinkRequested,
    RegistrationPromoted,
    RegistrationReceived,
    RegistrationWaitlisted,
    RegistrationWithdrawn,
    SessionCancelled,
    SessionPostponed,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
    Times,
)
from shared.contracts.rpc import Recipient, SessionCard

MAX_NAME = 100
STANDING = {
    "received": (
        "Ihre Anmeldung ist noch nicht bestätigt. Bitte bestätigen Sie sie{until}, wenn Sie teilnehmen möchten."
    ),
    "waitlisted": "Sie stehen weiterhin auf der Warteliste.",
    "confirmed": "Ihre Anmeldung bleibt bestehen, Sie brauchen nichts weiter zu tun.",
    "lapsed": "Die Anmeldung ist verfallen.",
    "withdrawn": "Sie haben sich abgemeldet.",
}
BUTTON = {
    "received": "Anmeldung bestätigen",
    "waitlisted": "Warteliste ansehen oder verlassen",
    "confirmed": "Anmeldung ansehen oder abmelden",
    "lapsed": "Anmeldung ansehen",
    "withdrawn": "Anmeldung ansehen",
}
STANDING_UNCONFIRMED_IN_QUEUE = (
    "Ihr Platz auf der Warteliste ist noch nicht bestätigt. "
    "Bitte bestätigen Sie ihn{until}, wenn Sie teilnehmen möchten."
)
BUTTON_UNCONFIRMED_IN_QUEUE = "Platz auf der Warteliste bestätigen"
TAKES_PEOPLE = {"registration_open", "full", "postponed_rescheduled"}
AGAIN = "Möchten Sie doch teilnehmen? Dann melden Sie sich gern noch einmal an, solange Plätze frei sind."
LINK_FOLLOWS = "Den Zugangslink erhalten Sie per E-Mail, sobald er feststeht."
WHY = "Sie erhalten diese Nachricht, weil Sie sich mit dieser E-Mail-Adresse angemeldet haben."
WHY_UNCONFIRMED = "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse bei einer Anmeldung angegeben wurde."


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the box in a letter: the `main` one stands out, an `outdated` one is struck through."""

    label: str
    value: str
    main: bool = False
    outdated: bool = False
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """The one thing a reader can do about a letter."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody else's words, line by line, under a line that says whose they are."""

    of: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before layout: the same words go into its plain text and its HTML."""

    subject: str
    tone: Tone
    tag: str
    heading: str
    greeting: str
    opening: tuple[str, ...]
    facts: tuple[Fact, ...]
    closing: tuple[str, ...]
    button: Button
    footnote: str
    invitation: Invitation | None = None
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a letter is composed from. `session` is the session as the cause left it.

    `in_calendar` says that this person was sent an invitation before; `stamp` is when the cause happened.
    """

    cause: Cause
    session: SessionCard
    person: Recipient
    portal: str
    stamp: datetime
    in_calendar: bool = False


def as_left_by(cause: Cause, session: SessionCard) -> SessionCard:
    """The session as it was right after the cause, though more may have happened until its owner was asked."""
    match cause:
        case SessionPostponed() | SessionScheduled() | SessionCancelled() | SessionReinstated():
            told = {"title", "starts_at", "ends_at", "date", "sequence"}
        case SessionRelocated():
            told = {"title", "starts_at", "ends_at", "date", "sequence", "mode", "venue"}
        case _:
            return session
    return session.model_copy(update={name: getattr(cause, name) for name in told})


def compose(scene: Scene, texts: Mapping[str, Text]) -> Letter:
    """The letter that tells this person of this cause."""
    text = texts[text_for(scene.cause)]
    invitation = _invitation(scene)
    values = _values(scene, text.calendar if invitation else None)
    return Letter(
        subject=" ".join((fill(text.subject, values) or text.tag).split()),
        tone=text.tone,
        tag=text.tag,
        heading=text.heading,
        greeting=_greeting(scene.person),
        opening=paragraphs(text.opening, values),
        facts=tuple(_facts(scene)),
        closing=paragraphs(text.closing, values),
        button=_button(scene, text),
        footnote=WHY if _proven(scene.person) else WHY_UNCONFIRMED,
        invitation=invitation,
    )


def text_for(cause: Cause) -> str:
    """The name of the text for a cause and its circumstances."""
    kind = KINDS[type(cause)].name
    match cause:
        case RegistrationWaitlisted() | RegistrationPromoted():
            return f"{kind}_unconfirmed" if cause.confirm_by else kind
        case RegistrationWithdrawn():
            return f"{kind}_by_organiser" if cause.cause == "organiser" else kind
        case SessionPostponed() if not _dated(cause):
            return f"{kind}_open"
        case SessionPostponed():
            return kind if _dated(cause.previous) else "scheduling"
        case SessionRelocated():
            return kind if _moved(cause) else "access_changed"
        case RegistrationReceived() | RegistrationConfirmed() | RegistrationLapsed() | RegistrationLinkRequested():
            return kind
        case SessionScheduled() | SessionCancelled() | SessionReinstated():
            return kind


def _values(scene: Scene, calendar: str | None) -> dict[str, str | None]:
    session, cause = scene.session, scene.cause
    confirm_by = getattr(cause, "confirm_by", None)
    position = scene.person.waiting_position
    online = session.mode != "in_person" and scene.person.status == "confirmed"
    return {
        "title": f"„{session.title.replace('„', '‚').replace('“', '‘')}“",
        "session": session.title,
        "when": german.span(session),
        "when_short": german.short(session),
        "before": german.span(cause.previous) if isinstance(cause, SessionPostponed) else None,
        "confirm_by": german.moment(confirm_by) if confirm_by else None,
        "position": str(position) if position else None,
        "standing": _standing(scene.person),
        "again": AGAIN if _takes_people(scene) else None,
        "access": LINK_FOLLOWS if online and not scene.person.access_link else None,
        "calendar": calendar,
    }


def _standing(person: Recipient) -> str:
    text = STANDING_UNCONFIRMED_IN_QUEUE if _unproven_in_queue(person) else STANDING[person.status]
    return text.format(until=f" bis {german.moment(person.confirm_by)}" if person.confirm_by else "")


def _facts(scene: Scene) -> list[Fact]:
    session = scene.session
    when = german.span(session) or german.OPEN
    where = Fact("Ort", german.place(session.mode, session.venue))
    hosts = [Fact("Veranstaltet von", _list(session.hosts))] if session.hosts else []
    match scene.cause:
        case SessionPostponed() as cause:
            before = german.span(cause.previous)
            old = [Fact("Bisheriger Termin", before, outdated=True)] if before else []
            return [
                *old,
                Fact("Neuer Termin", when, main=True),
                *_reason(cause.reason),
                where,
                *_link(scene.person),
                *hosts,
            ]
        case SessionRelocated() as cause if _moved(cause):
            before = german.place(cause.previous_mode, cause.previous_venue)
            places = [Fact("Bisheriger Ort", before, outdated=True), Fact("Neuer Ort", where.value, main=True)]
            return [Fact("Termin", when), *places, *_link(scene.person), *hosts]
        case SessionCancelled() as cause:
            planned = [Fact("Abgesagter Termin", when, outdated=True)] if _dated(session) else []
            return [*planned, *_reason(cause.reason), *hosts]
        case _:
            return [Fact("Termin", when, main=True), where, *_link(scene.person), *hosts]


def _reason(reason: str) -> list[Fact]:
    return [Fact("Grund", reason)] if reason else []


def _link(person: Recipient) -> list[Fact]:
    """The way into an online session, for people with a place."""
    link = person.access_link
    if link is None or person.status != "confirmed":
        return []
    return [Fact("Zugang", link, url=link if link.startswith(("https://", "http://")) else None)]


def _button(scene: Scene, text: Text) -> Button:
    page = _page(scene) if text.leads_to == "session" else f"{scene.portal}/anmeldung/{scene.person.token}"
    fitting = BUTTON_UNCONFIRMED_IN_QUEUE if _unproven_in_queue(scene.person) else BUTTON[scene.person.status]
    return Button(text.button or fitting, page)


def _page(scene: Scene) -> str:
    """The session's public page."""
    return f"{scene.portal}/veranstaltungen/{scene.session.session_id}"


def calendar_method(scene: Scene) -> Method | None:
    """What the letter does to this person's calendar."""
    method, times = _calendar(scene)
    return method if _dated(times) else None


def _invitation(scene: Scene) -> Invitation | None:
    method, times = _calendar(scene)
    if method is None or not _dated(times):
        return None
    session = scene.session
    about = (session.series_title, session.summary, f"Veranstaltet von {_list(session.hosts)}" if session.hosts else "")
    return Invitation(
        method=method,
        session_id=session.session_id,
        sequence=session.sequence,
        title=session.title,
        times=times,
        location=german.place(session.mode, session.venue),
        description="\n".join([*(line for line in about if line), _page(scene)]),
        stamp=scene.stamp,
        takes_place=method == "REQUEST" or isinstance(scene.cause, RegistrationWithdrawn),
    )


def _calendar(scene: Scene) -> tuple[Method | None, Times]:
    """Who has a place gets an entry, who has or had one in the calendar gets it removed; and the entry's times."""
    has_place = scene.person.status == "confirmed"
    match scene.cause:
        case RegistrationReceived() | RegistrationWaitlisted() | RegistrationLapsed():
            return None, scene.session
        case RegistrationConfirmed() | RegistrationPromoted() | RegistrationLinkRequested():
            return "REQUEST" if has_place and scene.session.status != "cancelled" else None, scene.session
        case RegistrationWithdrawn():
            return "CANCEL" if scene.in_calendar else None, _last_known(scene.session)
        case SessionCancelled():
            return "CANCEL" if has_place else None, _last_known(scene.session)
        case SessionPostponed() as cause if not _dated(cause):
            return "CANCEL" if has_place else None, cause.previous
        case SessionPostponed() | SessionScheduled() | SessionRelocated() | SessionReinstated():
            return "REQUEST" if has_place else None, scene.session


def _last_known(session: SessionCard) -> Times:
    """The date in people's calendars, though the session's present date may be open."""
    return session if _dated(session) else session.previous or session


def _dated(times: Times) -> bool:
    return times.starts_at is not None or times.date is not None


def _moved(cause: SessionRelocated) -> bool:
    return (cause.mode, cause.venue) != (cause.previous_mode, cause.previous_venue)


def _greeting(person: Recipient) -> str:
    name = " ".join(person.name.split())
    plain = name.isprintable() and len(name) <= MAX_NAME and "://" not in name and "www." not in name.lower()
    return f"Guten Tag {name}," if name and plain and _proven(person) else "Guten Tag,"


def _proven(person: Recipient) -> bool:
    """The person has acted from this mailbox, or was signed in."""
    return person.status == "confirmed" or (person.status == "waitlisted" and person.confirm_by is None)


def _unproven_in_queue(person: Recipient) -> bool:
    return person.status == "waitlisted" and not _proven(person)


def _takes_people(scene: Scene) -> bool:
    """Whether it makes sense to register again."""
    begin = scene.session.starts_at
    return scene.session.status in TAKES_PEOPLE and (begin is None or begin > scene.stamp)


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} und {names[-1]}" if len(names) > 1 else names[0]
