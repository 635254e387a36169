"""What was kept long enough cannot be read any more, in the journal neither, and everything else can."""

import asyncio
import datetime as dt
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest

from services.events import calendar_address, due, participant, registration_list, retention, statistics
from services.events.calendar_address import GiveCalendarAddress
from services.events.calendar_upkeep import CalendarAddresses
from services.events.feedback_clock import FeedbackClock, FeedbackRules
from services.events.kinds import kinds
from services.events.participant import Contact
from services.events.retention import Retention, Terms
from services.events.settings import EventsSettings
from shared.kernel.codec import UnknownEvent
from shared.kernel.rebuild import rebuild
from shared.kernel.vault import Vault
from tests.integration.events.conftest import EDITOR, Events
from tests.integration.events.test_feedback_http import rows, tables
from tests.integration.events.test_registrations_http import erase

OF_PERSON = "SELECT registration_id, person_id, sealed FROM registration WHERE session_id = $1 AND person_id = $2"
SEALED = """
SELECT data->>'registration_id' AS registration_id, data->>'person_id' AS person_id, data->>'sealed' AS sealed,
       data->>'sealed_answers' AS sealed_answers, (data->'sealed_for_days')::jsonb AS sealed_for_days
FROM journal WHERE stream = $1 AND data->>'sealed' IS NOT NULL ORDER BY position
"""
QUESTIONS = [
    {"key": "essen", "label": "Was essen Sie?", "kind": "text"},
    {"key": "foto", "label": "Dürfen wir Sie fotografieren?", "kind": "yes_no", "keep_days": 45},
]
ANSWERS: dict[str, Any] = {"essen": "vegan, wegen einer Allergie", "foto": True}


def clockwork(events: Events, terms: Terms | None = None) -> Retention:
    feedback = FeedbackClock(events.journal, events.pool, events.vault, FeedbackRules())
    every_kind = kinds(terms or Terms(), events.journal, events.pool, events.vault, feedback)
    return Retention(every_kind, events.pool, events.vault)


async def keep(events: Events, terms: Terms | None = None, **later: float) -> int:
    """The clock's work, some time later, until nothing is left to do."""
    events.clock.forward(**later)
    await due.let_time_pass(events.journal, events.pool, events.clock.now())
    done = 0
    for _ in range(20):
        portion = await clockwork(events, terms).once(events.clock.now())
        done += portion
        if not portion:
            return done
    raise AssertionError("there is always something to do")


async def opened(events: Events, **changes: Any) -> str:
    """A session that asks something of everybody who registers."""
    return await events.open_session(registration_questions=QUESTIONS, **changes)


async def enter(events: Events, session_id: str, person: str, **more: Any) -> str:
    await events.register(session_id, person=person, member=True, answers=ANSWERS, **more)
    row = await events.pool.fetchrow(OF_PERSON, session_id, person)
    (contact,) = await participant.open_contacts(events.vault, [row])
    assert contact is not None
    return contact.token


async def sealed(events: Events, session_id: str) -> list[dict[str, Any]]:
    """What the journal holds of a session's people, as it was sealed."""
    found = await events.pool.fetch(SEALED, f"session-{session_id}")
    return [dict(row) for row in found]


async def readable(events: Events, session_id: str) -> tuple[list[Contact | None], list[Any]]:
    in_journal = await sealed(events, session_id)
    contacts = await participant.open_contacts(events.vault, in_journal)
    given = await participant.open_answers(events.vault, in_journal)
    return contacts, [{each.key: each.value for each in answers} for answers in given]


async def keys_of(events: Events, session_id: str) -> int:
    ids = [row["registration_id"] for row in await sealed(events, session_id)]
    return len(await events.pool.fetch(retention.KEYS, ids))


async def test_answers_go_first_then_the_registration_and_others_stay(events: Events) -> None:
    person = str(uuid4())
    old = await opened(events)
    later = await opened(events, starts_at="2026-03-05T10:00:00+01:00")
    link, other = await enter(events, old, person), await enter(events, later, person)
    await events.register(old, member=True)
    await keep(events, days=61)
    ((contact, _), (given, _)) = await readable(events, old)
    assert contact is not None, "the registration is kept for 90 days"
    assert given == {"foto": True}, "and the answers for 30, but that one for 45"
    await keep(events, days=15)
    assert (await readable(events, old))[1][0] == {}
    assert (await events.get(f"/api/v1/registrations/{link}"))["email"] == "ada@stadt.example"
    await keep(events, days=47)
    assert await readable(events, old) == ([None, None], [{}, {}])
    assert await keys_of(events, old) == 0
    assert (await events.ask("GET", f"/api/v1/registrations/{link}")).status == 404
    assert (await events.get(f"/api/v1/sessions/{old}/registrations", EDITOR))["total"] == 0
    assert (await statistics.frozen(events.pool, old) or {})["by_status"] == {"confirmed": 2}
    assert (await events.get(f"/api/v1/registrations/{other}"))["email"] == "ada@stadt.example"
    assert (await readable(events, later))[1] == [ANSWERS]
    assert await keep(events) == 0, "doing it again changes nothing"
    for projection in (registration_list.PROJECTION, retention.PROJECTION, statistics.PROJECTION):
        assert (await rebuild(events.dsn, events.journal, projection)).different == ()
    assert (await events.ask("GET", f"/api/v1/registrations/{link}")).status == 404


async def test_answers_that_were_kept_for_ever_go_once_the_settings_say_so(events: Events) -> None:
    session_id = await opened(events)
    await enter(events, session_id, str(uuid4()))
    await keep(events, Terms(answers=None), days=61)
    assert (await readable(events, session_id))[1] == [{"essen": ANSWERS["essen"], "foto": True}]
    await keep(events, Terms(answers=None), days=15)
    assert (await readable(events, session_id))[1] == [{"essen": ANSWERS["essen"]}], "nothing is due any more"
    await keep(events, Terms())
    assert (await readable(events, session_id))[1] == [{}]


async def test_who_withdrew_is_forgotten_after_a_month_and_counted_all_the_same(events: Events) -> None:
    session_id = await opened(events, starts_at="2025-12-04T10:00:00+01:00", capacity=5)
    link, _ = await enter(events, session_id, str(uuid4())), await enter(events, session_id, str(uuid4()))
    await events.ask("POST", f"/api/v1/registrations/{link}/withdrawals")
    await keep(events, days=29)
    assert (await events.ask("GET", f"/api/v1/registrations/{link}")).status == 200
    await keep(events, days=2)
    assert (await events.ask("GET", f"/api/v1/registrations/{link}")).status == 404
    contacts, given = await readable(events, session_id)
    assert [contact is None for contact in contacts] == [True, False]
    assert given == [{}, ANSWERS]
    assert (await events.get(f"/api/v1/sessions/{session_id}"))["seats_left"] == 4
    counted = await events.get(f"/api/v1/sessions/{session_id}/statistics", EDITOR)
    assert counted["by_status"] == {"confirmed": 1, "withdrawn": 1}, "those forgotten before the session count, too"
    await keep(events, days=270)
    assert (await statistics.frozen(events.pool, session_id) or {})["by_status"] == {"confirmed": 1, "withdrawn": 1}


async def test_a_cancelled_session_counts_from_then_and_a_reinstated_one_not_at_all(events: Events) -> None:
    session_id = await opened(events, starts_at="2026-07-02T10:00:00+02:00")
    link = await enter(events, session_id, str(uuid4()))
    path = f"/api/v1/sessions/{session_id}"
    await events.done("POST", f"{path}/cancellations", {"reason": "abgesagt"})
    await keep(events, days=29)
    await events.done("POST", f"{path}/reinstatements")
    await keep(events, days=90)
    assert (await readable(events, session_id))[1] == [ANSWERS]
    assert (await events.ask("GET", f"/api/v1/registrations/{link}")).status == 200
    await events.done("POST", f"{path}/cancellations", {"reason": "doch abgesagt"})
    await keep(events, days=91)
    assert await readable(events, session_id) == ([None], [{}])


async def test_a_date_that_stays_open_ends_by_age_and_what_is_never_forgotten_stays(events: Events) -> None:
    session_id = await opened(events)
    link = await enter(events, session_id, str(uuid4()))
    postponement = {"starts_at": None, "reason": "Krankheit"}
    await events.done("POST", f"/api/v1/sessions/{session_id}/postponements", postponement)
    await keep(events, days=1090)
    assert (await events.ask("GET", f"/api/v1/registrations/{link}")).status == 200
    assert await keep(events, Terms(undated_registrations=None), days=10) == 0
    await keep(events)
    assert await readable(events, session_id) == ([None], [{}])


async def test_what_several_replicas_find_at_once_is_forgotten_once(events: Events) -> None:
    session_id = await opened(events, capacity=50)
    for _ in range(6):
        await enter(events, session_id, str(uuid4()))
    events.clock.forward(days=130)
    at = events.clock.now()
    await due.let_time_pass(events.journal, events.pool, at)
    await asyncio.gather(*(clockwork(events).once(at) for _ in range(3)))
    assert (await events.types(session_id)).count("RegistrationsForgotten") == 1
    await keep(events)
    assert await keys_of(events, session_id) == 0


async def test_keys_of_what_is_not_there_are_destroyed(events: Events) -> None:
    session_id = await opened(events)
    person = str(uuid4())
    await enter(events, session_id, person)
    await enter(events, session_id, person)
    made = "SELECT count(*) FROM vault WHERE person_id LIKE 'registration/%'"
    before = await events.pool.fetchval(made)
    await events.pool.execute("UPDATE vault SET created_at = created_at - interval '2 days'")
    assert await retention.destroy_stray_keys(events.pool, events.vault, 1000) >= 2, "those of the second asking"
    assert await events.pool.fetchval(made) < before
    assert await retention.destroy_stray_keys(events.pool, events.vault, 1000) == 0
    assert (await readable(events, session_id))[1] == [ANSWERS]


async def test_what_was_sealed_with_one_key_is_still_read(events: Events) -> None:
    person, registration = str(uuid4()), str(uuid4())
    contact = Contact(email="ada@stadt.example", name="Ada Beispiel", token="t")
    await events.vault.ensure(person)
    row = {
        "registration_id": registration,
        "person_id": person,
        "sealed": await events.vault.seal(person, f"registration/{registration}/contact", contact),
        "sealed_answers": await events.vault.seal(person, f"registration/{registration}/answers", ANSWERS),
        "sealed_for_days": {},
    }
    assert await participant.open_contacts(events.vault, [row]) == [contact]
    (given,) = await participant.open_answers(events.vault, [row])
    assert {each.key: each.value for each in given} == ANSWERS


async def test_an_erased_person_is_readable_nowhere(events: Events) -> None:
    person = str(uuid4())
    contact = {
        "email": "erika.eindeutig@stadt.example",
        "name": "Erika Eindeutig",
        "organisation_name": "Amt Eindeutig",
    }
    sessions = [await opened(events), await opened(events, capacity=1)]
    tokens = [await enter(events, each, person, **contact) for each in sessions]
    await events.ask("POST", f"/api/v1/registrations/{tokens[0]}/withdrawals")
    assert [one.name for each in sessions for one in (await readable(events, each))[0] if one] == [
        "Erika Eindeutig"
    ] * 2
    await erase(events, person)
    await keep(events)
    for each in sessions:
        assert await readable(events, each) == ([None], [{}])
        assert await keys_of(events, each) == 0
    everything = await rows(events, *await tables(events))
    for plain in (*contact.values(), *tokens, ANSWERS["essen"]):
        assert str(plain) not in everything
    here = {table for table in await tables(events) if person in await rows(events, table)}
    assert here == {"journal", "vault"}, "a pseudonym in the journal, and that nobody brings the person back"
    published = [events.journal.codec.recorded(row) for row in await events.pool.fetch(ALL, person)]
    contracts = [
        next(d for d in events.journal.deciders if type(e.event) in d.events).publish(e.event) for e in published
    ]
    assert not any("indeutig" in contract.model_dump_json() for contract in contracts if contract)


ALL = """
SELECT position, stream, version, type, form, data, actor, command_id, correlation_id, causation_id, traceparent,
       history, aggregate, aggregate_version, recorded_at
FROM journal WHERE data->>'person_id' = $1
"""


async def test_only_a_person_is_erased_and_only_a_thing_destroyed(events: Events) -> None:
    with pytest.raises(ValueError, match="may be people"):
        await events.vault.destroy([str(uuid4())])


async def test_a_vault_that_is_another_cannot_make_marks(events: Events) -> None:
    await events.vault.ensure_all(["feedback/x/tokens"])
    mark = await events.vault.marker("feedback/x/tokens")
    assert mark is not None
    assert mark("a") == mark("a") != mark("b")
    with pytest.raises(Exception, match="another key"):
        await Vault(events.pool, bytes(32)).marker("feedback/x/tokens")
    await events.vault.destroy(["feedback/x/tokens"])
    assert await events.vault.marker("feedback/x/tokens") is None


def test_never_is_a_time_to_keep_things(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"database_url": "x", "nats_url": "x", "vault_key": "A" * 43, "identity_public_key": "x"}
    for name, value in (needed | {"registration_retention_days": "never", "answers_retention_days": "7"}).items():
        monkeypatch.setenv(f"IKZ_{name.upper()}", value)
    terms = EventsSettings().terms
    assert (terms.registrations, terms.answers, terms.undated_registrations) == (
        None,
        dt.timedelta(days=7),
        dt.timedelta(days=1095),
    )


async def test_a_calendar_address_goes_when_it_is_old_and_shows_nothing(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await opened(events)
    coming, gone = str(uuid4()), str(uuid4())
    await enter(events, session_id, coming)
    at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    for person in (coming, gone):
        given = GiveCalendarAddress(person_id=person, token_hash=f"hash of {person}", sealed="sealed")
        await events.journal.transact(calendar_address.DECIDER, person, given, due.by_itself(at))
    addresses = CalendarAddresses(events.journal, events.pool)
    await addresses.forget_idle(at, at - dt.timedelta(days=1))
    kept = "SELECT array_agg(person_id) FROM calendar_address WHERE person_id = ANY($1)"
    assert set(await events.pool.fetchval(kept, [coming, gone])) == {coming, gone}
    with monkeypatch.context() as newer:
        unread = UnknownEvent("calendar_address/Later form 1")
        newer.setattr(events.journal, "transact", AsyncMock(side_effect=unread))
        assert await addresses.forget_idle(at, at) == 0, "what newer code has written is left to it"
    assert await addresses.forget_idle(at, at) >= 1
    assert await addresses.forget_idle(at, at) == 0
    assert await events.pool.fetchval(kept, [coming, gone]) == [coming]
