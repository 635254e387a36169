"""Texts of mails over HTTP: what editors change counts for every mail that is written afterwards."""

import asyncio
from datetime import timedelta
from typing import Any

from services.notify import queue
from services.notify.kind import Priority
from services.notify.live_texts import LiveTexts
from services.notify.mail_text_list import MAIL_TEXTS
from services.notify.matter import Matters
from services.notify.session_matter import SessionMatter
from services.notify.wishes import Wishes
from services.notify.writing import Desk, Ready
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Waiter
from tests.integration.notify.conftest import EDITOR, Notify
from tests.integration.notify.office import Office, Owner, people
from tests.integration.notify.sink import Sink
from tests.unit.notify import samples
from tests.unit.notify.samples import TEXTS, session

TEXTS_PATH = "/api/v1/mail-texts"
PATH = f"{TEXTS_PATH}/cancellation"
OWN: dict[str, Any] = {
    "subject": "Fällt aus: {session}",
    "heading": "Der Termin <b>fällt aus</b>",
    "opening": ["{title} fällt leider aus.", "Wir bitten um Verständnis."],
    "closing": ["{calendar}"],
    "button": "Anmeldung ansehen",
}


async def etag(notify: Notify) -> str:
    return str((await notify.edit("GET", PATH)).headers["ETag"])


async def test_a_text_is_changed_under_its_version_and_put_back(notify: Notify) -> None:
    before = await notify.edit("GET", PATH)
    assert (before.body["version"], before.body["changed"], before.body["label"]) == (1, False, "Absage")
    assert before.body["placeholders"][0]["name"] == "title"
    assert before.body["placeholders"][0]["meaning"]
    assert (await notify.edit("PUT", PATH, OWN)).code == "428 precondition_required"
    first = before.headers["ETag"]
    saved = await notify.edit("PUT", PATH, OWN, If_Match=first, Idempotency_Key="once")
    again = await notify.edit("PUT", PATH, OWN, If_Match=first, Idempotency_Key="once")
    assert (saved.status, saved.body["version"], again.body) == (200, 2, saved.body)
    assert (await notify.edit("PUT", PATH, OWN | {"button": "Anders"}, If_Match=first)).code == "412 stale_version"

    shown = (await notify.edit("GET", PATH)).body
    assert (shown["heading"], shown["changed"], shown["opening"]) == (OWN["heading"], True, OWN["opening"])
    assert shown["standard"]["heading"] == TEXTS["cancellation"].heading
    assert notify.texts["cancellation"].heading == OWN["heading"]

    assert (await notify.edit("DELETE", PATH, If_Match=first)).code == "412 stale_version"
    assert (await notify.edit("DELETE", PATH, If_Match=await etag(notify))).status == 200
    assert (await notify.edit("DELETE", PATH, If_Match=await etag(notify))).body["version"] == 3
    shown = (await notify.edit("GET", PATH)).body
    assert (shown["changed"], shown["heading"]) == (False, TEXTS["cancellation"].heading)
    assert notify.texts["cancellation"] == TEXTS["cancellation"]

    history = (await notify.edit("GET", f"{PATH}/history")).body
    assert [(each["version"], each["actor"], each["words"]) for each in history["items"]] == [
        (3, EDITOR.actor, None),
        (2, EDITOR.actor, OWN),
    ]


async def test_two_at_once_do_not_overwrite_each_other(notify: Notify) -> None:
    first = await etag(notify)
    bodies = [OWN | {"heading": f"Fassung {number}"} for number in range(4)]
    replies = await asyncio.gather(*(notify.edit("PUT", PATH, body, If_Match=first) for body in bodies))
    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412]


async def test_what_is_wrong_is_named_and_nothing_is_saved(notify: Notify) -> None:
    wrong = OWN | {"subject": "{nobody}", "opening": ["{title}", "{position} {a.b}"], "button": None}
    refused = await notify.edit("PUT", PATH, wrong, If_Match=await etag(notify))
    assert refused.code == "422 invalid_request"
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [
        ("/subject", "unknown_placeholder"),
        ("/opening/1", "placeholder_malformed"),
        ("/opening/1", "placeholder_not_offered"),
        ("/button", "text_empty"),
    ]
    assert (await notify.edit("POST", f"{PATH}/previews", wrong)).code == "422 invalid_request"
    for body in ({}, OWN | {"tone": "danger"}, OWN | {"opening": "no list"}):
        assert (await notify.edit("PUT", PATH, body, If_Match=await etag(notify))).code == "422 invalid_request"
    contradiction = OWN | {"closing": ["Am Mittwoch, 12.03.2024, geht es weiter."]}
    told = await notify.edit("PUT", PATH, contradiction, If_Match=await etag(notify))
    assert (told.code, told.body["errors"][0]["field"]) == ("409 weekday_mismatch", "/closing/0")
    assert (await notify.edit("GET", PATH)).body["version"] == 1


async def test_texts_are_for_editors(notify: Notify) -> None:
    for method, path in (("GET", TEXTS_PATH), ("GET", PATH), ("PUT", PATH), ("POST", f"{PATH}/previews")):
        assert (await notify.ask(method, path)).code == "401 unauthenticated"
    for path in (f"{TEXTS_PATH}/nothing", f"{PATH}/previews/999", f"{TEXTS_PATH}/%00"):
        assert (await notify.edit("GET", path)).status == 404, path


async def test_texts_are_listed_page_by_page_and_found_by_their_words(notify: Notify) -> None:
    await notify.edit("PUT", PATH, OWN, If_Match=await etag(notify))
    found: list[str] = []
    query = f"{TEXTS_PATH}?limit=20"
    while True:
        page = (await notify.edit("GET", query)).body
        found += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"{TEXTS_PATH}?limit=20&cursor={page['next']}"
    assert found == sorted(TEXTS)
    assert page["total"] == len(TEXTS)
    (only,) = (await notify.edit("GET", f"{TEXTS_PATH}?changed=true")).body["items"]
    assert only["name"] == "cancellation"
    (only,) = (await notify.edit("GET", f"{TEXTS_PATH}?q=verständnis")).body["items"]
    assert only["subject"] == OWN["subject"]
    assert {each["name"] for each in only["placeholders"]} >= {"title", "session", "calendar"}
    assert all(each["meaning"] and each["example"] for each in only["placeholders"])


async def test_a_preview_shows_what_is_about_to_be_saved(notify: Notify) -> None:
    now = (await notify.edit("POST", f"{PATH}/previews")).body["items"]
    assert {item["standing"] for item in now} >= {"angemeldet", "auf der Warteliste", "noch nicht bestätigt"}
    drafted = (await notify.edit("POST", f"{PATH}/previews", OWN)).body["items"]
    assert len(drafted) == len(now)
    for item in drafted:
        assert item["subject"].startswith("Fällt aus: ")
        assert "Der Termin &lt;b&gt;fällt aus&lt;/b&gt;" in item["html"]
        assert "Wir bitten um Verständnis." in item["text"]
        assert "{" not in item["text"]
    assert (await notify.edit("GET", PATH)).body["version"] == 1

    page = await notify.edit("GET", f"{PATH}/previews/0")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert page.body.decode() == now[0]["html"]
    assert (await notify.edit("POST", f"{PATH}/previews/0", OWN)).body.decode() == drafted[0]["html"]


async def test_other_processes_say_it_too_and_a_rebuilt_read_model_the_same(notify: Notify) -> None:
    other = LiveTexts(notify.pool, TEXTS)
    await other.refresh()
    assert other["cancellation"] == TEXTS["cancellation"]
    following = asyncio.create_task(other.keep(Waiter()))
    await notify.edit("PUT", PATH, OWN, If_Match=await etag(notify))
    async with asyncio.timeout(5):
        while other["cancellation"].heading != OWN["heading"]:
            await asyncio.sleep(0.02)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert (other.revision, len(other), set(other)) == (1, len(TEXTS), set(TEXTS))
    shown = (await notify.edit("GET", PATH)).body
    assert (await rebuild(notify.dsn, notify.journal, MAIL_TEXTS)).different == ()
    assert (await notify.edit("GET", PATH)).body == shown


async def test_mails_of_a_mailing_under_way_say_what_was_saved_meanwhile(notify: Notify) -> None:
    """Those of many recipients are printed from a pattern, which is another one then."""
    owner, portal = Owner(session(), people(8)), samples.PORTAL
    office = Office(notify, owner, Sink())
    await office.hear(samples.CANCELLED)
    await office.expand()
    wishes = Wishes(notify.pool, notify.clock)
    matters = Matters([SessionMatter(notify.pool, notify.texts, portal, owner.answer, owner.addresses, wishes)])
    desk = Desk(samples.COMPOSER, matters, notify.pool, notify.vault, notify.texts)

    async def written(number: int) -> list[bytes]:
        now = notify.clock.now()
        claimed = await queue.claim(notify.pool, now, now + timedelta(minutes=5), Priority.MANY, number, holder=1)
        ready = await desk.look_up(claimed)
        return [desk.write(each, now).content for each in ready if isinstance(each, Ready)]

    first = await written(4)
    assert len(first) == 4
    assert all(b"Die Veranstaltung ist abgesagt" in mail for mail in first)
    await notify.edit("PUT", PATH, OWN | {"heading": "Neue Worte"}, If_Match=await etag(notify))
    second = await written(4)
    assert len(second) == 4
    assert all(b"Neue Worte" in mail and b"Veranstaltung ist abgesagt" not in mail for mail in second)


async def test_words_for_a_text_of_another_version_are_left_alone(notify: Notify) -> None:
    await notify.pool.execute(
        "INSERT INTO mail_text (name, version, words, changed_at) VALUES ('of_tomorrow', 1, $1, now())", OWN
    )
    await notify.texts.refresh()
    assert "of_tomorrow" not in notify.texts
    assert (await notify.edit("GET", f"{TEXTS_PATH}/of_tomorrow")).status == 404
