"""The two connections of a journal's writer."""

from dataclasses import dataclass

import asyncpg

from shared.kernel.appending import SETTINGS
from shared.kernel.postgres import CONNECTION_LOST, OwnConnection, connect

STATEMENT = 3.0  # more than a transaction may take: what takes longer is lost on the way


class Unreachable(Exception):
    """There is no connection to be had."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One to look up with, and one to write with meanwhile.

    They are opened and given up together: what is written builds upon what was read of the same server.
    """

    reading: OwnConnection
    writing: OwnConnection

    @classmethod
    async def open(cls, dsn: str) -> "Pair":
        """Both, or `Unreachable`."""
        reading = await _open(dsn, "journal reads")
        try:
            return cls(reading, await _open(dsn, "journal"))
        except BaseException:
            reading.terminate()
            raise

    @property
    def lost(self) -> bool:
        """Whether one of them is closed."""
        return self.reading.is_closed() or self.writing.is_closed()

    def terminate(self) -> None:
        """Ends both at once."""
        self.reading.terminate()
        self.writing.terminate()


async def _open(dsn: str, name: str) -> OwnConnection:
    try:
        return await connect(dsn, name=name, timeout=STATEMENT, **SETTINGS)
    except (*CONNECTION_LOST, asyncpg.PostgresError) as refused:  # also full, starting, closed for maintenance
        raise Unreachable(repr(refused)) from refused
