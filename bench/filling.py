"""Fills a journal by the million, set by set, with the rows that appending would have made."""

from bench.account import NOTE
from shared.kernel.postgres import Connection

# $1 events spread evenly over $2 accounts from number $3 on, whose streams have $4 events each so far.
FILL = """
WITH base AS (UPDATE journal_counter SET position = position + $1 RETURNING position - $1 AS base),
made AS (
    SELECT base + n + 1 AS position, ($3 + n % $2)::text AS account, $4 + n / $2 + 1 AS version
    FROM base, generate_series(0, $1 - 1) AS n
)
INSERT INTO journal (position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id,
                     traceparent, history, aggregate, aggregate_version, recorded_at)
SELECT position, 'account-' || account, version, 'Deposited', 1,
       format('{"at":"2026-11-22T10:00:00Z","account":"%s","amount":1,"note":"%s"}', account, $5::text)::json,
       'bench', gen_random_uuid(), 'bench', NULL, NULL, false, 'account/' || account, version, clock_timestamp()
FROM made
"""
PROJECT = """
INSERT INTO deposit (account, version) SELECT stream, version FROM journal ON CONFLICT DO NOTHING
"""
AT_ONCE = 200_000


async def fill(connection: Connection, events: int, accounts: int, first: int, versions: int = 0) -> None:
    """Appends `events` events to `accounts` streams whose names are numbers from `first` on.

    `versions` is how many events each of them has. Everything in one transaction for as long as few are asked for.
    """
    done = 0
    while done < events:
        count = min(AT_ONCE // accounts * accounts or accounts, events - done)
        await connection.execute(FILL, count, accounts, first, versions + done // accounts, NOTE)
        done += count


async def project_all(connection: Connection) -> None:
    """Brings the whole journal into the read model of deposits."""
    await connection.execute(PROJECT)
