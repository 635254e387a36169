"""A session's life over HTTP: announced by the clock, warned about, planned in versions, postponed with a question."""

import asyncio
import datetime as dt
from typing import Any
from uuid import uuid4

import pytest

from services.events import due, recipients
from services.events.due import by_itself
from services.events.registration_commands import RegisterParticipant
from services.events.session import DECIDER
from shared.contracts.rpc import RecipientsAsked
from shared.kernel.identity import ANONYMOUS
from tests.integration.events.conftest import EDITOR, Events, sample

SECRET = "geheim"
AUGUST = {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "organisatorische Gründe"}
ASKING = {"answer_by": "2025-08-20T12:00:00+02:00", "unanswered": "go"}


async def tick(events: Events) -> None:
    await due.let_time_pass(events.journal, events.pool, events.clock.now())


async def postponed(events: Events, session_id: str, **changes: Any) -> None:
    await events.done("POST", f"/api/v1/sessions/{session_id}/postponements", AUGUST | ASKING | changes)


async def own(events: Events, token: str) -> Any:
    return await events.get(f"/api/v1/registrations/{token}")


async def answer(events: Events, token: str, key: str = "") -> str:
    headers = {"Idempotency_Key": key or str(uuid4())}
    reply = await events.ask("POST", f"/api/v1/registrations/{token}/reconfirmations", None, ANONYMOUS, **headers)
    return reply.code if reply.status != 200 else "200"


async def test_a_draft_is_announced_by_the_clock(events: Events) -> None:
    session_id = await events.draft()
    path = f"/api/v1/sessions/{session_id}"
    plan = {"announce_at": "2025-07-07T09:00:00+02:00"}
    assert (await events.ask("POST", f"{path}/scheduled-announcements", plan)).code == "401 unauthenticated"
    await events.done("POST", f"{path}/scheduled-announcements", plan)
    shown = await events.get(path, EDITOR)
    assert (shown["announce_at"], shown["announcement_obstacle"]) == (plan["announce_at"], None)
    await tick(events)
    assert (await events.ask("GET", path)).code == "404 not_found"
    events.clock.time = dt.datetime(2025, 7, 7, 7, tzinfo=dt.UTC)
    await tick(events)
    public = await events.get(path)
    assert (public["status"], public["announce_at"]) == ("announced", None)
    assert (await events.edit("POST", f"{path}/scheduled-announcements", plan)).code == "409 session_announced"


async def test_what_keeps_a_draft_from_being_announced_is_told(events: Events) -> None:
    session_id = await events.draft()
    path = f"/api/v1/sessions/{session_id}"
    late = await events.edit("POST", f"{path}/scheduled-announcements", {"announce_at": "2025-08-01T09:00:00+02:00"})
    assert (late.code, late.body["errors"][0]["field"]) == ("409 announcement_too_late", "/announce_at")
    past = await events.edit("POST", f"{path}/scheduled-announcements", {"announce_at": "2025-06-30T09:00:00+02:00"})
    assert past.code == "409 announcement_in_past"
    assert (await events.edit("POST", f"{path}/scheduled-announcements", {})).code == "422 invalid_request"
    await events.done("POST", f"{path}/scheduled-announcements", {"announce_at": "2025-07-07T09:00:00+02:00"})
    assert (await events.revise(session_id, starts_at="2025-07-02T10:00:00+02:00")).status == 200
    assert (await events.get(path, EDITOR))["announcement_obstacle"] == "date_in_past", "told before it happens"
    events.clock.time = dt.datetime(2025, 7, 7, 7, tzinfo=dt.UTC)
    await tick(events)
    shown = await events.get(path, EDITOR)
    assert (shown["status"], shown["announcement_obstacle"]) == ("drafted", "date_in_past")
    assert shown["announcement_obstacle_label"] == "Termin liegt in der Vergangenheit"
    assert shown["warnings"][0]["code"] == "date_in_past"
    assert (await events.types(session_id))[-1] == "AnnouncementMissed"


async def test_what_speaks_against_a_date_is_told_and_not_refused(events: Events) -> None:
    body = sample(await events.series(), starts_at="2032-05-01T10:00:00+02:00", ends_at="2032-05-01T11:00:00+02:00")
    session_id = (await events.done("POST", "/api/v1/sessions", body))["id"]
    against = (await events.get(f"/api/v1/sessions/{session_id}", EDITOR))["warnings"]
    assert [(one["code"], one["date"]) for one in against] == [
        ("public_holiday", "2032-05-01"),
        ("weekend", "2032-05-01"),
    ]
    assert against[0]["text"] == (
        "Samstag, 01.05.2032, ist ein gesetzlicher Feiertag in Nordrhein-Westfalen: Tag der Arbeit."
    )
    path = "/api/v1/sessions/checks"
    touching = {"starts_at": "2032-05-01T11:00:00+02:00", "ends_at": "2032-05-01T12:00:00+02:00"}
    assert [one["code"] for one in (await events.done("POST", path, touching))["warnings"]] == [
        "public_holiday",
        "weekend",
    ]
    overlapping = touching | {"starts_at": "2032-05-01T10:59:00+02:00"}
    found = (await events.done("POST", path, overlapping))["warnings"][-1]
    assert (found["code"], found["session_id"]) == ("overlap", session_id)
    assert found["text"].startswith("Zur selben Zeit ist der Entwurf „Digitale Sprechstunde“ (Samstag, 01.05.2032")
    assert len((await events.done("POST", path, overlapping | {"session_id": session_id}))["warnings"]) == 2
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["warnings"] == [], "readers are not warned"
    day = await events.done("POST", path, {"date": "2032-05-01", "weekday": "Samstag"})
    assert day["when_label"] == "Samstag, 01.05.2032"
    assert day["warnings"][-1]["text"].startswith("Am selben Tag ist die Veranstaltung")
    await events.done("POST", f"/api/v1/sessions/{session_id}/cancellations", {"reason": "-"})
    assert len((await events.done("POST", path, overlapping))["warnings"]) == 2, "what is cancelled is in nobody's way"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"date": "2032-05-01", "weekday": "Sonntag"}, "409 weekday_mismatch"),
        ({"starts_at": "2032-05-01T10:00:00+02:00", "ends_at": "2032-05-01T10:00:00+02:00"}, "409 ends_before_start"),
        ({"starts_at": "morgen"}, "422 invalid_request"),
        ({"starts_at": "2032-05-01T10:00:00+02:00", "date": "2032-05-02"}, "422 invalid_request"),
        ({"session_id": "keine"}, "422 invalid_request"),
    ],
)
async def test_a_date_that_cannot_be_is_refused_before_it_is_chosen(
    events: Events, body: dict[str, Any], code: str
) -> None:
    assert (await events.edit("POST", "/api/v1/sessions/checks", body)).code == code
    assert (await events.ask("POST", "/api/v1/sessions/checks", body)).code == "401 unauthenticated"


async def test_every_version_of_a_programme_can_be_read(events: Events) -> None:
    session_id = await events.draft(agenda=[{"title": "Bauhof"}])
    path = f"/api/v1/sessions/{session_id}/agenda"
    assert (await events.get(path, EDITOR))["versions"] == []
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    events.clock.forward(hours=1)
    assert (await events.revise(session_id, agenda=[{"title": "Musikschule"}, {"title": "Bauhof"}])).status == 200
    shown = await events.get(path)
    assert [talk["title"] for talk in shown["planned"]] == ["Musikschule", "Bauhof"]
    assert shown["versions"] == [
        {"version": 1, "published_at": "2025-07-01T10:00:00+02:00"},
        {"version": 2, "published_at": "2025-07-01T11:00:00+02:00"},
    ]
    first = await events.get(f"{path}?version=1")
    assert (first["planned_version"], [talk["title"] for talk in first["planned"]]) == (1, ["Bauhof"])
    assert first["planned"][0]["talk_id"] == shown["planned"][1]["talk_id"], "the same talk"
    assert (await events.ask("GET", f"{path}?version=3")).code == "404 not_found"
    for version in (0, 2**31, "eins"):
        assert (await events.ask("GET", f"{path}?version={version}")).code == "422 invalid_query"


async def test_a_talk_stays_the_same_talk(events: Events) -> None:
    session_id = await events.draft(agenda=[{"title": "Bauhof"}, {"title": "Schule"}])
    path = f"/api/v1/sessions/{session_id}"
    depot, school = (talk["talk_id"] for talk in (await events.get(path, EDITOR))["agenda"]["planned"])
    assert depot != school
    renamed = [{"title": "Schule"}, {"title": "Der Bauhof", "talk_id": depot}, {"title": "Bauhof"}]
    assert (await events.revise(session_id, agenda=renamed)).status == 200
    planned = (await events.get(path, EDITOR))["agenda"]["planned"]
    assert [talk["talk_id"] for talk in planned][:2] == [school, depot]
    assert planned[2]["talk_id"] not in (school, depot)
    before = await events.types(session_id)
    assert (await events.revise(session_id, agenda=renamed)).status == 200
    assert await events.types(session_id) == before, "the same twice changes nothing"
    twice = await events.revise(session_id, agenda=[{"title": "A", "talk_id": depot}, {"title": "B", "talk_id": depot}])
    assert (twice.code, [one["field"] for one in twice.body["errors"]]) == ("409 unknown_talk", ["/agenda/1/talk_id"])
    foreign = await events.revise(session_id, agenda=[{"title": "A", "talk_id": str(uuid4())}])
    assert (foreign.code, foreign.body["errors"][0]["field"]) == ("409 unknown_talk", "/agenda/0/talk_id")
    await events.done("POST", f"{path}/announcements")
    events.clock.forward(days=31)
    held = {"talks": [{"title": "bauhof"}, {"title": "Neu"}, {"title": "Anders", "talk_id": school}]}
    replies = await asyncio.gather(*(events.edit("POST", f"{path}/documentations", held) for _ in range(3)))
    assert {reply.status for reply in replies} == {200}
    assert (await events.types(session_id)).count("SessionDocumented") == 1, "at once from three sides"
    talks = (await events.get(path))["agenda"]["held"]
    assert [talk["talk_id"] for talk in talks][::2] == [planned[2]["talk_id"], school]


async def test_pictures_need_words_and_a_name(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    events.clock.forward(days=31)
    photo = {"material_id": str(uuid4()), "alt": "Ein voller Saal", "credit": "Pressestelle"}
    for missing in ("material_id", "alt", "credit"):
        body = {"photos": [{name: value for name, value in photo.items() if name != missing}]}
        reply = await events.edit("POST", f"{path}/documentations", body)
        assert (reply.code, reply.body["errors"][0]["field"]) == ("422 invalid_request", f"/photos/0/{missing}")
    recording = {"link": "https://video.example/film", "subtitles": True}
    await events.done("POST", f"{path}/documentations", {"photos": [photo], "recording": recording})
    shown = await events.get(path)
    assert (shown["photos"], shown["recording"]) == ([photo], recording)


async def test_sessions_are_found_by_the_project_of_a_talk(events: Events) -> None:
    depot, school = str(uuid4()), str(uuid4())
    planned = [{"title": "Bauhof", "project_id": depot}, {"title": "Schule", "project_id": school}]
    session_id = await events.draft(agenda=planned)
    path = f"/api/v1/sessions/{session_id}"

    async def about(project: str, **who: Any) -> list[Any]:
        items = (await events.get(f"/api/v1/sessions?project={project}", **who))["items"]
        assert [item["id"] for item in items] in ([], [session_id])
        return [(talk["title"], talk["part"], talk["project_id"]) for item in items for talk in item["about"]]

    assert await about(depot) == [], "a draft is nobody's business"
    assert await about(depot, who=EDITOR) == [("Bauhof", "planned", depot)]
    await events.done("POST", f"{path}/announcements")
    assert await about(depot.upper()) == [("Bauhof", "planned", depot)]
    assert await about(str(uuid4())) == []
    assert (await events.ask("GET", "/api/v1/sessions?project=keine")).code == "422 invalid_query"
    events.clock.forward(days=31)
    held = {"talks": [{"title": "Der Bauhof heute", "project_id": depot}]}
    await events.done("POST", f"{path}/documentations", held)
    assert await about(depot) == [("Der Bauhof heute", "held", depot)]
    assert await about(school) == [("Schule", "planned", school)], "planned, even if it was not held"
    assert (await events.revise(session_id)).code == "409 session_over"


async def test_a_postponement_that_asks_from_question_to_consequence(events: Events) -> None:
    session_id = await events.open_session()
    path = f"/api/v1/sessions/{session_id}"
    ada, bob, cem, dea = [await events.registered(session_id, member=True) for _ in range(4)]
    assert (await own(events, ada))["can_reconfirm"] is False
    assert await answer(events, ada) == "409 answer_not_asked"
    await postponed(events, session_id)
    assert (await events.types(session_id)).count("SessionPostponed") == 1
    asked = await own(events, ada)
    assert (asked["answer_by"], asked["unanswered"], asked["can_reconfirm"]) == (*ASKING.values(), True)
    assert asked["session"]["postponed_from"][0]["when_label"] == "Donnerstag, 31.07.2025, 10:00 Uhr"
    eve = await events.registered(session_id, member=True)
    assert (await own(events, eve))["can_reconfirm"] is False, "who comes later knows the new date"
    key = str(uuid4())
    assert {await answer(events, ada, key) for _ in range(2)} == {"200"}
    assert set(await asyncio.gather(*(answer(events, dea) for _ in range(4)))) == {"200"}
    assert (await events.types(session_id)).count("RegistrationReconfirmed") == 2
    answered = await own(events, ada)
    assert (answered["reconfirmed_at"], answered["can_reconfirm"]) == ("2025-07-01T10:00:00+02:00", False)
    listed = (await events.get(f"{path}/registrations", EDITOR))["items"]
    assert [(one["reconfirmed_at"] is not None, one["owes_answer"]) for one in listed] == [
        (True, False),
        (False, True),
        (False, True),
        (True, False),
        (False, False),
    ]
    told = await recipients.recipients(events.pool, events.vault, RecipientsAsked(session_id=session_id))
    by = dt.datetime.fromisoformat(ASKING["answer_by"])
    assert [one.answer_by for one in told.recipients] == [None, by, by, None, None]
    assert [one.unanswered for one in told.recipients] == [None, "go", "go", None, None]
    events.clock.time = by.astimezone(dt.UTC)
    assert await answer(events, bob) == "409 answer_not_asked"
    await tick(events)
    assert [await events.status(token) for token in (ada, bob, cem, dea, eve)] == [
        "confirmed",
        "withdrawn",
        "withdrawn",
        "confirmed",
        "waitlisted",
    ]
    before = await events.types(session_id)
    assert before[-1] == "AnswersEnded"
    assert "RegistrationPromoted" in before
    await tick(events)
    assert await events.types(session_id) == before
    assert await answer(events, bob) == "409 registration_withdrawn"
    assert (await events.get(path))["answer_by"] is None


async def test_a_question_that_is_put_wrongly_names_its_field(events: Events) -> None:
    path = f"/api/v1/sessions/{await events.open_session()}/postponements"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"answer_by": "2025-06-01T10:00:00+02:00"}, "409 answer_by_in_past"),
        ({"answer_by": "2025-08-28T10:00:00+02:00"}, "409 answer_by_too_late"),
        ({"starts_at": None}, "409 answer_by_without_date"),
    ]
    for changes, code in wrong:
        reply = await events.edit("POST", path, AUGUST | ASKING | changes)
        assert (reply.code, reply.body["errors"][0]["field"]) == (code, "/answer_by")
    assert (await events.edit("POST", path, AUGUST | {"unanswered": "go"})).code == "422 invalid_request"
    assert (
        await events.edit("POST", path, AUGUST | ASKING | {"unanswered": "vielleicht"})
    ).code == "422 invalid_request"


async def test_very_many_silent_ones_go_a_few_at_a_time(events: Events) -> None:
    session_id = await events.open_session(capacity=70)

    async def enter() -> None:
        name = str(uuid4())
        command = RegisterParticipant(
            registration_id=name, person_id=name, member=True, token_hash=name, sealed="nobody reads this"
        )
        await events.journal.transact(DECIDER, session_id, command, by_itself(events.clock.now()))

    await asyncio.gather(*(enter() for _ in range(160)))
    before = len(await events.types(session_id))
    await postponed(events, session_id)
    assert len(await events.types(session_id)) == before + 1, "one fact, however many it concerns"
    events.clock.time = dt.datetime(2025, 8, 20, 10, tzinfo=dt.UTC)
    types, withdrawn, ticks = [""], 0, 0
    while withdrawn < 160:
        await tick(events)
        types = await events.types(session_id)
        assert types.count("RegistrationWithdrawn") - withdrawn <= 100
        withdrawn, ticks = types.count("RegistrationWithdrawn"), ticks + 1
    assert (ticks, types[-1]) == (2, "AnswersEnded")
    assert "RegistrationPromoted" not in types, "nobody is given a seat to lose it"
    row = await events.pool.fetchrow("SELECT seated, waiting FROM session_seats WHERE session_id = $1", session_id)
    assert row is not None
    assert tuple(row) == (0, 0)


async def test_only_who_is_confirmed_sees_the_link_wherever_the_session_goes(events: Events) -> None:
    session_id = await events.open_session(capacity=2)
    path = f"/api/v1/sessions/{session_id}"
    confirmed, received = await events.registered(session_id, member=True), await events.registered(session_id)
    waiting, left = [await events.registered(session_id, member=True) for _ in range(2)]
    await events.ask("POST", f"/api/v1/registrations/{left}/withdrawals")
    hall = {"name": "Bürgerhaus", "city": "Unna"}
    moved = {"mode": "hybrid", "venue": hall, "access_link": f"https://neu.example/{SECRET}"}
    assert (await events.revise(session_id, **moved)).status == 200
    await postponed(events, session_id)
    links = {token: (await own(events, token))["access_link"] for token in (confirmed, received, waiting, left)}
    assert links == {confirmed: moved["access_link"], received: None, waiting: None, left: None}
    for token in (received, waiting, left):
        assert SECRET not in str(await own(events, token))
    readers = [path, "/api/v1/sessions?limit=100", f"{path}/agenda", f"{path}/agenda?version=1"]
    for each in readers:
        assert SECRET not in str(await events.get(each))
    for each in (f"{path}.ics", "/api/v1/sessions.ics"):
        assert SECRET.encode() not in (await events.ask("GET", each)).body
    told = await recipients.recipients(events.pool, events.vault, RecipientsAsked(session_id=session_id))
    assert SECRET not in told.session.model_dump_json()
    assert [bool(one.access_link) for one in told.recipients] == [True, False, False]
