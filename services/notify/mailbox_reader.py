"""Reads the mailbox that bounces come back to. Each mail is taken into the database first and deleted afterwards.

Whoever dies in between finds the mail again, and its digest says that it was taken. A mail that cannot be read stays
where it lies, is left alone from then on, and operators see it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from services.notify import bounces
from services.notify.bounces import Arrival, Unreadable
from services.notify.faults import TRY_AGAIN, described
from services.notify.mailboxes import MOST, Mailbox, Trouble, Unfit
from services.notify.returned_mail import Reader, Returned
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.leader import lead
from shared.kernel.postgres import Pool

AT_ONCE = 100
LONGEST_LINE = 998  # RFC 5322; a longer one is no server's, and slow to search
MOST_PARTS = 50  # no server nests parts like this, and each level makes the rest slower to read
CHECK = "bounces"

LOOKED = """
INSERT INTO bounce_mailbox AS b (tried_at, looked_at, taken) VALUES ($1, $1, $2)
ON CONFLICT (one) DO UPDATE SET tried_at = $1, looked_at = $1, taken = b.taken + $2, problem = NULL
"""
FAILED = """
INSERT INTO bounce_mailbox AS b (tried_at, problem) VALUES ($1, $2)
ON CONFLICT (one) DO UPDATE SET tried_at = $1, problem = $2
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MailboxReader:
    """The worker that looks into the mailbox. `taken` is called when something came back."""

    pool: Pool
    dsn: str
    mailbox: Callable[[], Mailbox]
    reader: Reader
    clock: Clock
    health: Health
    every: float
    taken: Callable[[], None]

    async def run(self) -> None:
        """Reads for ever, in one process of all."""
        self.health.expect(CHECK, required=False)
        await lead(self.dsn, CHECK, self._keep_reading, standby=lambda: self.health.up(CHECK))

    async def _keep_reading(self) -> None:
        while True:
            full = False
            try:
                full = await self.look()
                self.health.up(CHECK)
            except Trouble as trouble:
                self.health.down(CHECK, str(trouble))
                log.warning("bounce_mailbox_down", reason=str(trouble))
                await self._say_why(str(trouble))
            except TRY_AGAIN as error:
                log.warning("bounces_wait", reason=type(error).__name__)
            if not full:
                await asyncio.sleep(self.every)

    async def look(self) -> bool:
        """Takes what lies in the mailbox; True when there may be more."""
        mailbox = self.mailbox()
        try:
            await asyncio.to_thread(mailbox.open)
            there = await asyncio.to_thread(mailbox.places)
            aside = await bounces.set_aside_of(self.pool, there)
            new = [place for place in there if place not in aside]
            done = 0
            for place in new[:AT_ONCE]:
                done += await self._take(mailbox, place)
            await asyncio.to_thread(mailbox.close)
        finally:
            mailbox.abort()
        await self.pool.execute(LOOKED, self.clock.now(), done)
        return len(new) > AT_ONCE

    async def _take(self, mailbox: Mailbox, place: str) -> bool:
        """One mail; False when it stays where it lies."""
        try:
            raw = await asyncio.to_thread(mailbox.fetch, place)
        except Unfit as unfit:
            await self._set_aside(place, str(unfit))
            if unfit.broken:
                raise Trouble(str(unfit)) from unfit
            return False
        try:
            found = await asyncio.to_thread(read, self.reader, raw)
        except Exception as error:  # noqa: BLE001 -- no mail may keep others from being read
            await self._set_aside(place, described(error))
            return False
        async with self.pool.acquire() as connection:
            arrival = Arrival("mailbox", bounces.digest_of(raw[:MOST]), self.clock.now())
            new = await bounces.take(connection, arrival, found, bounces.reason_of(found))
        log.info("bounce_taken", said=found.said, status=found.status, again=not new)
        self.taken()
        await asyncio.to_thread(mailbox.delete, place)
        return new

    async def _set_aside(self, place: str, why: str) -> None:
        async with self.pool.acquire() as connection:
            await bounces.set_aside(connection, Unreadable(place, why), self.clock.now())
        log.warning("bounce_unreadable", place=place, reason=why)

    async def _say_why(self, why: str) -> None:
        try:
            await self.pool.execute(FAILED, self.clock.now(), why)
        except TRY_AGAIN as error:
            log.warning("bounces_wait", reason=type(error).__name__)


class TooManyParts(ValueError):
    """No mail that a server wrote."""


def read(reader: Reader, raw: bytes) -> Returned:
    """What a mail says that anybody may have written: of its lines only what a line may be. It may raise anything."""
    begin = raw[:MOST]
    if begin.lower().count(b"boundary=") > MOST_PARTS:
        raise TooManyParts
    return reader.read(b"\n".join(line[:LONGEST_LINE] for line in begin.split(b"\n")))
