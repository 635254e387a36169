"""Connections to Postgres as every part of a service takes them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

import asyncpg
import orjson

if TYPE_CHECKING:
    Plain = asyncpg.Connection[asyncpg.Record]
else:  # at run time asyncpg's classes are not generic
    Plain = asyncpg.Connection

type OwnConnection = asyncpg.Connection[asyncpg.Record]
type Connection = OwnConnection | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
type Pool = asyncpg.Pool[asyncpg.Record]

# Errors after which a connection is not to be trusted: the server went, the network went, or the client lost its thread
# (`InternalClientError` when a backend is killed inside a transaction), or this one is no primary any more.
CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    TimeoutError,
)

# A process that freezes inside a transaction must not hold its locks: the server ends the session.
IDLE_IN_TRANSACTION = "5s"

# That does not end one that waits for the rest of a request: there the server has to notice that the link is gone.
KEEP_ALIVE = {"tcp_keepalives_idle": "3", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "3"}

# What a statement may take, and after one that took longer or was given up, how long the server may keep silent about
# its cancellation. Past that the link is taken for half open: nothing arrives on it any more, and nobody will say so.
STATEMENT = 5.0
CANCELLATION = 1.5

# What a new connection may take until it is ready for use, in seconds.
CONNECTING = 3.0


type Isolation = Literal["read_committed", "read_uncommitted", "serializable", "repeatable_read"]


class Transaction(asyncpg.transaction.Transaction):
    """asyncpg's, but a cancellation stays one when the connection is lost meanwhile.

    As the error of the rollback, it would be caught by somebody who then goes on for ever.
    """

    async def __aexit__(self, extype: object, ex: object, tb: object) -> None:
        try:
            await super().__aexit__(extype, ex, tb)
        except CONNECTION_LOST:
            if not isinstance(ex, asyncio.CancelledError):
                raise


class BareConnection(Plain):
    """A connection handed back as it is: no code here changes session state, and a reset costs 40 % of a query.

    One that turns out to be half open is dropped, and `half_open` is called.
    """

    half_open: Callable[[], Awaitable[None]] | None = None

    def get_reset_query(self) -> str:
        return ""

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        """A block that is committed or rolled back as a whole."""
        return Transaction(self, isolation, readonly, deferrable)

    async def close(self, *, timeout: float | None = None) -> None:
        """As asyncpg does it, but that the server said nothing to it in time is no error: the connection is gone."""
        with contextlib.suppress(TimeoutError):
            await super().close(timeout=timeout)

    async def _cancel(self, *waiters: Any) -> None:
        """As asyncpg does it, but not for as long as a statement may take: everything on the connection waits."""
        async with asyncio.timeout(CANCELLATION) as patience:
            await super()._cancel(*waiters)  # type: ignore[misc]  # the stubs leave it out
        if not patience.expired():
            return
        self.terminate()
        if self.half_open is not None:
            await self.half_open()


async def _codecs(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        encoder=lambda value: orjson.dumps(value).decode(),
        decoder=orjson.loads,
        schema="pg_catalog",
    )


async def connect_pool(
    dsn: str, *, name: str, size: int = 8, timeout: float = STATEMENT, settings: dict[str, str] | None = None
) -> Pool:
    """A pool of at most `size` connections; `timeout` bounds every statement, in seconds.

    jsonb columns are read and written as Python values, json columns as text. When one connection turns out to be half
    open, or a new one cannot be had in time, the others are not used again: most often they all are half open.
    """

    async def make(*args: Any, **settings: Any) -> OwnConnection:
        try:
            connection = await _open(*args, **settings)
        except TimeoutError:
            await pool.expire_connections()
            raise
        connection.half_open = pool.expire_connections
        return connection

    pool: Pool = await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        connection_class=BareConnection,
        connect=make,
        command_timeout=timeout,
        max_inactive_connection_lifetime=60,
        server_settings={
            "application_name": f"ikz {name}",
            **KEEP_ALIVE,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
            **(settings or {}),
        },
    )
    return pool


async def connect(dsn: str, *, name: str, timeout: float | None = STATEMENT, **settings: str) -> OwnConnection:
    """One connection of one's own, for what must not share a pool: the writer, listeners, elections, rebuilds."""
    return await _open(
        dsn,
        connection_class=BareConnection,
        command_timeout=timeout,
        server_settings={"application_name": f"ikz {name}", **KEEP_ALIVE, **settings},
    )


async def _open(*args: Any, **settings: Any) -> BareConnection:
    """A connection that is ready for use, in time; the link may end to carry anything in the midst of making it so."""
    async with asyncio.timeout(CONNECTING):
        connection: BareConnection = await asyncpg.connect(*args, **settings)
        try:
            await _codecs(connection)
        except BaseException:
            connection.terminate()
            raise
    return connection
