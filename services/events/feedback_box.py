"""Where answers lie until they are counted: one box a session, and nothing in it says who put it there, or when.

What somebody says to each question lies apart from what they say to others, free texts under a key of the session's.
As soon as enough have answered they are counted together, and the single answers are gone.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Literal

import orjson

from services.events.feedback import Tally
from services.events.feedback_questions import Answered
from services.events.feedback_token import Token, key_of
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

PUT_UP = "INSERT INTO feedback_box (session_id) VALUES ($1) ON CONFLICT DO NOTHING"
TAKE = "UPDATE feedback_box SET given = given + 1 WHERE session_id = $1 AND NOT closed RETURNING given"
SPEND = """
INSERT INTO feedback_spent (mark, session_id, attempt) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""
IS_SPENT = "SELECT true FROM feedback_spent WHERE mark = $1"
SAME_ATTEMPT = "SELECT true FROM feedback_spent WHERE mark = $1 AND attempt = $2"
PUT_IN = """
INSERT INTO feedback_answer (session_id, question, value, sealed)
SELECT $1, question, value, sealed FROM unnest($2::text[], $3::text[], $4::boolean[]) AS a(question, value, sealed)
"""
FULL_ENOUGH = """
SELECT b.session_id FROM feedback_box b JOIN feedback_view v USING (session_id)
WHERE v.state = 'open' AND b.given - b.tallied >= v.minimum LIMIT $1
"""
HOLD = "SELECT given - tallied FROM feedback_box WHERE session_id = $1 FOR UPDATE"
EMPTY = """
WITH gone AS (
    DELETE FROM feedback_answer WHERE session_id = $1 RETURNING question, value, sealed
), texts AS (
    INSERT INTO feedback_text (text_id, session_id, question, sealed)
    SELECT gen_random_uuid()::text, $1, question, value FROM gone WHERE sealed ORDER BY random()
)
INSERT INTO feedback_tally AS t (session_id, question, value, number)
SELECT $1, question, value, count(*) FROM gone WHERE NOT sealed GROUP BY question, value
ON CONFLICT (session_id, question, value) DO UPDATE SET number = t.number + excluded.number
"""
COUNTED = "UPDATE feedback_box SET tallied = given WHERE session_id = $1"
SHUT = "UPDATE feedback_box SET closed = true WHERE session_id = $1 RETURNING given"
GIVEN = "SELECT given, tallied FROM feedback_box WHERE session_id = $1"
TALLIES = "SELECT question, value, number FROM feedback_tally WHERE session_id = $1 ORDER BY question, value"
THROW_AWAY = (
    "DELETE FROM feedback_answer WHERE session_id = $1",
    "DELETE FROM feedback_tally WHERE session_id = $1",
    "DELETE FROM feedback_spent WHERE session_id = $1",
    "DELETE FROM feedback_box WHERE session_id = $1",
)
TEXTS = "SELECT text_id, question, sealed FROM feedback_text WHERE session_id = $1 ORDER BY text_id"
NO_TEXTS = "DELETE FROM feedback_text WHERE session_id = $1"
IS_TEXT = "SELECT true FROM feedback_text WHERE session_id = $1 AND text_id = $2"

type Putting = Literal["taken", "spent", "closed"]


def texts_key_of(session_id: str) -> str:
    """The key of a session's free texts, by its name in the vault."""
    return f"feedback/{session_id}/texts"


async def put_up(pool: Pool, vault: Vault, session_id: str) -> None:
    """An empty box and its keys; one that is there stays as it is."""
    await vault.ensure_all([key_of(session_id), texts_key_of(session_id)])
    await pool.execute(PUT_UP, session_id)


async def put_in(pool: Pool, vault: Vault, token: Token, answers: Sequence[Answered], attempt: str | None) -> Putting:
    """Takes the answers and spends the token, both or neither. The same attempt again is taken as it was."""
    rows = [(each.question, await _value(vault, token.session_id, each), each.text) for each in answers]
    secrets.SystemRandom().shuffle(rows)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            outcome: Putting = "taken"
            if await connection.fetchval(TAKE, token.session_id) is None:
                outcome = "closed"
            elif not await connection.fetchval(SPEND, token.mark, token.session_id, attempt):
                outcome = "spent"
            else:
                await connection.execute(PUT_IN, token.session_id, *map(list, zip(*rows, strict=True)))
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.commit() if outcome == "taken" else transaction.rollback())
    if outcome == "spent" and await pool.fetchval(SAME_ATTEMPT, token.mark, attempt):
        return "taken"
    return outcome


async def is_spent(pool: Pool, token: Token) -> bool:
    """Whether somebody has answered with it."""
    return await pool.fetchval(IS_SPENT, token.mark) is True


def attempt_of(token: str, idempotency_key: str | None) -> str | None:
    """Knows a request that is sent again, and nothing else: nobody gets from it to what was answered."""
    return idempotency_key and hashlib.sha256(f"{token}|{idempotency_key}".encode()).hexdigest()


async def _value(vault: Vault, session_id: str, answer: Answered) -> str:
    key = texts_key_of(session_id)
    return await vault.seal(key, key, {"text": answer.value}) if answer.text else answer.value


async def full_enough(pool: Pool, limit: int) -> list[str]:
    """Sessions in whose box enough answers lie to be counted together."""
    return [row["session_id"] for row in await pool.fetch(FULL_ENOUGH, limit)]


async def count(pool: Pool, session_id: str, least: int) -> bool:
    """Counts what lies in the box, if it is of so many, and leaves no single answer there."""
    async with pool.acquire() as connection, connection.transaction():
        waiting = await connection.fetchval(HOLD, session_id)
        if waiting is None or waiting < least:
            return False
        await connection.execute(EMPTY, session_id)
        await connection.execute(COUNTED, session_id)
    return True


async def shut(pool: Pool, session_id: str) -> int:
    """Takes no more answers from now on; gives how many there were."""
    given: int | None = await pool.fetchval(SHUT, session_id)
    return given or 0


async def tallies(pool: Pool, session_id: str) -> tuple[int, int, tuple[Tally, ...]]:
    """How many answered, how many of them are counted, and what they said."""
    box = await pool.fetchrow(GIVEN, session_id)
    rows = await pool.fetch(TALLIES, session_id)
    counted = tuple(Tally(question=row["question"], value=row["value"], number=row["number"]) for row in rows)
    return (box["given"], box["tallied"], counted) if box else (0, 0, counted)


async def throw_away(pool: Pool, vault: Vault, session_id: str) -> None:
    """The box with everything in it, and the key that leads from a registration to a token."""
    await vault.destroy([key_of(session_id)])
    async with pool.acquire() as connection, connection.transaction():
        for statement in THROW_AWAY:
            await connection.execute(statement, session_id)


async def texts(pool: Pool, vault: Vault, session_id: str) -> list[tuple[str, str, str]]:
    """Free texts as (id, question, text) in an order that says nothing; none when their key is gone."""
    rows = await pool.fetch(TEXTS, session_id)
    key = texts_key_of(session_id)
    opened = await vault.open_many([(key, key, row["sealed"]) for row in rows])
    return [
        (row["text_id"], row["question"], orjson.loads(plain)["text"])
        for row, plain in zip(rows, opened, strict=True)
        if plain
    ]


async def is_text(pool: Pool, session_id: str, text_id: str) -> bool:
    """Whether there is such a text."""
    return bool(await pool.fetchval(IS_TEXT, session_id, text_id))


async def throw_away_texts(pool: Pool, vault: Vault, session_id: str) -> None:
    """All free texts of a session."""
    await vault.destroy([texts_key_of(session_id)])
    await pool.execute(NO_TEXTS, session_id)
