"""A rush: everybody registers for one session at once, decided as the events service decides and keeps it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from uuid import uuid4

from bench.part import Bench
from bench.rounds import Contender, Figures, drive
from bench.row import Peer, Row, at_least
from bench.running import running_journal
from services.events.life_commands import AnnounceSession, DraftSession, OpenRegistration
from services.events.programme import Content
from services.events.records import DECIDERS, PROJECTIONS
from services.events.registration_commands import RegisterParticipant
from services.events.session import DECIDER, Command
from services.events.times import BERLIN, When
from shared.kernel.ids import new_id
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import Connection, connect

CLIENTS = (1, 8, 32, 128)
SEATS, REQUESTS = 500, 2000
SEALED = "A" * 260  # what is personal of one registration, sealed and in base64
TAKEN = """
SELECT count(*) FILTER (WHERE status = 'received') AS seated, count(*) FILTER (WHERE status = 'waitlisted') AS waiting
FROM registration WHERE session_id = $1
"""


class WrongSeats(Exception):
    """The rush did not come to as many seats as there are."""


async def measure(bench: Bench) -> Sequence[Row]:
    """The same rush with ever more clients; each round has a session of its own."""
    async with (
        bench.servers.database("events", own=True) as database,
        running_journal(database.dsn("events"), DECIDERS, PROJECTIONS) as journal,
    ):
        connection = await connect(database.dsn("events"), name="bench")
        contenders: dict[str, Contender] = {
            str(clients): partial(rush, journal, connection, clients) for clients in CLIENTS
        }
        found = await bench.alternate(contenders)
        await connection.close()
    what = f"a rush for {SEATS} of {REQUESTS:,}, "
    rates = {clients: found[str(clients)]["1/s"] for clients in CLIENTS}
    rows = [Row(f"{what}32 clients", "1/s", rates[32], None, at_least(20_000))]
    rows += [
        Row(f"{what}{more} clients", "1/s", rates[more], Peer(f"the same with {fewer}", rates[fewer]), at_least(1.0))
        for fewer, more in pairwise(CLIENTS)
    ]
    return rows


async def rush(journal: Journal, connection: Connection, clients: int) -> Figures:
    """One session from its draft to its last request; nobody sees a conflict, and every seat is taken once."""
    session = str(uuid4())
    await _open(journal, session)
    requests = _requests()
    figures = await drive(REQUESTS, clients, lambda: _transact(journal, session, next(requests)))
    await _check(journal, connection, session)
    return figures


async def _open(journal: Journal, session: str) -> None:
    begin = (datetime.now(BERLIN) + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
    content = Content(series_id=str(uuid4()), title="Digitale Sprechstunde", mode="online", capacity=SEATS)
    draft = DraftSession(
        session_id=session, content=content, when=When(starts_at=begin, ends_at=begin + timedelta(hours=1))
    )
    for command in (draft, AnnounceSession(), OpenRegistration()):
        await _transact(journal, session, command)


def _requests() -> Iterator[RegisterParticipant]:
    """Guests, each another; made before the clock runs, as the commands of a service are made at its edge."""
    return iter(
        [
            RegisterParticipant(
                registration_id=str(new_id()),
                person_id=str(uuid4()),
                member=False,
                token_hash=uuid4().hex * 2,
                sealed=SEALED,
            )
            for _ in range(REQUESTS)
        ]
    )


async def _transact(journal: Journal, session: str, command: Command) -> object:
    context = Context(new_id(), "bench", datetime.now(UTC), "bench", fresh=True)
    return await journal.transact(DECIDER, session, command, context)


async def _check(journal: Journal, connection: Connection, session: str) -> None:
    roster = (await journal.load(DECIDER, session)).state.roster
    kept = await connection.fetchrow(TAKEN, session)
    assert kept is not None
    counted = (roster.seated, len(roster.registrations), kept["seated"], kept["waiting"])
    if counted != (SEATS, REQUESTS, SEATS, REQUESTS - SEATS):
        raise WrongSeats(f"seats, registrations, seats and queue as kept: {counted}")
