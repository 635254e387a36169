"""What a mail server's answers mean."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notify.conversation import content_of
from services.notify.smtp import Connection, Down, Host, Result, Security
from tests.integration.notify.sink import Sink, mail_server

FROM = "portal@a.example"
MAIL = b"Subject: x\r\n\r\n.\r\ntext\r\n"


async def send(sink: Sink, connection: Connection | None = None) -> Result:
    opened = connection or Connection(Host("127.0.0.1", sink.port))
    try:
        return await opened.send("portal@a.example", "erika@b.example", MAIL)
    finally:
        if connection is None:
            await opened.quit()


async def test_one_connection_carries_many_mails() -> None:
    async with mail_server() as sink:
        connection = Connection(Host("127.0.0.1", sink.port))
        for _ in range(5):
            assert await send(sink, connection) == Result("delivered", 250, "2.0.0")
        await connection.quit()
        assert sink.sessions == 1
        assert [mail.raw for mail in sink.to("erika@b.example")] == [MAIL] * 5


@pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelined"])
@pytest.mark.parametrize(
    ("stage", "answer", "result"),
    [
        ("RCPT", "550 5.1.1 <erika@b.example> unknown", Result("refused", 550, "5.1.1")),
        ("RCPT", "553 no", Result("refused", 553, None)),
        ("RCPT", "450 4.2.0 greylisted", Result("deferred", 450, "4.2.0")),
        ("RCPT", "452 4.2.2 mailbox full", Result("deferred", 452, "4.2.2")),
        ("RCPT", "552 5.2.2 mailbox full", Result("deferred", 552, "5.2.2")),
        ("RCPT", "421 4.7.0 later", Result("deferred", 421, "4.7.0")),
        ("DATA", "554 5.7.1 policy", Result("refused", 554, "5.7.1")),
        ("DATA", "552 5.3.4 too big", Result("refused", 552, "5.3.4")),
        ("DATA", "451 4.3.0 try again", Result("deferred", 451, "4.3.0")),
        ("DATA", "421 4.3.2 shutting down", Result("deferred", 421, "4.3.2")),
        ("MAIL", "552 5.3.4 too big", Result("refused", 552, "5.3.4")),
        ("MAIL", "452 4.3.1 no space", Result("deferred", 452, "4.3.1")),
        ("RCPT", "hang up", Result("deferred")),
        ("DATA", "hang up", Result("lost")),
    ],
)
async def test_a_verdict_on_the_message(stage: str, answer: str, result: Result, *, pipelining: bool) -> None:
    async with mail_server(pipelining=pipelining) as sink:
        connection = Connection(Host("127.0.0.1", sink.port))
        sink.say = lambda _, at: answer if at == stage else None
        assert await send(sink, connection) == result
        sink.say = lambda _, __: None
        assert (await send(sink, connection)).outcome == "delivered"
        assert len(sink.mails) == 1
        await connection.quit()


@pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelined"])
@pytest.mark.parametrize(
    ("stage", "answer"),
    [("MAIL", "530 5.7.0 authentication required"), ("MAIL", "421 closing"), ("MAIL", "hang up")],
)
async def test_trouble_that_is_not_the_messages(stage: str, answer: str, *, pipelining: bool) -> None:
    async with mail_server(pipelining=pipelining) as sink:
        sink.say = lambda _, at: answer if at == stage else None
        with pytest.raises(Down) as down:
            await send(sink)
        assert "@" not in str(down.value)


class TestAnnounced:
    """The next mail's envelope goes out with the mail before; its content only when it is sent itself."""

    @pytest.fixture
    async def sink(self) -> AsyncIterator[Sink]:
        async with mail_server(pipelining=True) as sink:
            yield sink

    @pytest.fixture
    async def connection(self, sink: Sink) -> AsyncIterator[Connection]:
        connection = Connection(Host("127.0.0.1", sink.port))
        yield connection
        await connection.quit()

    async def hand_over(self, connection: Connection, number: int, following: int | None) -> Result:
        to = None if following is None else (FROM, f"{following}@b.example")
        return await connection.send(FROM, f"{number}@b.example", MAIL + b"%d\r\n" % number, to)

    async def test_mails_go_one_by_one(self, sink: Sink, connection: Connection) -> None:
        for number in range(5):
            assert await self.hand_over(connection, number, number + 1) == Result("delivered", 250, "2.0.0")
            await asyncio.sleep(0.01)
            assert len(sink.mails) == number + 1, "what is announced is no mail yet"
        connection.close()
        assert [mail.recipient for mail in sink.mails] == [f"{number}@b.example" for number in range(5)]
        assert [mail.raw for mail in sink.mails] == [MAIL + b"%d\r\n" % number for number in range(5)]

    async def test_another_one_than_was_announced(self, sink: Sink, connection: Connection) -> None:
        await self.hand_over(connection, 1, 2)
        assert (await self.hand_over(connection, 3, None)).outcome == "delivered"
        assert [mail.recipient for mail in sink.mails] == ["1@b.example", "3@b.example"]

    async def test_one_that_is_refused(self, sink: Sink, connection: Connection) -> None:
        sink.say = lambda envelope, at: "550 5.1.1 no" if at == "RCPT" and "2@b.example" in envelope.rcpt_tos else None
        await self.hand_over(connection, 1, 2)
        assert await self.hand_over(connection, 2, 3) == Result("refused", 550, "5.1.1")
        assert (await self.hand_over(connection, 3, None)).outcome == "delivered"
        assert [mail.recipient for mail in sink.mails] == ["1@b.example", "3@b.example"]
        assert sink.sessions == 1

    async def test_one_behind_a_refused_mail(self, sink: Sink, connection: Connection) -> None:
        answers = iter(["451 4.3.0 later"])
        sink.say = lambda _, at: next(answers, None) if at == "DATA" else None
        assert await self.hand_over(connection, 1, 2) == Result("deferred", 451, "4.3.0")
        assert (await self.hand_over(connection, 2, None)).outcome == "delivered"
        assert [mail.recipient for mail in sink.mails] == ["2@b.example"]

    @pytest.mark.parametrize("answer", ["421 4.7.0 enough mails in one conversation", "hang up"])
    async def test_a_server_that_ends_the_conversation_behind_a_mail(
        self, sink: Sink, connection: Connection, answer: str
    ) -> None:
        answers = iter([None, answer])
        sink.say = lambda _, at: next(answers, None) if at == "MAIL" else None
        await self.hand_over(connection, 1, 2)
        assert (await self.hand_over(connection, 2, None)).outcome == "delivered"
        assert [mail.recipient for mail in sink.mails] == ["1@b.example", "2@b.example"]


async def test_an_address_is_no_place_for_commands() -> None:
    async with mail_server() as sink:
        connection = Connection(Host("127.0.0.1", sink.port))
        with pytest.raises(ValueError, match="not an address"):
            await connection.send(FROM, "a@b.example>\r\nRCPT TO:<c@d.example", MAIL)
        assert not sink.mails


@pytest.mark.parametrize(
    ("mail", "sent"),
    [
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
        (b".a\n.\n", b"..a\r\n..\r\n.\r\n"),
        (b"a\rb", b"a\r\nb\r\n.\r\n"),
        (b"a\r\n\r\n..", b"a\r\n\r\n...\r\n.\r\n"),
    ],
)
def test_no_mail_ends_before_its_end(mail: bytes, sent: bytes) -> None:
    assert content_of(mail) == sent


async def test_nobody_listens() -> None:
    async with mail_server() as sink:
        port = sink.port
    with pytest.raises(Down):
        await Connection(Host("127.0.0.1", port)).ready()


async def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notify.smtp.CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Down):
        await Connection(Host("127.0.0.1", silent.getsockname()[1])).ready()


async def test_a_server_that_never_ends_a_mail_is_not_waited_for_longer_than_a_claim_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.notify.smtp.LONGEST", 0.5)

    async def dawdle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        while line := await reader.readline():
            if line == b"DATA\r\n":
                await asyncio.sleep(0.3)
                writer.write(b"354 go on\r\n")
            elif line.startswith((b"EHLO", b"MAIL", b"RCPT")):
                writer.write(b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(dawdle, "127.0.0.1", 0)
    async with server:
        connection = Connection(Host("127.0.0.1", server.sockets[0].getsockname()[1]))
        async with asyncio.timeout(10):
            assert await connection.send("portal@a.example", "erika@b.example", MAIL) == Result("lost")


async def test_a_connection_that_was_closed_meanwhile_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notify.smtp.STALE_AFTER", 0.0)
    async with mail_server() as sink:
        connection = Connection(Host("127.0.0.1", sink.port))
        await send(sink, connection)
        await sink.close()
        await sink.open()
        assert (await send(sink, connection)).outcome == "delivered"
        assert sink.sessions == 2
        await connection.quit()


async def test_a_cancelled_mail_ends_the_conversation() -> None:
    async with mail_server() as sink:
        connection = Connection(Host("127.0.0.1", sink.port))
        await connection.ready()
        sending = asyncio.ensure_future(send(sink, connection))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await send(sink, connection)).outcome == "delivered"
        assert sink.sessions == 2
        await connection.quit()


class TestSecured:
    """TLS and a log-in, as mail servers outside demand them."""

    @pytest.fixture
    def trusted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
        """A certificate for 127.0.0.1 that this process trusts."""
        certificate, key = self_signed()
        (tmp_path / "all.pem").write_bytes(certificate + key)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "all.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "all.pem")
        return context

    @pytest.mark.parametrize("security", ["offered", "starttls", "tls"])
    async def test_mails_go_through_tls_after_a_log_in(self, trusted: ssl.SSLContext, security: Security) -> None:
        first = security == "tls"
        async with mail_server(pipelining=True, secured=trusted, from_the_first_byte=first) as sink:
            host = Host("127.0.0.1", sink.port, security, "portal", "p\u00e4ss: w%rd")
            connection = Connection(host)
            for number in range(3):
                following = (FROM, "erika@b.example") if number < 2 else None
                assert await connection.send(FROM, "erika@b.example", MAIL, following) == Result(
                    "delivered", 250, "2.0.0"
                )
            await connection.quit()
            assert [mail.raw for mail in sink.mails] == [MAIL] * 3
            assert sink.logins == [("portal", "p\u00e4ss: w%rd")]

    async def test_who_may_not_log_in_is_down(self, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("services.notify.smtp.CONNECT_TIMEOUT", 0.5)
        async with mail_server(secured=trusted) as sink:
            sink.password = "another"
            with pytest.raises(Down):
                await Connection(Host("127.0.0.1", sink.port, "starttls", "portal", "wrong")).ready()
            assert ("portal", "wrong") in sink.logins
            assert not sink.mails

    async def test_tls_that_is_required_and_not_there(self) -> None:
        async with mail_server() as sink:
            with pytest.raises(Down):
                await Connection(Host("127.0.0.1", sink.port, "starttls")).ready()

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_a_server_that_nobody_vouches_for(
        self, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, security: Security
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        async with mail_server(secured=trusted, from_the_first_byte=security == "tls") as sink:
            with pytest.raises(Down):
                await Connection(Host("127.0.0.1", sink.port, security, "portal", "x")).ready()
            assert sink.logins == []

    async def test_tls_from_the_first_byte_that_is_not_there(self) -> None:
        """Nothing is said in the clear, a password least of all."""
        async with mail_server() as sink:
            with pytest.raises(Down):
                await Connection(Host("127.0.0.1", sink.port, "tls", "portal", "x")).ready()
            assert sink.logins == []


def self_signed() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    written = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), written
