"""From waiting messages to the mail server.

Several connections are kept open; each takes some messages at a time, looks up whom they are for, hands them over one
by one and records every verdict before the next mail (see `ledger.py`). When a process dies between the server's answer
and the record, that one mail is sent again, with the same Message-ID. One connection serves single persons' messages
only, so that a large mailing or a slow server delays nobody who waits for a link.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.notify import halts, mailing, queue
from services.notify.address_mark import host_of
from services.notify.faults import TRY_AGAIN, described
from services.notify.kind import Priority
from services.notify.ledger import Ledger
from services.notify.mail import BadAddress
from services.notify.matter import Claimed
from services.notify.queue import Verdict
from services.notify.rates import Rates
from services.notify.smtp import LONGEST, Connection, Down, Envelope, Host, Result
from services.notify.writing import Away, Desk, Mail, Outdated, Ready, TooLate, Unanswered
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.postgres import Pool
from shared.kernel.wakeup import Waiter, Wakeup

BATCH = 100
FEW = 20
BUSY = 50  # more messages in hand than these are a large mailing's
LEASE = timedelta(minutes=5)
# No mail is begun when less than this is left of the lease: it could still be under way when others take it.
MARGIN = timedelta(seconds=LONGEST + 10)
POLL = 1.0
RETRY = 1.0
LONGEST_PAUSE = 30.0
EXPIRE_EVERY = 60.0
GRACE = 5.0
CHECK = "smtp"
AWAY = 5.0  # how long messages of a matter are left alone whose owner does not answer
NO_ADDRESS = "5.1.3"

log = structlog.get_logger()


async def nobody(_: Sequence[str]) -> Collection[str]:
    """No address is suppressed."""
    return ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked about addresses. Each may be answered from the database, and nothing of it is kept here.

    `suppressed`: which of a batch's addresses nothing is sent to. `return_path`: the address that bounces of a message
    come back to, if not the sender's. `mark`: what is kept of an address with the message that was sent to it.
    """

    suppressed: Callable[[Sequence[str]], Awaitable[Collection[str]]] = nobody
    return_path: Callable[[UUID], str] | None = None
    mark: Callable[[str], UUID] | None = None

    def addressed(self, decided: Verdict, address: str, took_ms: int) -> Verdict:
        """A verdict with what is kept of the address, and how long it took to come to."""
        host = host_of(address) if decided.outcome != "delivered" else None
        mark = self.mark(address) if self.mark else None
        return replace(decided, address_mark=mark, host=host, took_ms=took_ms)


@dataclass(frozen=True, slots=True)
class Outlook:
    """A message in hand, and what is known of its recipient."""

    claimed: Claimed
    ready: Ready | Exception
    suppressed: bool


@dataclass(frozen=True, slots=True)
class InHand:
    """What one connection sends: what is known of each recipient, and how many of a kind were taken."""

    connection: Connection
    outlooks: Mapping[UUID, Outlook]
    taken: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Sender:
    """The workers that send. `wakeup` rings when there are new messages; `finished` is called when one has ended."""

    pool: Pool
    desk: Desk
    host: Host
    clock: Clock
    health: Health
    wakeup: Wakeup
    connections: int
    max_age: timedelta
    finished: Callable[[], None]
    holder: int
    rules: Rules = field(default_factory=Rules)
    rates: Rates = field(default_factory=Rates)
    away: dict[str, float] = field(default_factory=dict)
    in_hand: set[UUID] = field(default_factory=set)
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", Ledger(self.pool))

    async def run(self) -> None:
        """Sends for ever. When it is cancelled, the mail in hand is finished and what was only claimed given back."""
        self.health.expect(CHECK, required=False)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._expire())
            tasks.create_task(self._follow_halts())
            for number in range(self.connections):
                highest = max(Priority) if number else Priority.PERSONAL
                tasks.create_task(self._work(highest, self.wakeup.waiter()))

    def busy(self) -> bool:
        """Whether a large mailing is being sent."""
        return len(self.in_hand) > BUSY

    async def _work(self, highest: Priority, bell: Waiter) -> None:
        connection, pause = Connection(self.host), RETRY
        try:
            while True:
                try:
                    await self._forgo()
                    await connection.ready()
                    self.health.up(CHECK)
                    pause = RETRY
                    if not await self.batch(connection, highest):
                        await bell.wait(POLL)
                except Down as down:
                    self.health.down(CHECK, str(down))
                    log.warning("mail_server_down", reason=str(down))
                    await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 -- spreads load
                    pause = min(pause * 2, LONGEST_PAUSE)
                except TRY_AGAIN as error:
                    self.lost.set()
                    log.warning("sender_waits", reason=type(error).__name__)
                    await asyncio.sleep(RETRY)
        finally:
            await connection.quit()

    async def _forgo(self) -> None:
        """Frees what was claimed and never heard of, once the database is back. Nobody claims meanwhile.

        What another worker loses while it is freed, with its messages still in hand, is for the next time.
        """
        async with self.claiming:
            if self.lost.is_set():
                self.lost.clear()
                try:
                    await queue.forgo(self.pool, self.holder, self.in_hand, self.clock.now())
                except BaseException:
                    self.lost.set()
                    raise

    async def batch(self, connection: Connection, highest: Priority) -> bool:
        """Takes some messages and sends them; False when there was none to take."""
        now = self.clock.now()
        limit = BATCH if highest > Priority.PERSONAL else FEW
        async with self.claiming:
            claimed = await queue.claim(
                self.pool, now, now + LEASE, highest, limit, holder=self.holder, without=self._away()
            )
            ours = [each.id for each in claimed]
            self.in_hand.update(ours)
        if not claimed:
            return False
        left = list(reversed(claimed))
        try:
            await self._send_till_stopped(connection, left)
        finally:
            try:
                await queue.release(self.pool, left, self.clock.now())
            except TRY_AGAIN:
                self.lost.set()
            self.in_hand.difference_update(ours)
        return True

    async def _send_till_stopped(self, connection: Connection, left: list[Claimed]) -> None:
        """Sends what is left. Who cancels waits a moment for the mail in hand, and the rest stays."""
        stopping = asyncio.Event()
        sending = asyncio.ensure_future(self._send(connection, left, stopping))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            stopping.set()
            with suppress(Down, TimeoutError, *TRY_AGAIN):
                await asyncio.wait_for(sending, GRACE)
            raise

    async def _send(self, connection: Connection, left: list[Claimed], stopping: asyncio.Event) -> None:
        """Sends from the end of `left`, and takes off what is done with.

        Of a mailing's mails those that were taken are counted in the log, all others named.
        """
        started = time.monotonic()
        give_up_at = started + (LEASE - MARGIN).total_seconds()
        hand = InHand(connection, await self._look_up(left))
        may_be_sent = await self.ledger.enter(None, left[-1])
        try:
            while left and not stopping.is_set() and time.monotonic() < give_up_at:
                following = left[-2] if len(left) > 1 else None
                may_be_sent = await self._one(hand, left[-1], following, may_be_sent=may_be_sent)
                del left[-1]
        finally:
            for kind, messages in hand.taken.items():
                log.info("messages_delivered", kind=kind, messages=messages, took_ms=_since(started))

    async def _look_up(self, claimed: Sequence[Claimed]) -> dict[UUID, Outlook]:
        found = await self.desk.look_up(claimed)
        suppressed = await self.rules.suppressed(
            [each.card.email for each in found if isinstance(each, Ready) and each.card]
        )
        return {
            each.id: Outlook(each, ready, suppressed=isinstance(ready, Ready) and ready.address in suppressed)
            for each, ready in zip(claimed, found, strict=True)
        }

    async def _one(self, hand: InHand, claimed: Claimed, following: Claimed | None, *, may_be_sent: bool) -> bool:
        """One message from composing to its record; whether the next may be sent."""
        if not may_be_sent:
            await queue.drop_erased(self.pool, claimed.id)
            await queue.release(self.pool, [claimed], self.clock.now())
            return await self.ledger.enter(None, following)
        mail = await self._mail(hand.outlooks[claimed.id])
        if isinstance(mail, Verdict) or mail is None:
            return await self.ledger.enter(mail, following)
        return await self._hand_over(hand, claimed, mail, following)

    async def _mail(self, outlook: Outlook) -> Mail | Verdict | None:
        """What is to be handed over; else what became of the message, None where that is written down already."""
        claimed, now = outlook.claimed, self.clock.now()
        try:
            mail = self._write(claimed, outlook.ready, now)
            if outlook.suppressed:
                await queue.withhold(self.pool, claimed.id, "suppressed", now)
                return None
            at = self.rates.put_off(claimed, mail.recipient, now)
            if at is not None:
                await queue.put_off(self.pool, [(claimed, at)])
                return None
        except TRY_AGAIN:
            raise
        except Away as away:
            self.away[away.matter] = time.monotonic() + AWAY
            await queue.release(self.pool, [claimed], now)
        except Unanswered:
            return unanswered(claimed, now)
        except TooLate:
            log.warning("message_too_late", message=str(claimed.id), kind=claimed.kind)
            await queue.give_up(self.pool, claimed.id, now)
        except Outdated:
            await queue.withhold(self.pool, claimed.id, "outdated", now)
        except BadAddress:
            return verdict(claimed, Result("refused", status=NO_ADDRESS), now)
        except Exception as error:  # noqa: BLE001 -- a message that cannot be written must not stop all others
            log.error("message_not_written", message=str(claimed.id), kind=claimed.kind, reason=described(error))  # noqa: TRY400
            return Verdict(claimed.id, claimed.number, "failed", now, "failed", reason="not_written")
        else:
            return mail
        return None

    def _write(self, claimed: Claimed, ready: Ready | Exception, now: datetime) -> Mail:
        if claimed.created_at < now - self.max_age:
            raise TooLate
        if isinstance(ready, Exception):
            raise ready
        return self.desk.write(ready, now)

    def _away(self) -> list[str]:
        """The matters whose owners did not answer a moment ago."""
        now = time.monotonic()
        return [matter for matter, until in self.away.items() if until > now]

    def _envelope(self, outlook: Outlook) -> Envelope | None:
        """From whom and to whom the next mail probably is: that may be said before it is certain."""
        if not isinstance(outlook.ready, Ready) or outlook.ready.address is None or outlook.suppressed:
            return None
        return self._sender(outlook.claimed), outlook.ready.address

    def _sender(self, claimed: Claimed) -> str:
        return self.rules.return_path(claimed.id) if self.rules.return_path else self.desk.composer.sender

    async def _hand_over(self, hand: InHand, claimed: Claimed, mail: Mail, following: Claimed | None) -> bool:
        started = time.monotonic()
        sender, announced = self._sender(claimed), self._envelope(hand.outlooks[following.id]) if following else None
        with self.rates.sending(mail.recipient):
            result = await hand.connection.send(sender, mail.recipient, mail.content, announced, as_sent=mail.as_sent)
        took = _since(started)
        decided = self.rules.addressed(verdict(claimed, result, self.clock.now()), mail.recipient, took)
        may_be_sent = await self._record(decided, following)
        self.finished()
        if result.outcome == "delivered" and claimed.priority > Priority.PERSONAL:
            hand.taken[claimed.kind] += 1
        else:
            log.info(
                "message_attempted",
                message=str(claimed.id),
                kind=claimed.kind,
                outcome=result.outcome,
                number=claimed.number,
                code=result.code,
                took_ms=took,
            )
        return may_be_sent

    async def _record(self, decided: Verdict, following: Claimed | None) -> bool:
        """Nobody else knows how it ended: a database that is away is waited for as long as the claim holds."""
        until = time.monotonic() + (MARGIN / 2).total_seconds()
        while True:
            try:
                return await self.ledger.enter(decided, following)
            except TRY_AGAIN:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(RETRY)

    async def _follow_halts(self) -> None:
        while True:
            with suppress(*TRY_AGAIN):
                await halts.follow(self.pool, self.clock.now())
            await asyncio.sleep(POLL)

    async def _expire(self) -> None:
        while True:
            with suppress(*TRY_AGAIN):
                await queue.expire(self.pool, self.clock.now(), self.max_age)
                await mailing.forget_words(self.pool)
            await asyncio.sleep(EXPIRE_EVERY)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def verdict(claimed: Claimed, result: Result, now: datetime) -> Verdict:
    """What follows from an attempt. A server that asks for time gets it; one that only went away may be back soon."""
    if result.outcome == "delivered":
        return Verdict(claimed.id, claimed.number, "delivered", now, "delivered", code=result.code)
    if result.outcome == "refused":
        return Verdict(
            claimed.id,
            claimed.number,
            "bounced",
            now,
            "refused",
            reason="refused",
            code=result.code,
            status=result.status,
        )
    first = queue.SOON if result.code is None else queue.FIRST_RETRY
    again = queue.retry_at(now, claimed.number, random.random(), first)  # noqa: S311 -- spreads load
    return Verdict(
        claimed.id,
        claimed.number,
        "waiting",
        now,
        result.outcome,
        ready_at=again,
        code=result.code,
        status=result.status,
    )


def unanswered(claimed: Claimed, now: datetime) -> Verdict:
    """What follows when the owner of a recipient fails at this message: it is tried later and later."""
    again = queue.retry_at(now, claimed.number, random.random())  # noqa: S311 -- spreads load
    return Verdict(claimed.id, claimed.number, "waiting", now, "failed", ready_at=again)
