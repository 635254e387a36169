"""What a mail server's answers mean."""

import asyncio
import socket

import pytest

from services.notify.smtp import Connection, Down, Host, Result
from tests.integration.notify.sink import Sink, mail_server

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


@pytest.mark.parametrize(
    ("stage", "answer", "result"),
    [
        ("RCPT", "550 5.1.1 <erika@b.example> unknown", Result("refused", 550, "5.1.1")),
        ("RCPT", "553 no", Result("refused", 553, None)),
        ("RCPT", "450 4.2.0 greylisted", Result("deferred", 450, "4.2.0")),
        ("RCPT", "452 4.2.2 mailbox full", Result("deferred", 452, "4.2.2")),
        ("RCPT", "421 4.7.0 later", Result("deferred", 421, "4.7.0")),
        ("DATA", "554 5.7.1 policy", Result("refused", 554, "5.7.1")),
        ("DATA", "451 4.3.0 try again", Result("deferred", 451, "4.3.0")),
        ("MAIL", "552 5.3.4 too big", Result("refused", 552, "5.3.4")),
        ("RCPT", "hang up", Result("deferred")),
        ("DATA", "hang up", Result("lost")),
    ],
)
async def test_a_verdict_on_the_message(stage: str, answer: str, result: Result) -> None:
    async with mail_server() as sink:
        connection = Connection(Host("127.0.0.1", sink.port))
        sink.say = lambda _, at: answer if at == stage else None
        assert await send(sink, connection) == result
        sink.say = lambda _, __: None
        assert (await send(sink, connection)).outcome == "delivered"
        assert len(sink.mails) == 1
        await connection.quit()


@pytest.mark.parametrize(
    ("stage", "answer"),
    [("MAIL", "530 5.7.0 authentication required"), ("MAIL", "421 closing"), ("MAIL", "hang up")],
)
async def test_trouble_that_is_not_the_messages(stage: str, answer: str) -> None:
    async with mail_server() as sink:
        sink.say = lambda _, at: answer if at == stage else None
        with pytest.raises(Down) as down:
            await send(sink)
        assert "@" not in str(down.value)


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
