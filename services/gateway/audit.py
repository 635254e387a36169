"""The audit log: who changed something by which route, when, and how it ended. No bodies, no addresses."""

from dataclasses import dataclass
from datetime import datetime

from shared.kernel.postgres import Pool

BEGIN = """
INSERT INTO audit (at, actor, method, path, correlation_id) VALUES ($1, $2, $3, $4, $5) RETURNING number
"""
END = "UPDATE audit SET status = $2 WHERE number = $1"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One change somebody sets out to make."""

    at: datetime
    actor: str
    method: str
    path: str
    correlation_id: str


async def begin(pool: Pool, attempt: Attempt) -> int:
    """Writes an attempt down before it is made, so that none is missing; its number."""
    number: int = await pool.fetchval(
        BEGIN, attempt.at, attempt.actor, attempt.method, attempt.path, attempt.correlation_id
    )
    return number


async def end(pool: Pool, number: int, status: int) -> None:
    """Notes how an attempt ended. Where this is missing the outcome is in the journal under the correlation id."""
    await pool.execute(END, number, status)
