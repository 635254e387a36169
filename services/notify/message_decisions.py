"""What operators decide about single messages: try again now, or give up. Each decision is kept with its reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context, IdempotencyKeyReused

HELD = "SELECT state, reason FROM message WHERE id = $1 FOR UPDATE"
DECIDED = """
INSERT INTO message_decision (command_id, message_id, fingerprint, decision, reason, actor, at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (command_id) DO NOTHING RETURNING true
"""
BEFORE = "SELECT message_id, decision, fingerprint FROM message_decision WHERE command_id = $1"
# What waits for its first attempt waits for a reason: quiet hours, a digest, a day. So does what is held.
RETRY = """
UPDATE message SET state = 'waiting', ready_at = $2, finished_at = NULL, reason = NULL
WHERE id = $1 AND (state = 'failed' OR (state = 'waiting' AND attempts > 0))
"""
DISCARD = """
UPDATE message SET state = 'withheld', reason = 'discarded', finished_at = $2, sealed = NULL
WHERE id = $1 AND state IN ('waiting', 'held', 'failed')
"""

type What = Literal["retry", "discard"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody wants done with a message, and why."""

    message_id: str
    what: What
    reason: str


async def decide(pool: Pool, decision: Decision, context: Context) -> None:
    """Does it and keeps it; what was done before is not done again. `not_found`, `message_ended`, …: what hinders."""
    async with pool.acquire() as connection, connection.transaction():
        held = await connection.fetchrow(HELD, decision.message_id)
        if held is None:
            raise Problem("not_found")
        if not await _is_new(connection, decision, context):
            return
        if decision.what == "retry":
            await _retry(connection, decision, held["state"], context.at)
        elif (held["state"], held["reason"]) != ("withheld", "discarded"):
            await _discard(connection, decision, held["state"], context.at)


async def _is_new(connection: Connection, decision: Decision, context: Context) -> bool:
    row = (decision.message_id, context.fingerprint, decision.what, decision.reason, context.actor, context.at)
    if await connection.fetchval(DECIDED, context.command_id, *row):
        return True
    before = await connection.fetchrow(BEFORE, context.command_id)
    same = (UUID(decision.message_id), decision.what, context.fingerprint)
    if before is None or (UUID(str(before["message_id"])), before["decision"], before["fingerprint"]) != same:
        raise IdempotencyKeyReused
    return False


async def _retry(connection: Connection, decision: Decision, state: str, at: datetime) -> None:
    if state not in ("failed", "waiting", "held", "sending"):
        raise Problem("message_ended")
    await connection.execute(RETRY, decision.message_id, at)


async def _discard(connection: Connection, decision: Decision, state: str, at: datetime) -> None:
    if state == "sending":
        raise Problem("message_being_sent")
    if state not in ("failed", "waiting", "held"):
        raise Problem("message_ended")
    await connection.execute(DISCARD, decision.message_id, at)
