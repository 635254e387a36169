"""A notification service's way from a cause to a mail, step by step: the events service is a function here."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from services.notify import mailing
from services.notify.asker_matter import AskerMatter
from services.notify.cause import ABOUT_CONTACTS, ABOUT_QUESTIONS, OFFERED, OfRegistration
from services.notify.contact_matter import ContactMatter
from services.notify.expansion import Expansion
from services.notify.kind import Priority
from services.notify.matter import Matter, Matters
from services.notify.question_matter import QuestionMatter
from services.notify.reports import Reports
from services.notify.sender import Sender
from services.notify.session_matter import SessionMatter
from services.notify.smtp import Connection, Host
from services.notify.wishes import Wishes
from services.notify.writing import Desk
from shared.contracts.contract import Contract
from shared.contracts.rpc import (
    AddressesAnswered,
    AddressesAsked,
    Asker,
    AskersAnswered,
    AskersAsked,
    ContactAnswered,
    ContactAsked,
    ContactLetter,
    GroupMessage,
    QuestionLetter,
    QuestionLetterAnswered,
    QuestionLetterAsked,
    Recipient,
    Registrant,
    RegistrantAddress,
    RegistrantsAlike,
    RegistrantsAnswered,
    RegistrantsAsked,
    SessionCard,
    Standing,
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
    fails_at: str | None = None
    asked: list[RegistrantsAsked] = field(default_factory=list)
    looked_up: list[AddressesAsked] = field(default_factory=list)
    earlier: dict[int, SessionCard] = field(default_factory=dict)
    group_messages: dict[str, GroupMessage] = field(default_factory=dict)
    audience: set[str] = field(default_factory=set)
    questions: dict[str, QuestionLetter | None] = field(default_factory=dict)

    async def answer(self, asked: RegistrantsAsked) -> RegistrantsAnswered:
        self.asked.append(asked)
        if self.down:
            raise Problem("unavailable")
        if asked.group_message_id is not None:
            if asked.group_message_id not in self.group_messages:
                raise Problem("not_found")
            found = [person for person in self.people if person.registration_id in self.audience]
            words = self.group_messages[asked.group_message_id]
            return RegistrantsAnswered(session=self.session, registrants=standing(found), group_message=words)
        if asked.feedback:
            found = [person for person in self.people if person.status == "confirmed"]
            return RegistrantsAnswered(session=self.session, registrants=standing(found))
        session = self.earlier.get(asked.session_as_of or 0, self.session)
        if asked.registration_id is not None:
            found = [person for person in self.people if person.registration_id == asked.registration_id]
            return RegistrantsAnswered(session=session, registrants=standing(found))
        there = [person for person in self.people if person.status not in {"withdrawn", "lapsed"}]
        begin = int(asked.after or 0)
        found = there[begin : begin + self.page]
        more = str(begin + self.page) if begin + self.page < len(there) else None
        return RegistrantsAnswered(session=session, alike=alike(found), next=more)

    async def addresses(self, asked: AddressesAsked) -> AddressesAnswered:
        self.looked_up.append(asked)
        if self.down or self.fails_at in asked.registration_ids:
            raise Problem("unavailable" if self.down else "internal")
        return AddressesAnswered(
            addresses=tuple(
                RegistrantAddress(
                    **person.model_dump(include=set(RegistrantAddress.model_fields) - {"feedback_token"}),
                    feedback_token=f"feedback-of-{person.registration_id}" if asked.feedback else None,
                )
                for person in self.people
                if person.registration_id in asked.registration_ids
            )
        )

    async def askers(self, asked: AskersAsked) -> AskersAnswered:
        if self.down:
            raise Problem("unavailable")
        waiting = [each for each in self.questions.values() if each and each.session.session_id == asked.session_id]
        return AskersAnswered(
            askers=tuple(Asker(person_id=each.person_id, question_id=each.question_id) for each in waiting)
        )

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
    more: Sequence[Matter[Any]] = ()

    def __post_init__(self) -> None:
        self.health = Health()
        owner, texts, portal = self.owner, samples.TEXTS, samples.PORTAL
        wishes = Wishes(
            self.notify.pool, self.notify.clock, lambda person, kind: f"{portal}/abbestellen/{kind}-{person}"
        )
        self.matters = Matters(
            [
                SessionMatter(self.notify.pool, texts, portal, owner.answer, owner.addresses, wishes),
                QuestionMatter(texts, portal, owner.answer_question),
                AskerMatter(texts, portal, owner.askers, owner.answer_question),
                ContactMatter(texts, portal, self.catalogue.answer),
                self.notify.announcements,
                *self.more,
            ]
        )
        self.expansion = Expansion(
            self.notify.pool,
            self.matters,
            self.notify.clock,
            dt.timedelta(days=7),
            Wakeup(),
            lambda: None,
            holder=1,
        )
        self.sender = Sender(
            pool=self.notify.pool,
            desk=Desk(samples.COMPOSER, self.matters, self.notify.pool, self.notify.vault),
            host=Host("127.0.0.1", self.sink.port),
            clock=self.notify.clock,
            health=self.health,
            wakeup=Wakeup(),
            connections=self.connections,
            max_age=dt.timedelta(days=7),
            finished=lambda: None,
            holder=1,
        )
        self.reports = Reports(self.notify.pool, self.notify.journal, Waiter(), self.sender.busy)

    def ask_instead(self, registrants: Callable[[RegistrantsAsked], Awaitable[RegistrantsAnswered]]) -> None:
        """From now on somebody else answers who has to be told."""
        sessions = self.matters.named("sessions", "")
        assert isinstance(sessions, SessionMatter)
        others = [self.matters.named(name, "") for name in ("questions", "askers", "contacts", "announcements")]
        matters = Matters([replace(sessions, registrants=registrants), *others])
        object.__setattr__(self.expansion, "matters", matters)

    async def hear(self, *causes: Any, version: int = 7, recorded_at: dt.datetime | None = None) -> None:
        """Causes arrive, one version after the other."""
        now = self.notify.clock.now()
        received = [
            Received[Any](
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
            for number, cause in enumerate(each for each in causes if isinstance(each, Contract))
        ]
        async with self.notify.pool.acquire() as connection, connection.transaction():
            await mailing.remember(connection, self.matters, received, now)

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

    async def tell(self, *causes: Any, version: int = 7) -> None:
        await self.hear(*causes, version=version)
        await self.expand()
        await self.send()

    async def states(self) -> list[str]:
        rows = await self.notify.pool.fetch("SELECT state FROM message ORDER BY seq")
        return [row["state"] for row in rows]


def _stream(cause: Any) -> str:
    """What happens to registrations stands in the stream of their session."""
    assert isinstance(cause, Contract), "what happens here is noted, not heard"
    if isinstance(cause, ABOUT_CONTACTS):
        return f"contact_request-{cause.contact_request_id}"
    if isinstance(cause, (*ABOUT_QUESTIONS, *OFFERED)) or not hasattr(cause, "session_id"):
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


def alike(found: Sequence[Recipient]) -> tuple[RegistrantsAlike, ...]:
    """The same, those who stand alike together."""
    groups: dict[Standing, list[Recipient]] = {}
    for person in found:
        groups.setdefault(Standing.model_validate(person.model_dump()), []).append(person)
    return tuple(
        RegistrantsAlike(
            **dict(common),
            registration_ids=tuple(person.registration_id for person in people),
            person_ids=tuple(person.person_id for person in people),
        )
        for common, people in groups.items()
    )


def standing(found: Sequence[Recipient]) -> tuple[Registrant, ...]:
    """What is answered of them before an address is asked for."""
    return tuple(Registrant.model_validate(person.model_dump()) for person in found)


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
