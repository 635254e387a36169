"""What came back, read: a report of failure, a complaint, or neither, and which of our messages it is about.

Where messages have addresses of their own for what comes back, only those say which one it was: everybody whom a reader
ever answered knows a Message-ID, and a report is quickly made up.

Reports of RFC 3464 and complaints of RFC 5965 are read as they are meant; for servers that write letters instead there
is a library of their phrases. What answers for a person (out of office, challenges, receipts) is no bounce.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from typing import Literal
from uuid import UUID

from flufl.bounce import all_failures

from services.notify.bounce_address import BounceAddresses, Forged
from services.notify.bounce_codes import enhanced, reply_code

type Said = Literal["failed", "complaint", "nothing", "forged"]

MOST = 256 * 1024
ADDRESSED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to")
WRITERS = frozenset({"", "mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon", "microsoftexchange"})
COMPLAINTS = frozenset({"abuse", "opt-out", "opt-out-list"})
RETURNED = frozenset({"message/rfc822", "message/rfc822-headers", "text/rfc822-headers", "message/global-headers"})
UUIDS = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
RETURN_PATH = re.compile(r"^return-path:\s*<([^>\s]+)>", re.IGNORECASE | re.MULTILINE)
COPY = re.compile(r"^(?:-{3,}|return-path:|received:)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Returned:
    """What a mail says. `status` is an RFC 3463 code, `code` an SMTP reply; the servers' words are not kept."""

    said: Said
    message_id: UUID | None = None
    status: str | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what came back. `domain` ends our Message-IDs; `addresses` are where bounces are sent, if there are any."""

    domain: str
    addresses: BounceAddresses | None = None

    def read(self, raw: bytes) -> Returned:
        """What the mail says. One that nobody can have sent in good faith may raise anything."""
        mail = message_from_bytes(raw[:MOST], policy=compat32)
        found = _said(mail)
        if found.said == "nothing":
            return found
        try:
            message_id = self._quoted(mail, raw) if self.addresses is None else _proven(mail, self.addresses)
        except Forged:
            return Returned("forged")
        return replace(found, message_id=message_id)

    def _quoted(self, mail: Message, raw: bytes) -> UUID | None:
        """By the Message-ID in what was returned: where that is a part of its own there, or else anywhere below."""
        ours = re.compile(rf"^message-id:\s*<({UUIDS})@{re.escape(self.domain)}>", re.IGNORECASE | re.MULTILINE)
        for part in _returned(mail):
            if found := ours.search(part):
                return UUID(found[1])
        below = raw[:MOST].decode("ascii", "replace").partition("\n\n")[2] or raw[:MOST].decode("ascii", "replace")
        found = ours.search(below)
        return UUID(found[1]) if found else None


def hush() -> None:
    """The library says nothing in our log: its lines are many, and its errors quote what people wrote."""
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)


def message_id_in(text: str, domain: str) -> UUID | None:
    """Which message a Message-ID of ours names; the part before the @ alone will do."""
    found = re.fullmatch(rf"\s*<?({UUIDS})(?:@{re.escape(domain)})?>?\s*", text, re.IGNORECASE)
    return UUID(found[1]) if found else None


def _proven(mail: Message, addresses: BounceAddresses) -> UUID | None:
    """The message that the address says at which this arrived, or from which the one in it was sent."""
    return next((found for address in _addresses(mail) if (found := addresses.read(address))), None)


def _said(mail: Message) -> Returned:
    kind = str(mail.get_param("report-type", "")).lower() if mail.get_content_type() == "multipart/report" else ""
    if kind == "feedback-report" or _fields(mail, "message/feedback-report"):
        return _complaint(mail)
    if blocks := _fields(mail, "message/delivery-status") or _fields(mail, "message/global-delivery-status"):
        return _report(blocks)
    if kind or _answers_for_a_person(mail):
        return Returned("nothing")
    return _letter(mail)


def _report(blocks: list[Message]) -> Returned:
    """Of several recipients the first that failed: a message of ours has one, and whoever forwards it may have more."""
    for block in blocks:
        action = str(block.get("Action", "")).strip().lower()
        status = enhanced(str(block.get("Status", "")))
        words = str(block.get("Diagnostic-Code", ""))
        if action == "failed" or (not action and (status or "").startswith("5")):
            told = enhanced(f"{status or ''} {words}")
            return Returned("failed", status=told, code=reply_code(words.partition(";")[2] or words))
    return Returned("nothing")


def _complaint(mail: Message) -> Returned:
    for block in _fields(mail, "message/feedback-report"):
        if str(block.get("Feedback-Type", "")).strip().lower() in COMPLAINTS:
            return Returned("complaint")
    return Returned("nothing")


def _letter(mail: Message) -> Returned:
    """What a server wrote in its own words. Whether it gave up is for the library to say; the codes stand beside."""
    if not _from_a_server(mail):
        return Returned("nothing")
    _, given_up = all_failures(mail)
    if not given_up:
        return Returned("nothing")
    words = "\n".join(_before_the_copy(_text(part)) for part in mail.walk() if part.get_content_maintype() == "text")
    return Returned("failed", status=enhanced(words), code=reply_code(words))


def _answers_for_a_person(mail: Message) -> bool:
    said = str(mail.get("Auto-Submitted", "")).strip().lower()
    return (
        said.startswith("auto-replied") or "X-Autoreply" in mail or "X-Autorespond" in mail or "X-Challenge-ID" in mail
    )


def _from_a_server(mail: Message) -> bool:
    """Servers give no address of a person's."""
    writers = [address for _, address in getaddresses([str(each) for each in mail.get_all("From", [""])])]
    return any(re.split(r"[@+]", writer.lower())[0][:17].rstrip("0123456789") in WRITERS for writer in writers or [""])


def _addresses(mail: Message) -> Iterator[str]:
    """Where it arrived; what a report says of the envelope; whom the copy in it was returned to."""
    named = [value for name in ADDRESSED for value in mail.get_all(name, [])]
    for block in _fields(mail, "message/feedback-report"):
        named += block.get_all("Original-Mail-From", [])
    for _, address in getaddresses([str(value) for value in named]):
        yield address
    for part in _returned(mail):
        yield from RETURN_PATH.findall(part)


def _fields(mail: Message, kind: str) -> list[Message]:
    """The blocks of a machine-readable part."""
    blocks: list[Message] = []
    for part in mail.walk():
        if part.get_content_type() != kind:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            blocks += [block for block in payload if isinstance(block, Message)]
        else:
            each = re.split(r"\r?\n\r?\n", _text(part))
            blocks += [message_from_bytes(block.encode(), policy=compat32) for block in each if block.strip()]
    return blocks


def _returned(mail: Message) -> Iterator[str]:
    """The head of what was returned, as text."""
    for part in mail.walk():
        if part.get_content_type() not in RETURNED:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            heads = (each.items() for each in payload if isinstance(each, Message))
            yield from ("\n".join(f"{name}: {value}" for name, value in head) for head in heads)
        else:
            yield _text(part)


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _before_the_copy(text: str) -> str:
    """A server's words end where the copy of the mail begins: numbers in that say nothing."""
    return COPY.split(text, maxsplit=1)[0]
