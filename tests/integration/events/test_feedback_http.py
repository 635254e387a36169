"""Feedback from the end of a session to its figures: each asked once, and nothing that leads back to anybody."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from services.events import due, feedback_box, feedback_list
from services.events.feedback_clock import FeedbackClock, FeedbackRules
from shared.contracts.rpc import Recipient, RecipientsAsked
from shared.kernel.identity import ANONYMOUS
from shared.kernel.rebuild import rebuild
from tests.integration.events.conftest import EDITOR, Events, Reply
from tests.integration.events.telling import told

RULES = FeedbackRules(days=14, minimum=5)
GOOD = {"answers": {"overall": 5, "useful": 4, "recommend": True, "improve": "Mehr Zeit für Fragen an Frau Muster"}}
POOR = {"answers": {"overall": 1, "recommend": False}}
TABLES = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
ORDER BY c.relname
"""


def clock(events: Events) -> FeedbackClock:
    return FeedbackClock(events.journal, events.pool, events.vault, RULES)


async def tick(events: Events) -> None:
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    await clock(events)(events.clock.now())


async def held(events: Events, people: int, **changes: Any) -> str:
    """A session that is over, with so many who had a seat and one who only waited."""
    session_id = await events.open_session(capacity=people, **changes)
    for _ in range(people + 1):
        await events.register(session_id, member=True)
    events.clock.time = dt.datetime(2025, 7, 31, 23, tzinfo=dt.UTC)
    await tick(events)
    return session_id


async def asked(events: Events, session_id: str) -> list[Recipient]:
    answer = await told(events, RecipientsAsked(session_id=session_id, feedback=True))
    return list(answer.recipients)


async def links(events: Events, session_id: str) -> list[str]:
    return [str(each.feedback_token) for each in await asked(events, session_id)]


async def give(events: Events, token: str, body: Any = None, **headers: str) -> Reply:
    return await events.ask("POST", f"/api/v1/feedback/{token}", GOOD if body is None else body, ANONYMOUS, **headers)


async def figures(events: Events, session_id: str) -> Any:
    return await events.get(f"/api/v1/sessions/{session_id}/feedback", EDITOR)


async def rows(events: Events, *tables: str) -> str:
    """Everything that some tables hold."""
    found = [await events.pool.fetch(f'SELECT t::text FROM "{table}" t') for table in tables]
    return "\n".join(row["t"] for each in found for row in each)


async def tables(events: Events) -> list[str]:
    return [row["relname"] for row in await events.pool.fetch(TABLES)]


async def test_who_had_a_seat_is_asked_by_a_link_that_stays_the_same(events: Events) -> None:
    session_id = await held(events, 2)
    people = await asked(events, session_id)
    assert [each.status for each in people] == ["confirmed", "confirmed"]
    assert len({each.feedback_token for each in people}) == 2
    await tick(events)
    assert await asked(events, session_id) == people
    form = await events.ask("GET", f"/api/v1/feedback/{people[0].feedback_token}")
    assert (form.status, form.headers["Cache-Control"]) == (200, "no-store")
    assert form.body["title"] == "Digitale Sprechstunde"
    assert [question["kind"] for question in form.body["questions"]] == ["rating", "rating", "yes_no", "text"]
    types = await events.pool.fetch("SELECT type FROM journal WHERE stream = $1", f"feedback-{session_id}")
    assert [row["type"] for row in types] == ["FeedbackOpened"]


@pytest.mark.parametrize("case", ["asks nothing", "nobody came", "not over"])
async def test_nobody_is_asked(events: Events, case: str) -> None:
    session_id = await events.open_session(capacity=5, **({"feedback": []} if case == "asks nothing" else {}))
    if case != "nobody came":
        await events.register(session_id, member=True)
    events.clock.time = dt.datetime(2025, 7, 31 if case == "not over" else 1, 12, tzinfo=dt.UTC)
    events.clock.forward(days=0 if case == "not over" else 31)
    await tick(events)
    assert await asked(events, session_id) == []
    assert (await events.edit("GET", f"/api/v1/sessions/{session_id}/feedback")).status == 404


async def test_one_answer_a_link_however_often_and_at_once(events: Events) -> None:
    session_id = await held(events, 3)
    first, second, _ = await links(events, session_id)
    at_once = await asyncio.gather(*(give(events, first) for _ in range(8)))
    assert sorted(reply.code for reply in at_once) == ["202"] + ["409 feedback_given"] * 7
    assert (await events.ask("GET", f"/api/v1/feedback/{first}")).code == "409 feedback_given"
    repeated = await asyncio.gather(*(give(events, second, Idempotency_Key="once") for _ in range(4)))
    assert [reply.code for reply in repeated] == ["202"] * 4
    assert (await give(events, second, Idempotency_Key="another")).code == "409 feedback_given"
    assert (await events.ask("GET", f"/api/v1/feedback/{second}")).code == "409 feedback_given"
    assert (await figures(events, session_id))["answers"] == 2


async def test_a_link_that_was_not_given_out_leads_nowhere(events: Events) -> None:
    session_id = await held(events, 1)
    (token,) = await links(events, session_id)
    other = ("B" if token[-2] == "A" else "A") + token[-1]
    for wrong in (token[:-2] + other, token + "=", token[:40], "x" * 54, token.swapcase()):
        assert (await give(events, wrong)).code == "404 not_found"
        assert (await events.ask("GET", f"/api/v1/feedback/{wrong}")).code == "404 not_found"
    assert (await figures(events, session_id))["answers"] == 0


async def test_a_wrong_answer_is_named_and_spends_nothing(events: Events) -> None:
    session_id = await held(events, 1)
    (token,) = await links(events, session_id)
    reply = await give(events, token, {"answers": {"overall": 9, "weather": "gut"}})
    assert reply.code == "422 invalid_request"
    assert {error["field"] for error in reply.body["errors"]} == {"/answers/overall", "/answers/weather"}
    assert (await give(events, token, {"answers": {}})).body["errors"][0]["code"] == "nothing_answered"
    assert (await give(events, token)).status == 202


async def test_figures_are_of_enough_together_and_texts_come_when_it_is_over(events: Events) -> None:
    session_id = await held(events, 8)
    tokens = await links(events, session_id)
    for token in tokens[:4]:
        await give(events, token)
    await tick(events)
    shown = await figures(events, session_id)
    assert (shown["answers"], shown["share"], shown["enough"], shown["questions"]) == (4, 0.5, False, [])
    for token in tokens[4:6]:
        await give(events, token, POOR)
    await tick(events)
    shown = await figures(events, session_id)
    assert (shown["answers"], shown["counted"], shown["texts"]) == (6, 6, [])
    overall, useful, recommend, improve = shown["questions"]
    assert (overall["answers"], overall["mean"]) == (6, 3.67)
    assert [bar["number"] for bar in overall["distribution"]] == [2, 0, 0, 0, 4]
    assert (useful["answers"], useful["mean"], improve["answers"]) == (4, None, None)
    assert [bar["number"] for bar in recommend["distribution"]] == [4, 2]
    assert (await events.ask("GET", f"/api/v1/sessions/{session_id}/feedback")).status == 401
    await give(events, tokens[6], POOR)
    events.clock.forward(days=14, minutes=1)
    assert (await give(events, tokens[7])).code == "409 feedback_closed"
    await tick(events)
    assert (await give(events, tokens[7])).code == "409 feedback_closed"
    assert (await events.ask("GET", f"/api/v1/feedback/{tokens[0]}")).code == "409 feedback_closed"
    shown = await figures(events, session_id)
    assert (shown["state"], shown["answers"], shown["counted"]) == ("closed", 7, 7)
    assert [text["text"] for text in shown["texts"]] == [GOOD["answers"]["improve"]] * 4
    rebuilt = await rebuild(events.dsn, events.journal, feedback_list.PROJECTION)
    assert (rebuilt.different, await figures(events, session_id)) == ((), shown)


async def test_nothing_leads_from_an_answer_to_a_person(events: Events) -> None:
    session_id = await held(events, 7)
    people = await asked(events, session_id)
    for each in people[:5]:
        await give(events, str(each.feedback_token))
    await give(events, str(people[5].feedback_token), Idempotency_Key="mine")
    everything = await rows(events, *await tables(events))
    assert "Muster" not in everything
    assert not any(str(each.feedback_token) in everything for each in people)
    box = await rows(events, *(table for table in await tables(events) if table.startswith("feedback_")))
    assert not any(id_ in box for each in people for id_ in (each.registration_id, each.person_id))
    columns = await events.pool.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'feedback_answer'"
    )
    assert {row["column_name"] for row in columns} == {"session_id", "question", "value", "sealed"}
    assert await events.pool.fetchval("SELECT count(*) FROM command WHERE stream LIKE $1", f"%{session_id}%") > 0
    await tick(events)
    left = await events.pool.fetchval("SELECT count(*) FROM feedback_answer WHERE session_id = $1", session_id)
    assert left == 0, "as soon as enough are there they are counted, and no single answer is left"
    events.clock.forward(days=15)
    await tick(events)
    assert await events.vault.marker(f"feedback/{session_id}/tokens") is None
    for table in ("feedback_box", "feedback_spent", "feedback_answer", "feedback_tally"):
        assert session_id not in await rows(events, table)


async def test_what_too_few_said_is_never_seen(events: Events) -> None:
    session_id = await held(events, 6)
    for token in (await links(events, session_id))[:4]:
        await give(events, token)
    events.clock.forward(days=15)
    await tick(events)
    shown = await figures(events, session_id)
    assert (shown["answers"], shown["enough"], shown["questions"], shown["texts"]) == (4, False, [], [])
    assert session_id not in await rows(events, "feedback_text", "feedback_answer", "feedback_tally")


@pytest.mark.parametrize("step", ["tallies", "throw_away"])
async def test_closing_goes_on_wherever_the_process_died(
    events: Events, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await held(events, 6)
    for token in await links(events, session_id):
        await give(events, token)
    events.clock.forward(days=15)

    async def dies(*_: Any) -> Any:
        raise ConnectionError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(feedback_box, step, dies)
        with pytest.raises(ConnectionError):
            await tick(events)
    await asyncio.gather(tick(events), tick(events))
    shown = await figures(events, session_id)
    assert (shown["state"], shown["answers"], shown["questions"][0]["mean"]) == ("closed", 6, 5.0)
    assert len(shown["texts"]) == 6
    assert session_id not in await rows(events, "feedback_box", "feedback_spent", "feedback_answer", "feedback_tally")


async def test_a_text_that_must_not_stay_is_gone_for_good(events: Events) -> None:
    session_id = await held(events, 5)
    for token in await links(events, session_id):
        await give(events, token)
    path = f"/api/v1/sessions/{session_id}/feedback/texts"
    events.clock.forward(days=15)
    await tick(events)
    text = (await figures(events, session_id))["texts"][0]["id"]
    assert (await events.ask("POST", f"{path}/{text}/removals", {"reason": "Name"})).status == 401
    first = await events.edit("POST", f"{path}/{text}/removals", {"reason": "nennt eine Person"})
    assert first.status == 200
    assert (await events.edit("POST", f"{path}/{text}/removals", {"reason": "nochmal"})).body == first.body
    unknown = await events.edit("POST", f"{path}/{session_id}/removals", {"reason": "gibt es nicht"})
    assert unknown.code == "404 not_found"
    await rebuild(events.dsn, events.journal, feedback_list.PROJECTION)
    assert text not in {each["id"] for each in (await figures(events, session_id))["texts"]}
    assert text not in await rows(events, "feedback_text")


async def test_texts_are_forgotten_after_their_time_and_figures_stay(events: Events) -> None:
    session_id = await held(events, 5)
    for token in await links(events, session_id):
        await give(events, token)
    events.clock.forward(days=15)
    await tick(events)
    closed = events.clock.now()
    await clock(events).forget_texts(closed, closed - dt.timedelta(seconds=1))
    assert len((await figures(events, session_id))["texts"]) == 5
    assert await clock(events).forget_texts(closed, closed) >= 1
    assert await clock(events).forget_texts(closed, closed) == 0
    shown = await figures(events, session_id)
    assert (shown["texts"], shown["questions"][0]["mean"]) == ([], 5.0)


async def test_an_editor_asks_what_the_session_is_about(events: Events) -> None:
    own = [{"key": "room", "label": "Wie war der Raum?", "kind": "rating"}]
    session_id = await held(events, 1, feedback=own)
    (token,) = await links(events, session_id)
    form = await events.get(f"/api/v1/feedback/{token}")
    assert [question["key"] for question in form["questions"]] == ["room"]
    wrong = await events.edit("POST", "/api/v1/sessions", {"feedback": [{"key": "a", "label": "A", "kind": "choice"}]})
    assert "/feedback/0" in {error["field"] for error in wrong.body["errors"]}
