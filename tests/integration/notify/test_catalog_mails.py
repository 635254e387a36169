"""Mails about the catalogue, with the link to sign in, and trial mails: who gets them, and when they are of no use."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from services.notify import effects, undertaking_matter
from services.notify.cooperation_matter import CooperationMatter
from services.notify.expansion import Expansion
from services.notify.kind import Priority
from services.notify.mail_text import MAIL_TEXT, ChangeMailText
from services.notify.matter import Matters
from services.notify.project_matter import ProjectMatter
from services.notify.sender import Sender
from services.notify.sign_in import FORGET, SignIn, SignInMatter
from services.notify.smtp import Connection, Host
from services.notify.texts import Words
from services.notify.trial_mail import TrialMatter
from services.notify.undertaking_matter import UndertakingMatter
from services.notify.wishes import Wishes
from services.notify.writing import Desk
from shared.contracts.catalog import (
    ContactReviewDue,
    CooperationRequestClosed,
    CooperationRequestExpiring,
    CooperationRequestMatched,
    ProjectPublished,
    ProjectReturned,
    StepDue,
    StepDueWithdrawn,
)
from shared.contracts.contract import Contract
from shared.contracts.gateway import PersonErased
from shared.contracts.rpc import (
    CooperationLetter,
    CooperationLetterAnswered,
    CooperationLetterAsked,
    ProjectLetter,
    ProjectLetterAnswered,
    ProjectLetterAsked,
    ReturnedField,
    SignInAsked,
    StepAnswered,
    StepAsked,
    StepReminder,
)
from shared.kernel.health import Health
from shared.kernel.inbox import Received
from shared.kernel.recorded import Context
from shared.kernel.wakeup import Wakeup
from tests.integration.notify.conftest import EDITOR, Notify
from tests.integration.notify.sink import Mail, Sink
from tests.unit.notify import samples

PROJECT, OWN, OTHER, UNDERTAKING = (str(uuid4()) for _ in range(4))
TOWN, MERGED, VILLAGE = (str(uuid4()) for _ in range(3))
DAY = dt.date(2025, 7, 20)


@dataclass
class Catalogue:
    """What the catalogue answers, as long as it is so."""

    letter: ProjectLetter | None = None
    requests: dict[str, CooperationLetter] = field(default_factory=dict)
    step: StepReminder | None = None

    async def project_letter(self, _asked: ProjectLetterAsked) -> ProjectLetterAnswered:
        return ProjectLetterAnswered(letter=self.letter)

    async def cooperation_letter(self, asked: CooperationLetterAsked) -> CooperationLetterAnswered:
        found = (self.requests.get(each) for each in asked.cooperation_request_ids)
        return CooperationLetterAnswered(letters=tuple(each for each in found if each))

    async def step_reminder(self, _asked: StepAsked) -> StepAnswered:
        return StepAnswered(reminder=self.step)


@dataclass
class Hall:
    """The service's way from what it hears to mails; the catalogue and the gateway are functions here."""

    notify: Notify
    sink: Sink
    catalogue: Catalogue = field(default_factory=Catalogue)

    def __post_init__(self) -> None:
        texts, portal, people = self.notify.texts, samples.PORTAL, self.notify.book.people
        pool, vault, clock = self.notify.pool, self.notify.vault, self.notify.clock
        wishes = Wishes(pool, clock, lambda person, kind: f"{portal}/abbestellen/{person}-{kind}")
        sign_in = SignInMatter(pool, vault, texts, portal, people)
        self.matters = Matters(
            [
                ProjectMatter(texts, portal, self.catalogue.project_letter, people),
                CooperationMatter(texts, portal, self.catalogue.cooperation_letter, people, wishes),
                UndertakingMatter(texts, portal, self.catalogue.step_reminder, people, wishes),
                TrialMatter(texts, portal, people),
                sign_in,
            ]
        )
        self.sign_in = SignIn(pool, vault, clock, sign_in, lambda: None)
        week = dt.timedelta(days=7)
        self.expansion = Expansion(pool, self.matters, clock, week, Wakeup(), lambda: None, holder=1)
        self.sender = Sender(
            pool=pool,
            desk=Desk(samples.COMPOSER, self.matters, pool, vault, texts),
            host=Host("127.0.0.1", self.sink.port),
            clock=clock,
            health=Health(),
            wakeup=Wakeup(),
            connections=2,
            max_age=week,
            finished=lambda: None,
            holder=1,
        )
        self.effects = [
            *effects.of_causes("catalog", self.matters, clock),
            undertaking_matter.taking_back(clock),
            *effects.of_gateway(vault),
        ]

    async def hear(self, contract: Contract, version: int = 3, stream: str = "", *, live: bool = True) -> None:
        now = self.notify.clock.now()
        received: Received[Any] = Received(
            data=contract,
            id=f"{stream or contract.aggregate.replace('/', '-')}@{version}",
            type=contract.type,
            aggregate=contract.aggregate,
            aggregate_version=version,
            position=version,
            time=now,
            recorded_at=now,
            history=not live,
            live=live,
            correlation_id="c" * 32,
            traceparent=None,
        )
        async with self.notify.pool.acquire() as connection, connection.transaction():
            for effect in self.effects:
                if effect.contract is type(contract):
                    await effect.apply(connection, [received])

    async def expand(self) -> None:
        while await self.expansion.step():
            pass

    async def send(self) -> list[Mail]:
        """What is handed over now, in the order of addresses."""
        before = len(self.sink.mails)
        connection = Connection(self.sender.host)
        try:
            while await self.sender.batch(connection, max(Priority)):
                pass
        finally:
            await connection.quit()
        return sorted(self.sink.mails[before:], key=lambda mail: mail.recipient)

    async def told(self, contract: Contract, version: int = 3) -> list[Mail]:
        await self.hear(contract, version)
        await self.expand()
        return await self.send()

    async def ended(self) -> list[tuple[str, str | None]]:
        rows = await self.notify.pool.fetch("SELECT state, reason FROM message ORDER BY seq")
        return [(row["state"], row["reason"]) for row in rows]


@pytest.fixture
async def hall(notify: Notify) -> AsyncIterator[Hall]:
    sink = Sink()
    await sink.open()
    yield Hall(notify, sink)
    await sink.close()


def words(mail: Mail) -> str:
    part = mail.parsed.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def request(request_id: str, *bodies: str, contact: str | None = None, **changes: Any) -> CooperationLetter:
    return CooperationLetter.model_validate(
        {
            "cooperation_request_id": request_id,
            "open": True,
            "title": f"Kehrmaschine {'A' if request_id == OWN else 'B'}",
            "kind": "offer",
            "kind_label": "Angebot",
            "topics": ("Bauhof",),
            "organisation": "Gemeinde Musterdorf",
            "organisation_ids": bodies,
            "contact_id": contact,
            "expires_on": DAY,
            **changes,
        }
    )


class TestProjects:
    returned = ProjectReturned(project_id=PROJECT)
    letter = ProjectLetter(
        project_id=PROJECT,
        about="returned",
        title="Gemeinsamer Bauhof",
        reason="Bitte die <b>Wirkung</b> belegen.",
        reasons=(ReturnedField(field="Titel", reason="Zu lang."),),
        submitted_by="token:bauamt",
    )

    async def test_who_handed_one_in_is_told_why_it_came_back(self, hall: Hall) -> None:
        hall.notify.book.add("bauamt@stadt.example", actor="token:bauamt")
        hall.notify.book.add("other@stadt.example", actor="token:other")
        hall.catalogue.letter = self.letter
        (mail,) = await hall.told(self.returned)
        assert (mail.recipient, mail.subject) == ("bauamt@stadt.example", "Bitte überarbeiten: Gemeinsamer Bauhof")
        assert "> Bitte die <b>Wirkung</b> belegen." in words(mail)
        assert "Zu „Titel“:" in words(mail)
        assert await hall.told(self.returned) == [], "the same event comes again"
        row = await hall.notify.pool.fetchrow("SELECT m.*, g.data FROM message m JOIN mailing g ON g.id = m.mailing_id")
        assert "bauamt" not in str(tuple(row or ()))

    async def test_what_is_overtaken_is_not_sent(self, hall: Hall) -> None:
        hall.notify.book.add("bauamt@stadt.example", actor="token:bauamt")
        hall.catalogue.letter = self.letter
        await hall.hear(self.returned)
        await hall.expand()
        hall.catalogue.letter = None
        assert await hall.send() == []
        assert await hall.ended() == [("withheld", "outdated")]

    async def test_nobody_is_told_who_cannot_be_reached_or_of_history(self, hall: Hall) -> None:
        hall.catalogue.letter = self.letter
        assert await hall.told(self.returned) == []
        hall.notify.book.add("bauamt@stadt.example", actor="token:bauamt")
        await hall.hear(self.returned, 4, live=False)
        await hall.expand()
        assert await hall.ended() == []

    async def test_a_publication_is_told_to_who_handed_it_in(self, hall: Hall) -> None:
        hall.notify.book.add("bauamt@stadt.example", actor="token:bauamt")
        hall.catalogue.letter = ProjectLetter(
            project_id=PROJECT, about="published", title="Gemeinsamer Bauhof", submitted_by="token:bauamt"
        )
        published = ProjectPublished(project_id=PROJECT, title="x", summary="y", topics=())
        (mail,) = await hall.told(published)
        assert mail.subject == "Veröffentlicht: Gemeinsamer Bauhof"
        assert f"{samples.PORTAL}/projekte/{PROJECT}" in words(mail)

    async def test_the_contact_is_asked_as_long_as_it_is_the_contact(self, hall: Hall) -> None:
        contact = hall.notify.book.add("kontakt@stadt.example")
        due, at = ContactReviewDue(project_id=PROJECT), dt.datetime(2024, 7, 1, 8, tzinfo=dt.UTC)
        asked = ProjectLetter(
            project_id=PROJECT, about="review_due", title="Bauhof", contact_id=contact, unconfirmed_since=at
        )
        hall.catalogue.letter = asked
        (mail,) = await hall.told(due)
        assert mail.recipient == "kontakt@stadt.example"
        assert "Seit 1. Juli 2024 hat niemand bestätigt" in words(mail)
        await hall.hear(due, 4)
        await hall.expand()
        hall.catalogue.letter = asked.model_copy(update={"contact_id": str(uuid4())})
        assert await hall.send() == []


class TestCooperationRequests:
    matched = CooperationRequestMatched(cooperation_request_id=OWN, matched_request_id=OTHER, score=80)

    async def test_members_and_contacts_of_both_sides_are_told_of_the_other(self, hall: Hall) -> None:
        book = hall.notify.book
        book.page = 1
        book.add("a1@stadt.example", TOWN)
        book.add("a2@stadt.example", MERGED)
        book.add("b@dorf.example", VILLAGE)
        contact = book.add("c@dorf.example")
        hall.catalogue.requests = {OWN: request(OWN, TOWN, MERGED), OTHER: request(OTHER, VILLAGE, contact=contact)}
        mails = await hall.told(self.matched)
        assert [(mail.recipient, mail.subject) for mail in mails] == [
            ("a1@stadt.example", "Passt zu Ihrem Eintrag: Kehrmaschine B"),
            ("a2@stadt.example", "Passt zu Ihrem Eintrag: Kehrmaschine B"),
            ("b@dorf.example", "Passt zu Ihrem Eintrag: Kehrmaschine A"),
            ("c@dorf.example", "Passt zu Ihrem Eintrag: Kehrmaschine A"),
        ]
        assert f"{samples.PORTAL}/partnersuche/{OTHER}" in words(mails[0])
        assert "/abbestellen/" in mails[0].parsed["List-Unsubscribe"]

    async def test_who_is_on_both_sides_is_told_once(self, hall: Hall) -> None:
        both = hall.notify.book.add("both@stadt.example", TOWN)
        hall.catalogue.requests = {OWN: request(OWN, TOWN), OTHER: request(OTHER, VILLAGE, contact=both)}
        assert len(await hall.told(self.matched)) == 1

    async def test_nobody_is_sent_to_what_is_closed(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        hall.catalogue.requests = {OWN: request(OWN, TOWN), OTHER: request(OTHER, VILLAGE)}
        await hall.hear(self.matched)
        await hall.expand()
        hall.catalogue.requests[OTHER] = request(OTHER, VILLAGE, open=False)
        assert await hall.send() == []

    async def test_one_that_ends_is_told_unless_it_was_extended(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        said = {"cooperation_request_id": OWN, "title": "x", "organisation_id": TOWN}
        expiring = CooperationRequestExpiring.model_validate({**said, "expires_on": DAY})
        hall.catalogue.requests = {OWN: request(OWN, TOWN)}
        (mail,) = await hall.told(expiring)
        assert "noch bis Sonntag, 20. Juli 2025 in der Partnersuche" in words(mail)
        assert mail.parsed["List-Unsubscribe"] is None
        await hall.hear(expiring, 4)
        await hall.expand()
        hall.catalogue.requests = {OWN: request(OWN, TOWN, expires_on=DAY + dt.timedelta(days=90))}
        assert await hall.send() == []

    async def test_who_closed_one_by_hand_is_not_told_of_it(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        hall.catalogue.requests = {OWN: request(OWN, TOWN, open=False)}
        said = {"cooperation_request_id": OWN, "title": "x", "organisation_id": TOWN}
        assert await hall.told(CooperationRequestClosed.model_validate({**said, "outcome": "withdrawn"})) == []
        (mail,) = await hall.told(CooperationRequestClosed.model_validate({**said, "outcome": "expired"}), 4)
        assert mail.subject == "Abgelaufen: Kehrmaschine A"


class TestSteps:
    due = StepDue(undertaking_id=UNDERTAKING, step_id="council", due_on=DAY)
    withdrawn = StepDueWithdrawn(undertaking_id=UNDERTAKING, step_id="council", due_on=DAY)
    reminder = StepReminder(
        organisation_id=TOWN,
        organisation_ids=(TOWN, MERGED),
        organisation="Stadt Musterstadt",
        undertaking="Gemeinsame Vergabestelle",
        step="Beschluss einholen",
        owner="Hauptamt",
    )

    async def test_members_are_reminded(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        hall.notify.book.add("b@stadt.example", MERGED)
        hall.catalogue.step = self.reminder
        first, second = await hall.told(self.due)
        assert (first.recipient, second.recipient) == ("a@stadt.example", "b@stadt.example")
        assert first.subject == "Fällig am So., 20.07.2025: Beschluss einholen"
        assert "Zuständig: Hauptamt" in words(first)
        assert first.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "/abbestellen/" in first.parsed["List-Unsubscribe"]
        assert f"Solche Nachrichten abbestellen: {samples.PORTAL}/abbestellen/" in words(first)

    async def test_who_does_not_want_to_be_reminded_is_not(self, hall: Hall) -> None:
        refusing = hall.notify.book.add("a@stadt.example", TOWN)
        hall.notify.book.add("b@stadt.example", TOWN)
        hall.catalogue.step = self.reminder
        await hall.notify.pool.execute(
            "INSERT INTO preference (person_id, kind, channel, rhythm) VALUES ($1, 'checklist_due', 'email', 'off')",
            refusing,
        )
        (mail,) = await hall.told(self.due)
        assert mail.recipient == "b@stadt.example"

    async def test_who_paused_is_told_of_nothing_not_even_of_what_waited(self, hall: Hall) -> None:
        paused, pausing = (hall.notify.book.add(f"{name}@stadt.example", TOWN) for name in "ab")
        hall.notify.book.add("c@stadt.example", TOWN)
        hall.catalogue.step = self.reminder
        until = hall.notify.clock.now() + dt.timedelta(days=1)
        pause = "INSERT INTO subscriber (person_id, version, paused_until) VALUES ($1, 1, $2)"
        await hall.notify.pool.execute(pause, paused, until)
        await hall.hear(self.due)
        await hall.expand()
        await hall.notify.pool.execute(pause, pausing, until)
        (mail,) = await hall.send()
        assert mail.recipient == "c@stadt.example"

    async def test_a_date_that_holds_no_more_is_taken_back_though_it_comes_to_hold_again(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        hall.catalogue.step = self.reminder
        await hall.hear(self.due, 5)
        await hall.expand()
        await hall.hear(self.due, 6)  # not expanded when it is taken back
        await hall.hear(self.withdrawn, 7)
        await hall.hear(self.due, 8)
        await hall.hear(self.withdrawn, 7)
        await hall.expand()
        (mail,) = await hall.send()
        assert mail.recipient == "a@stadt.example"
        assert await hall.ended() == [("withheld", "outdated"), ("delivered", None)]

    async def test_what_is_told_again_is_not_taken_back_by_what_came_before(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        hall.catalogue.step = self.reminder
        await hall.hear(self.due, 8)
        await hall.expand()
        await hall.hear(self.withdrawn, 7)
        assert len(await hall.send()) == 1

    async def test_another_steps_date_is_not_taken_back(self, hall: Hall) -> None:
        hall.notify.book.add("a@stadt.example", TOWN)
        hall.catalogue.step = self.reminder
        await hall.hear(self.due, 5)
        await hall.expand()
        await hall.hear(self.withdrawn.model_copy(update={"step_id": "counc"}), 6)
        await hall.hear(self.withdrawn.model_copy(update={"due_on": DAY + dt.timedelta(days=1)}), 7)
        assert len(await hall.send()) == 1


class TestSignIn:
    def asked(self, hall: Hall, person_id: str, **changes: Any) -> SignInAsked:
        until = hall.notify.clock.now() + dt.timedelta(minutes=15)
        said = {"request_id": str(uuid4()), "person_id": person_id, "token": "t" * 22, "valid_until": until}
        return SignInAsked.model_validate({**said, **changes})

    async def test_one_link_is_sent_however_often_it_is_asked_for(self, hall: Hall) -> None:
        person = hall.notify.book.add("erika@stadt.example")
        asked = self.asked(hall, person)
        answers = await asyncio.gather(*(hall.sign_in.ask(asked) for _ in range(3)))
        assert all(answer.accepted for answer in answers)
        kept = await hall.notify.pool.fetch("SELECT s::text AS line FROM sign_in s UNION SELECT g::text FROM mailing g")
        assert asked.token not in str([row["line"] for row in kept])
        await hall.expand()
        (mail,) = await hall.send()
        assert mail.recipient == "erika@stadt.example"
        assert f"{samples.PORTAL}/anmelden/{asked.token}" in words(mail)
        assert "bis Dienstag, 1. Juli 2025, 10:15 Uhr" in words(mail)
        assert (await hall.sign_in.ask(asked)).accepted
        await hall.expand()
        assert await hall.send() == []

    async def test_no_link_is_sent_that_is_no_longer_valid_and_its_token_goes(self, hall: Hall) -> None:
        person = hall.notify.book.add("erika@stadt.example")
        await hall.sign_in.ask(self.asked(hall, person))
        await hall.expand()
        hall.notify.clock.forward(minutes=15)
        assert await hall.send() == []
        assert not (await hall.sign_in.ask(self.asked(hall, person, valid_until=hall.notify.clock.now()))).accepted
        await hall.notify.pool.execute(FORGET, hall.notify.clock.now())
        assert await hall.notify.pool.fetchval("SELECT count(*) FROM sign_in") == 0

    async def test_who_is_erased_is_sent_nothing(self, hall: Hall) -> None:
        person = hall.notify.book.add("erika@stadt.example")
        await hall.sign_in.ask(self.asked(hall, person))
        await hall.expand()
        await hall.hear(PersonErased(person_id=person), stream="person-x")
        assert await hall.send() == []
        assert await hall.notify.pool.fetchval("SELECT count(*) FROM sign_in") == 0
        assert not (await hall.sign_in.ask(self.asked(hall, person))).accepted


OWN_WORDS = {"subject": "Neu {session}", "heading": "H", "opening": ["O"], "closing": [], "button": "B"}


class TestTrials:
    path = "/api/v1/mail-texts/cancellation/test-mails"

    async def test_an_editor_gets_a_mail_and_nobody_else(self, hall: Hall) -> None:
        hall.notify.book.add("redaktion@stadt.example", actor=EDITOR.actor)
        for _ in range(2):
            reply = await hall.notify.edit("POST", self.path, {"number": 1, "words": OWN_WORDS}, Idempotency_Key="once")
            assert (reply.status, reply.body) == (202, {"status": "accepted"})
        other = await hall.notify.edit("POST", self.path, {"number": 2, "words": OWN_WORDS}, Idempotency_Key="once")
        assert other.code == "422 idempotency_key_reused"
        await hall.expand()
        (mail,) = await hall.send()
        assert mail.recipient == "redaktion@stadt.example"
        assert mail.subject == "Probe: Neu Digitale Sprechstunde: Gemeinsame IT"
        assert "Was darin steht, ist erfunden." in words(mail)
        assert [part.get_content_type() for part in mail.parsed.walk()][-1] == "text/html", "nothing for a calendar"

    async def test_without_an_address_or_with_what_cannot_be_sent_nothing_is(self, hall: Hall) -> None:
        assert (await hall.notify.edit("POST", self.path)).code == "409 own_address_unknown"
        hall.notify.book.add("redaktion@stadt.example", actor=EDITOR.actor)
        refused = await hall.notify.edit("POST", self.path, {"words": OWN_WORDS | {"heading": "{x}"}})
        assert (refused.code, refused.body["errors"][0]["field"]) == ("422 invalid_request", "/words/heading")
        assert (await hall.notify.edit("POST", self.path, {"number": 99})).status == 404
        assert (await hall.notify.ask("POST", self.path)).status == 401
        assert await hall.notify.pool.fetchval("SELECT count(*) FROM mailing") == 0

    async def test_what_waits_says_what_another_process_saved_meanwhile(self, hall: Hall) -> None:
        hall.notify.book.add("redaktion@stadt.example", actor=EDITOR.actor)
        await hall.notify.edit("POST", self.path)
        await hall.expand()
        words = Words.model_validate(OWN_WORDS)
        change = ChangeMailText(name="cancellation", standard=samples.TEXTS["cancellation"], words=words)
        context = Context(command_id=uuid4(), actor="test", at=hall.notify.clock.now(), correlation_id="c" * 32)
        await hall.notify.journal.transact(MAIL_TEXT, "cancellation", change, context)
        (mail,) = await hall.send()
        assert mail.subject.startswith("Probe: Neu ")


async def test_the_matters_note_each_kind_once(hall: Hall) -> None:
    """One mailing is one (cause, kind): what two matters tell of the same event has two names."""
    told = [(cause, matter.kinds[cause].name) for cause, found in hall.matters.causes.items() for matter in found]
    assert len(told) == len(set(told))
