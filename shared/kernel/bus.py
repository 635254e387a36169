"""NATS connections that can be trusted: each has one life, every wait in it ends, and its loss is known at once.

nats-py 2.16 has sharp edges, and this module is where they are taken off; nothing else of ours uses its client directly
but `nats.micro` in `rpc.py`.
- It reconnects behind one's back, replays what was buffered, and gives up after a while. Here nothing reconnects: a
  connection that is lost stays lost, and its owner makes a new one (`Bus`, or the next session of a relay or consumer).
- A late PONG, or any error in its read loop, leaves a client that looks connected and hears nothing. The end of the
  read loop ends the connection, and a watchdog sends itself a message through the server every few seconds.
- A denied publish is a timeout. Here it is `Denied`, at once.
- `drain` and `close` may wait for a server that does not answer. Here closing takes two seconds at most.
- Its publish costs 30 µs a message and its header parsing 20: `send` takes ready-made frames, and a connection opened
  with `bodies_only` leaves headers unread (statuses excepted).
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import nats.errors
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

PULSE = 1.0
PULSE_ANSWER = 4.0
ANSWER = 5.0
OPENING = 5.0
CLOSING = 2.0
RETRY_FIRST = 0.2
RETRY_LAST = 2.0
PENDING_BYTES = 64 * 1024 * 1024  # above anything we send at once: past it nats-py blocks, and swallows cancellation

DENIED = re.compile(r"permissions violation for (publish|subscription) to \"([^\"]*)\"")
STATUS_AT, SPACE = len("NATS/1.0"), 32

log = structlog.get_logger()


class Lost(Exception):
    """The connection is gone or cannot be trusted any more; make a new one."""


class Denied(Exception):
    """The server's permissions forbid it; trying again does not help."""


class NoAnswer(Exception):
    """Nobody answered in time. Whether the request was acted upon is unknown."""


class NoResponders(Exception):
    """Nobody listens there at present."""


class ApiError(Exception):
    """JetStream says no. `code` is like an HTTP status, `err_code` names the error."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(f"{description} ({err_code})")
        self.code = code
        self.err_code = err_code


TROUBLE = (Lost, Denied, NoAnswer, NoResponders, ApiError)
"""Everything that using a connection raises."""


class _Client(Client):
    def __init__(self, *, bodies_only: bool) -> None:
        super().__init__()
        self._bodies_only = bodies_only

    async def _process_pong(self) -> None:
        if self._pongs:
            waiting = self._pongs.pop(0)
            if not waiting.done():  # nats-py would raise InvalidStateError here and end its read loop
                waiting.set_result(True)
            self._pings_outstanding = 0

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        if not headers or (self._bodies_only and headers[STATUS_AT] != SPACE):
            return None
        return await super()._process_headers(headers)


class Connection:
    """One connection to NATS, from `open_connection` until it is lost or closed."""

    def __init__(self, name: str, inbox_prefix: str, *, bodies_only: bool = False) -> None:
        self.client = _Client(bodies_only=bodies_only)
        self.name = name
        self.inbox = f"{inbox_prefix}.{secrets.token_hex(8)}"
        self.lost = asyncio.Event()
        self.reason = ""
        self._asked = 0
        self._waiting: dict[str, tuple[str | None, asyncio.Future[Msg]]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def request(
        self, subject: str, payload: bytes = b"", *, timeout: float = ANSWER, headers: Mapping[str, str] | None = None
    ) -> Msg:
        """The first answer to a message."""
        reply, answer = self.expect(subject)
        await self._publish(subject, payload, reply, headers)
        message = await self.answer(reply, answer, timeout)
        if not message.data and message.headers and message.headers.get("Status") == "503":
            raise NoResponders(subject)
        return message

    async def api(self, call: str, body: Mapping[str, Any] | None = None, *, timeout: float = ANSWER) -> dict[str, Any]:
        """Calls the JetStream API: `call` is the subject behind `$JS.API.`."""
        payload = orjson.dumps(body) if body is not None else b""
        answer: dict[str, Any] = orjson.loads((await self.request(f"$JS.API.{call}", payload, timeout=timeout)).data)
        if error := answer.get("error"):
            raise ApiError(error.get("code", 0), error.get("err_code", 0), error.get("description", ""))
        return answer

    async def send(self, frames: bytes) -> None:
        """Hands ready-made protocol frames to the socket's buffer; does not wait for the server."""
        self._check()
        await self.client._send_command(frames)  # noqa: SLF001 -- see the module's docstring
        await self.client._flush_pending()  # noqa: SLF001

    async def subscribe(
        self, subject: str, hear: Callable[[Msg], Awaitable[None]], *, pending: int = 0, pending_bytes: int = 0
    ) -> None:
        """Hears a subject until the connection ends. No limit on what waits unless given: bound what is asked for."""
        self._check()
        await self.client.subscribe(subject, cb=hear, pending_msgs_limit=pending, pending_bytes_limit=pending_bytes)

    def expect(self, subject: str | None = None) -> tuple[str, asyncio.Future[Msg]]:
        """A reply subject and the future of what comes there. A denial of `subject`, or of any when None, fails it."""
        self._check()
        self._asked += 1
        reply = f"{self.inbox}.{self._asked}"
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = (subject.lower() if subject else None, answer)
        return reply, answer

    async def answer(self, reply: str, answer: asyncio.Future[Msg], timeout: float) -> Msg:
        """Waits for what `expect` announced; `NoAnswer` after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as late:
            raise NoAnswer(f"no answer within {timeout:g} s") from late
        finally:
            self._waiting.pop(reply, None)

    async def pulse(self) -> None:
        """One round trip: our own message comes back through the server and both loops of this client."""
        reply, answer = self.expect()
        await self._publish(reply, b"", "", None)
        await self.answer(reply, answer, PULSE_ANSWER)

    async def close(self) -> None:
        """Ends the connection within seconds, whatever the server does, and at once when cancelled."""
        healthy = not self.lost.is_set()
        self.lose("closed")
        if self._watch is not None:
            self._watch.cancel()
        client = self.client
        try:
            with contextlib.suppress(Exception):  # a broken connection may raise anything; it goes all the same
                if healthy:
                    await asyncio.wait_for(client.flush(), CLOSING)
                client._pending.clear()  # noqa: SLF001 -- close() would wait until a dead socket has taken it
                client._pending_data_size = 0  # noqa: SLF001
                await asyncio.wait_for(client.close(), CLOSING)
        finally:
            _abort(client)

    def lose(self, reason: str) -> None:
        """Declares the connection lost: every wait in it ends now."""
        if self.lost.is_set():
            return
        self.reason = reason
        self.lost.set()
        for _, answer in self._waiting.values():
            _fail(answer, Lost(reason))

    async def open(self, url: str) -> None:
        """Connects, listens on the inbox and makes the first round trip. Raises `Lost` or `Denied`."""
        try:
            async with asyncio.timeout(OPENING):
                await self._connect(url)
                await self.client.subscribe(f"{self.inbox}.*", cb=self._answered)
                await self.pulse()
        except BaseException as error:
            self.lose(str(error) or type(error).__name__)
            await self.close()
            if isinstance(error, nats.errors.Error) and "authorization" in str(error).lower():
                raise Denied("user or password refused") from error
            if isinstance(error, (nats.errors.Error, OSError, TimeoutError, NoAnswer)):
                raise Lost(f"no connection: {str(error) or type(error).__name__}") from error
            raise
        self._watch = asyncio.create_task(self._keep_watch(), name=f"watch {self.name}")

    async def _connect(self, url: str) -> None:
        user, password = _credentials(url)
        await self.client.connect(
            url.split(","),
            name=self.name,
            user=user,
            password=password,
            inbox_prefix=self.inbox,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=3,
            ping_interval=5,
            max_outstanding_pings=2,
            pending_size=PENDING_BYTES,
            error_cb=self._erred,
            closed_cb=self._closed,
        )
        reading = self.client._reading_task  # noqa: SLF001
        assert reading is not None
        reading.add_done_callback(lambda _: self.lose("the read loop ended"))

    async def _keep_watch(self) -> None:
        while not self.lost.is_set():
            await asyncio.sleep(PULSE)
            try:
                await self.pulse()
            except (NoAnswer, Denied) as error:
                self.lose(f"the connection is deaf: {error}")
            except Lost:
                return

    async def _publish(self, subject: str, payload: bytes, reply: str, headers: Mapping[str, str] | None) -> None:
        self._check()
        try:
            await self.client.publish(subject, payload, reply=reply, headers=dict(headers) if headers else None)
        except BaseException as error:
            self._waiting.pop(reply, None)
            if isinstance(error, nats.errors.ConnectionClosedError):
                self.lose("closed")
                raise Lost(self.reason) from error
            raise

    def _check(self) -> None:
        if self.lost.is_set():
            raise Lost(self.reason)

    async def _answered(self, message: Msg) -> None:
        waiting = self._waiting.get(message.subject)
        if waiting and not waiting[1].done():
            waiting[1].set_result(message)

    async def _erred(self, error: Exception) -> None:
        """nats-py's error callback. It must never raise: that would end the read loop."""
        found = DENIED.search(str(error).lower())
        if found is None:
            log.debug("nats_error", connection=self.name, reason=str(error) or type(error).__name__)
            return
        kind, subject = found.groups()
        log.error("nats_denied", connection=self.name, what=kind, subject=subject)
        if kind == "subscription":
            self.lose(f"may not subscribe to {subject}")
        for asked, answer in self._waiting.values():
            if asked is None or asked == subject:
                _fail(answer, Denied(f"may not publish to {subject}"))

    async def _closed(self) -> None:
        self.lose(str(self.client.last_error or "closed by the server"))


async def open_connection(
    url: str, name: str, *, inbox_prefix: str | None = None, bodies_only: bool = False
) -> Connection:
    """A connection that has made a round trip, with its watchdog running; close it. Raises `Lost` or `Denied`."""
    connection = Connection(name, inbox_prefix or inbox_of(url), bodies_only=bodies_only)
    await connection.open(url)
    return connection


def inbox_of(url: str) -> str:
    """The inbox prefix of the user in an address: answers to one user must not be readable by another."""
    user, _ = _credentials(url)
    return f"_INBOX_{user}" if user else "_INBOX"


def _credentials(url: str) -> tuple[str | None, str | None]:
    """User and password of an address; nats-py would take them as they are quoted."""
    parts = urlsplit(url.split(",", maxsplit=1)[0])
    return unquote(parts.username) if parts.username else None, unquote(parts.password) if parts.password else None


class Bus:
    """A service's standing connection, for what is not a session of its own: whenever it is lost a new one is made."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        inbox_prefix: str | None = None,
        on_lost: Callable[[str], None] | None = None,
    ) -> None:
        self._url = url
        self._name = name
        self._inbox_prefix = inbox_prefix
        self._on_lost = on_lost
        self._connection: Connection | None = None
        self._changed = asyncio.Condition()

    async def open(self) -> None:
        """Makes the connection. Raises `Lost` or `Denied`."""
        connection = await open_connection(self._url, self._name, inbox_prefix=self._inbox_prefix)
        async with self._changed:
            self._connection = connection
            self._changed.notify_all()

    async def run(self) -> None:
        """Replaces the connection whenever it is lost, for ever; belongs in the service's task group."""
        pause = RETRY_FIRST
        try:
            while True:
                if self._connection is None:
                    try:
                        await self.open()
                    except (Lost, Denied) as error:
                        log.warning("nats_unreachable", connection=self._name, reason=str(error))
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, RETRY_LAST)
                else:
                    await self._connection.lost.wait()
                    await self._drop(self._connection)
                    pause = RETRY_FIRST
        finally:
            await self.close()

    async def connection(self, timeout: float | None = None) -> Connection:
        """The present connection; waits for one, and raises `Lost` after `timeout` seconds without."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: self._connection and not self._connection.lost.is_set())
        except TimeoutError as late:
            raise Lost("no connection") from late
        assert self._connection is not None
        return self._connection

    async def request(
        self, subject: str, payload: bytes = b"", *, timeout: float = ANSWER, headers: Mapping[str, str] | None = None
    ) -> Msg:
        """The first answer to a message; `timeout` includes waiting for a connection."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        connection = await self.connection(timeout)
        return await connection.request(subject, payload, timeout=max(deadline - loop.time(), 0.01), headers=headers)

    async def check(self) -> str | None:
        """Why NATS cannot be used now, by a real round trip, or None; a probe for `Health`."""
        if self._connection is None:
            return "not connected"
        try:
            await self._connection.pulse()
        except (Lost, Denied, NoAnswer) as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Ends the connection; `run` would make another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _drop(self, connection: Connection) -> None:
        self._connection = None
        log.warning("nats_lost", connection=self._name, reason=connection.reason)
        if self._on_lost is not None:
            self._on_lost(connection.reason)
        await connection.close()


async def connect(
    url: str,
    name: str,
    *,
    inbox_prefix: str | None = None,
    on_lost: Callable[[str], None] | None = None,
) -> Bus:
    """A bus whose first connection stands; `Bus.run` keeps it so. Raises `Lost` or `Denied` when there is none."""
    bus = Bus(url, name, inbox_prefix=inbox_prefix, on_lost=on_lost)
    await bus.open()
    return bus


def _fail(answer: asyncio.Future[Msg], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # whoever waited may have gone


def _abort(client: Client) -> None:
    """Drops the socket without a word, and what nats-py left running on it."""
    # ruff: disable[SLF001]
    writer = getattr(client._transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
    for task in (client._reading_task, client._ping_interval_task, client._flusher_task):
        if task is not None:
            task.cancel()
    for subscription in client._subs.values():
        subscription._stop_processing()
    # ruff: enable[SLF001]
