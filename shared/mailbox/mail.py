"""A mail as a reader's program shows it: who, what, the text, the invitation, what is attached."""

import email
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage, MIMEPart
from email.policy import default
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import structlog
from babel.dates import format_date, format_datetime

from shared.mailbox.store import subject_of

BERLIN = ZoneInfo("Europe/Berlin")
LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
SHOWN_HEADERS = ("From", "To", "Date", "Subject")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """A file in a mail; `number` finds it again."""

    number: int
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a calendar would make of the mail, in words."""

    kind: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, taken apart."""

    subject: str
    sender: str
    to: str
    date: str
    text: str | None
    html: str | None
    invitations: tuple[Invitation, ...]
    attachments: tuple[Part, ...]
    headers: tuple[tuple[str, str], ...]


def read(raw: bytes) -> Mail:
    """Takes a mail apart; one that is too malformed for that is shown as it came."""
    try:
        return _taken_apart(raw)
    except Exception as error:  # noqa: BLE001 -- on malformed headers Python's parser raises what it stumbles over
        log.warning("mail_shown_as_it_came", reason=type(error).__name__)
        text = raw.decode("utf-8", errors="replace")
        return Mail(subject_of(raw), "", "", "", text=text, html=None, invitations=(), attachments=(), headers=())


def _taken_apart(raw: bytes) -> Mail:
    message = email.message_from_bytes(raw, policy=default)
    parts = [Part(number, _name(part), part.get_content_type(), _bytes(part)) for number, part in _leaves(message)]
    plain = message.get_body(("plain",))
    html = message.get_body(("html",))
    bodies = {id(body) for body in (plain, html) if body is not None}
    shown_in_text = {number for number, part in _leaves(message) if id(part) in bodies}
    calendars = [part for part in parts if part.content_type == "text/calendar"]
    return Mail(
        subject=str(message.get("Subject", "")),
        sender=str(message.get("From", "")),
        to=str(message.get("To", "")),
        date=_date(message),
        text=None if plain is None else _text(plain),
        html=None if html is None else _text(html),
        invitations=tuple(dict.fromkeys(found for part in calendars for found in _invitations(part.content))),
        attachments=tuple(part for part in parts if part.number not in shown_in_text),
        headers=tuple((name, str(value)) for name, value in message.items()),
    )


def with_links(text: str) -> list[tuple[str, bool]]:
    """The text in pieces; those marked True are addresses to be linked."""
    pieces, end = [], 0
    for found in LINK.finditer(text):
        pieces += [(text[end : found.start()], False), (found.group(), True)]
        end = found.end()
    return [piece for piece in (*pieces, (text[end:], False)) if piece[0]]


def _leaves(message: EmailMessage) -> Iterator[tuple[int, EmailMessage]]:
    leaves = (part for part in message.walk() if not part.is_multipart())
    yield from enumerate(leaves)


def _name(part: EmailMessage) -> str:
    name = part.get_filename()
    if name:
        return " ".join(str(name).split())
    return "einladung.ics" if part.get_content_type() == "text/calendar" else part.get_content_type().replace("/", ".")


def _bytes(part: MIMEPart) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: MIMEPart) -> str:
    charset = part.get_content_charset() or "utf-8"
    try:
        return _bytes(part).decode(charset, errors="replace")
    except (LookupError, ValueError):  # a charset that is none, or that decodes no mail (idna, undefined)
        return _bytes(part).decode("utf-8", errors="replace")


def _date(message: EmailMessage) -> str:
    found = getattr(message.get("Date"), "datetime", None)
    with suppress(OverflowError):  # a day before the first or after the last year
        return _when(found) if found is not None else ""
    return ""


def _invitations(content: bytes) -> list[Invitation]:
    try:
        calendar = icalendar.Calendar.from_ical(content)
        method = str(calendar.get("METHOD", "")).upper()
        return [_invitation(method, event) for event in calendar.walk("VEVENT")]
    except Exception as error:  # noqa: BLE001 -- a malformed entry's properties may be of any type; it is still attached
        log.warning("invitation_only_attached", reason=type(error).__name__)
        return []


def _invitation(method: str, event: icalendar.cal.Component) -> Invitation:
    sequence = int(event.get("SEQUENCE", 0))
    kinds = {"CANCEL": "Absage", "REQUEST": "Aktualisierte Einladung" if sequence else "Einladung"}
    rows: list[tuple[str, Any]] = [
        ("Titel", event.get("SUMMARY")),
        ("Beginn", _moment(event, "DTSTART")),
        ("Ende", _moment(event, "DTEND")),
        ("Ort", event.get("LOCATION")),
        ("Beschreibung", event.get("DESCRIPTION")),
        ("Veranstalter", event.get("ORGANIZER")),
        ("Zustand", event.get("STATUS")),
        ("Methode", method),
        ("Kennung (UID)", event.get("UID")),
        ("Fassung (SEQUENCE)", sequence),
    ]
    return Invitation(
        kinds.get(method, "Kalendereintrag"),
        tuple((label, str(value)) for label, value in rows if value not in {None, ""}),
    )


def _moment(event: icalendar.cal.Component, name: str) -> str | None:
    found = event.get(name)
    return None if found is None else _when(found.dt)


def _when(moment: datetime | date) -> str:
    """A time on the wall in Berlin, or a day, in German words."""
    if not isinstance(moment, datetime):
        return format_date(moment, "EEEE, d. MMMM y", locale="de")
    local = moment if moment.tzinfo is None else moment.astimezone(BERLIN)
    return format_datetime(local, "EEEE, d. MMMM y, HH:mm 'Uhr'", locale="de", tzinfo=local.tzinfo)
