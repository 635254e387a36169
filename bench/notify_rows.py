"""Rows of telling people: messages written, mails handed over, from a cause to its last mail, one mail among many."""

import asyncio
import base64
import datetime as dt
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench import mail_loop
from bench.part import Bench
from bench.participants_rows import KEYS, fill, resident, sealed_contact, wrapped
from bench.rounds import Contender, Figures
from bench.row import Peer, Row, at_least, at_most
from bench.running import running_journal
from bench.services import Site, site
from bench.smtp_client import Asked, sink
from services.events.life_commands import AnnounceSession, DraftSession, OpenRegistration, PostponeSession
from services.events.programme import Content
from services.events.records import DECIDERS, PROJECTIONS
from services.events.registration_commands import RegisterParticipant, WithdrawRegistration
from services.events.session import DECIDER, Command
from services.events.times import BERLIN, When
from services.notify import mailing, queue
from services.notify.expansion import Expansion
from services.notify.kind import Priority
from services.notify.layout import Layout
from services.notify.mail import Composer
from services.notify.mailing import Occurred
from services.notify.matter import Claimed, Matters
from services.notify.matters import all_matters
from services.notify.sender import Sender
from services.notify.smtp import Connection, Host
from services.notify.texts import load_texts
from services.notify.wishes import Wishes
from services.notify.writing import Desk
from shared.contracts.events import SessionPostponed, Times
from shared.kernel import logs
from shared.kernel.bus import Bus
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.ids import new_id
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import Pool, connect, connect_pool
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup

PEOPLE, POSTPONED = 100_000, 427
MAILS, PLAIN, CONNECTIONS = 9_000, 600, 16
ALONE = 8
PORTAL = "https://portal.example"
PATIENCE = 120.0
FOREVER = dt.timedelta(days=7)
BARE = "CREATE TABLE again (LIKE message)"
INDEXED = "CREATE TABLE again (LIKE message INCLUDING ALL)"
AGAIN = "INSERT INTO again OVERRIDING SYSTEM VALUE SELECT * FROM message ORDER BY seq"


class NotTold(Exception):
    """People were not told, or not in time."""


@dataclass
class Telling:
    """The notification service's parts in this process; the events service runs beside it."""

    site: Site
    pool: Pool
    matters: Matters
    sink: Asked
    session: str
    numbers: "count[int]"

    def __post_init__(self) -> None:
        clock = Clock()
        self.expansion = Expansion(self.pool, self.matters, clock, FOREVER, Wakeup(), lambda: None, holder=1)
        composer = Composer("Interkommunales.NRW <portal@interkommunal.example>", Layout(PORTAL, "Interkommunales.NRW"))
        self.sender = Sender(
            pool=self.pool,
            desk=Desk(composer, self.matters, self.pool, Vault(self.pool, os.urandom(32))),
            host=Host("127.0.0.1", self.sink.port),
            clock=clock,
            health=Health(),
            wakeup=Wakeup(),
            connections=CONNECTIONS,
            max_age=FOREVER,
            finished=lambda: None,
            holder=1,
        )

    async def postpone(self, version: int) -> None:
        """The session was postponed, and nobody knows it yet."""
        await self.pool.execute("TRUNCATE mailing, message, attempt, message_decision")
        await note(self.pool, self.matters, self.session, version, next(self.numbers))

    async def written(self, people: int) -> Figures:
        """From the cause to the last message."""
        await self.postpone(people + 1)
        before, started = resident(), time.perf_counter()
        while await self.expansion.step():
            pass
        took, more = time.perf_counter() - started, resident() - before
        if await self.pool.fetchval("SELECT count(*) FROM message") != people:
            raise NotTold
        return {"s": took, "MB": more / 2**20, "bare": await self._again(BARE), "indexed": await self._again(INDEXED)}

    async def _again(self, table: str) -> float:
        """The seconds that one statement takes to write the same rows into another table."""
        await self.pool.execute(table)
        started = time.perf_counter()
        await self.pool.execute(AGAIN)
        took = time.perf_counter() - started
        await self.pool.execute("DROP TABLE again")
        return took

    async def sent(self, mails: int) -> Figures:
        """From waiting messages to the last reply."""
        await self.postpone(mails + 1)
        while await self.expansion.step():
            pass
        await self.sink.forget()
        connections = [Connection(self.sender.host) for _ in range(CONNECTIONS)]
        started = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for connection in connections:
                tasks.create_task(self._all(connection))
        took = time.perf_counter() - started
        for connection in connections:
            await connection.quit()
        if (await self.sink.count())[0] != mails:
            raise NotTold
        return {"1/s": mails / took}

    async def _all(self, connection: Connection) -> None:
        while await self.sender.batch(connection, max(Priority)):
            pass

    async def plainly(self, mails: int) -> Figures:
        """The same letters without any of this."""
        await self.postpone(2)
        while await self.expansion.step():
            pass
        (claimed,) = await _claimed(self.pool)
        (ready,) = await self.sender.desk.look_up([claimed])
        if isinstance(ready, Exception) or ready.card is None:
            raise NotTold
        draft = ready.matter.letter(claimed, ready.told, ready.card, dt.datetime.now(dt.UTC))
        assert draft is not None
        return await mail_loop.sent(
            self.sink.port, self.sender.desk.composer.bodies(draft.letter, mail_loop.ADDRESS), mails
        )


async def measure(bench: Bench) -> Sequence[Row]:
    """Parts of the service in this process first, then the services as they run."""
    people, mails = bench.amount(PEOPLE, 20_000), bench.amount(MAILS, 3_000)
    async with _telling(bench, people) as telling:
        contenders: dict[str, Contender] = {
            "written": partial(telling.written, people),
            "sent": partial(telling.sent, mails),
            "plain": partial(telling.plainly, bench.amount(PLAIN, 300)),
        }
        with _logging_to_nobody():
            found = await bench.alternate(contenders)
    whole = await _as_services(bench)
    name = f"a postponement with {people:,} registrants"
    each = "mails with a calendar part, each its own, to SMTP"
    took = found["written"]["s"]
    bare = Peer("INSERT … SELECT, no indexes", found["written"]["bare"])
    indexed = Peer("INSERT … SELECT, same indexes", found["written"]["indexed"])
    return (
        Row(f"{name}: messages written", "s", took, None, at_most(3)),
        Row(f"{name}: messages written", "s", took, bare),
        Row(f"{name}: messages written", "s", took, indexed, at_most(2)),
        Row(f"memory more than before, {name}", "MB", found["written"]["MB"], None, at_most(32)),
        Row(each, "1/s", found["sent"]["1/s"], None, at_least(3_000)),
        Row(each, "1/s", found["sent"]["1/s"], Peer("EmailMessage and aiosmtplib", found["plain"]["1/s"]), at_least(5)),
        *whole,
    )


@contextmanager
def _logging_to_nobody() -> Iterator[None]:
    """Lines are written as a service writes them, and nobody reads them."""
    with Path(os.devnull).open("w") as nobody:
        with redirect_stderr(nobody):
            logs.configure("notify", style="json")
        yield
    logs.configure("bench")


@asynccontextmanager
async def _telling(bench: Bench, people: int) -> AsyncIterator[Telling]:
    async with (
        site(bench.servers) as made,
        sink(bench.servers, made.ports["smtp"]) as asked,
        await connect_pool(made.database.dsn("notify"), name="bench", size=20, timeout=30) as pool,
        running_journal(made.database.dsn("events"), DECIDERS, PROJECTIONS) as journal,
    ):
        session = await _opened(journal)
        await fill(made.database.dsn("events"), _vault_key(made), people, session)
        bench.told(f"{people:,} people are registered")
        bus = Bus(made.nats.url("notify"), "bench", inbox_prefix="_INBOX_notify")
        await bus.open()
        async with made.service("events"):
            matters = all_matters(bus, load_texts(), PORTAL, Wishes(pool, Clock()))
            keeping = asyncio.create_task(bus.run())
            try:
                yield Telling(made, pool, matters, asked, session, count(1))
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)


async def _as_services(bench: Bench) -> Sequence[Row]:
    """The events and the notification service as processes, with a session that was registered for as people do it."""
    many = bench.amount(PEOPLE, 10_000)
    async with (
        site(bench.servers) as made,
        sink(bench.servers, made.ports["smtp"]) as asked,
        running_journal(made.database.dsn("events"), DECIDERS, PROJECTIONS) as journal,
    ):
        people = [str(UUID(int=10**9 + number)) for number in range(POSTPONED)]
        session, large = await _opened(journal), await _opened(journal)
        await _registered(made, journal, session, people)
        await fill(made.database.dsn("events"), _vault_key(made), many, large)
        async with made.service("events"), made.service("notify"):
            found = await bench.alternate({"told": partial(_told, journal, asked, session, count(1))})
            withdraw = partial(_withdrawn, journal, asked, session)
            alone = [await _alone_among(made.database.dsn("notify"), asked, large, many, map(withdraw, people))]
    told = f"a postponement, {POSTPONED} mails, from the command to the last reply"
    one = f"one person's mail while a mailing of {many:,} is sent: the slowest of {ALONE}"
    return (
        Row(told, "s", found["told"]["s"], None, at_most(2)),
        Row(one, "ms", tuple(each["ms"] for each in alone), None, at_most(1_000)),
    )


async def _told(journal: Journal, asked: Asked, session: str, numbers: "count[int]") -> Figures:
    await asked.forget()
    started = time.time()
    begin = _day() + dt.timedelta(days=next(numbers))
    await _transact(journal, session, PostponeSession(when=When(starts_at=begin), reason="Krankheit"))
    return {"s": await _until(asked, POSTPONED) - started}


async def _until(asked: Asked, number: int) -> float:
    """When so many mails had been taken."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        counted, last = await asked.count()
        if counted >= number:
            return last
        await asyncio.sleep(0.01)
    raise NotTold


async def _alone_among(
    dsn: str, asked: Asked, session: str, many: int, alone: Iterator[Coroutine[Any, Any, float]]
) -> Figures:
    """Single persons, one after the other, while everybody of a session is written to."""
    await asked.forget()
    async with await connect_pool(dsn, name="bench", timeout=30) as pool:
        await note(pool, all_matters(Bus("", ""), load_texts(), PORTAL, Wishes(pool, Clock())), session, many + 1, 1)
        await _until(asked, many // 100)
        slowest = max([await took for took in islice(alone, ALONE)])
        if (await asked.count())[0] >= many:
            raise NotTold
        await pool.execute("UPDATE mailing SET halt = 'stopping' WHERE session_id = $1", session)
    return {"ms": slowest * 1000}


async def _withdrawn(journal: Journal, asked: Asked, session: str, person: str) -> float:
    """The seconds from a withdrawal to the reply to the mail that confirms it."""
    started = time.time()
    await _transact(journal, session, WithdrawRegistration(registration_id=person))
    return await _had(asked, person, started) - started


async def note(pool: Pool, matters: Matters, session: str, version: int, number: int) -> None:
    """Notes a postponement, as the inbox does when the contract comes."""
    now = dt.datetime.now(dt.UTC)
    cause = SessionPostponed(
        session_id=session,
        series_id=str(uuid4()),
        title="Digitale Sprechstunde",
        sequence=number,
        previous=Times(starts_at=_day() + dt.timedelta(days=number)),
        starts_at=_day() + dt.timedelta(days=number + 7),
        reason="Krankheit",
    )
    occurred = Occurred(cause, f"session-{session}@{version}", now, now, "bench")
    async with pool.acquire() as connection, connection.transaction():
        await mailing.note(connection, matters.named("sessions", ""), [occurred], now)


async def _had(asked: Asked, person: str, after: float) -> float:
    """When somebody's mail was taken."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        when = await asked.when(f"{person}@stadt.example")
        if when is not None and when > after:
            return when
        await asyncio.sleep(0.01)
    raise NotTold


async def _claimed(pool: Pool) -> list[Claimed]:
    now = dt.datetime.now(dt.UTC)
    return await queue.claim(pool, now, now + dt.timedelta(minutes=1), max(Priority), 1, holder=1)


async def _opened(journal: Journal) -> str:
    """A session that takes everybody."""
    session = str(new_id())
    content = Content(series_id=str(uuid4()), title="Digitale Sprechstunde", mode="online", capacity=None)
    draft = DraftSession(session_id=session, content=content, when=When(starts_at=_day()))
    for command in (draft, AnnounceSession(), OpenRegistration()):
        await _transact(journal, session, command)
    return session


async def _registered(made: Site, journal: Journal, session: str, people: Sequence[str]) -> None:
    """Members, each with a key and a sealed contact; a registration has its person's id, which is short to write."""
    wrapping, connection = AESGCM(_vault_key(made)), await connect(made.database.dsn("events"), name="bench")
    keys = {person: AESGCM.generate_key(256) for person in people}
    await connection.execute(KEYS, list(keys), [wrapped(wrapping, *one) for one in keys.items()])
    await connection.close()
    async with asyncio.TaskGroup() as tasks:
        for person, key in keys.items():
            command = RegisterParticipant(
                registration_id=person,
                person_id=person,
                member=True,
                token_hash=person,
                sealed=sealed_contact(person, key),
            )
            tasks.create_task(_transact(journal, session, command))


async def _transact(journal: Journal, session: str, command: Command) -> None:
    context = Context(new_id(), "bench", dt.datetime.now(dt.UTC), "bench", fresh=True)
    await journal.transact(DECIDER, session, command, context)


def _day() -> dt.datetime:
    return (dt.datetime.now(BERLIN) + dt.timedelta(days=30)).replace(minute=0, second=0, microsecond=0)


def _vault_key(made: Site) -> bytes:
    kept = made.kept.vault_keys["events"]
    return base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4))
