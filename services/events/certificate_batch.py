"""Certificates for everybody who came, made one after the other beside the requests.

What is to be made stands in the database sheet by sheet: whoever leads goes on where the last one stopped, however it
ended. A sheet is sealed with the key of the person it names, and all of them go after a week.
"""

import asyncio
import base64
import datetime as dt
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

import asyncpg
import orjson
import structlog

from services.events import attendance_list, participant
from services.events.certificate import Certificate, today
from services.events.life import Life
from services.events.participant import Contact
from services.events.session_list import session_row
from services.events.session_shown import SessionRow
from shared.kernel.clock import Clock
from shared.kernel.leader import lead
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.typesetting import NotSet, Typesetter, typesetter
from shared.kernel.vault import Erased, NoKey, Vault

KEPT = dt.timedelta(days=7)
AT_A_TIME = 20
SHEETS_A_PROCESS = 200
TICK = 1.0
TROUBLE = 2.0

# One at a time for a session: who asks while one is being made gets that one.
BEGIN = """
WITH batch AS (
    INSERT INTO certificate_batch (batch_id, session_id, requested_at, requested_by, state, expires_at)
    SELECT $1, $2, $3, $4, 'running', $5
    WHERE EXISTS (SELECT FROM attendance a JOIN registration r USING (registration_id)
                  WHERE r.session_id = $2 AND a.present AND a.recorded_at >= $6)
    ON CONFLICT DO NOTHING
    RETURNING batch_id
)
INSERT INTO certificate_sheet (batch_id, registration_id, person_id, state)
SELECT batch.batch_id, r.registration_id, r.person_id, 'wanted'
FROM batch CROSS JOIN registration r JOIN attendance a USING (registration_id)
WHERE r.session_id = $2 AND a.present AND a.recorded_at >= $6
"""
RUNNING = "SELECT batch_id FROM certificate_batch WHERE session_id = $1 AND state = 'running'"
PROGRESS = """
SELECT b.batch_id, b.session_id, b.state, b.requested_at, b.expires_at, count(s.state) AS total,
       count(*) FILTER (WHERE s.state = 'set') AS done, count(*) FILTER (WHERE s.state = 'failed') AS failed
FROM certificate_batch b LEFT JOIN certificate_sheet s USING (batch_id)
WHERE b.batch_id = $1 AND b.expires_at > $2
GROUP BY b.batch_id
"""
OLDEST = """
SELECT batch_id, session_id FROM certificate_batch WHERE state = 'running' ORDER BY requested_at, batch_id LIMIT 1
"""
WANTED = """
SELECT s.registration_id, s.person_id, r.sealed
FROM certificate_sheet s LEFT JOIN registration r USING (registration_id)
WHERE s.batch_id = $1 AND s.state = 'wanted'
ORDER BY s.registration_id LIMIT $2
"""
KEEP = "UPDATE certificate_sheet SET state = $3, sealed = $4 WHERE batch_id = $1 AND registration_id = $2"
FINISH = "UPDATE certificate_batch SET state = 'done' WHERE batch_id = $1"
SHEETS = """
SELECT registration_id, person_id, sealed FROM certificate_sheet
WHERE batch_id = $1 AND state = 'set' AND registration_id > $2 ORDER BY registration_id LIMIT $3
"""
EXPIRE = """
WITH gone AS (DELETE FROM certificate_batch WHERE expires_at <= $1 RETURNING batch_id)
DELETE FROM certificate_sheet USING gone WHERE certificate_sheet.batch_id = gone.batch_id
"""

log = structlog.get_logger()


async def begin(pool: Pool, batch_id: str, life: Life, actor: str, at: dt.datetime) -> str | None:
    """The batch that is made now; None when nobody came who could get a certificate."""
    doors = attendance_list.doors_open_at(life)
    await pool.execute(BEGIN, batch_id, life.session_id, at, actor, at + KEPT, doors)
    known = await progress(pool, batch_id, at)
    if known is not None:
        return batch_id
    running: str | None = await pool.fetchval(RUNNING, life.session_id)
    return running


async def progress(pool: Pool, batch_id: str, at: dt.datetime) -> asyncpg.Record | None:
    """How far a batch has come, while it is kept."""
    return await pool.fetchrow(PROGRESS, batch_id, at)


async def keep_making(pool: Pool, vault: Vault, dsn: str, clock: Clock) -> None:
    """Makes what is asked for, for ever, whenever this process leads."""

    async def work() -> None:
        while True:
            try:
                await pool.execute(EXPIRE, clock.now())
                made = await go_on(pool, vault, clock.now())
                await asyncio.sleep(0 if made else TICK)
            except CONNECTION_LOST as error:
                log.warning("certificates_wait", reason=type(error).__name__)
                await asyncio.sleep(TROUBLE)

    await lead(dsn, "certificates", work)


async def go_on(pool: Pool, vault: Vault, at: dt.datetime) -> bool:
    """Finishes the oldest batch that is not done; False when there is none."""
    batch = await pool.fetchrow(OLDEST)
    if batch is None:
        return False
    of = await session_row(pool, batch["session_id"], drafts=True)
    async with Press() as press:
        making = _Making(pool, vault, press, batch["batch_id"], of, today(at))
        while rows := await pool.fetch(WANTED, batch["batch_id"], AT_A_TIME):
            await making.make(rows)
    await pool.execute(FINISH, batch["batch_id"])
    log.info("certificates_made", session_id=batch["session_id"], batch_id=batch["batch_id"])
    return True


@dataclass(frozen=True, slots=True)
class _Making:
    """One batch while it is made."""

    pool: Pool
    vault: Vault
    press: "Press"
    batch_id: str
    of: SessionRow | None
    day: dt.date

    async def make(self, rows: Sequence[asyncpg.Record]) -> None:
        """Sets these sheets and keeps what comes of each."""
        there = [row for row in rows if row["sealed"] is not None]
        opened = await participant.open_contacts(self.vault, there)
        contacts = dict(zip((row["registration_id"] for row in there), opened, strict=True))
        for row in rows:
            sealed = await self._sealed(row, contacts.get(row["registration_id"]))
            state = "set" if sealed else "failed"
            await self.pool.execute(KEEP, self.batch_id, row["registration_id"], state, sealed)

    async def _sealed(self, row: Any, contact: Contact | None) -> str | None:
        """The sheet as it is kept; None of who is not known any more, and of what could not be set."""
        if self.of is None or contact is None:
            return None
        try:
            paper = await self.press.printed(Certificate(self.of, contact, self.day))
            plain = {"pdf": base64.b64encode(paper).decode()}
            return await self.vault.seal(row["person_id"], _purpose(self.batch_id, row["registration_id"]), plain)
        except (Erased, NoKey):
            return None
        except (NotSet, TimeoutError) as refused:
            log.error("certificate_not_set", registration_id=row["registration_id"], reason=str(refused))  # noqa: TRY400
            return None


class Press:
    """A typesetter for many sheets, started anew now and then (it keeps what it has computed), and after a failure."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._setting: Typesetter | None = None
        self._set = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def printed(self, certificate: Certificate) -> bytes:
        """A sheet as PDF; raises what the typesetter does."""
        if self._setting is None or self._set == SHEETS_A_PROCESS:
            await self._stack.aclose()
            self._setting, self._set = await self._stack.enter_async_context(typesetter(politely=True)), 0
        try:
            self._set += 1
            return await certificate.printed(self._setting)
        except (NotSet, TimeoutError):
            self._setting = None
            raise


async def sheets(pool: Pool, vault: Vault, batch_id: str, after: str) -> list[tuple[str, bytes | None]]:
    """The next sheets of a batch in the order of their registrations; None of who was erased meanwhile."""
    rows = await pool.fetch(SHEETS, batch_id, after, AT_A_TIME)
    opened = await vault.open_many(
        [(row["person_id"], _purpose(batch_id, row["registration_id"]), row["sealed"]) for row in rows]
    )
    return [
        (row["registration_id"], base64.b64decode(orjson.loads(plain)["pdf"]) if plain else None)
        for row, plain in zip(rows, opened, strict=True)
    ]


def _purpose(batch_id: str, registration_id: str) -> str:
    return f"certificate/{batch_id}/{registration_id}"
