"""Subscriptions on a real Postgres: asked for, confirmed, changed, ended by one click, lapsed, forgotten."""

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from services.notify import effects
from services.notify.matter import Matters
from services.notify.records import PROJECTIONS
from services.notify.subscription_consent import CURRENT
from services.notify.subscription_http import LINK_SENT
from services.notify.subscription_matter import SubscriptionMatter, from_journal
from services.notify.subscription_upkeep import Terms, Upkeep
from services.notify.unsubscribing import Naming
from services.notify.writing import Desk
from shared.contracts.gateway import PersonErased
from shared.kernel.identity import Identity
from shared.kernel.inbox import Received
from shared.kernel.projection import follow
from shared.kernel.rebuild import rebuild
from shared.kernel.wakeup import Waiter
from tests.integration.notify.conftest import Notify, Reply
from tests.integration.notify.office import Office, Owner
from tests.integration.notify.sink import mail_server
from tests.integration.notify.subscribing import (
    OWNERS,
    PROJECT,
    SEARCH,
    SERIES,
    TOPIC,
    UNSUBSCRIBING,
    token_of,
    wish,
)
from tests.unit.notify import samples

API = "/api/v1/subscriptions"
MAIL = "erika.muster@stadt.example"
TERMS = Terms(requests=dt.timedelta(days=7), proofs=dt.timedelta(days=1095))
ACCEPTED = "202"


class Person:
    """Somebody whom the gateway knows."""

    def __init__(self, notify: Notify) -> None:
        self.notify = notify
        self.id = str(uuid4())
        self.identity = Identity(self.id, frozenset({"reader"}), None, "guest")

    async def ask(self, *wishes: dict[str, Any], proven: bool = False, **headers: str) -> Reply:
        body = {"person_id": self.id, "email": MAIL, "subscriptions": wishes or [TOPIC], "proven": proven}
        return await self.notify.ask("POST", "/internal/subscriptions", body, who=self.identity, **headers)

    @property
    async def page(self) -> str:
        return f"{API}/{await token_of(self.notify.pool, self.notify.vault, self.id)}"

    async def seen(self) -> dict[str, Any]:
        reply = await self.notify.ask("GET", await self.page)
        assert reply.status == 200, reply
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        seen: dict[str, Any] = reply.body
        return seen

    async def press(self, button: str, body: Any = None) -> Reply:
        return await self.notify.ask("POST", f"{await self.page}/{button}", body)

    async def states(self) -> dict[str, str]:
        return {one["subject"]: one["state"] for one in (await self.seen())["subscriptions"]}


@pytest.fixture
def erika(notify: Notify) -> Person:
    return Person(notify)


@pytest.fixture
def upkeep(notify: Notify) -> Upkeep:
    return Upkeep(notify.journal, notify.pool, notify.vault, TERMS)


async def events(notify: Notify) -> list[str]:
    return [row["type"] for row in await notify.pool.fetch("SELECT type FROM journal ORDER BY position")]


async def test_what_is_asked_for_stands_once_it_is_confirmed_and_says_so(erika: Person) -> None:
    assert (await erika.ask(TOPIC, wish("series", SERIES), SEARCH)).code == ACCEPTED
    seen = await erika.seen()
    assert seen["email"] == MAIL
    assert await erika.states() == {"topic": "requested", "series": "requested", "search": "requested"}
    assert (await erika.press("confirmations")).status == 200
    assert set((await erika.states()).values()) == {"confirmed"}
    version = (await erika.seen())["version"]
    assert (await erika.press("confirmations")).body["version"] == version
    shown = {one["subject"]: one for one in (await erika.seen())["subscriptions"]}
    assert shown["topic"]["title"] == "Digitalisierung"
    assert shown["series"]["title"] == "Online-Spotlight"
    assert shown["search"]["title"] == "Unverwechselbarer Suchtext, a, b"
    assert shown["search"]["query"] == {"q": ["Unverwechselbarer Suchtext"], "topic": ["a", "b"]}
    assert shown["topic"]["text_version"] == CURRENT
    assert shown["topic"]["text"].startswith("Ja, ich möchte")
    assert shown["topic"]["requested_at"] <= shown["topic"]["confirmed_at"]


async def test_looking_changes_nothing(notify: Notify, erika: Person) -> None:
    await erika.ask()
    before = await events(notify)
    link = UNSUBSCRIBING.token(Naming(erika.id))
    for path in (await erika.page, f"{API}/{link}/unsubscriptions"):
        assert (await notify.ask("GET", path)).status == 200
        assert (await notify.ask("HEAD", path)).status == 200
    assert await events(notify) == before
    assert await erika.states() == {"topic": "requested"}


async def test_who_signed_in_needs_no_link(notify: Notify, erika: Person) -> None:
    assert (await erika.ask(proven=True)).code == ACCEPTED
    assert await erika.states() == {"topic": "confirmed"}
    assert "ConfirmationAsked" not in await events(notify)


async def test_the_same_address_twice_at_once_is_one_request_and_one_mail(notify: Notify, erika: Person) -> None:
    replies = await asyncio.gather(*(erika.ask(TOPIC, wish("project", PROJECT)) for _ in range(10)))
    assert {reply.code for reply in replies} == {ACCEPTED}
    assert len({str(reply.body) for reply in replies}) == 1
    told = await events(notify)
    assert told.count("SubscriptionRequested") == 2
    assert told.count("ConfirmationAsked") == 1
    assert told.count("CardKept") == 1


async def test_the_same_key_is_the_same_request(notify: Notify, erika: Person) -> None:
    for _ in range(2):
        assert (await erika.ask(Idempotency_Key="once")).code == ACCEPTED
    assert (await erika.ask(SEARCH, Idempotency_Key="once")).code == "422 idempotency_key_reused"
    assert (await events(notify)).count("SubscriptionRequested") == 1


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (wish("topic", "nothing"), "unknown_topic", "/key"),
    (wish("municipality", "05962"), "unknown_municipality", "/key"),
    (wish("district", "05315000"), "unknown_district", "/key"),
    (wish("project", str(uuid4())), "unknown_project", "/key"),
    (wish("series", "spotlight"), "unknown_series", "/key"),
    (wish("kind", "registration_confirmed"), "unknown_kind", "/key"),
    (wish("kind", "checklist_due"), "unknown_kind", "/key"),
    ({"subject": "search", "query": {"color": "red"}}, "unknown_parameter", "/query/color"),
    ({"subject": "search", "key": "x"}, "query_expected", ""),
    ({"subject": "topic", "query": {}}, "key_expected", ""),
    (wish("weather", "x"), "literal_error", "/subject"),
]


async def test_what_is_not_there_is_refused_and_nothing_kept(notify: Notify, erika: Person) -> None:
    for wished, code, field in WRONG:
        for reply in (
            await erika.ask(TOPIC, wished),
            await notify.ask("POST", "/internal/subscription-checks", {"subscriptions": [TOPIC, wished]}),
        ):
            assert reply.status in {409, 422}
            said = [(error["code"], error["field"]) for error in reply.body["errors"]]
            assert said == [(code, f"/subscriptions/1{field}")]
    assert await events(notify) == []
    assert await notify.pool.fetchval("SELECT count(*) FROM vault") == 0


async def test_the_page_of_somebody_else_is_none(notify: Notify, erika: Person) -> None:
    await erika.ask()
    (subscription,) = (await erika.seen())["subscriptions"]
    other = Person(notify)
    await other.ask()
    for token in ("x" * 43, UNSUBSCRIBING.token(Naming(erika.id)), erika.id):
        assert (await notify.ask("GET", f"{API}/{token}")).code == "404 not_found"
        assert (await notify.ask("POST", f"{API}/{token}/confirmations")).code == "404 not_found"
    named = {"subscription_ids": [subscription["id"]]}
    assert (await other.press("confirmations", named)).code == "404 not_found"
    assert (await other.press("endings", named)).status == 200
    assert await erika.states() == {"topic": "requested"}
    token = (await erika.page).removeprefix(f"{API}/")
    assert (await notify.ask("POST", f"{API}/{token}/unsubscriptions")).code == "404 not_found"


async def test_everything_is_changed_on_the_page(notify: Notify, erika: Person) -> None:
    await erika.ask(proven=True)
    (one,) = (await erika.seen())["subscriptions"]
    rhythm = {"subscription_id": one["id"], "rhythm": "weekly"}
    assert (await erika.press("rhythms", rhythm)).status == 200
    assert (await erika.press("pauses", {"until": "2025-07-10"})).status == 200
    seen = await erika.seen()
    assert seen["subscriptions"][0]["rhythm"] == "weekly"
    assert (seen["paused"], seen["paused_until"]) == (True, "2025-07-10T00:00:00+02:00")
    assert (await erika.press("pauses", {"until": "2025-07-01"})).code == "409 pause_over"
    assert (await erika.press("pauses")).status == 200
    assert ((await erika.seen())["paused"], (await erika.seen())["paused_until"]) == (True, None)
    assert (await erika.press("resumptions")).status == 200
    assert (await erika.seen())["paused"] is False

    said = {
        "preferences": [
            {"kind": "announcement", "rhythm": "off"},
            {"kind": "project_published", "rhythm": "immediate"},
        ],
        "digest_hour": 7,
        "digest_weekday": 5,
        "quiet_from": "20:00",
        "quiet_until": "06:30",
        "quiet_weekends": True,
    }
    preferences = f"{await erika.page}/preferences"
    assert (await notify.ask("PUT", preferences, said)).code == "428 precondition_required"
    etag = f'"{(await erika.seen())["version"]}"'
    assert (await notify.ask("PUT", preferences, said, If_Match=etag)).status == 200
    assert (await notify.ask("PUT", preferences, said, If_Match=etag)).code == "412 stale_version"
    seen = await erika.seen()
    assert {one["kind"]: one["rhythm"] for one in seen["preferences"] if one["rhythm"] != "immediate"} == {
        "announcement": "off",
        "saved_search_digest": "daily",
    }
    assert (seen["digest_hour"], seen["quiet_from"], seen["quiet_weekends"]) == (7, "20:00:00", True)
    etag = f'"{seen["version"]}"'
    wrong = await notify.ask("PUT", preferences, {"preferences": [{"kind": "x", "rhythm": "off"}]}, If_Match=etag)
    assert [error["field"] for error in wrong.body["errors"]] == ["/preferences/0/kind"]
    late = [
        {"kind": "invitation", "rhythm": "daily"},
        {"kind": "announcement", "rhythm": "weekly"},
        {"kind": "announcement", "channel": "portal", "rhythm": "weekly"},
    ]
    wrong = await notify.ask("PUT", preferences, {"preferences": late}, If_Match=etag)
    assert [(error["field"], error["code"]) for error in wrong.body["errors"]] == [
        ("/preferences/0/rhythm", "rhythm_not_offered"),
        ("/preferences/2/rhythm", "rhythm_not_offered"),
    ]
    at_once = {"preferences": [{"kind": "saved_search_digest", "rhythm": "immediate"}]}
    assert (await notify.ask("PUT", preferences, at_once, If_Match=etag)).status == 200
    seen = await erika.seen()
    assert {one["rhythm"] for one in seen["preferences"]} == {"immediate"}, "though searches are daily by default"

    assert (await erika.press("endings", {"subscription_ids": [one["id"]]})).status == 200
    assert await erika.states() == {"topic": "ended"}
    assert (await erika.press("renewals", {"subscription_ids": [one["id"]]})).status == 200
    assert await erika.states() == {"topic": "confirmed"}
    assert (await erika.press("endings")).status == 200
    assert await erika.states() == {"topic": "ended"}


async def test_one_click_ends_what_it_names_and_says_so_again(notify: Notify, erika: Person) -> None:
    await erika.ask(TOPIC, wish("project", PROJECT), proven=True)
    ids = {one["subject"]: one["id"] for one in (await erika.seen())["subscriptions"]}

    async def click(naming: Naming) -> int:
        url = f"{notify.base}{API}/{UNSUBSCRIBING.token(naming)}/unsubscriptions"
        signed = {
            "Ikz-Identity": notify.signer.sign(Identity(None, frozenset({"reader"}), None, "anonymous"), "notify")
        }
        async with notify.http.post(url, data={"List-Unsubscribe": "One-Click"}, headers=signed) as answer:
            return answer.status

    for _ in range(2):
        assert await click(Naming(erika.id, subscription_id=ids["topic"])) == 200
        assert await erika.states() == {"topic": "ended", "project": "confirmed"}
    for _ in range(2):
        assert await click(Naming(erika.id)) == 200
        assert await erika.states() == {"topic": "ended", "project": "ended"}
    stranger = str(uuid4())
    for _ in range(2):
        assert await click(Naming(stranger, kind="partner_match")) == 200
        assert await click(Naming(stranger)) == 200
    found = await notify.pool.fetch("SELECT kind, rhythm FROM preference WHERE person_id = $1", stranger)
    assert [tuple(row) for row in found] == [("partner_match", "off")]
    assert (await events(notify)).count("SubscriptionEnded") == 2


async def test_what_nobody_confirms_lapses_and_is_forgotten_with_the_address(
    notify: Notify, erika: Person, upkeep: Upkeep
) -> None:
    await erika.ask(TOPIC, SEARCH)
    page = await erika.page
    notify.clock.forward(hours=72)
    await upkeep.round(notify.clock.now())
    assert set((await erika.states()).values()) == {"lapsed"}
    assert (await erika.press("confirmations")).status == 200
    assert set((await erika.states()).values()) == {"lapsed"}
    notify.clock.forward(days=7)
    await upkeep.round(notify.clock.now())
    assert (await notify.ask("GET", page)).code == "404 not_found"
    assert await notify.pool.fetchval("SELECT count(*) FROM subscription") == 0
    await notify.pool.execute("UPDATE vault SET created_at = created_at - interval '2 days'")
    assert await upkeep.destroy_stray_keys(10) == 2
    assert await upkeep.destroy_stray_keys(10) == 0
    assert (await erika.ask()).code == ACCEPTED
    assert await erika.states() == {"topic": "requested"}


async def test_searches_are_opened_while_they_stand(notify: Notify, erika: Person, upkeep: Upkeep) -> None:
    opened = "SELECT query FROM saved_search"
    await erika.ask(SEARCH)
    await upkeep.round(notify.clock.now())
    assert await notify.pool.fetch(opened) == []
    await erika.press("confirmations")
    for _ in range(2):
        await upkeep.round(notify.clock.now())
        (row,) = await notify.pool.fetch(opened)
        assert row["query"] == {"q": ["Unverwechselbarer Suchtext"], "topic": ["a", "b"]}
    await erika.press("endings")
    await upkeep.round(notify.clock.now())
    assert await notify.pool.fetch(opened) == []


async def erase(notify: Notify, *people: str) -> None:
    (effect,) = effects.of_gateway(notify.vault)
    now = notify.clock.now()
    received = [
        Received(
            data=PersonErased(person_id=person_id),
            id=f"person-{person_id}@2",
            type=PersonErased.type,
            aggregate=f"person/{person_id}",
            aggregate_version=1,
            position=1,
            time=now,
            recorded_at=now,
            history=False,
            live=True,
            correlation_id="c" * 32,
            traceparent=None,
        )
        for person_id in people
    ]
    async with notify.pool.acquire() as connection, connection.transaction():
        await effect.apply(connection, received)


async def test_nothing_of_an_erased_person_is_left_or_comes_back(notify: Notify, erika: Person, upkeep: Upkeep) -> None:
    await erika.ask(TOPIC, SEARCH, proven=True)
    await upkeep.round(notify.clock.now())
    page = await erika.page
    await erase(notify, erika.id)
    tables = ("subscriber", "subscription", "preference", "saved_search")
    assert (await notify.ask("GET", page)).code == "404 not_found"
    await upkeep.round(notify.clock.now())
    assert (await events(notify))[-1] == "SubscriberErased"
    assert (await erika.ask(proven=True)).code == ACCEPTED
    (subscribers,) = [projection for projection in PROJECTIONS if projection.name == "subscribers"]
    await rebuild(notify.dsn, notify.journal, subscribers)
    for table in tables:
        assert await notify.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    journal = await notify.pool.fetch("SELECT data::text FROM journal")
    assert not any("Unverwechselbar" in row["data"] or MAIL in row["data"] for row in journal)


async def test_who_was_erased_while_asking_is_found_all_the_same(notify: Notify, erika: Person, upkeep: Upkeep) -> None:
    await erika.ask(SEARCH, proven=True)
    await notify.vault.erase(erika.id)
    assert await upkeep.note_erased(10) == 1
    await upkeep.round(notify.clock.now())
    assert await upkeep.note_erased(10) == 0
    for table in ("subscriber", "subscription", "saved_search"):
        assert await notify.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_the_tables_built_anew_are_the_same(notify: Notify, erika: Person, upkeep: Upkeep) -> None:
    other = Person(notify)
    await erika.ask(TOPIC, SEARCH, wish("project", PROJECT))
    await other.ask(TOPIC, proven=True)
    await erika.press("confirmations")
    await erika.press("pauses")
    await other.press("endings")
    await other.press("renewals", {"subscription_ids": [(await other.seen())["subscriptions"][0]["id"]]})
    await erika.press("endings", {"subscription_ids": [(await erika.seen())["subscriptions"][0]["id"]]})
    etag = f'"{(await other.seen())["version"]}"'
    body = {"preferences": [{"kind": "announcement", "rhythm": "daily"}], "quiet_from": "20:00", "quiet_until": "07:00"}
    assert (await notify.ask("PUT", f"{await other.page}/preferences", body, If_Match=etag)).status == 200
    await upkeep.round(notify.clock.now())
    (subscribers,) = [projection for projection in PROJECTIONS if projection.name == "subscribers"]
    built = await rebuild(notify.dsn, notify.journal, subscribers)
    assert built.different == ()
    assert built.events > 8


async def test_one_mail_asks_and_repeats_nothing_that_was_typed(notify: Notify, erika: Person) -> None:
    async with mail_server() as sink:
        office = Office(notify, Owner(samples.session()), sink)
        matter = SubscriptionMatter(notify.pool, notify.vault, samples.TEXTS, samples.PORTAL, OWNERS)
        tell_of(office, matter)
        for _ in range(3):
            await erika.ask(TOPIC, SEARCH)
        await told(notify, office, matter)
        (mail,) = sink.to(MAIL)
        assert mail.subject == "Bitte bestätigen Sie Ihr Abonnement"
        text = mail.parsed.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        token = await token_of(notify.pool, notify.vault, erika.id)
        assert f"/abonnement/{token}" in text
        assert "Themengebiet: Digitalisierung" in text
        assert "Unverwechselbar" not in mail.raw.decode()
        assert "List-Unsubscribe" not in mail.parsed

        await erika.press("confirmations")
        link = {"person_id": erika.id}
        for person_id in (erika.id, erika.id, str(uuid4())):
            reply = await notify.ask("POST", "/internal/subscription-links", link | {"person_id": person_id})
            assert (reply.code, reply.body["detail"]) == (ACCEPTED, LINK_SENT)
        await told(notify, office, matter)
        assert [mail.subject for mail in sink.to(MAIL)][1:] == ["Der Link zu Ihren Abonnements"]

        await notify.pool.execute("DELETE FROM projection WHERE name = 'subscription_mails'")
        await told(notify, office, matter)
        assert len(sink.mails) == 2, "what was told is not told again, wherever reading begins"

        notify.clock.forward(hours=1)
        await erika.ask(wish("project", PROJECT))
        await erika.press("endings")
        await told(notify, office, matter)
        assert len(sink.mails) == 2, "there is nothing left to confirm"


def tell_of(office: Office, matter: SubscriptionMatter) -> None:
    """This office tells of subscriptions."""
    matters = Matters([matter])
    office.expansion = replace(office.expansion, matters=matters)
    desk = Desk(samples.COMPOSER, matters, office.notify.pool, office.notify.vault)
    office.sender = replace(office.sender, desk=desk)


async def told(notify: Notify, office: Office, matter: SubscriptionMatter) -> None:
    """Everything that the journal asks to be told is told."""
    head = await notify.journal.head()
    mails = from_journal(matter, notify.clock, lambda: None)
    task = asyncio.create_task(follow(mails, notify.pool, notify.journal.read, Waiter()))
    await notify.journal.wait_for(head, mails.name)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await office.expand()
    await office.send()
