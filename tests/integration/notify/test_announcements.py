"""News over HTTP, on a real Postgres."""

from typing import Any
from uuid import uuid4

from services.notify.load_content import CONTENT, load
from shared.kernel.ids import named_id
from tests.integration.notify.conftest import Notify

NEWS = "/api/v1/announcements"
BODY: dict[str, Any] = {
    "kind": "postponement",
    "title": "Digitale Sprechstunde verschoben",
    "teaser": "Neuer Termin: Donnerstag, 28. August 2025, 10:00 Uhr.",
    "body": "Aus organisatorischen Gründen.",
    "session_id": str(named_id("session", "sprechstunde-2025-08")),
    "actions": [{"label": "Zur Anmeldung", "target": "registration"}],
}


async def drafted(notify: Notify, **changes: Any) -> str:
    reply = await notify.edit("POST", NEWS, BODY | changes)
    assert reply.status == 201, reply
    assert reply.headers["Location"] == f"{NEWS}/{reply.body['id']}"
    return str(reply.body["id"])


async def published(notify: Notify, **changes: Any) -> str:
    announcement_id = await drafted(notify, **changes)
    assert (await notify.edit("POST", f"{NEWS}/{announcement_id}/publications")).status == 200
    return announcement_id


async def test_a_draft_is_for_editors_until_it_is_published(notify: Notify) -> None:
    announcement_id = await drafted(notify)
    page = f"{NEWS}/{announcement_id}"
    assert (await notify.ask("GET", page)).code == "404 not_found"
    assert (await notify.edit("GET", page)).body["status"] == "drafted"
    assert (await notify.ask("GET", NEWS)).body["total"] == 0
    assert (await notify.edit("GET", f"{NEWS}?status=drafted")).body["total"] == 1

    assert (await notify.edit("POST", f"{page}/publications")).status == 200
    shown = (await notify.ask("GET", page)).body
    assert shown["title"] == BODY["title"]
    assert shown["kind_label"] == "Verschiebung"
    assert shown["published_on"] == "2025-07-01"
    assert shown["date_note"] is None
    assert shown["body"] == BODY["body"]
    assert shown["actions"] == BODY["actions"]
    (item,) = (await notify.ask("GET", NEWS)).body["items"]
    assert "body" not in item
    assert item["id"] == announcement_id


async def test_a_draft_changes_under_its_version(notify: Notify) -> None:
    page = f"{NEWS}/{await drafted(notify)}"
    etag = (await notify.edit("GET", page)).headers["ETag"]
    other = BODY | {"title": "Anders"}
    assert (await notify.edit("PUT", page, other)).code == "428 precondition_required"
    assert (await notify.edit("PUT", page, other, If_Match=etag)).status == 200
    assert (await notify.edit("PUT", page, other, If_Match=etag)).code == "412 stale_version"
    assert (await notify.edit("GET", page)).body["title"] == "Anders"


async def test_what_is_published_is_corrected_in_the_open_or_withdrawn(notify: Notify) -> None:
    page = f"{NEWS}/{await published(notify)}"
    etag = (await notify.edit("GET", page)).headers["ETag"]
    assert (await notify.edit("PUT", page, BODY | {"title": "Neu"}, If_Match=etag)).code == "409 announcement_published"
    corrected = BODY | {"title": "Neuer Titel", "note": "Der Titel war falsch."}
    assert (await notify.edit("POST", f"{page}/corrections", corrected)).status == 200
    shown = (await notify.ask("GET", page)).body
    assert (shown["title"], shown["correction"]) == ("Neuer Titel", "Der Titel war falsch.")
    assert shown["published_on"] == "2025-07-01"

    assert (await notify.edit("POST", f"{page}/withdrawals", {"reason": "doppelt"})).status == 200
    assert (await notify.ask("GET", page)).code == "404 not_found"
    assert (await notify.ask("GET", NEWS)).body["total"] == 0
    assert (await notify.edit("GET", page)).body["status"] == "withdrawn"
    assert (await notify.edit("POST", f"{page}/corrections", corrected)).code == "409 announcement_withdrawn"


async def test_only_editors_write_and_see_drafts(notify: Notify) -> None:
    assert (await notify.ask("POST", NEWS, BODY)).code == "401 unauthenticated"
    assert (await notify.ask("GET", f"{NEWS}?status=drafted")).code == "401 unauthenticated"
    assert (await notify.ask("GET", "/api/v1/messages")).code == "401 unauthenticated"
    assert (await notify.ask("GET", NEWS, who=None)).code == "401 unauthenticated"


async def test_bad_input_is_told_apart(notify: Notify) -> None:
    wrong_day = {"teaser": "Am Mittwoch, 12.03.24, um 10 Uhr."}
    for changes, code in (
        (wrong_day, "409 weekday_mismatch"),
        ({"body": "Freitag, 31.02.2025"}, "409 no_such_day"),
        ({"title": ""}, "422 invalid_request"),
        ({"title": "Zwei\nZeilen"}, "422 invalid_request"),
        ({"kind": "party"}, "422 invalid_request"),
        ({"session_id": "nichts"}, "422 invalid_request"),
        ({"colour": "blue"}, "422 invalid_request"),
        ({"body": "a\x00b"}, "422 invalid_request"),
    ):
        assert (await notify.edit("POST", NEWS, BODY | changes)).code == code, changes
    reply = await notify.edit("POST", NEWS, BODY | wrong_day)
    assert reply.body["errors"][0]["field"] == "/teaser"
    assert reply.body["detail"] == "Der Tag ist ein Dienstag."
    assert (await notify.ask("GET", f"{NEWS}/{uuid4()}")).code == "404 not_found"
    assert (await notify.ask("GET", f"{NEWS}/nichts")).code == "404 not_found"
    assert (await notify.ask("GET", f"{NEWS}?limit=0")).code == "422 invalid_query"
    assert (await notify.ask("GET", f"{NEWS}?cursor=x")).code == "422 invalid_query"
    assert (await notify.edit("POST", f"{NEWS}/{uuid4()}/publications")).code == "404 not_found"


async def test_the_same_key_drafts_once(notify: Notify) -> None:
    first = await notify.edit("POST", NEWS, BODY, Idempotency_Key="a")
    again = await notify.edit("POST", NEWS, BODY, Idempotency_Key="a")
    assert first.body == again.body
    other = await notify.edit("POST", NEWS, BODY | {"title": "Anders"}, Idempotency_Key="a")
    assert other.code == "422 idempotency_key_reused"


async def test_announcements_are_found_by_a_part_of_their_words(notify: Notify) -> None:
    mine = await published(notify, title="Übung der Feuerwehren", teaser="Gemeinsam löschen.", body="100 % dabei")
    await published(notify, title="Etwas anderes")
    for q in ("ÜBUNG", "löschen", "100+%25"):
        assert [item["id"] for item in (await notify.ask("GET", f"{NEWS}?q={q}")).body["items"]] == [mine], q
    assert (await notify.ask("GET", f"{NEWS}?q=nichts")).body["total"] == 0


async def test_pages_follow_each_other_newest_first(notify: Notify) -> None:
    ids = []
    for number in range(5):
        notify.clock.forward(minutes=1)
        ids.append(await published(notify, title=f"Meldung {number}"))
    seen, cursor = [], ""
    while cursor is not None:
        reply = await notify.ask("GET", f"{NEWS}?limit=2{f'&cursor={cursor}' if cursor else ''}")
        assert reply.body["total"] == 5
        seen += [item["id"] for item in reply.body["items"]]
        cursor = reply.body["next"]
    assert seen == ids[::-1]


async def test_loaded_history_keeps_its_place_and_says_that_its_day_is_not_known(notify: Notify) -> None:
    for _ in range(2):
        assert await load(notify.journal, CONTENT, notify.clock.now(), lambda _: None) == {"announcements": 9}
    assert await notify.pool.fetchval("SELECT count(*) FROM journal") == 18
    assert await notify.pool.fetchval("SELECT bool_and(history) FROM journal")
    listed = (await notify.ask("GET", f"{NEWS}?limit=100")).body
    assert listed["total"] == 9
    assert all(item["published_on"] is None and item["published_at"] is None for item in listed["items"])
    assert listed["items"][0]["id"] == str(named_id("announcement", "a1"))
    undated = {str(named_id("announcement", key)) for key in ("a5", "a8")}
    assert {item["id"] for item in listed["items"][-2:]} == undated

    notify.clock.forward(days=365)
    mine = await published(notify)
    assert (await notify.ask("GET", NEWS)).body["items"][0]["id"] == mine
    of_session = (await notify.ask("GET", f"{NEWS}?session_id={named_id('session', 'jahrestagung-2025')}")).body
    assert of_session["total"] == 3
    of_kind = (await notify.ask("GET", f"{NEWS}?kind=project_portrait&kind=resource_available")).body
    assert {item["id"] for item in of_kind["items"]} == undated
