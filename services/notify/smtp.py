"""One connection to the mail server, kept open, and what its answers mean for a message.

What an error means depends on where it happens: before the content of a mail nothing has been handed over; when the
connection breaks while the content is under way nobody knows; and a server that refuses the sender refuses us, not the
recipient. A connection that breaks when a recipient is named is that message's trouble: it is tried later, or it would
stand before all others for ever.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Literal, cast

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException

from services.notify.conversation import Gone, Replies, Reply, content_of, envelope_of

type Security = Literal["offered", "starttls", "tls"]
type Envelope = tuple[str, str]

CONNECT_TIMEOUT = 10.0
COMMAND_TIMEOUT = 30.0
LONGEST = 170.0  # from taking up a mail to its end; what comes before DATA has its own limits and leaves enough of it
STALE_AFTER = 10.0
OF_THE_MESSAGE = (452, 552)  # MAIL FROM carries the size
MAILBOX_FULL = "5.2.2"
GO_ON = 354


class Down(Exception):
    """The mail server cannot be used now; nothing was handed over. The text names no address and no secret."""


@dataclass(frozen=True, slots=True)
class Host:
    """A mail server and how it is spoken to: TLS if it is offered, required after STARTTLS, or from the first byte."""

    name: str
    port: int
    security: Security = "offered"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt.

    `delivered`: the server has taken it over. `refused`: it never will. `deferred`: not now. `lost`: the connection
    broke while the mail was on its way; it may have arrived. `status` is the RFC 3463 code.
    """

    outcome: Literal["delivered", "refused", "deferred", "lost"]
    code: int | None = None
    status: str | None = None


class Connection:
    """A conversation with the mail server; opened when it is needed, opened again when it broke."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._replies: Replies | None = None
        self._pipelining = False
        self._announced: Envelope | None = None
        self._used_at = 0.0

    async def ready(self) -> None:
        """Makes sure that the server can be spoken to, or raises `Down`."""
        replies = self._replies
        if replies is not None and replies.is_open and time.monotonic() - self._used_at < STALE_AFTER:
            return
        if replies is not None and replies.is_open and self._announced is None and await self._command("NOOP"):
            self._used_at = time.monotonic()
            return
        self.close()
        self._replies = await self._open()

    async def send(
        self, sender: str, recipient: str, mail: bytes, following: Envelope | None = None, *, as_sent: bool = False
    ) -> Result:
        """Hands over one mail. Raises `Down` if the trouble is not this message's and nothing was handed over.

        `following` is whom the next mail is from and to, if that is known: it may be announced with this one. A mail
        that is `as_sent` is in the form of `content_of` already. When it is cancelled in the middle of a mail the
        conversation ends, for it cannot go on from there.
        """
        until = asyncio.get_running_loop().time() + LONGEST
        if self._announced not in (None, (sender, recipient)):
            self.close()
        await self.ready()
        assert self._replies is not None
        replies, self._replies = self._replies, None
        announced, self._announced = self._announced is not None, None
        content = mail if as_sent else content_of(mail)
        envelope = sender, recipient
        try:
            try:
                result = await self._converse(replies, envelope, content, following, until, announced=announced)
            except _Unheard:
                replies.abort()
                replies = await self._open()
                result = await self._converse(replies, envelope, content, following, until, announced=False)
        except BaseException:
            replies.abort()
            raise
        self._replies, self._used_at = replies, time.monotonic()
        return result

    async def quit(self) -> None:
        """Says goodbye if there is anybody to say it to."""
        if self._announced is None and self._replies is not None and self._replies.is_open:
            await self._command("QUIT", timeout=1)
        self.close()

    def close(self) -> None:
        """Hangs up. A mail that was announced and not sent is none."""
        if self._replies is not None:
            self._replies.abort()
        self._replies = self._announced = None

    async def _converse(
        self,
        replies: Replies,
        envelope: Envelope,
        content: bytes,
        following: Envelope | None,
        until: float,
        *,
        announced: bool,
    ) -> Result:
        try:
            refused = await self._announce(replies, envelope, announced=announced)
        except (_AtRecipient, Down, Gone) as error:
            if announced:
                raise _Unheard from error
            if isinstance(error, _AtRecipient):
                replies.abort()
                return Result("deferred")
            raise Down(str(error)) from error
        if refused is not None:
            return await self._refused(replies, refused)
        try:
            following = following if self._pipelining else None
            commands = b"".join((*envelope_of(*following), b"DATA\r\n")) if following else b""
            replies.write(content + commands)
            reply = await replies.reply(until)
        except Gone:
            replies.abort()
            return Result("lost")
        if not 200 <= reply.code < 300:
            if following is not None:
                replies.abort()  # what is announced behind it cannot be taken back
            return await self._refused(replies, reply)
        self._announced = following
        return Result("delivered", reply.code, reply.status)

    async def _announce(self, replies: Replies, envelope: Envelope, *, announced: bool) -> Reply | None:
        """Up to where the content may follow; else the verdict on the recipient."""
        mail, recipient = envelope_of(*envelope)
        if self._pipelining and not announced:
            replies.write(mail + recipient + b"DATA\r\n")
        elif not announced:
            replies.write(mail)
        reply = await self._reply(replies)
        if reply.code // 100 != 2 and reply.code not in OF_THE_MESSAGE:
            raise Down(f"the server refuses the sender ({reply.code})")
        verdict = None if reply.code // 100 == 2 else reply
        try:
            if verdict is None or self._pipelining:
                verdict = await self._after_sender(replies, recipient, verdict)
        except Gone as error:
            raise _AtRecipient from error
        return verdict

    async def _after_sender(self, replies: Replies, recipient: bytes, verdict: Reply | None) -> Reply | None:
        if not self._pipelining:
            replies.write(recipient)
        reply = await self._reply(replies)
        if verdict is None and reply.code // 100 != 2:
            verdict = reply
        if verdict is not None and not self._pipelining:
            return verdict
        if not self._pipelining:
            replies.write(b"DATA\r\n")
        reply = await self._reply(replies)
        if reply.code == GO_ON and verdict is not None:
            replies.abort()  # it takes a mail for nobody (RFC 2920, 3.1), and shall have none
        return verdict if verdict is not None or reply.code == GO_ON else reply

    async def _reply(self, replies: Replies) -> Reply:
        return await replies.reply(asyncio.get_running_loop().time() + COMMAND_TIMEOUT)

    async def _refused(self, replies: Replies, reply: Reply) -> Result:
        """The verdict on this message; the conversation goes on if the server lets it."""
        self._replies = replies
        if reply.code == 421 or not await self._command("RSET"):
            replies.abort()
        self._replies = None
        return Result("refused" if _permanent(reply) else "deferred", reply.code, reply.status)

    async def _command(self, command: str, timeout: float | None = None) -> bool:
        """Whether the server does as it is told."""
        replies = self._replies
        assert replies is not None
        try:
            replies.write(f"{command}\r\n".encode())
            until = asyncio.get_running_loop().time() + (timeout or CONNECT_TIMEOUT)
            return (await replies.reply(until)).code // 100 == 2
        except Gone:
            return False

    async def _open(self) -> Replies:
        host = self._host
        client = SMTP(
            hostname=host.name,
            port=host.port,
            username=host.username,
            password=host.password,
            use_tls=host.security == "tls",
            start_tls={"offered": None, "starttls": True, "tls": False}[host.security],
            timeout=CONNECT_TIMEOUT,
        )
        try:
            await client.connect()
            await _greeted(client)
        except SMTPResponseException as error:
            client.close()
            raise Down(f"the server says {error.code}") from error
        except (SMTPException, OSError) as error:
            client.close()
            raise Down(type(error).__name__) from error
        transport = client.transport
        if transport is None or transport.is_closing():
            raise Down("closed")
        self._pipelining = client.supports_extension("pipelining")
        self._used_at = time.monotonic()
        replies = Replies()
        replies.take(cast("asyncio.Transport", transport))
        return replies


async def _greeted(client: SMTP) -> None:
    """It has said what it can do; a server of old age can nothing."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except SMTPHeloError:
            await client.helo()


class _Unheard(Exception):
    """What was announced with the mail before was never answered: the server ends a conversation when it wants."""


class _AtRecipient(Exception):
    """The conversation ended when the recipient was named."""


def _permanent(reply: Reply) -> bool:
    """A full mailbox may be emptied, whatever the server says; what is too large stays so."""
    full = reply.status == MAILBOX_FULL or (reply.code == 552 and reply.status is None)
    return 500 <= reply.code < 600 and not full
