"""Asking, moderating, answering and publishing questions over HTTP; what time and postponements make of it."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.events import due, question_upkeep
from services.events.askers import askers
from services.events.question import DECIDER
from services.events.question_commands import ForgetQuestion, MergeQuestion
from services.events.question_letter import question_letter
from shared.contracts.rpc import AskersAsked, QuestionLetterAsked
from shared.kernel.identity import ANONYMOUS, Identity
from tests.integration.events.asking import (
    Asked,
    ask,
    asked,
    done,
    moderate,
    own,
    public,
    tend,
    types,
)
from tests.integration.events.conftest import EDITOR, Events, sample
from tests.integration.events.test_registrations_http import erase

WRITTEN = {"way": "in_writing", "answer": "Nach Einwohnern."}


async def letter(events: Events, question: Asked) -> Any:
    answered = await question_letter(events.pool, events.vault, QuestionLetterAsked(question_id=question.id))
    return answered.letter


async def hour(events: Events, **changes: Any) -> str:
    """An announced consultation hour."""
    session_id = await events.draft(**changes)
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    return session_id


async def another(events: Events, session_id: str, **changes: Any) -> str:
    """Another session of the same series."""
    series = (await events.get(f"/api/v1/sessions/{session_id}"))["series"]["id"]
    body = sample(series, starts_at="2025-09-25T10:00:00+02:00", **changes)
    other = str((await events.done("POST", "/api/v1/sessions", body))["id"])
    await events.done("POST", f"/api/v1/sessions/{other}/announcements")
    return other


async def test_a_guest_asks_and_confirms_by_the_link(events: Events) -> None:
    session_id = await hour(events)
    question = await asked(events, session_id, member=False, organisation_name="Stadt Beispiel", may_publish=True)
    shown = await own(events, question)
    assert (shown["status"], shown["can_confirm"], shown["can_change"]) == ("received", True, True)
    assert (shown["text"], shown["name"]) == ("Wie teilt man die Kosten?", "Ada Beispiel")
    assert (shown["confirm_by"], shown["session"]["id"]) == ("2025-07-02T10:00:00+02:00", session_id)
    assert (await letter(events, question)).question is None, "no word goes to an address that nobody has confirmed"
    inbox = f"/api/v1/questions?session={session_id}"
    assert (await events.get(inbox, EDITOR))["counts"]["submitted"] == 0
    for _ in range(2):
        confirmed = await events.ask("POST", f"{question.page}/confirmations")
        assert (confirmed.status, confirmed.body["version"]) == (200, 2)
    assert (await own(events, question))["status"] == "submitted"
    assert (await letter(events, question)).question == "Wie teilt man die Kosten?"


async def test_the_answer_tells_nothing_and_a_repeated_request_is_one_question(events: Events) -> None:
    session_id, ada, key = await hour(events), str(uuid4()), uuid4().hex
    first = await ask(events, session_id, person=ada, key=key)
    both = await asyncio.gather(*(ask(events, session_id, person=ada, key=key) for _ in range(2)))
    member = await ask(events, session_id, member=True)
    assert {reply.status for reply in (first, *both, member)} == {202}
    assert len({str(reply.body) for reply in (first, *both, member)}) == 1
    assert not any("ETag" in reply.headers for reply in (first, *both, member))
    await events.done("POST", f"/api/v1/sessions/{session_id}/cancellations", {"reason": "Krankheit"})
    assert (await ask(events, session_id, person=ada, key=key)).status == 202
    assert (await ask(events, session_id, person=ada)).code == "409 session_cancelled"
    assert (await events.pool.fetchval("SELECT count(*) FROM question WHERE person_id = $1", ada)) == 1


async def test_an_organisation_that_is_not_in_the_directory_is_refused_whoever_asks(events: Events) -> None:
    session_id, ada = await hour(events), str(uuid4())
    nobody, somebody = "99999999-9999-4999-8999-999999999999", str(uuid4())
    checks = f"/internal/sessions/{session_id}/question-checks"
    first = await ask(events, session_id, person=ada, organisation_id=somebody, key="known")
    assert (first.status, (await events.ask("POST", checks, {"organisation_id": somebody})).status) == (202, 200)
    for refused in (
        await ask(events, session_id, person=ada, organisation_id=nobody),
        await ask(events, session_id, organisation_id=nobody),
        await events.ask("POST", checks, {"organisation_id": nobody}),
    ):
        assert (refused.code, refused.body["errors"][0]["field"]) == ("409 unknown_organisation", "/organisation_id")
    assert (await events.pool.fetchval("SELECT count(*) FROM question WHERE person_id = $1", ada)) == 1


async def test_who_has_asked_a_lot_is_answered_like_everybody_and_nothing_is_kept(events: Events) -> None:
    session_id, ada = await hour(events), str(uuid4())
    replies = [await ask(events, session_id, person=ada, text=f"Frage {number}?") for number in range(22)]
    assert {reply.status for reply in replies} == {202}
    assert (await events.pool.fetchval("SELECT count(*) FROM question WHERE person_id = $1", ada)) == 20


async def test_nothing_that_people_write_lies_open(events: Events) -> None:
    session_id = await hour(events)
    body: dict[str, Any] = {"text": "Ein Geheimnis?", "name": "Grete Geheim", "email": "grete@geheim.example"}
    question = await asked(events, session_id, may_publish=True, **body)
    await done(events, question, "answers", {"way": "in_writing", "answer": "Das ist geheim."})
    await done(events, question, "publications", {"text": "Geheim?"})
    declined = await asked(events, session_id)
    await done(events, declined, "declines", {"reason": "Zu geheim."})
    stored = await events.pool.fetch("SELECT data::text AS text FROM journal") + await events.pool.fetch(
        "SELECT q::text AS text FROM question q"
    )
    assert stored
    assert not any("eheim" in row["text"] and "video.example" not in row["text"] for row in stored)
    assert not any(question.token in row["text"] for row in stored)


async def test_the_page_is_private_and_reading_it_changes_nothing(events: Events) -> None:
    question = await asked(events, await hour(events), member=False)
    head = await events.journal.head()
    for path in ("", "/confirmations", "/withdrawals"):
        await events.ask("GET", question.page + path)
        await events.ask("HEAD", question.page + path)
    assert await events.journal.head() == head
    reply = await events.ask("GET", question.page)
    assert (reply.headers["Cache-Control"], reply.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    for token in ("x", "a" * 22, "..", "%20", "a" * 3000):
        assert (await events.ask("GET", f"/api/v1/questions/{token}")).code == "404 not_found"
        assert (await events.ask("POST", f"/api/v1/questions/{token}/withdrawals")).code == "404 not_found"


async def test_its_asker_changes_it_until_somebody_has_dealt_with_it(events: Events) -> None:
    question = await asked(events, await hour(events), organisation_name="Stadt Beispiel")
    body = {"text": "Wie teilt man Kosten gerecht?", "may_publish": True, "may_name_organisation": True}
    assert (await events.ask("PUT", question.page, body)).code == "428 precondition_required"
    etag = (await events.ask("GET", question.page)).headers["ETag"]
    assert (await events.ask("PUT", question.page, body, If_Match=etag)).body["version"] == 2
    assert (
        await events.ask("PUT", question.page, body | {"text": "Anders?"}, If_Match=etag)
    ).code == "412 stale_version"
    assert (await events.ask("PUT", question.page, body, If_Match='"2"')).body["version"] == 2
    await done(events, question, "acceptances")
    refused = await events.ask("PUT", question.page, body | {"text": "Anders?"}, If_Match='"3"')
    assert refused.code == "409 question_dealt_with"
    assert (await events.ask("PUT", question.page, body | {"may_publish": False}, If_Match='"3"')).status == 200
    shown = await own(events, question)
    assert (shown["text"], shown["may_publish"], shown["may_name_organisation"]) == (body["text"], False, False)


async def test_what_is_taken_back_or_lapses_is_destroyed(events: Events) -> None:
    session_id = await hour(events)
    withdrawn, late = await asked(events, session_id), await asked(events, session_id, member=False)
    for _ in range(2):
        assert (await events.ask("POST", f"{withdrawn.page}/withdrawals")).status == 200
    events.clock.forward(hours=24)
    assert (await own(events, late))["status"] == "lapsed", "even before the clock came by"
    assert (await events.ask("POST", f"{late.page}/confirmations")).code == "409 question_lapsed"
    await tend(events, 2)
    for question, status in ((withdrawn, "withdrawn"), (late, "lapsed")):
        shown = await own(events, question)
        assert (shown["status"], shown["text"], shown["name"]) == (status, None, None)
        assert await events.pool.fetchval("SELECT wrapped IS NULL FROM vault WHERE person_id = $1", question.id)
        assert await letter(events, question) is None
    assert (await events.ask("PUT", withdrawn.page, {"text": "Doch?"}, If_Match="*")).code == "409 question_withdrawn"
    assert await events.pool.fetchval("SELECT wrapped IS NOT NULL FROM vault WHERE person_id = $1", late.person)


async def test_who_is_registered_asks_by_the_link_of_the_registration(events: Events) -> None:
    session_id = await events.open_session()
    token, key = await events.registered(session_id, organisation_name="Stadt Beispiel"), uuid4().hex
    path = f"/api/v1/registrations/{token}/questions"
    replies = [await events.ask("POST", path, {"text": "Was kostet das?"}, Idempotency_Key=key) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].body == replies[1].body
    (item,) = (await events.get(f"/api/v1/questions?session={session_id}", EDITOR))["items"]
    assert (item["status"], item["text"], item["name"]) == ("submitted", "Was kostet das?", "Ada Beispiel")
    assert (item["email"], item["organisation_name"]) == ("ada@stadt.example", "Stadt Beispiel")
    assert (
        await events.ask("POST", "/api/v1/registrations/unbekannt/questions", {"text": "?"})
    ).code == "404 not_found"


async def test_the_form_says_whether_questions_are_taken_and_under_which_keyword(events: Events) -> None:
    session_id = await hour(events, questions_close_at="2025-07-30T12:00:00+02:00")
    path = f"/api/v1/sessions/{session_id}"
    series = (await events.get(path))["series"]["id"]
    shown = await events.ask("GET", f"/api/v1/series/{series}", who=EDITOR)
    content = {name: shown.body[name] for name in ("title", "slug", "format")} | {"keyword": "Digitale Sprechstunde"}
    await events.done("PUT", f"/api/v1/series/{series}", content, If_Match=shown.headers["ETag"])
    form = await events.get(f"{path}/question-form")
    assert (form["open"], form["keyword"], form["hint"]) == (
        True,
        "Digitale Sprechstunde",
        "Stichwort „Digitale Sprechstunde“",
    )
    assert (await letter(events, await asked(events, session_id))).keyword == "Digitale Sprechstunde"
    events.clock.forward(days=29.2)
    form = await events.get(f"{path}/question-form")
    assert (form["open"], form["code"]) == (False, "questions_closed")
    assert (await ask(events, session_id)).code == "409 questions_closed"
    assert (await ask(events, str(uuid4()))).code == "404 not_found"
    assert (await ask(events, await events.draft())).code == "404 not_found"


@pytest.mark.parametrize(
    "changes",
    [{"text": ""}, {"text": " \n"}, {"text": "x" * 5001}, {"text": 3}, {"name": ""}, {"may_publish": "ja"}, {"x": 1}],
    ids=lambda changes: str(changes)[:20],
)
async def test_wrong_questions(events: Events, changes: dict[str, Any]) -> None:
    session_id = await hour(events)
    wrong = await ask(events, session_id, **changes)
    assert wrong.code == "422 invalid_request"
    assert wrong.body["errors"][0]["field"] == f"/{next(iter(changes))}"


async def test_a_question_is_moderated_answered_and_published(events: Events) -> None:
    session_id = await hour(events)
    agreed: dict[str, Any] = {"may_publish": True, "may_name_organisation": True, "organisation_name": "Stadt Beispiel"}
    question = await asked(events, session_id, **agreed)
    assert (await moderate(events, question, "publications", {})).code == "409 question_not_answered"
    await done(events, question, "acceptances")
    assert (await moderate(events, question, "answers", {"way": "in_writing"})).code == "422 answer_missing"
    assert (await moderate(events, question, "answers", {"way": "in_session"})).code == "409 session_not_begun"
    await done(events, question, "answers", WRITTEN)
    assert (await events.get(f"/api/v1/sessions/{session_id}/questions"))["total"] == 0
    said = await letter(events, question)
    assert (said.status, said.answer, said.published) == ("answered", "Nach Einwohnern.", False)
    await done(events, question, "publications", {"text": "Kosten?", "name_organisation": True})
    (item,) = await public(events, session_id)
    assert (item["text"], item["answer"], item["organisation"]) == ("Kosten?", "Nach Einwohnern.", "Stadt Beispiel")
    assert "Ada" not in str(item)
    assert (await events.get(f"/api/v1/sessions/{session_id}/question-form"))["published"] == 1
    assert (await letter(events, question)).published
    await done(events, question, "publication-withdrawals")
    assert await public(events, session_id) == []
    assert await types(events, question) == [
        "HandedIn",
        "Accepted",
        "Answered",
        "Published",
        "PublicationTakenBack".removeprefix("Question"),
    ]


async def test_an_asker_who_does_not_agree_is_not_published_and_may_think_better_of_it(events: Events) -> None:
    session_id = await hour(events)
    question = await asked(events, session_id)
    await done(events, question, "answers", WRITTEN)
    assert (await moderate(events, question, "publications", {})).code == "409 publication_not_agreed"
    agreed = {"text": "Wie teilt man die Kosten?", "may_publish": True}
    await events.ask("PUT", question.page, agreed, If_Match="*")
    refused = await moderate(events, question, "publications", {"name_organisation": True})
    assert refused.code == "409 publication_not_agreed"
    await done(events, question, "publications", {})
    assert [item["text"] for item in await public(events, session_id)] == ["Wie teilt man die Kosten?"]
    assert (await events.ask("PUT", question.page, agreed | {"may_publish": False}, If_Match="*")).status == 200
    assert await public(events, session_id) == []


@pytest.mark.parametrize(
    ("action", "body", "event"),
    [
        ("acceptances", None, "Accepted"),
        ("declines", {"reason": "Gehört nicht hierher."}, "Declined"),
        ("answers", WRITTEN, "Answered"),
    ],
)
async def test_two_who_do_the_same_at_once_do_it_once(events: Events, action: str, body: Any, event: str) -> None:
    question = await asked(events, await hour(events))
    replies = await asyncio.gather(*(moderate(events, question, action, body) for _ in range(4)))
    assert {reply.status for reply in replies} == {200}
    assert (await types(events, question)).count(event) == 1
    key = uuid4().hex
    same = [await events.ask("POST", question.desk(action), body, EDITOR, Idempotency_Key=key) for _ in range(2)]
    assert same[0].body == same[1].body


async def test_a_declined_question_says_why_to_its_asker_alone(events: Events) -> None:
    session_id = await hour(events)
    question = await asked(events, session_id)
    await done(events, question, "declines", {"reason": "Gehört nicht hierher."})
    assert (await own(events, question))["reason"] == "Gehört nicht hierher."
    assert (await letter(events, question)).reason == "Gehört nicht hierher."
    assert await public(events, session_id) == []
    assert (await moderate(events, question, "answers", WRITTEN)).code == "409 question_declined"


async def test_answering_one_answers_those_that_were_merged_into_it(events: Events) -> None:
    session_id = await hour(events)
    host, *others = [await asked(events, session_id) for _ in range(3)]
    for other in others:
        await done(events, other, "mergers", {"into": host.id})
    assert (await moderate(events, host, "mergers", {"into": host.id})).code == "409 question_not_mergeable"
    assert (await moderate(events, host, "mergers", {"into": others[0].id})).code == "409 question_not_mergeable"
    assert (await moderate(events, others[0], "answers", WRITTEN)).code == "409 question_merged"
    await done(events, host, "answers", WRITTEN)
    await tend(events, 2)
    for other in others:
        said = await letter(events, other)
        assert (said.status, said.answer, said.question) == (
            "answered",
            "Nach Einwohnern.",
            "Wie teilt man die Kosten?",
        )
    await done(events, host, "answers", {"way": "in_writing", "answer": "Nach Fällen."})
    await tend(events, 2)
    assert [await types(events, other) for other in others] == [["HandedIn", "Merged", "Answered", "Answered"]] * 2
    assert (await letter(events, others[0])).answer == "Nach Fällen."


async def test_an_answer_that_is_forgotten_before_it_is_passed_on_answers_nothing(events: Events) -> None:
    session_id = await hour(events)
    erased, forgotten = [await asked(events, session_id) for _ in range(2)]
    of_erased, of_forgotten = [await asked(events, session_id) for _ in range(2)]
    for one, host in ((of_erased, erased), (of_forgotten, forgotten)):
        await done(events, one, "mergers", {"into": host.id})
    await done(events, forgotten, "answers", WRITTEN)
    await tend(events)
    await done(events, erased, "answers", WRITTEN)
    await done(events, forgotten, "answers", {"way": "in_writing", "answer": "Nach Fällen."})
    await erase(events, erased.person)
    gone = ForgetQuestion(cause="retention")
    await events.journal.transact(DECIDER, forgotten.id, gone, due.by_itself(events.clock.now()))
    await tend(events, 2)
    assert await types(events, of_erased) == ["HandedIn", "Merged", "Released"]
    assert await types(events, of_forgotten) == ["HandedIn", "Merged", "Answered"]
    assert await question_upkeep.follow_mergers(events.journal, events.pool, events.vault, events.clock.now()) == 0


async def test_a_merged_question_goes_where_the_other_one_goes(events: Events) -> None:
    session_id = await hour(events)
    other_session = await another(events, session_id)
    carried, declined, third = [await asked(events, session_id) for _ in range(3)]
    of_carried, of_declined, of_third = [await asked(events, session_id) for _ in range(3)]
    for one, host in ((of_carried, carried), (of_declined, declined), (of_third, third)):
        await done(events, one, "mergers", {"into": host.id})
    await done(events, carried, "carry-overs", {"session_id": other_session})
    await done(events, declined, "declines", {"reason": "Gehört nicht hierher."})
    await events.ask("POST", f"{third.page}/withdrawals")
    await tend(events, 2)
    assert [await types(events, each) for each in (of_carried, of_declined, of_third)] == [
        ["HandedIn", "Merged", "CarriedOver"],
        ["HandedIn", "Merged", "Declined"],
        ["HandedIn", "Merged", "Released"],
    ]
    assert (await own(events, of_declined))["reason"] == "Gehört nicht hierher."
    assert (await own(events, of_third))["status"] == "submitted"


async def test_mergers_make_no_chains_even_when_they_race(events: Events) -> None:
    session_id = await hour(events)
    first, second, third, fourth = [await asked(events, session_id) for _ in range(4)]
    await done(events, first, "mergers", {"into": second.id})
    await done(events, second, "mergers", {"into": third.id})
    await tend(events)
    assert (await events.get(first.desk(), EDITOR))["merged_into"] == third.id
    fifth, sixth, seventh = [await asked(events, session_id) for _ in range(3)]
    circles = ((third, fourth), (fourth, third), (fifth, sixth), (sixth, seventh), (seventh, fifth))
    for one, other in circles:  # as moderators at once, who all saw the other one open
        merge = MergeQuestion(into=other.id, into_session_id=session_id, into_status="submitted")
        await events.journal.transact(DECIDER, one.id, merge, due.by_itself(events.clock.now()))
    await tend(events, 3)
    shown = [await events.get(each.desk(), EDITOR) for each in (third, fourth, fifth, sixth, seventh)]
    assert [(each["status"], each["merged_into"]) for each in shown] == [("submitted", None)] * 5


async def test_open_questions_are_carried_over_once_for_each_new_date(events: Events) -> None:
    session_id = await hour(events)
    path = f"/api/v1/sessions/{session_id}"
    answered, waiting, accepted = [await asked(events, session_id) for _ in range(3)]
    unproven = await asked(events, session_id, member=False)
    await done(events, answered, "answers", WRITTEN)
    await done(events, accepted, "acceptances")
    await events.done(
        "POST", f"{path}/postponements", {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "Krankheit"}
    )
    await asyncio.gather(tend(events), tend(events))
    await tend(events)
    assert [await types(events, each) for each in (answered, waiting, accepted, unproven)] == [
        ["HandedIn", "Answered"],
        ["HandedIn", "CarriedOver"],
        ["HandedIn", "Accepted", "CarriedOver"],
        ["Received"],
    ]
    assert (await letter(events, waiting)).session.starts_at.isoformat() == "2025-08-28T10:00:00+02:00"
    await events.ask("POST", f"{unproven.page}/confirmations")
    new = await asked(events, session_id)
    await tend(events)
    assert await types(events, unproven) == ["Received", "Confirmed"], "confirmed for the new date already"
    assert await types(events, new) == ["HandedIn"]
    await events.done("POST", f"{path}/postponements", {"starts_at": None, "reason": "Noch einmal"})
    await tend(events)
    assert await types(events, waiting) == ["HandedIn", "CarriedOver", "CarriedOver"]
    assert await types(events, new) == ["HandedIn", "CarriedOver"]


async def test_a_thousand_questions_are_carried_over_in_portions(events: Events) -> None:
    session_id = await hour(events)
    some = [await asked(events, session_id) for _ in range(12)]
    await events.done(
        "POST", f"/api/v1/sessions/{session_id}/postponements", {"starts_at": None, "reason": "Krankheit"}
    )
    before, question_upkeep.PORTION = question_upkeep.PORTION, 5
    try:
        await tend(events)
        counts = [len(await types(events, each)) for each in some]
        assert sum(counts) == 12 + 5
        await tend(events, 2)
    finally:
        question_upkeep.PORTION = before
    assert [await types(events, each) for each in some] == [["HandedIn", "CarriedOver"]] * 12


async def test_a_question_that_was_not_reached_goes_to_another_session_of_the_series(events: Events) -> None:
    session_id = await hour(events)
    other, foreign = await another(events, session_id), await hour(events)
    question, over = await asked(events, session_id), await another(events, session_id, title="Vorbei")
    assert (await moderate(events, question, "carry-overs", {"session_id": foreign})).code == (
        "409 session_of_other_series"
    )
    await events.done("POST", f"/api/v1/sessions/{over}/cancellations", {"reason": "Krankheit"})
    assert (await moderate(events, question, "carry-overs", {"session_id": over})).code == "409 session_cancelled"
    await events.done("POST", f"/api/v1/sessions/{session_id}/cancellations", {"reason": "Krankheit"})
    replies = await asyncio.gather(
        *(moderate(events, question, "carry-overs", {"session_id": other}) for _ in range(3))
    )
    assert {reply.status for reply in replies} == {200}
    assert await types(events, question) == ["HandedIn", "CarriedOver"]
    assert (await own(events, question))["session"]["id"] == other
    assert (await moderate(events, question, "acceptances")).code == "404 not_found", "it is no longer there"


async def test_the_order_is_said_as_a_whole_and_not_over_what_others_said(events: Events) -> None:
    session_id = await hour(events)
    path = f"/api/v1/sessions/{session_id}/questions"
    questions = [await asked(events, session_id, may_publish=True) for _ in range(3)]
    for question in questions:
        await done(events, question, "answers", WRITTEN)
        await done(events, question, "publications", {})
    first = await events.ask("GET", f"{path}/order", who=EDITOR)
    ids = [question.id for question in questions]
    assert first.body["question_ids"] == ids
    wanted = [ids[2], ids[0], ids[1]]
    said = await events.edit("PUT", f"{path}/order", {"question_ids": wanted}, If_Match=first.headers["ETag"])
    assert said.status == 200
    assert [item["id"] for item in await public(events, session_id)] == wanted
    pages, cursor = [], ""
    while cursor is not None:
        page = await events.get(f"{path}?limit=1{cursor and f'&cursor={cursor}'}")
        pages += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert pages == wanted
    stale = await events.edit("PUT", f"{path}/order", {"question_ids": ids}, If_Match=first.headers["ETag"])
    assert stale.code == "412 stale_version"
    missing = await events.edit("PUT", f"{path}/order", {"question_ids": ids[:2]}, If_Match=said.headers["ETag"])
    assert missing.code == "409 questions_changed"
    again = await events.edit("PUT", f"{path}/order", {"question_ids": ids}, If_Match=said.headers["ETag"])
    assert [item["id"] for item in await public(events, session_id)] == ids
    assert again.body["version"] == said.body["version"] + 1
    assert (await events.ask("GET", f"{path}/order")).code == "401 unauthenticated"


async def expert_in(events: Events, session_id: str, *experts: str) -> str:
    """The series of a session, with these experts."""
    series = str((await events.get(f"/api/v1/sessions/{session_id}"))["series"]["id"])
    shown = await events.ask("GET", f"/api/v1/series/{series}", who=EDITOR)
    content = {name: shown.body[name] for name in ("title", "slug", "format")} | {"experts": list(experts)}
    await events.done("PUT", f"/api/v1/series/{series}", content, If_Match=shown.headers["ETag"])
    return series


async def test_experts_see_and_answer_the_questions_of_their_series_alone(events: Events) -> None:
    mine, others = await hour(events), await hour(events)
    question, foreign = await asked(events, mine, may_publish=True), await asked(events, others)
    person, body = str(uuid4()), str(uuid4())
    series = await expert_in(events, mine, person, body)
    signed_in = Identity(person, frozenset({"reader"}), None, "session")
    member = Identity(None, frozenset({"reader", "member"}), body, "token:member")
    for expert in (signed_in, member):
        found = await events.get("/api/v1/questions", expert)
        assert [(item["id"], item["email"]) for item in found["items"]] == [(question.id, None)]
        assert (await moderate(events, question, "acceptances", who=expert)).status == 200
        assert (await moderate(events, foreign, "acceptances", who=expert)).code == "403 forbidden"
        assert (await events.ask("GET", foreign.desk(), who=expert)).code == "403 forbidden"
        assert [item["id"] for item in (await events.get(f"/api/v1/sessions/{mine}/questions", expert))["items"]] == [
            question.id
        ]
        assert (await events.get(f"/api/v1/sessions/{others}/questions", expert))["items"] == []
    assert (await moderate(events, question, "answers", WRITTEN, who=member)).status == 200
    assert (await moderate(events, question, "publications", {}, who=member)).code == "403 forbidden"
    stranger = Identity(str(uuid4()), frozenset({"reader", "member"}), str(uuid4()), "session")
    reader = Identity(None, frozenset({"reader"}), body, "token:reader")
    for nobody, code in ((stranger, "403 forbidden"), (reader, "403 forbidden"), (ANONYMOUS, "401 unauthenticated")):
        assert (await events.ask("GET", "/api/v1/questions", who=nobody)).code == code
        assert (await moderate(events, question, "declines", {"reason": "?"}, who=nobody)).code == code
    assert (await events.get(f"/api/v1/series/{series}"))["experts"] == [], "who they are is not for everybody"


async def test_the_inbox_is_narrowed_counted_paged_and_searched(events: Events) -> None:
    session_id, elsewhere = await hour(events), await hour(events)
    questions = [await asked(events, session_id, text=f"Frage {number} nach Löschwasser?") for number in range(3)]
    await asked(events, elsewhere, text="Etwas anderes?")
    await done(events, questions[1], "declines", {"reason": "Gehört nicht hierher."})
    inbox = f"/api/v1/questions?session={session_id}"
    found = await events.get(inbox, EDITOR)
    assert [item["id"] for item in found["items"]] == [question.id for question in questions]
    assert (found["total"], found["counts"]["submitted"], found["counts"]["declined"]) == (3, 2, 1)
    found = await events.get(f"{inbox}&status=submitted&limit=1", EDITOR)
    assert ([item["id"] for item in found["items"]], found["total"]) == ([questions[0].id], 2)
    found = await events.get(f"{inbox}&status=submitted&limit=1&cursor={found['next']}", EDITOR)
    assert ([item["id"] for item in found["items"]], found["next"]) == ([questions[2].id], None)
    found = await events.get(f"{inbox}&q=löschWASSER&limit=2", EDITOR)
    assert ([item["id"] for item in found["items"]], found["total"]) == ([each.id for each in questions[:2]], 3)
    found = await events.get(f"{inbox}&q=löschWASSER&limit=2&cursor={found['next']}", EDITOR)
    assert [item["id"] for item in found["items"]] == [questions[2].id]
    assert (await events.get(f"{inbox}&q=nirgends", EDITOR))["items"] == []
    assert (await events.get(f"{inbox}&status=withdrawn", EDITOR))["items"] == []
    series = (await events.get(f"/api/v1/sessions/{elsewhere}"))["series"]
    for name in (series["id"], series["slug"]):
        assert (await events.get(f"/api/v1/questions?series={name}", EDITOR))["total"] == 1
    for wrong in ("status=x", "limit=0", "cursor=x", "x=1"):
        assert (await events.ask("GET", f"{inbox}&{wrong}", who=EDITOR)).code == "422 invalid_query"


async def test_an_erased_person_has_asked_nothing(events: Events) -> None:
    session_id, ada = await hour(events), str(uuid4())
    published = await asked(events, session_id, person=ada, may_publish=True)
    await done(events, published, "answers", WRITTEN)
    await done(events, published, "publications", {})
    merged = await asked(events, session_id)
    await done(events, merged, "mergers", {"into": (host := await asked(events, session_id, person=ada)).id})
    await erase(events, ada)
    assert await public(events, session_id) == []
    assert (await events.ask("GET", published.page)).code == "404 not_found"
    assert await letter(events, host) is None
    await tend(events, 2)
    assert (await types(events, host))[-1] == "Forgotten"
    assert (await moderate(events, host, "acceptances")).code == "404 not_found"
    assert (await own(events, merged))["status"] == "submitted", "it no longer waits for the other one"
    assert (await ask(events, session_id, person=ada)).status == 202
    assert await events.pool.fetchval("SELECT count(*) FROM question WHERE person_id = $1", ada) == 0


async def test_questions_are_forgotten_a_year_after_the_last_thing_that_happened_to_them(events: Events) -> None:
    session_id = await hour(events)
    old, published = await asked(events, session_id), await asked(events, session_id, may_publish=True)
    await done(events, published, "answers", WRITTEN)
    await done(events, published, "publications", {})
    events.clock.forward(days=366)
    await tend(events)
    assert (await own(events, old))["text"] is None
    assert len(await public(events, session_id)) == 1


async def test_everything_about_a_person_is_for_that_person_alone(events: Events) -> None:
    question = await asked(events, await hour(events))
    path = f"/internal/people/{question.person}/questions"
    herself = Identity(question.person, frozenset({"reader"}), None, "session")
    (item,) = (await events.get(path, herself))["items"]
    assert (item["text"], item["name"]) == ("Wie teilt man die Kosten?", "Ada Beispiel")
    assert (await events.ask("GET", path, who=EDITOR)).code == "403 forbidden"


async def test_a_question_asked_while_its_person_is_erased_is_not_kept(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, ada = await hour(events), str(uuid4())
    transact = events.journal.transact

    async def erased_first(*arguments: Any, **more: Any) -> Any:
        await events.vault.erase(ada)
        return await transact(*arguments, **more)

    monkeypatch.setattr(events.journal, "transact", erased_first)
    assert (await ask(events, session_id, person=ada)).status == 202
    assert await events.pool.fetchval("SELECT count(*) FROM question WHERE person_id = $1", ada) == 0


async def test_who_waits_for_an_answer_without_a_place_is_told_of_the_session_once(events: Events) -> None:
    session_id = await events.open_session()
    first, again, registered, settled, unproven = (str(uuid4()) for _ in range(5))
    await asked(events, session_id, person=first)
    await asked(events, session_id, person=again, text="Und wie?")
    last = await asked(events, session_id, person=again, text="Und wann?")
    await asked(events, session_id, person=registered)
    await events.register(session_id, person=registered)
    await done(events, await asked(events, session_id, person=settled), "declines", {"reason": "Anderes Thema."})
    await ask(events, session_id, person=unproven)
    pages, after = [], None
    while True:
        page = await askers(events.pool, AskersAsked(session_id=session_id, after=after, limit=1))
        pages += [(each.person_id, each.question_id) for each in page.askers]
        if (after := page.next) is None:
            break
    assert sorted(person for person, _ in pages) == sorted([first, again])
    assert dict(pages)[again] == last.id
