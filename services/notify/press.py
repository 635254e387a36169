"""Mails that differ only in what is each recipient's own, printed from one pattern instead of being composed each.

A pattern is made of the mail as the composer makes it for somebody who is called by marks: every line without a mark
stays as it is, one with marks is filled, escaped where it stands in HTML, folded where it stands in a calendar part,
and encoded as the whole is. The same goes for the few headers that are each mail's own. What a pattern prints for the
marks themselves must be what the composer has made of them, byte for byte, or there is no pattern; and whoever has an
address or a name out of the ordinary gets a mail that is composed.
"""

import binascii
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.quoprimime import body_encode
from email.utils import format_datetime
from functools import lru_cache
from uuid import UUID

from markupsafe import escape

from services.notify.conversation import content_of
from services.notify.letter import Letter
from services.notify.mail import Bodies, Composer, Envelope

SIMPLE = re.compile(
    r"(?=.{3,128}$)(?=[^@]{1,64}@)[\w+-]+(\.[\w+-]+)*@[A-Za-z0-9][\w-]*(\.[A-Za-z0-9][\w-]*)*", re.ASCII
)
BOUNDARY = re.compile(rb"={15}\d+==")
ESCAPED = re.compile("[&<>'\"]")
FOLD = 74
QUOTED_LINE = 78
BASE64_LINE = 57
BASE64_WRITTEN = 76
ENDLESS = 1_000_000
KEPT = 256
MINUTE = 60.0

type Own = Mapping[str, str]
type Line = bytes | Callable[[Own, Own], bytes]


class Unprintable(Exception):
    """No pattern can be made: a mark stands where its value would change more than its line."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a pattern is made of: a letter to somebody called by marks."""

    letter: Letter
    reply_to: str | None
    unsubscribe: str | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A mail with gaps."""

    parts: tuple[Line, ...]

    def fill(self, own: Own) -> bytes:
        """The mail as it is sent."""
        escaped = {name: str(escape(value)) if ESCAPED.search(value) else value for name, value in own.items()}
        return b"".join([part if isinstance(part, bytes) else part(own, escaped) for part in self.parts])


class _Marks:
    """Words that stand nowhere else, and are neither escaped, nor folded, nor encoded by anything."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self.message_id = UUID(bytes=secrets.token_bytes(16), version=5)

    @property
    def address(self) -> str:
        return f"{self.of('email')}@mark.example"

    def of(self, name: str) -> str:
        return f"mark{self._salt}{name.replace('_', '')}kram"

    def pieces(self, line: str, names: Sequence[str]) -> list[tuple[str, bool]]:
        """The line taken apart: texts, and names of what stands between them (True)."""
        by_word = {str(self.message_id) if name == "message_id" else self.of(name): name for name in names}
        by_word[self.address] = "email"
        found = re.split("(" + "|".join(sorted(map(re.escape, by_word), key=len, reverse=True)) + ")", line)
        return [(by_word.get(piece, piece), piece in by_word) for piece in found]

    def marked(self, line: str) -> bool:
        return self._salt in line or str(self.message_id) in line


NO_PATTERN = Pattern(())


class Press:
    """Keeps patterns by what mails have in common. One is made when it is wanted for the second time."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._patterns: OrderedDict[Hashable, Pattern | None] = OrderedDict()
        self._marks, self._longer = _Marks(secrets.token_hex(6)), _Marks(secrets.token_hex(20))

    def print(
        self, key: Hashable, own: Own, envelope: Envelope, make: Callable[[Own], Printed | None], now: datetime
    ) -> bytes | None:
        """The mail as it is sent, or None when it has to be composed.

        `own` is what stands for each mark; `make` writes the letter to who is called by marks. Because a letter may
        speak of what is so by now, a pattern is good for a minute.
        """
        values = self._values(own, envelope)
        if values is None:
            return None
        whole = (key, now.timestamp() // MINUTE)
        if whole not in self._patterns:
            self._keep(whole, None)
            return None
        pattern = self._patterns[whole]
        if pattern is None:
            self._patterns[whole] = pattern = self._made(own, make, envelope)
        return pattern.fill(values) or None

    def _keep(self, whole: Hashable, pattern: Pattern | None) -> None:
        self._patterns[whole] = pattern
        if len(self._patterns) > KEPT:
            self._patterns.popitem(last=False)

    def _values(self, own: Own, envelope: Envelope) -> dict[str, str] | None:
        """What fills the gaps; None of who is out of the ordinary."""
        if not SIMPLE.fullmatch(envelope.recipient) or not all(value.isprintable() for value in own.values()):
            return None
        return {
            **own,
            "email": envelope.recipient,
            "message_id": str(envelope.message_id),
            "date": _written(envelope.created_at),
        }

    def _made(self, own: Own, make: Callable[[Own], Printed | None], envelope: Envelope) -> Pattern:
        """A pattern, or one that prints nothing when none can be made.

        It must print what is composed for other marks, too, which are much longer: then no line breaks elsewhere
        because of what fills a gap.
        """
        try:
            pattern, _ = self._of_marks(self._marks, own, make, envelope)
            _, (values, composed) = self._of_marks(self._longer, own, make, envelope)
            if BOUNDARY.sub(b"", pattern.fill(values)) != BOUNDARY.sub(b"", composed):
                return NO_PATTERN
        except Unprintable:
            return NO_PATTERN
        return pattern

    def _of_marks(
        self, marks: _Marks, own: Own, make: Callable[[Own], Printed | None], envelope: Envelope
    ) -> tuple[Pattern, tuple[Own, bytes]]:
        """The pattern, and what was composed for these values."""
        called = {name: marks.of(name) for name in own}
        printed = make(called)
        if printed is None or printed.reply_to is not None:
            raise Unprintable
        to_marks = replace(
            envelope, message_id=marks.message_id, recipient=marks.address, unsubscribe=printed.unsubscribe
        )
        mail = self._composer.message(printed.letter, to_marks)
        bodies = self._composer.bodies(printed.letter, marks.address)
        pattern = Pattern(tuple(_joined(_lines(mail, bodies, marks, [*own, "email", "message_id"]))))
        values = {**called, "email": marks.address, "message_id": str(marks.message_id)}
        values["date"] = _written(envelope.created_at)
        composed = content_of(mail.as_bytes())
        if pattern.fill(values) != composed:
            raise Unprintable
        return pattern, (values, composed)


def _lines(mail: EmailMessage, bodies: Bodies, marks: _Marks, names: Sequence[str]) -> Iterator[Line]:
    """The mail's lines; those with gaps are functions."""
    whole, at = mail.as_bytes(), 0
    head, _, _ = whole.partition(b"\r\n\r\n")
    yield from _head(head.decode("ascii"), marks, names)
    at = len(head) + 2
    for part in mail.walk():
        if part.is_multipart():
            continue
        encoded = _encoded_body(part)
        begin = whole.index(encoded, at)
        yield _dotted(whole[at:begin])
        yield from _body(part.get_content_type(), bodies, marks, names)
        at = begin + len(encoded)
    rest = whole[at:]
    yield _dotted(rest if rest.endswith(b"\r\n") else rest + b"\r\n") + b".\r\n"


def _encoded_body(part: EmailMessage) -> bytes:
    payload = part.get_payload()
    assert isinstance(payload, str)
    return b"".join(line.encode("ascii") + b"\r\n" for line in payload.splitlines())


def _head(head: str, marks: _Marks, names: Sequence[str]) -> Iterator[Line]:
    for line in head.split("\r\n"):
        if line.startswith("Date: "):
            yield lambda own, _: f"Date: {own['date']}\r\n".encode()
        elif not marks.marked(line):
            yield f"{line}\r\n".encode()
        elif line.startswith(("To: ", "Message-ID: ", "List-Unsubscribe: ")):
            yield _ascii(marks.pieces(line, names))
        else:
            raise Unprintable


def _body(type_: str, bodies: Bodies, marks: _Marks, names: Sequence[str]) -> Iterator[Line]:
    if type_ == "application/ics":
        assert bodies.calendar is not None
        yield _attached(bodies.calendar, marks, names)
        return
    text = {"text/plain": bodies.text, "text/html": bodies.html, "text/calendar": bodies.calendar}[type_]
    assert text is not None
    for line in _unfolded(text) if type_ == "text/calendar" else _of_text(text):
        if not marks.marked(line):
            for physical in _folded(line) if type_ == "text/calendar" else (line,):
                yield _quoted(physical)
        elif type_ == "text/calendar":
            yield _calendar_line(marks.pieces(line, names))
        else:
            yield _text_line(marks.pieces(line, names), escaped=type_ == "text/html")


def _of_text(text: str) -> list[str]:
    """Its lines as the email package takes them apart."""
    return [line.decode() for line in text.encode().splitlines()]


def _ascii(pieces: list[tuple[str, bool]]) -> Line:
    def line(own: Own, _: Own) -> bytes:
        return f"{_filled(pieces, own)}\r\n".encode("ascii")

    return line


def _text_line(pieces: list[tuple[str, bool]], *, escaped: bool) -> Line:
    known = [(piece if gap else _encoded(piece), gap) for piece, gap in pieces]

    def line(own: Own, escaped_own: Own) -> bytes:
        values = escaped_own if escaped else own
        encoded = "".join([_encoded(values[piece]) if gap else piece for piece, gap in known])
        return _broken(encoded) if encoded[-1:] not in {" ", "\t"} else _quoted(_filled(pieces, values))

    return line


def _calendar_line(pieces: list[tuple[str, bool]]) -> Line:
    def line(own: Own, _: Own) -> bytes:
        return b"".join(map(_quoted, _folded(_filled(pieces, own))))

    return line


def _attached(calendar: str, marks: _Marks, names: Sequence[str]) -> Line:
    """The calendar part as a file. What comes before the first gap is encoded once, as far as it fills whole lines."""
    lines = _unfolded(calendar)
    first = next((number for number, line in enumerate(lines) if marks.marked(line)), len(lines))
    before = b"".join(map(_ended, lines[:first]))
    known, rest = before[: len(before) // BASE64_LINE * BASE64_LINE], before[len(before) // BASE64_LINE * BASE64_LINE :]
    begin = _base64(known)
    behind = [marks.pieces(line, names) if marks.marked(line) else _ended(line) for line in lines[first:]]

    def file(own: Own, _: Own) -> bytes:
        filled = [each if isinstance(each, bytes) else _ended(_filled(each, own)) for each in behind]
        return begin + _base64(rest + b"".join(filled))

    return file


def _ended(line: str) -> bytes:
    return "".join([f"{part}\r\n" for part in _folded(line)]).encode()


def _base64(data: bytes) -> bytes:
    encoded = binascii.b2a_base64(data, newline=False)
    lines = [encoded[at : at + BASE64_WRITTEN] for at in range(0, len(encoded), BASE64_WRITTEN)]
    return b"\r\n".join([*lines, b""])


def _filled(pieces: list[tuple[str, bool]], own: Own) -> str:
    return "".join([own[piece] if gap else piece for piece, gap in pieces])


def _quoted(line: str) -> bytes:
    """Quoted-printable, as the email package does it, and the dot at its beginning doubled."""
    if line[-1:] not in {" ", "\t"}:
        return _broken(_encoded(line))
    encoded = body_encode(line.encode().decode("latin-1"), QUOTED_LINE, "\r\n") + "\r\n"
    return _dotted(encoded.encode("ascii"))


def _encoded(text: str) -> str:
    """Part of a line in quoted-printable, however long. What would be different at its end is not looked at."""
    if text.isascii() and text.isprintable():
        return text.replace("=", "=3D")
    return body_encode(f"{text}.".encode().decode("latin-1"), ENDLESS)[:-1]


def _broken(encoded: str) -> bytes:
    """A line of quoted-printable with the soft breaks that the email package makes."""
    parts, begin, last = [], 0, len(encoded) - QUOTED_LINE - 1
    while begin <= last:
        end = begin + QUOTED_LINE - 1
        cut = end - 2 if encoded[end - 2] == "=" else end - 1 if encoded[end - 1] == "=" else end
        parts.append(f"{encoded[begin:cut]}=\r\n")
        begin = cut
    return _dotted("".join([*parts, encoded[begin:], "\r\n"]).encode("ascii"))


def _dotted(lines: bytes) -> bytes:
    return (b"." + lines if lines.startswith(b".") else lines).replace(b"\r\n.", b"\r\n..")


def _unfolded(calendar: str) -> list[str]:
    return calendar.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def _folded(line: str) -> Sequence[str]:
    """Physical lines as the calendar's library makes them: of plain ASCII by ourselves, which is most of them."""
    if line.isascii() and "\\" not in line and "^" not in line:
        return [line[:FOLD], *(f" {line[at : at + FOLD]}" for at in range(FOLD, len(line), FOLD))]
    return _folded_by_library(line)


@lru_cache(maxsize=64)
def _folded_by_library(line: str) -> list[str]:
    from icalendar.parser import Contentline  # noqa: PLC0415 -- not before a mail has a calendar part

    folded: bytes = Contentline(line).to_ical()  # type: ignore[no-untyped-call]
    return folded.decode().split("\r\n")


@lru_cache(maxsize=64)
def _written(at: datetime) -> str:
    return format_datetime(at)


def _joined(lines: Iterator[Line]) -> Iterator[Line]:
    """Neighbours without gaps as one."""
    known = b""
    for line in lines:
        if isinstance(line, bytes):
            known += line
        else:
            yield known
            yield line
            known = b""
    yield known
