"""Who is told of what is published: by all subscriptions at once, in time, and once."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from random import Random
from uuid import uuid4

import pytest

from services.notify import live, messages, subscriber_sealing, things
from services.notify.announcement_clock import AnnouncementClock
from services.notify.compiled_searches import Compiling
from services.notify.followed import Thing
from services.notify.follower_matter import FollowerMatter
from services.notify.halts import Halts
from services.notify.matching import forget
from shared.contracts.catalog import (
    BestPracticeAwarded,
    CooperationRequestOpened,
    OrganisationChanged,
    ProjectArchived,
    ProjectRevised,
    ResourcePublished,
    TopicMerged,
)
from shared.contracts.events import (
    HeldTalk,
    MaterialPublished,
    PublishedMaterial,
    SessionCancelled,
    SessionDocumented,
    SessionRegistrationOpened,
    Times,
)
from shared.contracts.rpc import KeyGroup, ProjectKeys, SearchKeys, SearchKeysAnswered, SearchKeysAsked
from tests.integration.notify.conftest import Notify
from tests.integration.notify.following import (
    END,
    KEYS,
    NOT_ON_THE_PORTAL,
    OF_SESSION,
    OPEN,
    PAUSE,
    PREFER,
    PROJECT,
    RULES,
    SERIES,
    SESSION,
    Town,
    announced,
    named_in,
    postponed,
    published,
    town_of,
    words,
)
from tests.integration.notify.office import people
from tests.unit.notify import samples

AGS = "05766044"
SEAL = "UPDATE subscription SET sealed_query = $2 WHERE id = $1"


@pytest.fixture
async def town(notify: Notify) -> AsyncIterator[Town]:
    async with town_of(notify) as made:
        yield made


async def test_a_session_is_told_by_whatever_it_is_followed(town: Town) -> None:
    await town.person("anna", "topic:works_depot")
    await town.person("bela", "municipality:05766044")
    await town.person("cora", "district:05766")
    await town.person("dora", f"series:{SERIES}")
    await town.person("emil", "kind:session_announcement")
    await town.person("fritz", "topic:treasury", "kind:project_published", "municipality:05766020", "district:05362")
    await town.publish(announced())
    assert await town.told() == ["anna", "bela", "cora", "dora", "emil"]


async def test_a_project_is_told_once_however_many_subscriptions_match(town: Town) -> None:
    anna = await town.person("anna", "topic:works_depot", "municipality:05766044", "kind:project_published")
    await town.person("bela", "topic:depot")  # has become works_depot
    await town.person("cora", "topic:treasury")
    town.catalogue.now = KEYS
    await town.publish(published())
    assert await town.told() == ["anna", "bela"]
    (mail,) = town.sink.to("anna@rathaus.example")
    assert "weil Sie die Art „Neue Projekte“, die Kommune „Lemgo“ und das Themengebiet „Works_Depot“" in words(mail)
    assert mail.parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.subject == "Neues Projekt: Gemeinsamer Bauhof"
    naming = named_in(mail)
    assert (naming.person_id, naming.kind) == (anna, "project_published")
    await town.publish(published())
    assert await town.told() == [], "the same event, delivered again"


async def test_a_revision_is_told_to_whom_it_newly_fits_and_to_who_follows_the_project(town: Town) -> None:
    await town.person("anna", "topic:works_depot")
    await town.person("bela", "topic:treasury")
    await town.person("cora", f"project:{PROJECT}", "topic:works_depot")
    town.catalogue.now = KEYS
    await town.publish(published())
    assert await town.told() == ["anna", "cora"]
    town.catalogue.before = KEYS
    town.catalogue.now = KEYS.model_copy(update={"keys": (*KEYS.keys, "topic:treasury")})
    await town.publish(ProjectRevised(**published().model_dump(), revision=1), version=8)
    assert await town.told() == ["bela", "cora"]
    assert [mail.subject for mail in town.sink.to("cora@rathaus.example")][1:] == ["Aktualisiert: Gemeinsamer Bauhof"]
    assert town.sink.to("bela@rathaus.example")[0].subject == "Neues Projekt: Gemeinsamer Bauhof"
    await town.person("dora", "kind:project_portrait")
    town.catalogue.before = town.catalogue.now
    award = BestPracticeAwarded(
        project_id=PROJECT, title="Gemeinsamer Bauhof", occasion="Jahrestagung", awarded_on=dt.date(2025, 6, 1)
    )
    await town.publish(award, version=9)
    assert await town.told() == ["cora", "dora"]
    await town.publish(ProjectArchived(project_id=PROJECT, title="Gemeinsamer Bauhof", was_published=True), version=10)
    assert await town.told() == ["cora"]


async def test_searches_are_found_by_their_keys_and_proven_where_keys_do_not_tell(town: Town) -> None:
    await town.saves("anna", {"topic": ["works_depot"]}, "immediate")
    await town.saves("bela", {"q": ["bauhof"]}, "immediate")
    await town.saves("cora", {"q": ["bauhof"], "topic": ["treasury"]}, "immediate")
    await town.saves("dora", {"near": ["05766020"], "within_km": ["12"]}, "immediate")
    await town.saves("emil", {"near": ["05766020"], "within_km": ["11"]}, "immediate")
    await town.saves("fritz", {"near": ["05999999"], "within_km": ["900"]}, "immediate")
    await town.saves("gerd", {"q": ["bauhof"]}, "immediate")
    await town.saves("hans", {}, "immediate")
    assert await town.compiling.step() == 8
    assert await town.compiling.step() == 0
    await town.saves("ida", {"q": ["nichts"]}, "immediate")  # not taken apart yet
    town.catalogue.now, town.catalogue.proves = KEYS, {"bauhof"}
    await town.publish(published())
    assert await town.told() == ["anna", "bela", "dora", "gerd", "hans"]
    assert sorted(town.catalogue.proven) == ["bauhof", "nichts"], "the same search is proven once"
    assert town.sink.to("bela@rathaus.example")[0].subject == "Neue Treffer zu Ihrer Suche"
    assert "weil Sie die Suche: „bauhof“ abonniert haben" in words(town.sink.to("bela@rathaus.example")[0])


async def test_a_confirmed_search_that_nobody_has_opened_yet_is_opened_and_found(town: Town) -> None:
    """Everything stopped before it was, and a project is published before anybody looks after searches again."""
    vault, anna = town.notify.vault, await town.person("anna")
    subscription_id = await town.subscribe(anna, f"search:{uuid4()}", "immediate")
    thing = subscriber_sealing.search_key(subscription_id)
    sealed = await subscriber_sealing.seal(vault, anna, thing, {"q": ["bauhof"]})
    await town.notify.pool.execute(SEAL, subscription_id, sealed)
    town.catalogue.now, town.catalogue.proves = KEYS, {"bauhof"}
    await town.publish(published())
    assert await town.told() == ["anna"]


async def test_searches_taken_apart_by_other_rules_are_proven_and_taken_apart_anew(town: Town) -> None:
    await town.saves("anna", {"topic": ["works_depot"]}, "immediate")
    await town.compiling.step()
    town.catalogue.rules, town.catalogue.proves = "others", {""}
    town.catalogue.now = ProjectKeys(keys=("another:key",))
    await town.publish(published())
    assert await town.told() == ["anna"]
    assert town.catalogue.proven == [""]
    assert await town.compiling.step() == 1


async def test_keys_select_what_may_find_a_project_and_say_where_that_is_sure(town: Town) -> None:
    """As many searches of any kind as chance makes, and a few that are not taken apart."""
    random = Random(2026)
    made: dict[str, SearchKeys] = {}
    whose: dict[str, str] = {}

    async def taken_apart(asked: SearchKeysAsked) -> SearchKeysAnswered:
        return SearchKeysAnswered(searches=tuple(made[each["q"][0]] for each in asked.searches), rules=RULES)

    for number in range(63):
        made[f"{number}"] = _any_search(random)
        whose[await town.saves(f"person{number}", {"q": [f"{number}"]}, "daily")] = f"{number}"
        if number == 59:
            await Compiling(town.notify.pool, taken_apart).step()
            await Compiling(town.notify.pool, taken_apart).step()
    for number in range(12):
        project = ProjectKeys(keys=tuple(random.sample("abcdefgh", 5)), reach={AGS: random.choice((0.0, 10.0, 20.0))})
        proves = set(random.sample(sorted(made), 30))
        town.catalogue.now, town.catalogue.proves, town.catalogue.proven = project, proves, []
        fact = published().model_copy(update={"project_id": str(uuid4())})
        await town.publish(fact, version=number)
        found = await town.notify.pool.fetch("SELECT person_id FROM finding WHERE thing_id = $1", fact.project_id)
        to_prove = {each for each, search in made.items() if _meets(search, project) is not None} | {"60", "61", "62"}
        sure = {each for each in to_prove if int(each) < 60 and _meets(made[each], project)}
        assert set(town.catalogue.proven) == to_prove - sure
        assert {whose[row["person_id"]] for row in found} == sure | ((to_prove - sure) & proves)


async def test_a_search_of_very_many_parts_is_proven_and_keeps_nobody_from_being_told(town: Town) -> None:
    async def taken_apart(_: SearchKeysAsked) -> SearchKeysAnswered:
        many = tuple(KeyGroup(sure=("a",)) for _ in range(63))
        return SearchKeysAnswered(searches=(SearchKeys(search={"q": ("x",)}, groups=many),), rules=RULES)

    await town.saves("anna", {"q": ["vieles"]}, "immediate")
    await Compiling(town.notify.pool, taken_apart).step()
    await town.person("bela", f"project:{PROJECT}")
    town.catalogue.now, town.catalogue.proves = ProjectKeys(keys=("a",)), {"vieles"}
    await town.publish(published())
    assert await town.told() == ["anna", "bela"]
    assert town.catalogue.proven == ["vieles"]


def _any_search(random: Random) -> SearchKeys:
    drawn = [(random.sample("abcdefgh", 4), random.randrange(3)) for _ in range(random.randrange(4))]
    groups = [KeyGroup(sure=tuple(keys[:sure]), likely=tuple(keys[sure:])) for keys, sure in drawn]
    near = AGS if random.random() < 0.3 else None
    return SearchKeys(
        search={"q": ("x",)},
        groups=tuple(groups),
        needs_proof=random.random() < 0.2,
        near=near,
        within_km=random.choice((5.0, 10.0)) if near else None,
    )


def _meets(search: SearchKeys, project: ProjectKeys) -> bool | None:
    """Whether that is sure; None where it cannot be."""
    keys = set(project.keys)
    if search.near and project.reach[search.near] > (search.within_km or 0):
        return None
    if not all(keys & {*group.sure, *group.likely} for group in search.groups):
        return None
    return not search.needs_proof and all(keys & {*group.sure} for group in search.groups)


async def test_a_catalogue_that_is_away_is_waited_for(town: Town) -> None:
    await town.person("anna", "topic:works_depot")
    town.catalogue.down = True
    await town.publish(published())
    assert await town.told() == []
    town.catalogue.down, town.catalogue.now = False, KEYS
    town.notify.clock.forward(minutes=1)
    await town.office.expand()
    assert await town.told() == ["anna"]


async def test_who_is_registered_is_not_told_again_as_a_follower(town: Town) -> None:
    (registered,) = people(1)
    town.office.owner.people = [registered]
    follower = await town.person("anna", f"series:{SERIES}")
    town.office.owner.people[0] = registered.model_copy(update={"person_id": follower})
    await town.person("bela", f"series:{SERIES}")
    await town.publish(announced(), postponed(), SessionCancelled(**OF_SESSION, reason="Erkrankung"))
    told = await town.told()
    assert told.count("person0") == 2, "of the postponement and the cancellation"
    assert told.count("anna") == 0, "nothing is announced that is cancelled by now"
    assert told.count("bela") == 1


async def test_what_was_told_a_moment_ago_is_no_news(town: Town) -> None:
    await town.person("anna", f"series:{SERIES}")
    opened = SessionRegistrationOpened(**OF_SESSION)
    await town.publish(announced(), opened)
    assert await town.told() == ["anna"]
    town.notify.clock.forward(days=2)
    await town.publish(opened, version=20)
    assert await town.told() == ["anna"]


async def test_what_follows_from_earlier_facts_of_a_session(town: Town) -> None:
    """A release names neither topics nor places; what was announced of the session does."""
    await town.person("anna", "topic:works_depot")
    await town.person("bela", f"project:{PROJECT}")
    talks = (HeldTalk(title="Bauhof", project_id=PROJECT),)
    await town.publish(announced(), live=False)
    documented = SessionDocumented(**OF_SESSION, talks=talks)
    item = PublishedMaterial(material_id="m", title="Folien", file_name="f.pdf", media_type="application/pdf", size=9)
    released = MaterialPublished(
        release_id=str(uuid4()), session_id=SESSION, series_id=SERIES, title="Sprechstunde", items=(item,)
    )
    await town.publish(documented, released)
    assert await town.told() == ["anna", "anna", "bela", "bela"]


async def test_loaded_history_is_kept_and_told_to_nobody(town: Town) -> None:
    await town.person("anna", "kind:session_announcement")
    await town.publish(announced(), live=False)
    assert await town.told() == []
    assert await things.keys(town.notify.pool, Thing("session", SESSION)) >= {"topic:works_depot"}


async def test_nothing_older_than_the_subscription_is_told(town: Town) -> None:
    await town.person("anna", "topic:works_depot", since=town.notify.clock.now() + dt.timedelta(seconds=1))
    await town.publish(announced())
    assert await town.told() == []


async def test_resources_and_requests_are_told_by_topic_and_place(town: Town) -> None:
    await town.person("anna", "topic:depot")
    await town.person("bela", "municipality:05766048")
    body = {"name": "Lemgo", "organisation_type": "municipality"}
    await town.publish(
        TopicMerged(topic="depot", label="Bauhof", into="works_depot"),
        OrganisationChanged(organisation_id="o", ags="05766044", **body),
        OrganisationChanged(organisation_id="old", ags="05766048", merged_into="o", **body),
        ResourcePublished(resource_id="r", kind="guide", title="Leitfaden", version=1, topics=("works_depot",)),
        CooperationRequestOpened(
            cooperation_request_id="c",
            kind="seeking",
            title="Wir suchen",
            topics=("treasury",),
            organisation_id="o",
            expires_on=dt.date(2026, 1, 1),
        ),
    )
    assert await town.told() == ["anna", "bela"]


async def test_preferences_say_how_often_and_a_subscriptions_own_rhythm_says_it_louder_but_never_is_never(
    town: Town,
) -> None:
    people = {name: await town.person(name, f"series:{SERIES}") for name in ("anna", "bela", "cora")}
    dora = await town.person("dora", f"series:{SERIES}", rhythm="immediate")
    fred = await town.person("fred", f"series:{SERIES}", rhythm="immediate")
    await town.person("emil", f"series:{SERIES}", rhythm="weekly")
    for person, rhythm in ((people["anna"], "off"), (people["bela"], "daily"), (dora, "daily"), (fred, "off")):
        await town.notify.pool.execute(PREFER, person, "session_announcement", rhythm)
    await town.publish(announced())
    assert await town.told() == ["cora", "dora"]
    found = {row["person_id"] for row in await town.notify.pool.fetch("SELECT person_id FROM finding")}
    assert not found & {people["anna"], fred}, "nor is it noted for them"
    assert await town.close() == [], "the windows of today are over"
    town.notify.clock.forward(days=1)
    assert await town.close() == ["bela"]
    town.notify.clock.forward(days=6)
    assert await town.close() == ["emil"]


async def test_a_digest_tells_everything_once_with_the_latest_of_each(town: Town) -> None:
    anna = await town.person("anna", f"series:{SERIES}", "topic:works_depot", "topic:treasury", rhythm="daily")
    town.catalogue.now = KEYS
    gone = announced().model_copy(update={"session_id": str(uuid4()), "title": "Fällt aus"})
    cancelled = SessionCancelled(**{**OF_SESSION, "session_id": gone.session_id, "title": gone.title}, reason="x")
    other = ResourcePublished(resource_id="r", kind="guide", title="Leitfaden", version=1, topics=("treasury",))
    await town.publish(announced(), postponed(), published(), other, gone, cancelled)
    assert await town.told() == []
    town.notify.clock.forward(days=1)
    assert await town.close() == ["anna"]
    mail = town.last()
    assert mail.subject == "4 Neuigkeiten für Sie"
    assert "Verschoben: Sprechstunde" in words(mail)
    assert "Neue Veranstaltung" not in words(mail)
    assert "Abgesagt: Fällt aus" in words(mail)
    assert "Neues Projekt: Gemeinsamer Bauhof" in words(mail)
    assert f"/projekte/{PROJECT}" in words(mail)
    assert "Arbeitshilfe: Leitfaden" in words(mail)
    assert "List-Unsubscribe" in mail.parsed
    assert "<b>Bauhof</b>" not in words(mail, "html")
    naming = named_in(mail)
    assert (naming.person_id, naming.kind, naming.subscription_id) == (anna, None, None)


async def test_there_is_never_a_second_digest_nor_an_empty_one(town: Town) -> None:
    await town.person("anna", f"series:{SERIES}", rhythm="daily")
    await town.publish(announced())
    town.notify.clock.forward(days=1)
    assert [await town.close(), await town.close()] == [["anna"], []]
    town.notify.clock.forward(days=-1)  # the clock was wrong
    assert await town.close() == []
    await town.publish(postponed(), version=8)
    town.notify.clock.forward(days=1)
    assert await town.close() == [], "there was one that day"
    town.notify.clock.forward(days=1)
    assert await town.close() == ["anna"]
    await town.publish(announced(), version=11)
    await town.publish(SessionCancelled(**OF_SESSION, reason="x"), live=False)
    town.notify.clock.forward(days=1)
    assert await town.close() == [], "nothing is left to tell"
    assert await town.notify.pool.fetchval("SELECT count(*) FROM digest") == 2, "nor is a digest made of nothing"


async def test_many_processes_close_a_window_once(town: Town) -> None:
    for number in range(20):
        await town.person(f"person{number}", f"series:{SERIES}", rhythm="daily")
    await town.publish(announced())
    town.notify.clock.forward(days=1)
    await asyncio.gather(*(town.digests.step() for _ in range(4)))
    await town.office.expand()
    assert len(await town.told()) == 20
    assert await town.close() == []


async def test_who_comes_to_a_digests_mailing_late_is_not_forgotten(town: Town) -> None:
    await town.person("anna", f"series:{SERIES}", rhythm="daily")
    late = await town.person("bela", f"series:{SERIES}", rhythm="daily")
    await town.notify.pool.execute(PAUSE, late, town.notify.clock.now() + dt.timedelta(days=3))
    await town.publish(announced())
    town.notify.clock.forward(days=1)
    assert await town.close() == ["anna"]
    await town.notify.pool.execute(PAUSE, late, None)
    await town.digests.step()
    await town.digests.go_on()
    await town.office.expand()
    assert await town.told() == ["bela"]


async def test_quiet_hours_and_weekends_are_kept(town: Town) -> None:
    """It is Tuesday, ten o'clock in Berlin."""
    await town.person("anna", f"series:{SERIES}", quiet_from=dt.time(9), quiet_until=dt.time(11))
    await town.person("bela", f"series:{SERIES}", quiet_from=dt.time(20), quiet_until=dt.time(7), quiet_weekends=True)
    await town.publish(announced())
    assert await town.told() == ["bela"]
    town.notify.clock.forward(minutes=61)
    assert await town.told() == ["anna"]
    town.notify.clock.forward(days=4)
    await town.publish(postponed(), version=8)
    assert await town.told() == ["anna"]
    town.notify.clock.forward(hours=43)
    assert await town.told() == []
    assert await messages.oldest(town.notify.pool, town.notify.clock.now()) is None, "nothing is late"
    town.notify.clock.forward(hours=4)
    monday = dt.datetime(2025, 7, 7, 5, tzinfo=dt.UTC)
    assert await messages.oldest(town.notify.pool, town.notify.clock.now()) == monday
    assert await town.told() == ["bela"], "on Monday at seven, by the clock on the wall"
    assert town.sink.mails[-1].parsed["Date"].datetime == monday


async def test_what_must_not_be_overtaken_is_sent_with_what_cannot_wait(town: Town) -> None:
    """Somebody registered wants quiet now; the session is tomorrow."""
    (registered,) = people(1)
    quiet = await town.person("anna", quiet_from=dt.time(9), quiet_until=dt.time(11))
    town.office.owner.people = [registered.model_copy(update={"person_id": quiet})]
    now = town.notify.clock.now()
    far = samples.postponed().model_copy(
        update={"starts_at": now + dt.timedelta(days=60), "previous": Times(starts_at=now + dt.timedelta(days=30))}
    )
    near = SessionCancelled(
        **{**samples.OF_SESSION, "sequence": 2, "starts_at": now + dt.timedelta(days=1)}, reason="x"
    )
    await town.publish(far)
    assert await town.told() == []
    await town.publish(near, version=8)
    assert await town.told() == ["person0", "person0"]


async def test_a_pause_is_one(town: Town) -> None:
    forever = dt.datetime.max.replace(tzinfo=dt.UTC)
    now = town.notify.clock.now()
    await town.person("anna", f"series:{SERIES}", paused_until=now + dt.timedelta(days=3))
    bela = await town.person("bela", f"series:{SERIES}")
    await town.publish(announced())
    await town.notify.pool.execute(PAUSE, bela, forever)
    assert await town.told() == [], "not even what was waiting"
    town.notify.clock.forward(days=2)
    assert await town.close() == []
    town.notify.clock.forward(days=2)
    assert await town.close() == ["anna"]


async def test_a_pause_that_ends_at_midnight_is_followed_by_a_digest_at_the_persons_hour(town: Town) -> None:
    """It is Tuesday, ten o'clock in Berlin; the pause ends when Thursday begins."""
    midnight = town.notify.clock.now() + dt.timedelta(days=1, hours=14)
    await town.person("anna", f"series:{SERIES}", paused_until=midnight)
    await town.publish(announced())
    town.notify.clock.forward(days=1, hours=14, minutes=1)
    assert await town.close() == [], "nobody wants it in the middle of the night"
    town.notify.clock.forward(hours=8)
    assert await town.close() == ["anna"]


async def test_a_digest_that_comes_late_keeps_quiet_weekends_too(town: Town) -> None:
    """Nothing ran from Friday morning until Saturday at five."""
    await town.person("anna", f"series:{SERIES}", rhythm="daily", quiet_weekends=True)
    await town.person("bela", f"series:{SERIES}", rhythm="daily")
    await town.publish(announced())
    town.notify.clock.forward(days=3, hours=19)
    assert await town.close() == ["bela"]
    town.notify.clock.forward(days=2, hours=4)
    assert await town.close() == ["anna"], "on Monday at eight"


async def test_who_had_the_digest_of_a_day_takes_no_place_of_others(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something was found before the window ended, and written right after it was closed."""
    monkeypatch.setattr("services.notify.digests.AT_ONCE", 1)
    people = sorted([await town.person(name, f"series:{SERIES}", rhythm="daily") for name in ("anna", "bela")])
    await town.publish(announced())
    town.notify.clock.forward(days=1)
    assert await town.digests.step() == 1
    await town.notify.pool.execute("UPDATE finding SET digest_day = NULL WHERE person_id = $1", people[0])
    assert await town.digests.step() == 1
    assert await town.notify.pool.fetchval("SELECT count(DISTINCT person_id) FROM digest") == 2


async def test_who_pauses_before_it_is_sent_hears_of_it_in_the_digest_after_the_pause(town: Town) -> None:
    anna = await town.person("anna", f"series:{SERIES}")
    bela = await town.person("bela", f"series:{SERIES}", rhythm="daily")
    await town.publish(announced())
    until = town.notify.clock.now() + dt.timedelta(days=3)
    await town.notify.pool.execute(PAUSE, anna, until)
    assert await town.told() == []
    town.notify.clock.forward(days=1)
    await town.digests.step()
    await town.office.expand()
    await town.notify.pool.execute(PAUSE, bela, until)
    assert await town.told() == [], "the digest was written before the pause"
    town.notify.clock.forward(days=3)
    assert await town.close() == ["anna", "bela"]
    assert await town.close() == []


async def test_what_is_in_a_digest_is_not_sent_beside_it_when_a_process_dies_in_between(town: Town) -> None:
    """It found that somebody had paused, and ended before it wrote down that the message is not to be sent."""
    anna = await town.person("anna", f"series:{SERIES}")
    await town.publish(announced())
    mailing_id = await town.notify.pool.fetchval("SELECT id FROM mailing")
    (matter,) = [each for each in town.office.more if isinstance(each, FollowerMatter)]
    await town.notify.pool.execute(PAUSE, anna, town.notify.clock.now() + dt.timedelta(days=1))
    assert await matter.matching.at_once([(mailing_id, anna)], town.notify.clock.now()) == set()
    await town.notify.pool.execute(PAUSE, anna, None)
    assert await town.told() == []
    town.notify.clock.forward(days=1)
    assert await town.close() == ["anna"]


async def test_who_refuses_a_kind_before_it_is_sent_gets_nothing_of_it(town: Town) -> None:
    anna = await town.person("anna", f"series:{SERIES}", rhythm="immediate")
    bela = await town.person("bela", f"series:{SERIES}", rhythm="daily")
    cora = await town.saves("cora", {"topic": ["works_depot"]}, "immediate")
    await town.compiling.step()
    town.catalogue.now = KEYS
    await town.publish(announced(), published())
    for person, kind in ((anna, "session_announcement"), (cora, "saved_search_digest")):
        await town.notify.pool.execute(PREFER, person, kind, "off")
    assert await town.told() == []
    town.notify.clock.forward(days=1)
    await town.notify.pool.execute(PREFER, bela, "session_announcement", "off")
    assert await town.close() == []


async def test_who_unsubscribes_or_is_erased_gets_nothing_that_waited(town: Town) -> None:
    anna = await town.person("anna", f"series:{SERIES}")
    bela = await town.person("bela", f"series:{SERIES}", rhythm="daily")
    cora = await town.person("cora", f"series:{SERIES}", rhythm="daily")
    await town.publish(announced())
    await town.notify.pool.execute(END, anna)
    town.notify.clock.forward(days=1)
    await town.notify.pool.execute(END, bela)
    async with town.notify.pool.acquire() as connection:
        await forget(connection, [cora])
    assert await town.close() == []
    assert await town.notify.pool.fetchval("SELECT count(*) FROM finding WHERE person_id = $1", cora) == 0


async def test_news_are_told_once_and_not_those_that_repeat_what_is_told_by_itself(town: Town) -> None:
    await town.person("anna", "kind:announcement")
    await town.person("bela", f"project:{PROJECT}")
    body = {
        "kind": "news",
        "title": "Neues Förderprogramm",
        "teaser": "Ab sofort.",
        "body": "Mehr dazu.",
        "actions": [],
    }
    await town.write(body)
    await town.write(body | {"kind": "session_announcement", "session_id": SESSION})
    portrait = await town.write(body | {"kind": "project_portrait", "title": "Bauhof", "project_id": PROJECT})
    assert await town.told() == ["anna", "bela"]
    assert town.last().subject in {"Neues Förderprogramm", "Projektvorstellung: Bauhof"}
    town.notify.clock.forward(days=1)
    await town.heard()
    assert await town.told() == [], "read again from the beginning"
    await town.notify.edit("POST", f"/api/v1/announcements/{portrait}/withdrawals", {"reason": "Falsch"})
    await town.heard()
    shown = await things.shown(town.notify.pool, [Thing("announcement", portrait)])
    assert shown[Thing("announcement", portrait)].gone


async def test_who_gets_an_announcement_by_mail_is_not_told_as_a_follower_however_late_its_mailing_begins(
    town: Town,
) -> None:
    notify, news = town.notify, "/api/v1/announcements"
    notify.people.addresses[await town.person("anna", "kind:announcement")] = "anna@rathaus.example"
    await town.person("bela", f"project:{PROJECT}")
    body = {"title": "Neues Förderprogramm", "teaser": "Ab sofort.", "project_id": PROJECT}
    page = f"{news}/{(await notify.edit('POST', news, body)).body['id']}"
    etag = (await notify.edit("GET", page)).headers["ETag"]
    plan = {"audience": {"kinds": ["announcement"]}}
    assert (await notify.edit("PUT", f"{page}/mailing", plan, If_Match=etag)).status == 200
    assert (await notify.edit("POST", f"{page}/publications", {"recipients": 1})).status == 200
    await town.heard()
    notify.clock.forward(minutes=1)
    await town.office.expand()
    assert await town.told() == []
    week = dt.timedelta(days=7)
    clock = AnnouncementClock(
        notify.journal, notify.pool, notify.announcements, notify.clock, week, lambda: None, Halts(notify.pool)
    )
    await clock.step()
    await town.office.expand()
    notify.clock.forward(minutes=1)
    await town.office.expand()
    assert await town.told() == ["anna", "bela"]


async def test_one_click_ends_what_waits_and_what_comes_whatever_it_was_found_by(town: Town) -> None:
    """Two searches, each with a rhythm of its own; and what was found for a digest."""
    anna = await town.saves("anna", {"topic": ["depot"]}, rhythm="immediate")
    other = await town.subscribe(anna, "search:other", "immediate")
    await town.notify.pool.execute(OPEN, other, anna, {"topic": ["works_depot"]}, town.notify.clock.now())
    bela = await town.person("bela", "topic:works_depot", "topic:depot", rhythm="daily")
    await town.compiling.step()
    town.catalogue.now = KEYS
    await town.publish(published())
    assert await town.told() == ["anna"]
    assert (named_in(town.last()).person_id, named_in(town.last()).kind) == (anna, "saved_search_digest")
    await town.notify.pool.execute(PREFER, anna, "saved_search_digest", "off")
    await town.notify.pool.execute(PREFER, bela, "project_published", "off")
    town.notify.clock.forward(days=1)
    assert await town.close() == []
    await town.publish(published().model_copy(update={"project_id": str(uuid4())}))
    assert await town.told() == []


async def test_what_waited_for_the_end_of_quiet_hours_is_not_sent_to_who_wants_none_by_then(town: Town) -> None:
    anna = await town.person("anna", f"series:{SERIES}", quiet_from=dt.time(9), quiet_until=dt.time(11))
    await town.publish(announced())
    assert await town.told() == []
    await town.notify.pool.execute(PREFER, anna, "session_announcement", "off")
    town.notify.clock.forward(minutes=61)
    assert await town.told() == []


async def test_searches_are_told_of_daily_unless_it_is_said(town: Town) -> None:
    await town.saves("anna", {"topic": ["depot"]})
    bela = await town.saves("bela", {"topic": ["depot"]})
    await town.notify.pool.execute(PREFER, bela, "saved_search_digest", "immediate")
    await town.compiling.step()
    town.catalogue.now = KEYS
    await town.publish(published())
    assert await town.told() == ["bela"]
    town.notify.clock.forward(days=1)
    assert await town.close() == ["anna"]


async def test_what_is_not_to_be_pointed_out_on_the_portal_is_mailed_all_the_same(town: Town) -> None:
    people = [await town.person(name, f"series:{SERIES}") for name in ("anna", "bela")]
    for person in people:
        await live.listen(town.notify.pool, person, town.notify.clock.now() + dt.timedelta(hours=1))
    await town.notify.pool.execute(NOT_ON_THE_PORTAL, people[0], "session_announcement")
    await town.publish(announced())
    assert await town.told() == ["anna", "bela"]
    rows = await town.notify.pool.fetch("SELECT person_id FROM live_item WHERE type = 'message'")
    assert [row["person_id"] for row in rows] == [people[1]]
