"""What a process had claimed when it died is free again after seconds, not only when the claim runs out.

Every process writes a number of its own into its claims, and holds an advisory lock on that number as long as it has a
connection. A number that nobody holds for a while belongs to a process that is gone: who lost only the connection has
another one by then, and who is frozen keeps it, and with it the claims until they run out.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg
import structlog

from shared.kernel.clock import Clock
from shared.kernel.postgres import CONNECTION_LOST, OwnConnection, connect

HOLD = "SELECT pg_advisory_lock(hashtext(current_schema() || ' holders'), $1)"
# Of two keys, pg_locks shows the first as `classid` and the second as `objid`, both unsigned, and `objsubid` 2.
NOT_HELD = """
SELECT holder FROM (
    SELECT holder FROM message WHERE state = 'sending' AND holder IS NOT NULL
    UNION
    SELECT holder FROM mailing WHERE state = 'open' AND holder IS NOT NULL
) AS claimed
WHERE holder NOT IN (
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = hashtext(current_schema() || ' holders')::bigint & x'ffffffff'::bigint
)
"""
FREE = """
WITH messages AS (
    UPDATE message SET state = 'waiting', ready_at = $2, holder = NULL WHERE state = 'sending' AND holder = ANY($1)
)
UPDATE mailing SET ready_at = $2, holder = NULL WHERE state = 'open' AND holder = ANY($1)
"""
GONE_AFTER = 5.0
BEAT = 1.0
RETRY = 0.5

log = structlog.get_logger()


def new_number() -> int:
    """A process's number; that of another process with a chance of one in two thousand million."""
    return secrets.randbelow(2**31)


@dataclass(frozen=True, slots=True)
class Holders:
    """Holds this process's number and frees what processes that are gone had claimed; `freed` is called then."""

    dsn: str
    clock: Clock
    freed: Callable[[], None]
    number: int = field(default_factory=new_number)

    async def run(self) -> None:
        """Works for ever; a lost connection is built again."""
        while True:
            try:
                connection = await connect(self.dsn, name="holder", timeout=3)
                try:
                    await self._watch(connection)
                finally:
                    connection.terminate()
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.info("holder_waits", reason=type(error).__name__)
                await asyncio.sleep(RETRY)

    async def _watch(self, connection: OwnConnection) -> None:
        """Counts from the beginning of this connection: after a restart of the database everybody comes back first."""
        await connection.fetchval(HOLD, self.number)
        missing: dict[int, float] = {}
        while True:
            now = time.monotonic()
            found = await connection.fetch(NOT_HELD)
            missing = {row["holder"]: missing.get(row["holder"], now) for row in found}
            gone = [number for number, since in missing.items() if now - since >= GONE_AFTER]
            if gone:
                await connection.execute(FREE, gone, self.clock.now())
                log.warning("claims_freed", holders=len(gone))
                self.freed()
            await asyncio.sleep(BEAT)
