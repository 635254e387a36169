"""What is written to a journal and what is asked of it first, as SQL.

Order inside a transaction: load, decide, project, then append with the counter's row as the last lock before COMMIT, so
that positions are gapless and become visible in their order, and writers wait for each other during the commit only.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from shared.kernel.decider import Refused
from shared.kernel.draft import Draft
from shared.kernel.orders import Order
from shared.kernel.postgres import Connection, OwnConnection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Context, IdempotencyKeyReused, Outcome

# One statement for a whole group. The UPDATE locks the counter's row until commit. A version or command id that another
# process has taken fails on its key, and with it the transaction. A stream whose last known version is gone (a journal
# restored to an older state) leaves the counter alone, and nothing is written. A subquery looks for each version by the
# index of (stream, version): a join may read the whole journal while the table's statistics are young.
APPEND = """
WITH counter AS (
    UPDATE journal_counter SET position = position + cardinality($1::appended_event[])
    WHERE NOT EXISTS (
        SELECT FROM unnest($3::text[], $4::bigint[]) AS head(stream, version)
        WHERE (SELECT j.version FROM journal j WHERE j.stream = head.stream AND j.version = head.version) IS NULL
    )
    RETURNING position - cardinality($1::appended_event[]) AS base
), written AS (
    INSERT INTO journal (position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id,
                         traceparent, history, aggregate, aggregate_version, recorded_at)
    SELECT counter.base + e.ordinal, e.stream, e.version, e.type, e.form, e.data, e.actor, e.command_id,
           e.correlation_id, e.causation_id, e.traceparent, e.history, e.aggregate, e.aggregate_version, e.recorded_at
    FROM counter, unnest($1::appended_event[]) AS e
), remembered AS (
    INSERT INTO command (id, fingerprint, stream, version, position, at)
    SELECT c.id, c.fingerprint, c.stream, c.version,
           CASE WHEN c.ordinal > 0 THEN counter.base + c.ordinal ELSE c.position END, c.at
    FROM counter, unnest($2::remembered_command[]) AS c
)
SELECT base FROM counter
"""
REMEMBER = """
INSERT INTO command (id, fingerprint, stream, version, position, at)
SELECT c.id, c.fingerprint, c.stream, c.version, c.position, c.at FROM unnest($1::remembered_command[]) AS c
"""
# Whether another process has written to one of the streams since they were loaded, or served one of the commands.
OVERTAKEN = """
SELECT EXISTS (
    SELECT FROM unnest($1::text[], $2::bigint[]) AS head(stream, version)
    WHERE (SELECT j.version FROM journal j WHERE j.stream = head.stream AND j.version = head.version + 1) IS NOT NULL
) OR EXISTS (SELECT FROM command WHERE id = ANY($3::uuid[]))
"""
REMEMBERED = "SELECT id, fingerprint, stream, version, position FROM command WHERE id = ANY($1::uuid[])"
# A client's key and an id made for one attempt are forgotten. An id that follows from a cause (UUIDv5, no fingerprint)
# is kept: the cause may come again at any time. SKIP LOCKED: several processes forget at once.
FORGET = """
WITH old AS (
    SELECT id FROM command
    WHERE (fingerprint IS NOT NULL OR uuid_extract_version(id) <> 5) AND at < now() - $1::interval
    ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM command USING old WHERE command.id = old.id RETURNING 1
)
SELECT count(*) FROM forgotten
"""
LOCK_STREAMS = """
SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || stream, 0))
FROM (SELECT stream FROM unnest($1::text[]) AS stream ORDER BY stream) AS ordered
"""
# A frozen writer must not hold the counter: the server ends its transaction.
SETTINGS = {
    "synchronous_commit": "on",
    "transaction_timeout": "2s",
    "idle_in_transaction_session_timeout": "2s",
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_generic_plan",  # planning the append anew costs more than running it
}

# What a projection or the journal refuses; after another process was faster it is a lost race.
REFUSALS = (asyncpg.IntegrityConstraintViolationError, Refused)


class Behind(Exception):
    """The journal does not hold what was folded: it was restored to an older state."""


class Overtaken(Exception):
    """Another process was faster."""


async def known_of(connection: Connection, orders: Sequence[Order]) -> dict[UUID, asyncpg.Record]:
    """The stored results of those commands that could have one."""
    ids = [order.context.command_id for order in orders if order.may_be_known]
    return {row["id"]: row for row in await connection.fetch(REMEMBERED, ids)} if ids else {}


async def outcome_of(connection: Connection, context: Context) -> Outcome | None:
    """The stored result of a command id, if it has one; `IdempotencyKeyReused` if that is another request's."""
    known = await connection.fetchrow(REMEMBERED, [context.command_id])
    answer = as_before(context, known) if known else None
    if isinstance(answer, Exception):
        raise answer
    return answer


def as_before(context: Context, known: asyncpg.Record) -> Outcome | Exception:
    """The stored result of a command id, or the refusal to use the id for something else."""
    if context.fingerprint is not None and known["fingerprint"] != context.fingerprint:
        return IdempotencyKeyReused()
    return Outcome(known["stream"].partition("-")[2], known["version"], known["position"], repeated=True)


async def write(connection: OwnConnection, draft: Draft, projections: Sequence[Projection]) -> int:
    """Writes a draft in a transaction of its own and gives the position that it stands behind."""
    try:
        if draft.recorded and projections:
            async with connection.transaction():
                return await put(connection, draft, projections)
        return await put(connection, draft, projections)
    except REFUSALS as error:
        await raise_if_overtaken(connection, draft, error)
        raise


async def put(connection: OwnConnection, draft: Draft, projections: Sequence[Projection]) -> int:
    """Writes a draft in the transaction that is open."""
    if not draft.recorded:
        if commands := draft.commands():
            await connection.execute(REMEMBER, commands)
        return 0
    for projection in projections:
        await projection.project(connection, draft.recorded)
    base: int | None = await connection.fetchval(APPEND, draft.rows, draft.commands(), *draft.heads())
    if base is None:
        raise Behind
    return base


async def raise_if_overtaken(connection: OwnConnection, draft: Draft, error: Exception) -> None:
    """A projection meets its keys before the journal does: what it refuses may be a lost race. The journal tells."""
    if await connection.fetchval(OVERTAKEN, *draft.foundations()):
        raise Overtaken from error
