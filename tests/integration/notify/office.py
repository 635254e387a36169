"""A notification service's way from a cause to a mail, step by step: the events service is a function here."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from services.notify import mailing
from services.notify.cause import ABOUT_CONTACTS, AnyCause, Cause, Priority
from services.notify.expansion import Expansion
from services.notify.reports import Reports
from services.notify.sender import Desk, Sender
from services.notify.smtp import Connection, Host
from shared.contracts.rpc import (
    ContactAnswered,
    ContactAsked,
    ContactLetter,
    Recipient,
    RecipientsAnswered,
    RecipientsAsked,
    SessionCard,
)
from shared.kernel.health import Health
from shared.kernel.inbox import Received
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Waiter, Wakeup
from tests.integration.notify.conftest import Notify
from tests.integration.notify.sink import Sink
from tests.unit.notify import samples


@dataclass
class Owner:
    """Who knows the session and its people, and how it was at earlier versions. `down` answers nothing."""

    session: SessionCard
    people: list[Recipient] = field(default_factory=list)
    page: int = 500
    down: bool = False
    asked: list[RecipientsAsked] = field(default_factory=list)
    earlier: dict[int, SessionCard] = field(default_factory=dict)

    async def answer(self, asked: RecipientsAsked) -> RecipientsAnswered:
        self.asked.append(asked)
        if self.down:
            raise Problem("unavailable")
        session = self.earlier.get(asked.session_as_of or 0, self.session)
        if asked.registration_id is not None:
            found = [person for person in self.people if person.registration_id == asked.registration_id]
            return RecipientsAnswered(session=session, recipients=tuple(found))
        standing = [person for person in self.people if person.status not in {"withdrawn", "lapsed"}]
        begin = int(asked.after or 0)
        found = standing[begin : begin + self.page]
        more = str(begin + self.page) if begin + self.page < len(standing) else None
        return RecipientsAnswered(session=session, recipients=tuple(found), next=more)


@dataclass
class Catalogue:
    """Who knows contacts: a letter for whoever has confirmed, and one for whoever has not."""

    letters: dict[bool, ContactLetter | None] = field(default_factory=dict)

    async def answer(self, asked: ContactAsked) -> ContactAnswered:
        return ContactAnswered(letter=self.letters.get(asked.confirmed))


@dataclass
class Office:
    """The parts of the service that tell people."""

    notify: Notify
    owner: Owner
    sink: Sink
    connections: int = 2
    catalogue: Catalogue = field(default_factory=Catalogue)

    def __post_init__(self) -> None:
        self.health = Health()
        self.expansion = Expansion(
            self.notify.pool,
            self.notify.vault,
            self.owner.answer,
            self.notify.clock,
            dt.timedelta(days=7),
            Waiter(),
            lambda: None,
            holder=1,
            ask_contact=self.catalogue.answer,
        )
        self.sender = Sender(
            pool=self.notify.pool,
            vault=self.notify.vault,
            desk=Desk(samples.COMPOSER, samples.TEXTS, samples.PORTAL),
            host=Host("127.0.0.1", self.sink.port),
            clock=self.notify.clock,
            health=self.health,
            wakeup=Wakeup(),
            connections=self.connections,
            max_age=dt.timedelta(days=7),
            finished=lambda: None,
            holder=1,
        )
        self.reports = Reports(self.notify.pool, self.notify.journal, Waiter())

    async def hear(self, *causes: AnyCause, version: int = 7, recorded_at: dt.datetime | None = None) -> None:
        """Causes arrive, one version after the other."""
        now = self.notify.clock.now()
        received = [
            Received(
                data=cause,
                id=f"{_stream(cause)}@{version + number}",
                type=cause.type,
                aggregate=cause.aggregate,
                aggregate_version=number,
                position=number,
                time=now,
                recorded_at=recorded_at or now,
                history=False,
                live=True,
                correlation_id="c" * 32,
                traceparent=None,
            )
            for number, cause in enumerate(causes)
        ]
        async with self.notify.pool.acquire() as connection, connection.transaction():
            await mailing.remember(connection, received, now)

    async def expand(self) -> None:
        while await self.expansion.step():
            pass

    async def send(self) -> None:
        """Sends everything that can be sent now."""
        connection = Connection(self.sender.host)
        try:
            while await self.sender.batch(connection, Priority.MANY):
                pass
        finally:
            await connection.quit()

    async def tell(self, *causes: AnyCause, version: int = 7) -> None:
        await self.hear(*causes, version=version)
        await self.expand()
        await self.send()

    async def states(self) -> list[str]:
        rows = await self.notify.pool.fetch("SELECT state FROM message ORDER BY seq")
        return [row["state"] for row in rows]


def _stream(cause: AnyCause) -> str:
    if isinstance(cause, ABOUT_CONTACTS):
        return f"contact_request-{cause.contact_request_id}"
    return f"session-{cause.session_id}"


def people(number: int, status: str = "confirmed") -> list[Recipient]:
    return [
        samples.person(
            status,
            registration_id=str(uuid4()),
            person_id=str(uuid4()),
            email=f"person{each}@gemeinde.example",
            name=f"Person {each}",
            token=f"token-of-{each}-0123456789",
        )
        for each in range(number)
    ]


def of(person: Recipient, sample: Cause) -> Cause:
    """A registration's cause, about this person."""
    return sample.model_copy(update={"registration_id": person.registration_id, "person_id": person.person_id})


def methods(sink: Sink, recipient: str) -> Sequence[str]:
    """The calendar methods of a person's mails, in the order in which they came."""
    return [
        str(part.get_param("method"))
        for mail in sink.to(recipient)
        for part in mail.parsed.walk()
        if part.get_content_type() == "text/calendar"
    ]
