"""What is kept about a person is told from every table, to that person alone; what an erasure leaves says why."""

from uuid import UUID, uuid4

from services.notify import about_person
from services.notify.address_mark import AddressMarks
from services.notify.texts import load_texts
from shared.contracts.rpc import AboutPersonAnswered, AboutPersonAsked
from shared.kernel.about_person import AboutPerson
from tests.integration.notify.conftest import Notify

MARKS = AddressMarks(b"m" * 32)
ADA, BEA = "01a2235e-31ad-70f2-82ee-f66c4d90f670", "01a2235e-31ad-70f2-82ee-f66c4d90f671"
FILL = """
WITH m AS (
    INSERT INTO mailing (cause, recorded_at, kind, type, data, priority, happened_at, correlation_id, created_at,
                         ready_at, person_id)
    VALUES ('c@1', now(), 'postponement', 't', '{}', 0, now(), 'c', now(), now(), $1) RETURNING id
), message AS (
    INSERT INTO message (id, mailing_id, kind, channel, person_id, lane, priority, ready_at, created_at)
    SELECT $2, id, 'postponement', 'email', $1, 'l', 0, now(), now() FROM m
), finding AS (
    INSERT INTO finding (mailing_id, person_id, kind, thing_kind, thing_id, subscriptions, rhythm, found_at)
    SELECT id, $1, 'project_published', 'project', 'p', '{}', 'daily', now() FROM m
), preference AS (
    INSERT INTO preference VALUES ($1, 'announcement', 'email', 'off')
), subscriber AS (
    INSERT INTO subscriber (person_id, version, paused_until) VALUES ($1, 1, 'infinity')
), subscription AS (
    INSERT INTO subscription (id, person_id, version, subject, key, state, text_version, requested_at)
    VALUES ($2, $1, 1, 'topic', 'works_depot', 'confirmed', '1', now())
), sign_in AS (
    INSERT INTO sign_in VALUES ($2, $1, 'sealed', now())
), digest AS (
    INSERT INTO digest VALUES ($1, '2026-11-28', 8, now())
), invited AS (
    INSERT INTO invited VALUES ($2, $1, decode('00', 'hex') || $1::text::bytea, now())
), answered AS (
    INSERT INTO invited_answer VALUES ($2, $2, $1, 1, 'declined', now())
), live AS (
    INSERT INTO live_item (mark, person_id, event_id, type, body, created_at) VALUES ('m', $1, 'e', 't', 'b', now())
)
INSERT INTO live_listener VALUES ($1, now())
"""
SUPPRESS = """
INSERT INTO suppression (address_mark, version, state, cause, soft, since, changed_at)
VALUES ($1, 1, 'suppressed', 'hard', 0, now(), now())
"""
ATTEMPT = "INSERT INTO attempt (message_id, number, at, outcome, took_ms) VALUES ($1, 1, now(), 'deferred', 5)"
KINDS = {
    *("subscriber", "preference", "subscription", "message", "sign_in", "finding", "digest", "invitation"),
    *("invitation_answer", "live_item", "live_listener"),
}


async def about(notify: Notify, person: str, email: str | None = None) -> AboutPersonAnswered:
    sources = about_person.sources(notify.pool, notify.vault, load_texts(), MARKS)
    return await AboutPerson(notify.vault, sources).page(AboutPersonAsked(person_id=person, email=email))


async def test_every_table_tells_the_person_and_nobody_else(notify: Notify) -> None:
    message: UUID = uuid4()
    await notify.pool.execute(FILL, ADA, message)
    await notify.pool.execute(ATTEMPT, message)
    answer = await about(notify, ADA)
    assert {record.kind for record in answer.records} == KINDS
    assert len(answer.records) == len(KINDS)
    shown = {(record.kind, each.name): each.shown for record in answer.records for each in record.details}
    assert shown["subscriber", "paused_until"] == "bis auf Weiteres"
    assert shown["subscription", "subject"] == "Themengebiet"
    assert shown["preference", "kind"] == "Meldungen der Geschäftsstelle"
    assert shown["message", "attempts/1"].endswith("Uhr: aufgeschoben")
    assert not any(record.stays for record in answer.records)
    assert await about(notify, BEA) == AboutPersonAnswered()


async def test_an_address_that_nothing_is_sent_to_is_told_to_whose_it_is(notify: Notify) -> None:
    await notify.pool.execute(SUPPRESS, MARKS.of("ada@stadt.example"))
    (record,) = (await about(notify, ADA, "Ada@stadt.example")).records
    assert (record.kind, bool(record.stays)) == ("suppression", True)
    assert await about(notify, ADA, "bea@stadt.example") == AboutPersonAnswered()
    assert await about(notify, ADA) == AboutPersonAnswered(), "who was erased has no address any more"
