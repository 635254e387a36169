"""An organiser's words, files, feedback and questions, from cause to mail: once, in order, and only while of use."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.notify import mailing
from services.notify.kind import Priority
from services.notify.smtp import Connection
from shared.contracts.events import QuestionAccepted, QuestionReceived
from shared.contracts.rpc import QuestionLetter, RegistrantsAnswered, RegistrantsAsked
from tests.integration.notify.conftest import Notify
from tests.integration.notify.office import Office, Owner, of, people, standing
from tests.integration.notify.sink import Sink, mail_server
from tests.unit.notify import samples
from tests.unit.notify.samples import CAUSES, postponed, session
from tests.unit.notify.test_question_letter import QUESTIONS, card


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with mail_server() as server:
        yield server


@pytest.fixture
def office(notify: Notify, sink: Sink) -> Office:
    return Office(notify, Owner(session(), people(3)), sink)


async def kinds(office: Office) -> list[str]:
    rows = await office.notify.pool.fetch("SELECT kind FROM message ORDER BY seq")
    return [row["kind"] for row in rows]


async def open_kinds(office: Office) -> list[str]:
    rows = await office.notify.pool.fetch("SELECT kind FROM mailing WHERE state = 'open' ORDER BY id")
    return [row["kind"] for row in rows]


def text(mail: Any) -> str:
    found = mail.parsed.get_body(("plain",))
    assert found is not None
    return " ".join(str(found.get_content()).split())


async def test_an_organiser_writes_to_a_group_once_and_the_words_are_not_kept(office: Office, sink: Sink) -> None:
    first, second, _ = office.owner.people
    waiting = second.model_copy(update={"status": "waitlisted"})
    office.owner.people[1] = waiting
    office.owner.group_messages = {samples.GROUP_MESSAGE.message_id: samples.WORDS}
    office.owner.audience = {first.registration_id, waiting.registration_id}
    at = office.notify.clock.now()
    stored = "SELECT count(*) FROM mailing WHERE group_message::text LIKE '%Mikrofon%'"
    await office.hear(samples.GROUP_MESSAGE, recorded_at=at)
    await office.expand()
    await mailing.forget_words(office.notify.pool)
    assert await office.notify.pool.fetchval(stored) == 1
    await office.send()
    await mailing.forget_words(office.notify.pool)
    assert await office.notify.pool.fetchval(stored) == 0
    await office.hear(samples.GROUP_MESSAGE, recorded_at=at)
    await office.expand()
    await office.send()
    assert sorted(mail.recipient for mail in sink.mails) == sorted([first.email, waiting.email])
    assert all("- ein Mikrofon - https://test.example" in text(mail) for mail in sink.mails)
    (asked,) = office.owner.asked
    assert (asked.group_message_id, asked.as_of_version) == (samples.GROUP_MESSAGE.message_id, 7)


async def test_words_that_an_earlier_version_took_away_are_missed(office: Office, sink: Sink) -> None:
    office.owner.group_messages = {samples.GROUP_MESSAGE.message_id: samples.WORDS}
    office.owner.audience = {office.owner.people[0].registration_id}
    await office.hear(samples.GROUP_MESSAGE)
    await office.expand()
    await office.notify.pool.execute("UPDATE mailing SET group_message = NULL")
    await office.send()
    assert (sink.mails, await office.states()) == ([], ["failed"])


async def test_nobody_gets_an_empty_message(office: Office) -> None:
    async def without_words(_: RegistrantsAsked) -> RegistrantsAnswered:
        return RegistrantsAnswered(session=office.owner.session, registrants=standing(office.owner.people))

    office.ask_instead(without_words)
    await office.hear(samples.GROUP_MESSAGE)
    await office.expansion.step()
    assert await office.states() == []
    assert await office.notify.pool.fetchval("SELECT problem FROM mailing") == "not_understood"


async def test_files_are_told_to_who_has_a_place_and_hold_up_nobody(office: Office, sink: Sink) -> None:
    first, waiting, leaving = office.owner.people
    office.owner.people[1] = waiting.model_copy(update={"status": "waitlisted"})
    office.owner.down = True
    await office.hear(postponed(), samples.MATERIAL, of(first, samples.LINK))
    await office.expansion.step()
    assert len(office.owner.asked) == 1, "files come after the news of the session"
    office.owner.down = False
    office.notify.clock.forward(minutes=1)
    await office.expansion.step()
    office.owner.down = True
    await office.expansion.step()
    assert await open_kinds(office) == ["material_published", "registration_link"]
    assert len(office.owner.asked) == 4, "a link does not wait for files"
    office.owner.down = False
    office.notify.clock.forward(minutes=1)
    await office.expand()
    assert office.owner.asked[-1].as_of_version is None
    assert sorted((await kinds(office))[3:]) == ["material_published", "material_published", "registration_link"]
    await office.hear(of(leaving, samples.WITHDRAWN), version=8)
    await office.expand()
    await office.send()
    subjects = {
        person.email: [mail.subject.split(":")[0] for mail in sink.to(person.email)]
        for person in (first, waiting, leaving)
    }
    assert subjects[waiting.email] == ["Verschoben"]
    assert subjects[leaving.email] == ["Verschoben", "Abmeldung bestätigt"]
    assert sorted(subjects[first.email]) == ["Ihr Link zur Anmeldung", "Unterlagen", "Verschoben"]
    assert sorted(await office.states()) == ["bounced", *["delivered"] * 6]


async def test_what_can_wait_goes_last_and_holds_up_no_news(office: Office, sink: Sink) -> None:
    await office.hear(samples.MATERIAL, samples.CANCELLED)
    await office.expand()
    rows = await office.notify.pool.fetch("SELECT DISTINCT kind, priority FROM message")
    raised = {row["kind"]: Priority(row["priority"]) for row in rows}
    assert raised == {"material_published": Priority.MANY, "cancellation": Priority.MANY}
    late = samples.person(person_id="late", registration_id="late", email="late@gemeinde.example")
    office.owner.people = [late]
    await office.hear(samples.FEEDBACK, of(late, samples.LINK), version=8)
    await office.expand()
    connection = Connection(office.sender.host)
    while await office.sender.batch(connection, Priority.MANY):
        pass
    await connection.quit()
    assert {mail.subject.split(":")[0] for mail in sink.to(late.email)} == {
        "Ihre Rückmeldung",
        "Ihr Link zur Anmeldung",
    }


async def test_everybody_who_had_a_place_gets_a_feedback_link_of_ones_own_until_it_closes(
    office: Office, sink: Sink
) -> None:
    office.owner.people[2] = office.owner.people[2].model_copy(update={"status": "waitlisted"})
    closes_at = office.notify.clock.now().replace(year=2026)
    await office.tell(samples.FEEDBACK.model_copy(update={"closes_at": closes_at}))
    assert len(sink.mails) == 2
    for person in office.owner.people[:2]:
        (mail,) = sink.to(person.email)
        assert f"{samples.PORTAL}/feedback/feedback-of-{person.registration_id}" in text(mail)
    again = office.notify.clock.now()
    await office.hear(CAUSES["feedback"][0].model_copy(update={"closes_at": again}), version=9)
    await office.expand()
    await office.send()
    assert await office.states() == ["delivered", "delivered", "bounced", "bounced"]


class TestQuestions:
    """Each question is told in order, whatever else waits."""

    async def test_a_question_is_told_step_by_step_and_waits_for_no_other(self, office: Office, sink: Sink) -> None:
        mine, other = (self.asked(number) for number in ("mine", "other"))
        office.owner.down = True
        in_time = {"confirm_by": office.notify.clock.now().replace(year=2026)}
        received = self.about(QUESTIONS["question received"][0], mine).model_copy(update=in_time)
        accepted = self.about(QUESTIONS["question accepted"][0], mine)
        assert isinstance(received, QuestionReceived)
        assert isinstance(accepted, QuestionAccepted)
        await office.hear(received)
        await office.expansion.step()
        office.owner.down = False
        office.owner.questions = {
            "mine": mine.model_copy(update={**in_time, "status": "received", "question": None}),
            "other": other.model_copy(update={"status": "declined", "reason": "Dazu gibt es eine Arbeitshilfe."}),
        }
        await office.hear(accepted, self.about(QUESTIONS["question declined"][0], other), version=8)
        await office.expand()
        assert await kinds(office) == ["question_declined"]
        office.notify.clock.forward(minutes=1)
        await office.expansion.step()
        office.owner.questions["mine"] = mine
        await office.expand()
        await office.send()
        assert [mail.subject.split(":")[0] for mail in sink.to(mine.email)] == [
            "Bitte bestätigen Sie Ihre Frage",
            "Ihre Frage ist angenommen",
        ]
        (declined,) = sink.to(other.email)
        assert "> Dazu gibt es eine Arbeitshilfe." in text(declined)
        await office.reports.step()
        told = [each.event.message for each in await office.notify.journal.read(0, 10)]
        assert {(message.session_id, message.registration_id) for message in told} == {(samples.SESSION, None)}

    async def test_a_kept_question_comes_after_the_postponement_and_not_after_the_cancellation(
        self, office: Office, sink: Sink
    ) -> None:
        asker = office.owner.people[0]
        kept = self.asked("kept").model_copy(update={"person_id": asker.person_id, "email": asker.email})
        office.owner.questions = {"kept": kept}
        carried = self.about(QUESTIONS["question carried over"][0], kept)
        office.owner.down = True
        await office.hear(postponed(), carried)
        await office.expansion.step()
        office.owner.down = False
        await office.expand()
        assert await kinds(office) == []
        office.notify.clock.forward(minutes=1)
        await office.expand()
        assert (await kinds(office))[-1] == "question_carried_over"
        await office.send()
        assert [mail.subject.split(":")[0] for mail in sink.to(asker.email)] == [
            "Verschoben",
            "Ihre Frage gilt für den neuen Termin",
        ]
        office.owner.questions = {"kept": kept.model_copy(update={"session": session(status="cancelled")})}
        await office.hear(carried, version=9)
        await office.expand()
        assert (await kinds(office)).count("question_carried_over") == 1

    async def test_nobody_is_told_who_was_erased_or_whose_question_is_gone(self, office: Office, sink: Sink) -> None:
        gone, erased = self.asked("gone"), self.asked("erased").model_copy(update={"person_id": "erased"})
        office.owner.questions = {"gone": None, "erased": erased}
        accepted = QUESTIONS["question accepted"][0]
        await office.hear(self.about(accepted, gone), self.about(accepted, erased))
        await office.expand()
        assert await kinds(office) == ["question_accepted"]
        sealed = await office.notify.pool.fetchval(
            "SELECT string_agg(m::text || g::text, '') FROM message m, mailing g"
        )
        assert not any(secret in sealed for secret in (erased.email, erased.token, "Stelle teilen"))
        await office.notify.vault.erase("erased")
        await office.send()
        assert (sink.mails, await office.states()) == ([], [])
        await office.hear(self.about(accepted, erased), version=9)
        await office.expand()
        assert await office.states() == []

    def asked(self, number: str) -> QuestionLetter:
        return card("accepted").model_copy(
            update={"question_id": number, "person_id": f"asker of {number}", "email": f"{number}@stadt.example"}
        )

    def about(self, cause: Any, asked: QuestionLetter) -> Any:
        return cause.model_copy(update={"question_id": asked.question_id, "person_id": asked.person_id})
