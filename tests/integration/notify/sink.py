"""A real mail server for tests: it keeps what it gets and says no when it is told to."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

type Say = Callable[[Envelope, str], str | None]


@dataclass
class Mail:
    """What arrived, and for whom."""

    recipient: str
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        found = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def subject(self) -> str:
        return str(self.parsed["Subject"])

    @property
    def message_id(self) -> str:
        return str(self.parsed["Message-ID"])


@dataclass
class Sink:
    """`say(envelope, stage)` answers at the stages MAIL, RCPT, DATA; None is yes, "hang up" breaks the connection.

    "keep, then hang up" takes the mail and breaks the connection before the answer.
    """

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    sessions: int = 0
    say: Say = lambda _envelope, _stage: None
    pipelining: bool = False
    secured: ssl.SSLContext | None = None
    from_the_first_byte: bool = False
    password: str | None = None
    logins: list[tuple[str, str]] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _transports: set[asyncio.Transport] = field(default_factory=set)

    def to(self, recipient: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.recipient == recipient]

    async def open(self) -> None:
        """Starts to listen, at the same port as before."""
        loop = asyncio.get_running_loop()
        secured = self.secured if self.from_the_first_byte else None
        self._server = await loop.create_server(lambda: _Protocol(self, loop), "127.0.0.1", self.port, ssl=secured)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops to listen and breaks every connection."""
        assert self._server is not None
        self._server.close()
        for transport in self._transports:
            transport.abort()
        await self._server.wait_closed()

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", *responses[-1:]] if self.pipelining else responses

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.mail_from = address
        said = self._answer(server, envelope, "MAIL")
        if said is not None:
            envelope.mail_from = None
        return said or "250 OK"

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        said = self._answer(server, envelope, "RCPT")
        if said is not None:
            envelope.rcpt_tos.pop()
        return said or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        said = self._answer(server, envelope, "DATA")
        if said is not None and said != "keep, then hang up":
            return said
        assert isinstance(envelope.content, bytes)
        self.senders += [str(envelope.mail_from)] * len(envelope.rcpt_tos)
        self.mails += [Mail(recipient, envelope.content) for recipient in envelope.rcpt_tos]
        if said is not None:
            hang_up(server)
        return "250 2.0.0 OK"

    def log_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: LoginPassword
    ) -> AuthResult:
        """Anybody, unless a password is set."""
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=self.password in (None, given.password.decode()))

    def _answer(self, server: SMTP, envelope: Envelope, stage: str) -> str | None:
        said = self.say(envelope, stage)
        if said == "hang up":
            hang_up(server)
        return said


def hang_up(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


class _Protocol(SMTP):
    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        starttls = sink.secured is not None and not sink.from_the_first_byte
        super().__init__(
            sink,
            hostname="sink",
            loop=loop,
            enable_SMTPUTF8=False,
            tls_context=sink.secured if starttls else None,
            require_starttls=starttls,
            auth_required=starttls,
            auth_require_tls=starttls,
            authenticator=sink.log_in,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.sessions += 1
        self.event_handler._transports.add(transport)
        super().connection_made(transport)


@asynccontextmanager
async def mail_server(
    *, pipelining: bool = False, secured: ssl.SSLContext | None = None, from_the_first_byte: bool = False
) -> AsyncIterator[Sink]:
    """A sink that ends with the block; a `secured` one demands TLS, and a log-in after STARTTLS."""
    sink = Sink(pipelining=pipelining, secured=secured, from_the_first_byte=from_the_first_byte)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()
