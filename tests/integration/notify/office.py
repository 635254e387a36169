"""A notification service's way from a cause to a mail, step by step: the events service is a function here."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from services.notify import mailing
from services.notify.cause import ABOUT_CONTACTS, ABOUT_QUESTIONS, OFFERED, AnyCause, OfRegistration, Priority
from services.notify.expansion import Expansion, Owners
from services.notify.reports import Reports
from services.notify.sender import Sender
from services.notify.smtp import Connection, Host
from services.notify.writing import Desk
from shared.contracts.rpc import (
    ContactAnswered,
    ContactAsked,
    ContactLetter,
    GroupMessage,
    QuestionLetter,
    QuestionLetterAnswered,
    QuestionLetterAsked,
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
    """Who knows the session, its people and their questions. `down` answers nothing.

    An organiser writes to `audience`, by registrations; who has a place is asked how the session was.
    """

    session: SessionCard
    people: list[Recipient] = field(default_factory=list)
    page: int = 500
    down: bool = False
    asked: list[RecipientsAsked] = field(default_factory=list)
    earlier: dict[int, SessionCard] = field(default_factory=dict)
    group_messages: dict[str, GroupMessage] = field(default_factory=dict)
    audience: set[str] = field(default_factory=set)
    questions: dict[str, QuestionLetter | None] = field(default_factory=dict)

    async def answer(self, asked: RecipientsAsked) -> RecipientsAnswered:
        self.asked.append(asked)
        if self.down:
            raise Problem("unavailable")
        if asked.group_message_id is not None:
            if asked.group_message_id not in self.group_messages:
                raise Problem("not_found")
            found = [person for person in self.people if person.registration_id in self.audience]
            words = self.group_messages[asked.group_message_id]
            return RecipientsAnswered(session=self.session, recipients=tuple(found), group_message=words)
        if asked.feedback:
            found = [
                person.model_copy(update={"feedback_token": f"feedback-of-{person.registration_id}"})
                for person in self.people
                if person.status == "confirmed"
            ]
            return RecipientsAnswered(session=self.session, recipients=tuple(found))
        session = self.earlier.get(asked.session_as_of or 0, self.session)
        if asked.registration_id is not None:
            found = [person for person in self.people if person.registration_id == asked.registration_id]
            return RecipientsAnswered(session=session, recipients=tuple(found))
        standing = [person for person in self.people if person.status not in {"withdrawn", "lapsed"}]
        begin = int(asked.after or 0)
        found = standing[begin : begin + self.page]
        more = str(begin + self.page) if begin + self.page < len(standing) else None
        return RecipientsAnswered(session=session, recipients=tuple(found), next=more)

    async def answer_question(self, asked: QuestionLetterAsked) -> QuestionLetterAnswered:
        if self.down:
            raise Problem("unavailable")
        if asked.question_id not in self.questions:
            raise Problem("not_found")
        return QuestionLetterAnswered(letter=self.questions[asked.question_id])


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
            Owners(self.owner.answer, self.owner.answer_question, self.catalogue.answer),
            self.notify.clock,
            dt.timedelta(days=7),
            Waiter(),
            lambda: None,
            holder=1,
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

    def ask_instead(self, recipients: Callable[[RecipientsAsked], Awaitable[RecipientsAnswered]]) -> None:
        """From now on somebody else answers who has to be told."""
        object.__setattr__(self.expansion, "owners", replace(self.expansion.owners, recipients=recipients))

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
            while await self.sender.batch(connection, max(Priority)):
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
    """What happens to registrations stands in the stream of their session."""
    if isinstance(cause, ABOUT_CONTACTS):
        return f"contact_request-{cause.contact_request_id}"
    if isinstance(cause, (*ABOUT_QUESTIONS, *OFFERED)):
        return cause.aggregate.replace("/", "-")
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


def of(person: Recipient, sample: OfRegistration) -> OfRegistration:
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
