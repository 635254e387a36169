"""How does the sending go, in numbers? What was handed over lately, what fails where, what came back, what waits."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from services.notify import suppression_list
from services.notify.bounces import BounceSaid
from shared.kernel.postgres import Pool

LATELY = timedelta(hours=24)

RATE = """
SELECT outcome, count(*) FILTER (WHERE at > $1::timestamptz - interval '1 minute') AS last_minute, count(*) AS last_hour
FROM attempt WHERE at > $1::timestamptz - interval '1 hour' AND at <= $1 GROUP BY outcome ORDER BY outcome
"""
FAILURES = """
SELECT host, code AS reply, status AS code, count(*), max(at) AS last_at
FROM attempt WHERE at > $1 AND outcome <> 'delivered'
GROUP BY host, code, status ORDER BY count(*) DESC, last_at DESC LIMIT 20
"""
BOUNCES = "SELECT said, count(*) FROM bounce WHERE received_at > $1 GROUP BY said ORDER BY said"
ASIDE = "SELECT count(*) FROM bounce WHERE place IS NOT NULL"
MAILBOX = "SELECT tried_at, looked_at, problem, taken FROM bounce_mailbox"


class SendingRate(BaseModel):
    """How many attempts ended in this way within the last minute and hour."""

    outcome: Literal["delivered", "refused", "deferred", "lost", "failed"]
    last_minute: int
    last_hour: int


class HostFailure(BaseModel):
    """What a host answered within the last day, and how often. `reply` is the SMTP code, `code` that of RFC 3463."""

    host: str | None
    reply: int | None
    code: str | None
    count: int
    last_at: datetime


class CameBack(BaseModel):
    """How many mails and reports said this within the last day."""

    said: BounceSaid
    count: int


class BounceMailbox(BaseModel):
    """The mailbox that bounces come back to: when it was looked into, and how many mails were taken or set aside.

    `problem` says why it cannot be read now; `set_aside` are mails that lie there and cannot be read.
    """

    tried_at: datetime
    looked_at: datetime | None
    problem: str | None
    taken: int
    set_aside: int


class Numbers(BaseModel):
    """The sending in numbers. `suppressed` counts addresses that nothing is sent to."""

    rate: list[SendingRate]
    failures: list[HostFailure]
    came_back: list[CameBack]
    suppressed: int
    bounce_mailbox: BounceMailbox | None


async def numbers(pool: Pool, now: datetime) -> Numbers:
    """Those of this moment."""
    mailbox = await pool.fetchrow(MAILBOX)
    aside = await pool.fetchval(ASIDE)
    return Numbers(
        rate=[SendingRate.model_validate(dict(row)) for row in await pool.fetch(RATE, now)],
        failures=[HostFailure.model_validate(dict(row)) for row in await pool.fetch(FAILURES, now - LATELY)],
        came_back=[CameBack.model_validate(dict(row)) for row in await pool.fetch(BOUNCES, now - LATELY)],
        suppressed=await suppression_list.count(pool, now),
        bounce_mailbox=BounceMailbox.model_validate({**dict(mailbox), "set_aside": aside}) if mailbox else None,
    )
