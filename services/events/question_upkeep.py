"""What becomes of questions by itself: they lapse, follow their session and the one they went into, are forgotten.

One process at a time looks, but nothing rests on that: each command is decided by the question itself, which does
nothing twice. What is due is read from the questions as they are, so that it is found again after a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from services.events import question, question_sealing
from services.events.due import by_itself
from services.events.question import Question
from services.events.question_commands import (
    AnswerQuestion,
    CarryOverQuestion,
    DeclineQuestion,
    FollowMerger,
    ForgetQuestion,
    LetQuestionLapse,
    QuestionCommand,
    ReleaseQuestion,
)
from services.events.question_postponements import behind
from services.events.question_sealing import Purpose, Words
from shared.kernel.clock import Clock
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere, Refused
from shared.kernel.journal import Journal
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.recorded import Conflict, Unavailable
from shared.kernel.vault import Erased, Vault

LATE = "SELECT question_id FROM question WHERE confirm_by <= $1 AND NOT forgotten ORDER BY confirm_by LIMIT $2"
# Merged questions that are not where the one is that they went into, or have not what became of it.
STRAY = """
SELECT m.question_id
FROM question m
LEFT JOIN question h ON h.question_id = m.merged_into
WHERE m.merged_into IS NOT NULL AND NOT m.forgotten
  AND (m.status = 'merged' AND (h.question_id IS NULL OR h.forgotten
                                OR h.status NOT IN ('submitted', 'accepted') OR h.session_id <> m.session_id)
       OR m.status = 'answered' AND h.status = 'answered' AND NOT h.forgotten AND m.host_version < h.answered_in)
ORDER BY m.asked_at, m.question_id
LIMIT $1
"""
OLD = """
SELECT question_id FROM question
WHERE changed_at <= $1 AND NOT forgotten AND NOT published ORDER BY changed_at LIMIT $2
"""
ERASURES = "SELECT question_id FROM question_erasure LIMIT $1"
ERASED = "DELETE FROM question_erasure WHERE question_id = $1"
LEFTOVERS = "SELECT question_id FROM question_leftover LIMIT $1"
DESTROYED = "DELETE FROM question_leftover WHERE question_id = $1"

PORTION = 100
BREATH = 0.05
TICK = 0.5
TROUBLE = 2.0

log = structlog.get_logger()

type Duty = Callable[[datetime], Awaitable[int]]


async def tend(journal: Journal, pool: Pool, vault: Vault, keep: timedelta | None, *, dsn: str, clock: Clock) -> None:
    """Does every duty again and again, for ever, whenever this process leads."""

    async def work() -> None:
        while True:
            pause = await round_of(journal, pool, vault, keep, clock.now())
            await asyncio.sleep(pause)

    await lead(dsn, "questions", work)


async def round_of(journal: Journal, pool: Pool, vault: Vault, keep: timedelta | None, at: datetime) -> float:
    """Every duty once; gives the seconds until the next round. One that cannot be done now keeps no other waiting."""
    duties: dict[str, Duty] = {
        "lapse": partial(let_lapse, journal, pool),
        "carry_over": partial(carry_over, journal, pool),
        "follow": partial(follow_mergers, journal, pool, vault),
        "erase": partial(record_erasures, journal, pool),
        "forget": partial(forget_old, journal, pool, keep),
        "keys": partial(destroy_keys, vault, pool),
    }
    pause = TICK
    for name, duty in duties.items():
        try:
            if await duty(at):
                pause = min(pause, BREATH)
        except (*CONNECTION_LOST, Unavailable, Conflict) as error:
            log.warning("duty_waits", duty=name, reason=type(error).__name__)
            pause = TROUBLE
    return pause


async def let_lapse(journal: Journal, pool: Pool, at: datetime) -> int:
    """What nobody confirmed in time."""
    rows = await pool.fetch(LATE, at, PORTION)
    return await _tell_all(journal, {row["question_id"]: LetQuestionLapse() for row in rows}, at)


async def carry_over(journal: Journal, pool: Pool, at: datetime) -> int:
    """Open questions to the new date of their session, a portion at a time."""
    commands: dict[str, QuestionCommand] = {
        row["question_id"]: CarryOverQuestion(session_id=row["session_id"], postponements=row["postponements"])
        for row in await behind(pool, PORTION)
    }
    return await _tell_all(journal, commands, at)


async def follow_mergers(journal: Journal, pool: Pool, vault: Vault, at: datetime) -> int:
    """What became of a question becomes of those that were merged into it."""
    commands: dict[str, QuestionCommand] = {}
    for row in await pool.fetch(STRAY, PORTION):
        merged = (await journal.load(question.DECIDER, row["question_id"])).state
        if merged is not None and (command := await _following(journal, vault, merged)) is not None:
            commands[merged.question_id] = command
    return await _tell_all(journal, commands, at)


async def _following(journal: Journal, vault: Vault, merged: Question) -> QuestionCommand | None:
    if merged.merged_into is None:
        return None
    host = (await journal.load(question.DECIDER, merged.merged_into)).state
    if host is None or host.forgotten:
        return ReleaseQuestion(host=merged.merged_into)
    if host.status == "merged":
        return await _onwards(journal, merged, host)
    try:
        return await _with_host(vault, merged, host)
    except Erased:  # there is nobody left to tell
        return None


async def _onwards(journal: Journal, merged: Question, host: Question) -> QuestionCommand:
    """After the host into another one; a circle, which two at once may close, is opened."""
    further = (await journal.load(question.DECIDER, host.merged_into)).state if host.merged_into else None
    if further is None or further.status == "merged" or further.question_id == merged.question_id:
        return ReleaseQuestion(host=host.question_id)
    return FollowMerger(into=further.question_id)


async def _with_host(vault: Vault, merged: Question, host: Question) -> QuestionCommand | None:
    if host.session_id != merged.session_id and merged.status == "merged":
        return CarryOverQuestion(session_id=host.session_id, postponements=host.postponements, host=host.question_id)
    if host.status == "answered" and host.way is not None:
        answer = await _copied(vault, host, merged, "answer", host.sealed_answer)
        if host.sealed_answer and answer is None:  # its asker was erased, which will be recorded right away
            return None
        return AnswerQuestion(
            way=host.way,
            sealed_answer=answer,
            begun=True,
            host=host.question_id,
            host_version=host.answered_in,
        )
    if host.status == "declined" and (reason := await _copied(vault, host, merged, "reason", host.sealed_reason)):
        return DeclineQuestion(sealed_reason=reason, host=host.question_id)
    return None


async def _copied(vault: Vault, host: Question, merged: Question, purpose: Purpose, sealed: str | None) -> str | None:
    """What was written about the one for the asker of the other, under the other's keys."""
    (plain,) = await question_sealing.open_many(vault, [(host, purpose, sealed)])
    if plain is None:
        return None
    words = Words.model_validate_json(plain)
    return await question_sealing.seal(vault, merged.person_id, merged.question_id, purpose, words)


async def record_erasures(journal: Journal, pool: Pool, at: datetime) -> int:
    """Questions of people who were erased."""
    rows = [row["question_id"] for row in await pool.fetch(ERASURES, PORTION)]
    told = [await _told(journal, question_id, ForgetQuestion(cause="erasure"), at) for question_id in rows]
    for question_id in (question_id for question_id, done in zip(rows, told, strict=True) if done):
        await pool.execute(ERASED, question_id)
    return sum(told)


async def forget_old(journal: Journal, pool: Pool, keep: timedelta | None, at: datetime) -> int:
    """Questions with which nothing has happened for long; published ones stay until their publication is taken back."""
    if keep is None:
        return 0
    rows = await pool.fetch(OLD, at - keep, PORTION)
    return await _tell_all(journal, {row["question_id"]: ForgetQuestion(cause="retention") for row in rows}, at)


async def destroy_keys(vault: Vault, pool: Pool, _at: datetime) -> int:
    """Keys of what is forgotten; doing it again changes nothing."""
    rows = await pool.fetch(LEFTOVERS, PORTION)
    for row in rows:
        await vault.erase(row["question_id"])
        await pool.execute(DESTROYED, row["question_id"])
    return len(rows)


async def _tell_all(journal: Journal, commands: Any, at: datetime) -> int:
    """Tells each question its command, many at once; gives how many heard it."""
    return sum(await asyncio.gather(*_telling(journal, commands.items(), at)))


def _telling(journal: Journal, commands: Iterable[tuple[str, QuestionCommand]], at: datetime) -> list[Awaitable[bool]]:
    return [_told(journal, question_id, command, at) for question_id, command in commands]


async def _told(journal: Journal, question_id: str, command: QuestionCommand, at: datetime) -> bool:
    """Whether the question heard it, or has nothing to do with it any more; newer code's are left to a replica."""
    try:
        await journal.transact(question.DECIDER, question_id, command, by_itself(at))
    except (NotThere, Refused):  # somebody was faster
        pass
    except UnknownEvent as unknown:
        log.warning("question_of_newer_code", question_id=question_id, reason=str(unknown))
        return False
    return True
