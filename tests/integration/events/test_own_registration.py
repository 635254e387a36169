"""Own questions of a session, offers on its waiting list, and one's own page, over HTTP."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.events import due
from shared.contracts.rpc import KnownAsked
from shared.kernel.problems import Problem
from tests.integration.events.catalogue import UNKNOWN
from tests.integration.events.conftest import EDITOR, Events, Reply, sample

DIET = {"key": "diet", "label": "Was essen Sie?", "kind": "text", "required": True}
TRAIN = {"key": "train", "label": "Mit der Bahn?", "kind": "yes_no", "keep_days": 7}
PHOTOS = {"key": "photos", "label": "Fotos", "kind": "consent", "text": "Fotos dürfen gezeigt werden."}
SAID = {"diet": "vegan", "train": True, "photos": True}
UNKNOWN_ORGANISATION = next(key for key in UNKNOWN if len(key) == 36)


async def put(events: Events, token: str, version: Any = "*", **said: Any) -> Reply:
    body = {"name": "Ada Beispiel", "answers": SAID} | said
    return await events.ask("PUT", f"/api/v1/registrations/{token}", body, If_Match=str(version))


async def asking(events: Events, *questions: dict[str, Any], **more: Any) -> str:
    return await events.open_session(registration_questions=[*questions], **more)


async def test_what_is_asked_is_shown_answered_and_read_by_organisers(events: Events) -> None:
    session_id = await asking(events, DIET, TRAIN, PHOTOS)
    shown = (await events.get(f"/api/v1/sessions/{session_id}"))["registration_questions"]
    assert [(each["key"], each["required"], each["keep_days"]) for each in shown] == [
        ("diet", True, None),
        ("train", False, 7),
        ("photos", False, None),
    ]
    version = shown[2]["text_version"]
    token = await events.registered(session_id, answers=SAID | {"photos": version})
    page = await events.get(f"/api/v1/registrations/{token}")
    (item,) = (await events.get(f"/api/v1/sessions/{session_id}/registrations", EDITOR))["items"]
    for found in (page, item):
        assert [(each["label"], each["value"], each["answer_label"]) for each in found["answers"]] == [
            ("Was essen Sie?", "vegan", "vegan"),
            ("Mit der Bahn?", True, "Ja"),
            ("Fotos", True, "Ja"),
        ]
        assert (found["answers"][2]["text"], found["answers"][2]["text_version"]) == (PHOTOS["text"], version)
    sealed = await events.pool.fetchrow(
        "SELECT sealed_answers, sealed_for_days FROM registration WHERE session_id = $1", session_id
    )
    assert sealed is not None
    assert sealed["sealed_answers"] is not None
    assert list(sealed["sealed_for_days"]) == ["7"], "what is kept for a time of its own is sealed apart"


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({}, {"/answers/diet": "answer_required"}),
        ({"diet": "x", "other": "y"}, {"/answers/other": "unknown_question"}),
        ({"diet": "x", "photos": "0000"}, {"/answers/photos": "consent_text_changed"}),
    ],
    ids=str,
)
async def test_answers_that_cannot_be_taken(events: Events, answers: dict[str, Any], errors: dict[str, str]) -> None:
    session_id, ada = await asking(events, DIET, PHOTOS), str(uuid4())
    await events.register(session_id, person=ada, answers={"diet": "x"})
    head = await events.journal.head()
    check = await events.ask("POST", f"/internal/sessions/{session_id}/registration-checks", {"answers": answers})
    replies = [check, await events.register(session_id, answers=answers)]
    replies.append(await events.register(session_id, person=ada, answers=answers))
    for reply in replies:
        assert reply.code == "422 invalid_request"
        assert {error["field"]: error["code"] for error in reply.body["errors"]} == errors
    assert replies[1].body["errors"] == replies[2].body["errors"], "who is registered is told the same"
    assert await events.journal.head() == head


async def test_questions_that_change_meanwhile_are_answered_anew_and_lock_nobody_out(events: Events) -> None:
    session_id = await asking(events, DIET)
    path = f"/api/v1/sessions/{session_id}"
    token = await events.registered(session_id, answers={"diet": "vegan"})
    renamed = DIET | {"label": "Ihr Essen?"}
    assert (
        await events.revise(session_id, registration_questions=[renamed, PHOTOS | {"required": True}])
    ).status == 200
    refused = await events.register(session_id, answers={"diet": "vegan"})
    assert [error["code"] for error in refused.body["errors"]] == ["consent_required"]
    assert (await events.register(session_id, answers={"diet": "fisch", "photos": True})).status == 202
    assert (await put(events, token, name="Ada Anders", answers={"diet": "vegan"})).status == 200
    items = (await events.get(f"{path}/registrations", EDITOR))["items"]
    assert [(item["name"], item["answers"][0]["label"]) for item in items] == [
        ("Ada Anders", "Was essen Sie?"),
        ("Ada Beispiel", "Ihr Essen?"),
    ]
    assert (await events.revise(session_id, registration_questions=[])).status == 200
    page = await events.get(f"/api/v1/registrations/{token}")
    assert ([each["value"] for each in page["answers"]], page["questions"]) == (["vegan"], [])


async def test_a_request_sent_again_is_answered_as_before_though_the_questions_changed(events: Events) -> None:
    session_id, ada, key = await asking(events), str(uuid4()), str(uuid4())
    body = {"person_id": ada, "email": "a@b.example", "name": "Ada", "member": True}
    assert (await events.enter(session_id, body, key)).status == 202
    await events.revise(session_id, registration_questions=[DIET])
    assert (await events.enter(session_id, body, key)).status == 202
    assert (await events.enter(session_id, body)).code == "422 invalid_request"


async def test_one_changes_what_one_said(events: Events) -> None:
    session_id = await asking(events, DIET, TRAIN, PHOTOS)
    token = await events.registered(session_id, answers=SAID)
    path = f"/api/v1/registrations/{token}"
    seen = (await events.ask("GET", path)).headers["ETag"]
    organisation = str(uuid4())
    said = {"name": "Ada Neu", "organisation_name": "Stadt Neu", "organisation_id": organisation}
    changed = await put(events, token, seen, answers=SAID | {"diet": "fisch"}, **said)
    assert changed.status == 200
    page = await events.get(path)
    assert (page["name"], page["organisation_name"], page["organisation_id"]) == ("Ada Neu", "Stadt Neu", organisation)
    assert (page["email"], page["answers"][0]["value"]) == ("ada@stadt.example", "fisch")
    again = await put(events, token, seen, answers=SAID | {"diet": "fisch"}, **said)
    assert (again.status, again.body["version"]) == (200, changed.body["version"]), "the same twice is nothing"
    assert (await put(events, token, seen, name="Ada Alt")).code == "412 stale_version"
    assert (await events.types(session_id)).count("RegistrationChanged") == 1
    assert await events.token_of((await _row(events, session_id))["person_id"]) == token, "the link stays what it was"
    confirmed = await events.ask("POST", f"{path}/confirmations")
    assert confirmed.status == 200


async def _row(events: Events, session_id: str) -> Any:
    return await events.pool.fetchrow("SELECT person_id FROM registration WHERE session_id = $1", session_id)


async def test_of_two_who_change_at_once_one_is_told(events: Events) -> None:
    session_id = await asking(events)
    token = await events.registered(session_id)
    replies = await asyncio.gather(*(put(events, token, "*", name=f"Ada {n}", answers={}) for n in range(4)))
    seen = {reply.code for reply in replies}
    assert "200" in seen
    assert seen <= {"200", "412 stale_version"}
    key = str(uuid4())
    body = {"name": "Ada Zuletzt"}
    once = [
        await events.ask("PUT", f"/api/v1/registrations/{token}", body, If_Match="*", Idempotency_Key=key)
        for _ in range(2)
    ]
    assert once[0].body == once[1].body


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": ""}, "422 invalid_request"),
        ({"email": "neu@stadt.example"}, "422 invalid_request"),
        ({"answers": {"diet": "x", "other": "y"}}, "422 invalid_request"),
        ({"organisation_id": UNKNOWN_ORGANISATION}, "409 unknown_organisation"),
    ],
    ids=str,
)
async def test_changes_that_cannot_be_taken(events: Events, said: dict[str, Any], code: str) -> None:
    session_id = await asking(events, DIET)
    token = await events.registered(session_id, answers={"diet": "x"})
    assert (await put(events, token, **({"answers": {"diet": "x"}} | said))).code == code
    without = await events.ask("PUT", f"/api/v1/registrations/{token}", {"name": "Ada"})
    assert without.code == "428 precondition_required"
    assert (await put(events, "x" * 22)).code == "404 not_found"


async def test_nothing_is_changed_once_the_session_began(events: Events) -> None:
    token = await events.registered(await asking(events), member=True)
    events.clock.forward(days=31)
    assert (await put(events, token, name="Zu spät", answers={})).code == "409 session_over"
    assert (await events.get(f"/api/v1/registrations/{token}"))["can_change"] is False


async def test_a_seat_is_offered_taken_and_lapses(events: Events) -> None:
    session_id = await events.open_session(capacity=1, waiting_list="offer", offer_hours=6)
    ada, bert, cleo, dora = [await events.registered(session_id, member=True) for _ in range(4)]
    await events.ask("POST", f"/api/v1/registrations/{ada}/withdrawals")
    page = await events.get(f"/api/v1/registrations/{bert}")
    assert (page["status"], page["offered"], page["can_confirm"]) == ("received", True, True)
    assert page["confirm_by"] == "2025-07-01T16:00:00+02:00"
    assert page["access_link"] is None
    events.clock.forward(hours=6)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert [await events.status(token) for token in (bert, cleo, dora)] == ["lapsed", "received", "waitlisted"]
    assert (await events.ask("POST", f"/api/v1/registrations/{bert}/confirmations")).code == "409 registration_lapsed"
    taken = await events.ask("POST", f"/api/v1/registrations/{cleo}/confirmations")
    assert taken.status == 200
    page = await events.get(f"/api/v1/registrations/{cleo}")
    assert (page["status"], page["offered"], page["access_link"]) == (
        "confirmed",
        False,
        "https://video.example/geheim",
    )
    assert (await events.get(f"/api/v1/registrations/{dora}"))["waiting_position"] == 1
    await events.ask("POST", f"/api/v1/registrations/{dora}/withdrawals")
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["waiting"] == 0


async def test_without_a_waiting_list_full_is_full(events: Events) -> None:
    session_id, ada = await events.open_session(capacity=1, waiting_list="none"), str(uuid4())
    assert (await events.register(session_id, person=ada)).status == 202
    for person in (ada, str(uuid4())):
        assert (await events.register(session_id, person=person)).code == "409 session_full"
    shown = await events.get(f"/api/v1/sessions/{session_id}")
    assert (shown["status"], shown["status_label"], shown["waiting_list"]) == ("full", "Ausgebucht", "none")


async def test_an_organisation_is_looked_up_once_and_taken_unseen_without_a_catalogue(events: Events) -> None:
    session_id, organisation, other = await events.open_session(capacity=9), str(uuid4()), str(uuid4())
    for _ in range(2):
        assert (await events.register(session_id, organisation_id=organisation)).status == 202
    assert events.catalogue.asked == [KnownAsked(organisations=(organisation,))]
    refused = await events.register(session_id, organisation_id=UNKNOWN_ORGANISATION)
    assert (refused.code, refused.body["errors"][0]["field"]) == ("409 unknown_organisation", "/organisation_id")
    events.catalogue.trouble = Problem("internal")
    try:
        assert (await events.register(session_id, organisation_id=other)).status == 202
    finally:
        events.catalogue.trouble = None
    items = (await events.get(f"/api/v1/sessions/{session_id}/registrations", EDITOR))["items"]
    assert [item["organisation_id"] for item in items] == [organisation, organisation, other]


@pytest.mark.parametrize(
    ("questions", "field"),
    [
        ([DIET, DIET], "/registration_questions"),
        ([DIET, {"key": "x", "label": "X", "kind": "choice"}], "/registration_questions/1"),
        ([{"key": "Ä", "label": "X", "kind": "text"}], "/registration_questions/0/key"),
        ([{"key": "x", "label": "X", "kind": "colour"}], "/registration_questions/0/kind"),
    ],
)
async def test_questions_that_make_no_sense(events: Events, questions: list[dict[str, Any]], field: str) -> None:
    body = sample(await events.series(), registration_questions=questions)
    refused = await events.edit("POST", "/api/v1/sessions", body)
    assert refused.code == "422 invalid_request"
    assert [error["field"] for error in refused.body["errors"]] == [field]
