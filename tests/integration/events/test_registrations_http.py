"""Registering, confirming, waiting, withdrawing over HTTP; and what time and other services make of it."""

import asyncio
import datetime as dt
from collections import Counter
from uuid import uuid4

import pytest

from services.events import due, erasure
from services.events.records import DECIDERS, PROJECTIONS
from services.events.registration_commands import RegisterParticipant
from services.events.session import DECIDER
from shared.contracts.gateway import PersonErased
from shared.contracts.rpc import RecipientsAsked
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.problems import Problem
from shared.kernel.wakeup import Wakeup
from tests.integration.events.conftest import EDITOR, Events, sample
from tests.integration.events.telling import told


async def test_a_guest_registers_and_confirms_by_the_link(events: Events) -> None:
    session_id = await events.open_session()
    token = await events.registered(session_id, organisation_name="Stadt Beispiel")
    path = f"/api/v1/registrations/{token}"
    page = await events.get(path)
    assert (page["status"], page["can_confirm"], page["access_link"]) == ("received", True, None)
    assert (page["name"], page["organisation_name"]) == ("Ada Beispiel", "Stadt Beispiel")
    assert page["confirm_by"] == "2025-07-02T10:00:00+02:00"
    assert page["session"]["id"] == session_id
    confirmed = await events.ask("POST", f"{path}/confirmations")
    assert (confirmed.status, confirmed.body["id"]) == (200, page["id"])
    page = await events.get(f"{path}?min_position={confirmed.body['position']}")
    assert (page["status"], page["can_confirm"], page["confirm_by"]) == ("confirmed", False, None)
    assert page["access_link"] == "https://video.example/geheim"
    again = await events.ask("POST", f"{path}/confirmations")
    assert (again.status, again.body["version"]) == (200, confirmed.body["version"])


async def test_a_gateway_of_the_version_before_brings_one_at_a_time(events: Events) -> None:
    session_id, person = await events.open_session(), str(uuid4())
    body = {"person_id": person, "email": "ada@stadt.example", "name": "Ada Beispiel", "member": False}
    path = f"/internal/sessions/{session_id}/registrations"
    replies = [await events.ask("POST", path, body, Idempotency_Key="before") for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 202]
    assert await events.pool.fetchval("SELECT count(*) FROM registration WHERE person_id = $1", person) == 1
    assert (await events.ask("POST", f"/internal/sessions/{uuid4()}/registrations", body)).code == "404 not_found"


async def test_reading_the_page_changes_nothing(events: Events) -> None:
    session_id = await events.open_session()
    token = await events.registered(session_id)
    head = await events.journal.head()
    for path in ("", "/confirmations", "/withdrawals"):
        await events.ask("GET", f"/api/v1/registrations/{token}{path}")
        await events.ask("HEAD", f"/api/v1/registrations/{token}{path}")
    assert await events.journal.head() == head
    assert await events.status(token) == "received"


async def test_the_page_is_kept_out_of_caches_and_referrers(events: Events) -> None:
    token = await events.registered(await events.open_session())
    reply = await events.ask("GET", f"/api/v1/registrations/{token}")
    assert (reply.headers["Cache-Control"], reply.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("token", ["x", "a" * 22, "..", "%20", "a" * 3000])
async def test_an_unknown_token_is_nothing(events: Events, token: str) -> None:
    assert (await events.ask("GET", f"/api/v1/registrations/{token}")).code == "404 not_found"
    assert (await events.ask("POST", f"/api/v1/registrations/{token}/withdrawals")).code == "404 not_found"


async def test_the_answer_tells_nothing(events: Events) -> None:
    session_id = await events.open_session(capacity=1)
    ada = str(uuid4())
    replies = [
        await events.register(session_id, person=ada),
        await events.register(session_id, person=ada),
        await events.register(session_id),
        await events.register(session_id, member=True),
    ]
    assert {reply.status for reply in replies} == {202}
    assert len({str(reply.body) for reply in replies}) == 1
    assert len({tuple(sorted(reply.headers)) for reply in replies}) == 1
    assert not any("ETag" in reply.headers for reply in replies)


async def test_the_same_person_has_one_registration_and_gets_the_link_again(events: Events) -> None:
    session_id, ada = await events.open_session(), str(uuid4())
    await events.register(session_id, person=ada)
    token = await events.token_of(ada)
    await events.register(session_id, person=ada, name="Anders")
    assert (await events.types(session_id))[-2:] == ["RegistrationReceived", "RegistrationLinkRequested"]
    assert await events.token_of(ada) == token
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["seats_left"] == 1


async def test_nothing_personal_lies_open(events: Events) -> None:
    question = {"key": "thema", "label": "Ihr Thema?", "kind": "text"}
    session_id = await events.open_session(registration_questions=[question])
    body = {"name": "Grete Geheim", "email": "grete@geheim.example", "organisation_name": "Amt Geheim"}
    token = await events.registered(session_id, answers={"thema": "geheime Frage"}, **body)
    stored = await events.pool.fetch("SELECT data::text AS text FROM journal") + await events.pool.fetch(
        "SELECT r::text AS text FROM registration r"
    )
    assert stored
    assert not any("eheim" in row["text"] and "video.example" not in row["text"] for row in stored)
    assert not any(token in row["text"] or "grete" in row["text"] for row in stored)
    (item,) = (await events.get(f"/api/v1/sessions/{session_id}/registrations", EDITOR))["items"]
    assert (item["name"], item["email"]) == ("Grete Geheim", "grete@geheim.example")
    assert [(each["label"], each["value"]) for each in item["answers"]] == [("Ihr Thema?", "geheime Frage")]


async def test_a_full_session_waitlists_and_promotes_in_order(events: Events) -> None:
    session_id = await events.open_session(capacity=1)
    path = f"/api/v1/sessions/{session_id}"
    ada = await events.registered(session_id, member=True)
    bert = await events.registered(session_id, member=True)
    cleo = await events.registered(session_id)
    shown = await events.get(path)
    assert (shown["status"], shown["full"], shown["seats_left"], shown["waiting"]) == ("full", True, 0, 2)
    assert (await events.get(f"/api/v1/registrations/{cleo}"))["waiting_position"] == 2
    await events.ask("POST", f"/api/v1/registrations/{cleo}/confirmations")
    page = await events.get(f"/api/v1/registrations/{cleo}")
    assert (page["status"], page["can_confirm"]) == ("waitlisted", False)
    await events.ask("POST", f"/api/v1/registrations/{ada}/withdrawals")
    assert [await events.status(token) for token in (ada, bert, cleo)] == ["withdrawn", "confirmed", "waitlisted"]
    assert (await events.get(f"/api/v1/registrations/{cleo}"))["waiting_position"] == 1
    await events.ask("POST", f"/api/v1/registrations/{bert}/withdrawals")
    again = await events.ask("POST", f"/api/v1/registrations/{bert}/withdrawals")
    assert again.status == 200
    assert await events.status(cleo) == "confirmed"
    assert (await events.get(path))["waiting"] == 0


async def test_more_seats_promote(events: Events) -> None:
    session_id = await events.open_session(capacity=1)
    path = f"/api/v1/sessions/{session_id}"
    tokens = [await events.registered(session_id, member=True) for _ in range(4)]
    shown = await events.ask("GET", path, who=EDITOR)
    bigger = sample(shown.body["series"]["id"], capacity=3)
    await events.done("PUT", path, bigger, If_Match=shown.headers["ETag"])
    assert [await events.status(token) for token in tokens] == ["confirmed", "confirmed", "confirmed", "waitlisted"]


async def test_who_withdrew_may_come_again_with_another_link(events: Events) -> None:
    session_id, ada = await events.open_session(), str(uuid4())
    await events.register(session_id, person=ada)
    first = await events.token_of(ada)
    await events.ask("POST", f"/api/v1/registrations/{first}/withdrawals")
    assert (
        await events.ask("POST", f"/api/v1/registrations/{first}/confirmations")
    ).code == "409 registration_withdrawn"
    await events.register(session_id, person=ada)
    second = await events.token_of(ada)
    assert second != first
    assert [await events.status(token) for token in (first, second)] == ["withdrawn", "received"]


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "keine"},
        {"email": "a@b\r\nBcc: c@d"},
        {"name": ""},
        {"name": "x" * 201},
        {"person_id": "x"},
        {"member": "ja"},
        {"answers": {"A B": "x"}},
        {"unbekannt": 1},
    ],
    ids=str,
)
async def test_wrong_registrations(events: Events, changes: dict[str, object]) -> None:
    session_id = await events.open_session()
    assert (await events.register(session_id, **changes)).code == "422 invalid_request"  # type: ignore[arg-type]


async def test_registration_outside_its_window(events: Events) -> None:
    session_id = await events.draft(
        registration_opens_at="2025-07-02T08:00:00+02:00", registration_closes_at="2025-07-30T12:00:00+02:00"
    )
    assert (await events.register(session_id)).code == "404 not_found", "a draft is nobody's business"
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    assert (await events.register(session_id)).code == "409 registration_closed"
    events.clock.forward(days=1)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert (await events.register(session_id)).status == 202
    events.clock.forward(days=28.5)
    assert (await events.register(session_id)).code == "409 registration_closed"
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["status"] == "registration_closed"


async def test_what_nobody_confirms_lapses_and_the_next_one_comes_in(events: Events) -> None:
    session_id = await events.open_session(capacity=1)
    ada = await events.registered(session_id)
    bert = await events.registered(session_id, member=True)
    events.clock.forward(hours=23.9)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert await events.status(ada) == "received"
    events.clock.forward(hours=0.2)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert [await events.status(token) for token in (ada, bert)] == ["lapsed", "confirmed"]
    assert (await events.ask("POST", f"/api/v1/registrations/{ada}/confirmations")).code == "409 registration_lapsed"


async def test_a_hold_outlives_a_cancellation(events: Events) -> None:
    session_id = await events.open_session(capacity=1)
    path = f"/api/v1/sessions/{session_id}"
    ada, bert = await events.registered(session_id), await events.registered(session_id)

    async def pages() -> list[tuple[str, str, bool]]:
        found = [await events.get(f"/api/v1/registrations/{token}") for token in (ada, bert)]
        return [(page["status"], page["confirm_by"], page["can_confirm"]) for page in found]

    tomorrow = "2025-07-02T10:00:00+02:00"
    assert await pages() == [("received", tomorrow, True), ("waitlisted", tomorrow, True)]
    await events.done("POST", f"{path}/cancellations", {"reason": "Krankheit"})
    events.clock.forward(days=3)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert await due.let_time_pass(events.journal, events.pool, events.clock.now()) == 0, "nothing stays due"
    assert await pages() == [("received", tomorrow, False), ("waitlisted", tomorrow, False)]
    await events.done("POST", f"{path}/reinstatements")
    again = "2025-07-05T10:00:00+02:00"
    assert await pages() == [("received", again, True), ("waitlisted", again, True)]
    asked = RecipientsAsked(session_id=session_id)
    told_of = (await told(events, asked)).recipients
    assert {one.confirm_by for one in told_of} == {dt.datetime(2025, 7, 5, 8, tzinfo=dt.UTC)}
    events.clock.forward(days=1)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    assert [status for status, _, _ in await pages()] == ["lapsed", "lapsed"]


async def test_the_clock_finds_nothing_twice(events: Events) -> None:
    session_id = await events.open_session(capacity=1, ends_at="2025-07-31T11:00:00+02:00")
    await events.registered(session_id)
    events.clock.forward(days=60)
    await asyncio.gather(
        *(due.let_time_pass(events.journal, events.pool, events.clock.now()) for _ in range(3)),
    )
    found = Counter(await events.types(session_id))
    assert (found["RegistrationLapsed"], found["RegistrationClosed"], found["SessionHeld"]) == (1, 1, 1)
    assert await due.let_time_pass(events.journal, events.pool, events.clock.now()) == 0
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["status"] == "held"


async def test_a_session_that_this_code_cannot_read_keeps_no_other_waiting(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer, other = await events.open_session(), await events.open_session()
    ada = str(uuid4())
    await events.register(newer, person=ada, member=True)
    name = "UPDATE journal SET type = $2 WHERE stream = $1 AND version = 2"
    await events.pool.execute(name, f"session-{newer}", "SessionOfTomorrow")
    events.clock.forward(days=60)
    monkeypatch.setattr(due, "TROUBLE", 0)
    replica = Journal(events.dsn, events.pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
    async with replica.running():
        await due.let_time_pass(replica, events.pool, events.clock.now())
        await erase(events, ada, by=replica)
    assert (await events.types(other))[-1] == "SessionHeld"
    assert (await events.types(newer))[-1] == "MemberRegistered"
    await events.pool.execute(name, f"session-{newer}", "SessionAnnounced")
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    await erasure.free_places(events.journal, events.pool, events.clock.now())
    assert (await events.types(newer))[-3:] == ["SessionHeld", "RegistrationWithdrawn", "ParticipantErased"]


async def test_a_rush_overbooks_nothing(events: Events) -> None:
    session_id = await events.open_session(capacity=25)
    people = [str(uuid4()) for _ in range(80)]
    wanted = [person for person in people for _ in range(2)]
    replies = await asyncio.gather(*(events.register(session_id, person=person, member=True) for person in wanted))
    assert {reply.status for reply in replies} == {202}
    rows = await events.pool.fetch(
        "SELECT person_id, status FROM registration WHERE session_id = $1 ORDER BY received_version", session_id
    )
    assert sorted(row["person_id"] for row in rows) == sorted(people)
    assert [row["status"] for row in rows] == ["confirmed"] * 25 + ["waitlisted"] * 55
    leaving = [await events.token_of(row["person_id"]) for row in rows[:10]]
    await asyncio.gather(*(events.ask("POST", f"/api/v1/registrations/{token}/withdrawals") for token in leaving * 2))
    after = await events.pool.fetch(
        "SELECT status FROM registration WHERE session_id = $1 ORDER BY received_version", session_id
    )
    statuses = [row["status"] for row in after]
    assert statuses == ["withdrawn"] * 10 + ["confirmed"] * 25 + ["waitlisted"] * 45, "promoted in order"
    shown = await events.get(f"/api/v1/sessions/{session_id}")
    assert (shown["seats_left"], shown["waiting"]) == (0, 45)


async def test_two_replicas_share_the_last_seats(events: Events) -> None:
    session_id = await events.open_session(capacity=30)
    replica = Journal(events.dsn, events.pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())

    async def enter(journal: Journal) -> None:
        number = new_id()
        command = RegisterParticipant(
            registration_id=str(number), person_id=str(uuid4()), member=True, token_hash=str(number), sealed="sealed"
        )
        await journal.transact(DECIDER, session_id, command, due.by_itself(events.clock.now()))

    async with replica.running():
        await asyncio.gather(*(enter(journal) for _ in range(50) for journal in (events.journal, replica)))
    rows = await events.pool.fetch(
        "SELECT status FROM registration WHERE session_id = $1 ORDER BY received_version", session_id
    )
    assert [row["status"] for row in rows] == ["confirmed"] * 30 + ["waitlisted"] * 70
    shown = await events.get(f"/api/v1/sessions/{session_id}")
    assert (shown["seats_left"], shown["waiting"]) == (0, 70)


async def test_the_organisers_list(events: Events) -> None:
    session_id = await events.open_session(capacity=2)
    for number in range(5):
        await events.registered(session_id, member=True, name=f"Person {number}")
    path = f"/api/v1/sessions/{session_id}/registrations"
    first = await events.get(f"{path}?limit=3", EDITOR)
    rest = await events.get(f"{path}?limit=3&cursor={first['next']}", EDITOR)
    assert [item["name"] for item in first["items"] + rest["items"]] == [f"Person {number}" for number in range(5)]
    assert (first["total"], rest["next"]) == (5, None)
    waiting = await events.get(f"{path}?status=waitlisted", EDITOR)
    assert [item["waiting_position"] for item in waiting["items"]] == [1, 2, 3]
    assert waiting["total"] == 3


async def test_an_organiser_gives_a_place_back(events: Events) -> None:
    session_id = await events.open_session()
    token = await events.registered(session_id, member=True)
    registration_id = (await events.get(f"/api/v1/registrations/{token}"))["id"]
    path = f"/api/v1/sessions/{session_id}/registrations/{registration_id}/withdrawals"
    assert (await events.ask("POST", path)).code == "401 unauthenticated"
    assert (await events.done("POST", path))["id"] == registration_id
    assert await events.status(token) == "withdrawn"
    elsewhere = path.replace(session_id, await events.open_session())
    assert (await events.edit("POST", elsewhere)).code == "404 not_found", "a registration belongs to its session"


async def test_recipients_of_a_postponement_are_those_who_were_there_before_it(events: Events) -> None:
    session_id = await events.open_session(capacity=2)
    ada = await events.registered(session_id, member=True, name="Ada")
    await events.registered(session_id, name="Bert")
    await events.registered(session_id, member=True, name="Cleo")
    gone = await events.registered(session_id, member=True, name="Dora")
    await events.ask("POST", f"/api/v1/registrations/{gone}/withdrawals")
    body = {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "Krankheit"}
    outcome = await events.done("POST", f"/api/v1/sessions/{session_id}/postponements", body)
    await events.registered(session_id, member=True, name="Emil")
    asked = RecipientsAsked(session_id=session_id, as_of_version=outcome["version"])
    answer = await told(events, asked)
    found = {one.name: (one.status, one.waiting_position, one.access_link) for one in answer.recipients}
    assert found == {
        "Ada": ("confirmed", None, "https://video.example/geheim"),
        "Bert": ("received", None, None),
        "Cleo": ("waitlisted", 1, None),
    }
    assert answer.recipients[0].token == ada
    assert answer.next is None
    card = answer.session
    assert card.previous is not None
    assert (card.sequence, card.reason, card.status) == (1, "Krankheit", "postponed_rescheduled")
    assert card.starts_at == dt.datetime(2025, 8, 28, 8, tzinfo=dt.UTC)
    assert card.previous.starts_at == dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC)


async def test_the_session_is_told_as_it_was_at_an_earlier_version(events: Events) -> None:
    session_id = await events.open_session(capacity=None)
    await events.registered(session_id, member=True)
    path = f"/api/v1/sessions/{session_id}"
    bodies = {"starts_at": None, "reason": "x"}, {"starts_at": "2025-08-28T10:00:00+02:00", "reason": "x"}
    first = (await events.edit("GET", path)).body["version"]
    versions = [first, *[(await events.done("POST", f"{path}/postponements", body))["version"] for body in bodies]]
    await events.registered(session_id, member=True)

    async def at(version: int | None) -> tuple[int, str | None]:
        asked = RecipientsAsked(session_id=session_id, session_as_of=version)
        card = (await told(events, asked)).session
        return card.sequence, f"{card.date:%d.%m.}" if card.date else None

    steps = [(0, "31.07."), (1, None), (2, "28.08.")]
    assert [await at(version) for version in versions] == steps
    assert [await at(versions[1] - 1), await at(versions[2] - 1)] == steps[:2]
    assert await at(None) == steps[2]
    assert await at(1) == steps[2], "a draft had no step; what holds now is the next best"


async def test_recipients_come_in_pages(events: Events) -> None:
    session_id = await events.open_session(capacity=None)
    for number in range(5):
        await events.registered(session_id, member=True, name=f"Person {number}")
    after, names = None, []
    while True:
        asked = RecipientsAsked(session_id=session_id, after=after, limit=2)
        answer = await told(events, asked)
        names += [one.name for one in answer.recipients]
        after = answer.next
        if after is None:
            break
    assert names == [f"Person {number}" for number in range(5)]


async def test_one_recipient_in_whatever_state(events: Events) -> None:
    session_id = await events.open_session()
    token = await events.registered(session_id)
    registration_id = (await events.get(f"/api/v1/registrations/{token}"))["id"]
    await events.ask("POST", f"/api/v1/registrations/{token}/withdrawals")
    asked = RecipientsAsked(session_id=session_id, registration_id=registration_id)
    (one,) = (await told(events, asked)).recipients
    assert (one.status, one.email) == ("withdrawn", "ada@stadt.example")
    with pytest.raises(Problem, match="not_found"):
        await told(events, RecipientsAsked(session_id=str(uuid4())))


async def test_an_erased_person_leaves_no_trace_and_a_free_seat(events: Events) -> None:
    session_id = await events.open_session(capacity=1)
    ada = str(uuid4())
    await events.register(session_id, person=ada, member=True)
    token = await events.token_of(ada)
    bert = await events.registered(session_id, member=True)
    await erase(events, ada)
    assert (await events.ask("GET", f"/api/v1/registrations/{token}")).code == "404 not_found"
    assert await events.status(bert) == "confirmed"
    assert (await events.register(session_id, person=ada)).status == 202, "answered like everybody"
    items = (await events.get(f"/api/v1/sessions/{session_id}/registrations", EDITOR))["items"]
    assert [item["person_id"] for item in items if item["person_id"] == ada] == []
    before = await events.journal.head()
    await erase(events, ada)
    assert await events.journal.head() == before


async def erase(events: Events, person: str, *, by: Journal | None = None) -> None:
    class Taken:
        data = PersonErased(person_id=person)

    async with events.pool.acquire() as connection, connection.transaction():
        await erasure.effect(events.vault).apply(connection, [Taken()])  # type: ignore[list-item]
    await erasure.free_places(by or events.journal, events.pool, events.clock.now())
    await erasure.revoke_addresses(by or events.journal, events.pool, events.clock.now())


async def test_a_person_whose_key_is_gone_shows_as_such(events: Events) -> None:
    session_id, ada = await events.open_session(), str(uuid4())
    await events.register(session_id, person=ada, member=True)
    await events.vault.erase(ada)
    (item,) = (await events.get(f"/api/v1/sessions/{session_id}/registrations", EDITOR))["items"]
    assert (item["name"], item["email"]) == ("gelöscht", None)
