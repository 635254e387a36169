"""A letter as the bytes for SMTP: multipart/mixed[alternative[text, html, calendar], the invitation as a file]."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from services.notify.invitation import Invitation, Method
from services.notify.layout import Layout
from services.notify.letter import Letter

POLICY = SMTP.clone(refold_source="none")  # what is set raw stays as it is: folding would encode a long List-Id
PLAIN_WORDS = re.compile(r"[A-Za-z0-9 .-]{1,60}")
LONGEST = 254  # of an address, as SMTP carries it
FILE_NAMES: dict[Method, str] = {"REQUEST": "einladung.ics", "CANCEL": "absage.ics"}


class BadAddress(ValueError):
    """No mail can be addressed to this."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """To whom, dated when, and where an answer goes if not to us. `message_id` is the same however often it is sent.

    `unsubscribe` is an https address that ends a subscription by an empty POST (RFC 8058).
    """

    message_id: UUID
    recipient: str
    created_at: datetime
    reply_to: str | None = None
    unsubscribe: str | None = None


@dataclass(frozen=True, slots=True)
class Bodies:
    """What the parts of a mail say, before it is encoded."""

    text: str
    html: str
    calendar: str | None


class Composer:
    """Writes mails in the name of one mailbox, given as `Name <address>` or bare."""

    def __init__(self, sender: str, layout: Layout) -> None:
        name, address = parseaddr(sender)
        self._sender = Address(name or layout.name, addr_spec=address)
        self._layout = layout

    @property
    def sender(self) -> str:
        """The bare address of the portal's mailbox."""
        return self._sender.addr_spec

    def compose(self, letter: Letter, envelope: Envelope) -> bytes:
        """The whole mail. An address that is none raises `BadAddress`."""
        return self.message(letter, envelope).as_bytes()

    def bodies(self, letter: Letter, recipient: str) -> Bodies:
        """What its parts say."""
        calendar = self._calendar(letter.invitation, recipient).decode() if letter.invitation else None
        return Bodies(self._layout.text(letter), self._layout.html(letter), calendar)

    def message(self, letter: Letter, envelope: Envelope) -> EmailMessage:
        """The mail in its parts."""
        mail = EmailMessage(policy=POLICY)
        mail["From"] = self._sender
        mail["To"] = _recipient(envelope.recipient)
        bodies = self.bodies(letter, envelope.recipient)
        if envelope.reply_to is not None:
            mail["Reply-To"] = _recipient(envelope.reply_to)
        mail.set_raw("Subject", _subject(letter.subject))
        mail["Date"] = format_datetime(envelope.created_at)
        mail["Message-ID"] = f"<{envelope.message_id}@{self._sender.domain}>"
        mail.set_raw("List-Id", f"{_words(self._layout.name)} <nachrichten.{self._sender.domain}>")
        if envelope.unsubscribe is not None:
            mail.set_raw("List-Unsubscribe", f"<{envelope.unsubscribe}>")
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(bodies.text, cte="quoted-printable")
        mail.add_alternative(bodies.html, subtype="html", cte="quoted-printable")
        if letter.invitation is not None and bodies.calendar is not None:
            method = letter.invitation.method
            mail.add_alternative(bodies.calendar, subtype="calendar", params={"method": method}, cte="quoted-printable")
            calendar = bodies.calendar.encode()
            mail.add_attachment(calendar, maintype="application", subtype="ics", filename=FILE_NAMES[method])
        mail["Content-Language"] = "de"  # at the end: setting content drops what begins with Content-
        return mail

    def _calendar(self, invitation: Invitation, attendee: str) -> bytes:
        # Not before a mail has one: icalendar takes 4 MB, and time at the start.
        from services.notify.itip import render  # noqa: PLC0415

        return render(invitation, organiser=self.sender, organiser_name=self._layout.name, attendee=attendee)


def _words(name: str) -> str:
    """A name as it may stand before an address in angle brackets; one that is not plain ASCII is encoded as a whole."""
    return name if PLAIN_WORDS.fullmatch(name) else Header(name, "utf-8", header_name="List-Id").encode(maxlinelen=76)


def _subject(text: str) -> str:
    """Encoded as a whole: `EmailMessage` encodes word by word, and readers then see two spaces where a line ends."""
    visible = "".join(c if c.isprintable() else " " for c in text)
    return Header(" ".join(visible.split()), "utf-8", header_name="Subject").encode(maxlinelen=76)


def _recipient(address: str) -> Address:
    """A bare address: what people call themselves stays out of the headers."""
    try:
        recipient = Address(addr_spec=address)
    except (HeaderParseError, ValueError, IndexError) as error:
        raise BadAddress from error
    if not (address.isascii() and address.isprintable() and recipient.domain and len(address) <= LONGEST):
        raise BadAddress
    return recipient
