"""Telling those who follow a journal that it has grown: at once inside the process, by NOTIFY between processes.

The NOTIFY is sent on a connection of its own and at most every few milliseconds: inside the append's transaction it
would serialise all commits (57–87 % of the throughput). It is a hint only; everyone who waits also polls.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from shared.kernel.postgres import CONNECTION_LOST, OwnConnection, connect

COALESCE = 0.005
RETRY = 1.0
BEAT = 3.0
ANSWER = 3.0

log = structlog.get_logger()


class Waiter:
    """One follower's bell. A ring between two waits is not lost."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Ends the present wait, or the next."""
        self._rung.set()

    async def wait(self, timeout: float) -> bool:
        """True when the journal has grown since the last wait, False after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Wakeup:
    """Rings every follower of this process, and those of the other processes of the service when it runs."""

    def __init__(self, dsn: str | None = None) -> None:
        self._dsn = dsn
        self._waiters: list[Waiter] = []
        self._outgoing = asyncio.Event()

    def waiter(self) -> Waiter:
        """A bell for one follower."""
        waiter = Waiter()
        self._waiters.append(waiter)
        return waiter

    def announce(self) -> None:
        """The journal has grown by a commit of this process."""
        self._ring()
        self._outgoing.set()

    async def run(self) -> None:
        """Passes announcements on to and from other processes, for ever; a lost connection is built again."""
        if self._dsn is None:
            return
        while True:
            try:
                await self._exchange(self._dsn)
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:  # a hint is not worth a service
                log.info("wakeup_reconnects", reason=type(error).__name__)
                await asyncio.sleep(RETRY)

    def _ring(self) -> None:
        for waiter in self._waiters:
            waiter.ring()

    async def _exchange(self, dsn: str) -> None:
        connection = await connect(dsn, name="wakeup", timeout=ANSWER)
        try:
            channel = await connection.fetchval("SELECT 'journal_' || current_schema()")
            await connection.add_listener(channel, self._heard(connection.get_server_pid()))
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            self._ring()
            await self._send(connection, channel, lost)
        finally:
            with contextlib.suppress(*CONNECTION_LOST):
                await connection.close(timeout=1)

    async def _send(self, connection: OwnConnection, channel: str, lost: asyncio.Event) -> None:
        while not lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._outgoing.wait()
            if self._outgoing.is_set():
                self._outgoing.clear()
                await connection.execute("SELECT pg_notify($1, '')", channel)
                await asyncio.sleep(COALESCE)
            else:
                await connection.execute("SELECT 1")

    def _heard(self, own_pid: int) -> Callable[..., Awaitable[None] | None]:
        def heard(_connection: object, pid: int, _channel: str, _payload: object) -> None:
            if pid != own_pid:
                self._ring()

        return heard
