"""A conversation with a mail server over a connection that is open: commands, replies, mails.

Where the server offers PIPELINING (RFC 2920) the commands of a mail go out together, and those of the next one together
with the mail before: one round trip a mail. The next mail's content waits until we are told to go on, so what became of
each can be written down before the next is handed over.
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass

LONGEST_LINE = 4096
ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
FORBIDDEN = re.compile(r"[^\x21-\x7e]")


class Gone(Exception):
    """The conversation is over: the connection broke, nobody answers, or what is answered is no SMTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server says. `status` is the RFC 3463 code; its words are not kept, they may repeat an address."""

    code: int
    status: str | None


class Replies(asyncio.Protocol):
    """Takes over a transport and gathers replies, in their order."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._come: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._rest = b""
        self._status: str | None = None
        self._over = False

    def take(self, transport: asyncio.Transport) -> None:
        """From now on what comes is ours."""
        self.transport = transport
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether there is still a connection."""
        return not self._over and self.transport is not None and not self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Lines, in whatever pieces they come."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"))
        if len(self._rest) > LONGEST_LINE:
            self._end()
        self._wake()

    def _line(self, line: bytes) -> None:
        if not line[:3].isdigit() or line[3:4] not in (b"", b" ", b"-"):
            self._end()
            return
        found = ENHANCED.match(line[4:].decode("ascii", "replace").lstrip())
        self._status = self._status or (found[0] if found else None)
        if line[3:4] != b"-":
            self._come.append(Reply(int(line[:3]), self._status))
            self._status = None

    def eof_received(self) -> bool:
        """Nothing more comes, and nothing more is said."""
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        """Whoever waits for a reply gets none."""
        self._end()
        self._wake()

    def _end(self) -> None:
        self._over = True
        if self.transport is not None:
            self.transport.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _in_vain(self, waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(Gone("no reply"))

    def write(self, data: bytes) -> None:
        """Sends; `Gone` when nobody is there."""
        if not self.is_open:
            raise Gone("closed")
        assert self.transport is not None
        self.transport.write(data)

    async def reply(self, until: float) -> Reply:
        """The next reply, by then (loop time); what came before the end is still given."""
        while not self._come:
            if self._over:
                raise Gone("closed")
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            patience = loop.call_at(until, self._in_vain, self._waiter)
            try:
                await self._waiter
            finally:
                patience.cancel()
                self._waiter = None
        return self._come.popleft()

    def abort(self) -> None:
        """Hangs up."""
        self._over = True
        if self.transport is not None:
            self.transport.abort()


def envelope_of(sender: str, recipient: str) -> tuple[bytes, bytes]:
    """MAIL and RCPT. An address that would say more than an address is refused with `ValueError`."""
    if FORBIDDEN.search(sender) or FORBIDDEN.search(recipient) or "<" in recipient or ">" in recipient:
        raise ValueError("not an address for an envelope")
    return f"MAIL FROM:<{sender}>\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode()


def content_of(mail: bytes) -> bytes:
    """A mail as it is sent: lines end as they must, dots at their beginning are doubled, and so it ends."""
    if b"\r" in mail.replace(b"\r\n", b"") or b"\n" in mail.replace(b"\r\n", b""):
        mail = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
    if mail.startswith(b"."):
        mail = b"." + mail
    return mail.replace(b"\r\n.", b"\r\n..") + (b".\r\n" if mail.endswith(b"\r\n") else b"\r\n.\r\n")
