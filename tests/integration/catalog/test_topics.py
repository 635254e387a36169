"""Topics are data: defined, merged and split by editors, while old codes and links keep working."""

from asyncio import gather
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.catalog.due import round_of
from services.catalog.known import known
from services.catalog.records import PROJECTIONS
from services.catalog.topic_split import move_projects
from shared.contracts.rpc import KnownAsked
from shared.kernel.clock import Clock
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.rebuild import rebuild
from tests.conftest import Database
from tests.integration.catalog.conftest import Client
from tests.integration.catalog.conftest import body as sample

NOW = datetime(2026, 2, 1, tzinfo=UTC)


async def defined(editor: Client, label: str | None = None) -> str:
    """A new topic's code."""
    code = f"topic_{uuid4().hex[:12]}"
    body = {
        "code": code,
        "slug": f"thema_{code}",
        "label": label or f"Thema {code}",
        "group": "internal_administration",
    }
    reply = await editor.post("/topics", body)
    assert reply.status == 201, reply.body
    return code


async def found(reader: Client, **query: Any) -> set[str]:
    return {item["id"] for item in (await reader.get("/projects", **query)).body["items"]}


async def counted(reader: Client, **query: Any) -> dict[str, int]:
    facets = (await reader.get("/projects/facets", **query)).body["facets"]
    return {value["value"]: value["count"] for value in facets["topic"]}


async def test_a_topic_is_defined_once_under_its_own_name(editor: Client, reader: Client) -> None:
    body = {
        "code": "beekeeping",
        "slug": "imkerei",
        "label": "<b>Kommunale</b> Imkerei",
        "group": "internal_administration",
    }
    first = await editor.post("/topics", body, key=(key := str(uuid4())))
    assert first.status == 201, first.body
    assert (await editor.post("/topics", body, key=key)).body == first.body
    assert (await reader.get("/topics/imkerei")).body["label"] == "Kommunale Imkerei"
    for wrong, code, field in (
        ({"code": "bees", "slug": "bienen", "label": "kommunale  IMKEREI"}, "topic_name_taken", "/label"),
        ({"code": "bees", "slug": "imkerei", "label": "Bienen"}, "topic_name_taken", "/label"),
        ({"code": "bees", "slug": "treasury", "label": "Bienen"}, "topic_name_taken", "/label"),
        ({"code": "gemeindekasse", "slug": "bienen", "label": "Bienen"}, "topic_name_taken", "/label"),
        ({"code": "bees", "slug": "bienen", "label": "Bienen", "group": "zoo"}, "unknown_group", "/group"),
        ({"code": "bees", "slug": "bienen", "label": "– · –"}, "invalid_request", "/label"),
        ({"code": "Bees 2", "slug": "bienen", "label": "Bienen"}, "invalid_request", "/code"),
    ):
        refused = await editor.post("/topics", body | wrong)
        assert (refused.code, refused.body["errors"][0]["field"]) == (code, field)
    own = {"code": "animals", "slug": "tiere", "label": "Tiere"}
    in_new_group = {"code": "horses", "slug": "pferde", "label": "Pferde", "group": own}
    assert (await editor.post("/topics", in_new_group)).status == 201
    assert (await reader.get("/topics/pferde")).body["group"] == own
    same_code = in_new_group | {"code": "dogs", "slug": "hunde", "label": "Hunde", "group": own | {"label": "Vieh"}}
    assert (await editor.post("/topics", same_code)).body["errors"][0]["field"] == "/group/code"
    other = body | {"slug": "bienen_3", "label": "Bienen"}
    assert (await editor.post("/topics", other)).code == "topic_exists"
    assert (await reader.post("/topics", body)).status == 401
    taken = await editor.post("/topics/beekeeping/renamings", {"label": "Gemeindekasse und Vollstreckung"})
    assert taken.code == "topic_name_taken"


async def test_a_topic_is_written_upon_the_version_that_was_read(editor: Client, reader: Client) -> None:
    code = await defined(editor, "Fundbüro")
    read = (await editor.get(f"/topics/{code}")).headers["ETag"]
    assert read.startswith('"1:')
    assert (await reader.get(f"/topics/{code}")).headers["ETag"].startswith("W/")
    for _ in range(2):
        again = await editor.post(f"/topics/{code}/renamings", {"label": "Fundsachen"})
        assert (again.status, again.headers["ETag"]) == (200, '"2"')
    merger = {"into": "treasury", "reason": "Gehört zur Kasse."}
    parts = {"parts": [{"topic": "treasury", "filter": {"q": "Kasse"}}], "reason": "Gehört zur Kasse."}
    for step, body in (("renamings", {"label": "Fundamt"}), ("mergers", merger), ("splits", parts)):
        stale = await editor.call("POST", f"/topics/{code}/{step}", headers={"If-Match": read}, json=body)
        assert stale.status == 412, (step, stale.body)


async def test_a_topic_is_read_again_when_what_is_shown_with_it_has_changed(editor: Client, reader: Client) -> None:
    code, former = await defined(editor, "Ordnungsdienst"), await defined(editor, "Stadtwache")

    async def answers(tags: list[str]) -> list[int]:
        both = zip((editor, reader), tags, strict=True)
        return [
            (await client.call("GET", f"/topics/{code}", headers={"If-None-Match": tag})).status for client, tag in both
        ]

    async def tags() -> list[str]:
        return [(await client.get(f"/topics/{code}")).headers["ETag"] for client in (editor, reader)]

    read = await tags()
    assert await answers(read) == [304, 304]
    await editor.publish(topics=[code])
    assert await answers(read) == [200, 200]
    read = await tags()
    body = {"into": code, "reason": "Derselbe Dienst"}
    assert (await editor.post(f"/topics/{former}/mergers", body)).status == 200
    assert await answers(read) == [200, 200]
    latest, _ = await tags()
    renamed = await editor.call(
        "POST", f"/topics/{code}/renamings", headers={"If-Match": latest}, json={"label": "Ordnungs- und Wachdienst"}
    )
    assert renamed.status == 200, "neither made another version of it"


async def test_a_merged_topic_leads_to_the_one_that_stays(editor: Client, reader: Client, pool: Pool) -> None:
    gone, stays = await defined(editor, "Poststelle"), await defined(editor, "Zentrale Dienste im Haus")
    both = await editor.publish(topics=[gone, stays, "treasury"])
    old = await editor.publish(topics=[gone])
    draft = await editor.draft(topics=[gone])
    body = {"into": stays, "reason": "Die Poststelle ist ein Teil davon."}
    merged = await editor.post(f"/topics/{gone}/mergers", body, key=(key := str(uuid4())))
    assert merged.status == 200, merged.body
    assert (await editor.post(f"/topics/{gone}/mergers", body, key=key)).body == merged.body
    assert (await editor.post(f"/topics/{gone}/mergers", body)).body["version"] == merged.body["version"]
    for name in (gone, f"thema_{gone}"):
        shown = (await reader.get(f"/topics/{name}")).body
        assert (shown["code"], shown["merged_into"], shown["projects"]) == (stays, stays, 2)
        assert (shown["former_codes"], shown["former_labels"]) == ([gone], ["Poststelle"])
    assert (await reader.get(f"/topics/{stays}")).body["merged_into"] is None
    listed = {topic["code"]: topic for topic in (await reader.get("/topics", q="Poststelle")).body["items"]}
    assert (list(listed), listed[stays]["projects"]) == ([stays], 2)
    for code in (gone, stays):
        assert await found(reader, topic=code) == {both, old}, "a link with the old code finds what the new one finds"
        assert (await counted(reader, topic=code))[stays] == 2
        assert gone not in await counted(reader)
    page = (await reader.get(f"/projects/{both}")).body
    assert page["topics"] == [stays, "treasury"], "what would stand twice stands once"
    assert page["labels"]["topics"][stays] == "Zentrale Dienste im Haus"
    assert (await known(pool, KnownAsked(topics=(gone, stays)))).unknown_topics == ()
    await editor.post(f"/projects/{draft}/submissions")
    published = await editor.post(f"/projects/{draft}/publications")
    assert published.status == 200
    written = await editor.draft(topics=[gone, stays])
    assert (await editor.get(f"/projects/{written}")).body["topics"] == [stays]
    steps = (await editor.get(f"/topics/{gone}/history")).body["steps"]
    assert (await editor.get(f"/topics/thema_{gone}/history")).body["steps"] == steps
    assert [(step["step"], step["reason"]) for step in steps] == [
        ("topic_defined", None),
        ("topic_merged", body["reason"]),
    ]
    assert (await editor.post(f"/topics/{gone}/renamings", {"label": "Anders"})).code == "topic_merged"
    again = {"code": gone, "slug": f"thema_{gone}", "label": "Poststelle", "group": "internal_administration"}
    refused = await editor.post("/topics", again)
    assert (refused.code, refused.body["errors"][0]["field"]) == ("topic_merged", "/code"), "it comes not back unseen"


async def test_what_is_published_after_a_merging_says_so_to_others(editor: Client, journal: Journal) -> None:
    gone, stays = await defined(editor), await defined(editor)
    draft = await editor.draft(topics=[gone])
    await editor.post(f"/topics/{gone}/mergers", {"into": stays, "reason": "doppelt"})
    await editor.post(f"/projects/{draft}/submissions")
    published = (await editor.post(f"/projects/{draft}/publications")).body
    (event,) = await journal.read(published["position"] - 1, 1)
    assert event.event.content.topics == (stays,)


async def test_what_comes_back_after_a_merging_says_so_to_others(editor: Client, journal: Journal) -> None:
    gone, stays = await defined(editor), await defined(editor)
    project = await editor.publish(topics=[gone])
    await editor.post(f"/projects/{project}/archivals")
    await editor.post(f"/topics/{gone}/mergers", {"into": stays, "reason": "doppelt"})
    restored = (await editor.post(f"/projects/{project}/restorations", {"reason": "Es geht weiter."})).body
    (event,) = await journal.read(restored["position"] - 1, 1)
    assert event.event.content.topics == (stays,)


async def test_a_proposal_is_shown_with_what_its_codes_mean_today(editor: Client, reader: Client) -> None:
    gone, stays = await defined(editor), await defined(editor)
    project = await editor.publish()
    shown = (await editor.get(f"/projects/{project}")).body
    proposal = sample(topics=[gone])
    assert (await editor.put(f"/projects/{project}", proposal, version=shown["version"])).status == 200
    await editor.post(f"/topics/{gone}/mergers", {"into": stays, "reason": "doppelt"})
    page = (await editor.get(f"/projects/{project}")).body
    assert page["revision"]["content"]["topics"] == [stays]


async def test_resources_are_found_by_the_topic_that_stays(editor: Client, reader: Client) -> None:
    gone, stays = await defined(editor), await defined(editor)
    resource = {"kind": "guide", "title": "Leitfaden", "summary": "Schritt für Schritt.", "topics": [gone]}
    published = await editor.post("/resources", resource)
    assert (await editor.post(f"/topics/{gone}/mergers", {"into": stays, "reason": "Dasselbe"})).status == 200
    for code in (gone, stays):
        found = (await reader.get("/resources", topic=code)).body["items"]
        assert [each["id"] for each in found] == [published.body["id"]]


async def test_topics_are_merged_in_no_circle(editor: Client, reader: Client) -> None:
    one, other, third = await defined(editor), await defined(editor), await defined(editor)
    replies = await gather(
        editor.post(f"/topics/{one}/mergers", {"into": other, "reason": "doppelt"}),
        editor.post(f"/topics/{other}/mergers", {"into": one, "reason": "doppelt"}),
    )
    assert sorted(reply.status for reply in replies) == [200, 409]
    stays = (await reader.get(f"/topics/{one}")).body["code"]
    assert (await editor.post(f"/topics/{stays}/mergers", {"into": third, "reason": "doppelt"})).status == 200
    assert {(await reader.get(f"/topics/{code}")).body["code"] for code in (one, other, third)} == {third}
    astray = await editor.post(f"/topics/{third}/mergers", {"into": "astrology", "reason": "?"})
    assert (astray.code, astray.body["errors"][0]["field"]) == ("unknown_topic", "/into")


async def test_a_split_moves_projects_by_list_and_filter(
    editor: Client, reader: Client, journal: Journal, pool: Pool
) -> None:
    code, there, new = await defined(editor), await defined(editor), f"topic_{uuid4().hex[:12]}"
    listed = await editor.publish(topics=[code, "treasury"])
    matched = await editor.publish(topics=[code], title="Vollstreckung im Außendienst")
    draft = await editor.draft(topics=[code], title="Vollstreckung im Innendienst")
    stays = await editor.publish(topics=[code], title="Bleibt beim alten Thema")
    body = {
        "reason": "Vollstreckung ist ein eigenes Thema.",
        "parts": [
            {"topic": new, "label": f"Vollstreckung {new}", "slug": new, "filter": {"q": "Vollstreckung"}},
            {"topic": there, "projects": [listed]},
        ],
    }
    split = await editor.post(f"/topics/{code}/splits", body, key=(key := str(uuid4())))
    assert split.status == 200, split.body
    assert (await editor.post(f"/topics/{code}/splits", body, key=key)).body == split.body
    assert (await reader.get(f"/topics/{code}")).body["splitting"]
    assert (await editor.post(f"/topics/{code}/mergers", {"into": there, "reason": "?"})).code == "topic_splitting"
    too_early = {"topic": "too_early", "label": "Zu früh", "slug": "zu_frueh", "projects": [stays]}
    refused = await editor.post(f"/topics/{code}/splits", {"parts": [too_early], "reason": "?"})
    assert (refused.code, (await reader.get("/topics/too_early")).status) == ("topic_splitting", 404)
    await round_of(journal, pool, Clock(), [move_projects])
    assert not (await reader.get(f"/topics/{code}")).body["splitting"]
    assert await move_projects(journal, pool, NOW) == 0, "what is done is done"
    assert await found(reader, topic=new) == {matched}
    assert (await editor.get(f"/projects/{draft}")).body["topics"] == [new]
    assert (await reader.get(f"/projects/{listed}")).body["topics"] == [there, "treasury"]
    assert await found(reader, topic=code) == {stays}
    history = (await editor.get(f"/projects/{listed}")).body["history"]
    assert (history[-1]["step"], history[-1]["reason"]) == ("topic_replaced", there)
    for source, target in ((there, code), (code, there)):
        again = {"parts": [{"topic": target, "projects": [listed]}], "reason": "Hin und her."}
        assert (await editor.post(f"/topics/{source}/splits", again)).status == 200
        assert await move_projects(journal, pool, NOW) == 1
    assert (await reader.get(f"/projects/{listed}")).body["topics"] == [there, "treasury"]


async def test_a_split_that_a_crash_cut_short_is_finished(editor: Client, journal: Journal, pool: Pool) -> None:
    code, there = await defined(editor), await defined(editor)
    projects = [await editor.publish(topics=[code]) for _ in range(3)]
    await editor.post(f"/projects/{projects[2]}/archivals")
    body = {"reason": "?", "parts": [{"topic": there, "projects": projects[:2]}]}
    assert (await editor.post(f"/topics/{code}/splits", body)).status == 200
    await editor.post(f"/projects/{projects[1]}/archivals")
    assert await move_projects(journal, pool, NOW) == 1
    assert (await editor.get(f"/projects/{projects[0]}")).body["topics"] == [there]
    assert (await editor.get(f"/projects/{projects[1]}")).body["topics"] == [code], "an archived project stays"


async def test_a_split_that_makes_no_sense_changes_nothing(editor: Client, reader: Client) -> None:
    code, there = await defined(editor), await defined(editor)
    project, other = await editor.publish(topics=[code]), await editor.publish(topics=["treasury"])
    new = {"topic": "new_topic", "label": "Neu", "slug": "neu", "projects": [project]}
    for parts, problem, field in (
        ([{"topic": there, "projects": [project, other]}], "project_not_under_topic", "/parts/0/projects/1"),
        ([{"topic": there, "projects": [project]}, {"topic": "y2"}], "split_part_empty", "/parts/1"),
        ([{"topic": code, "projects": [project]}], "split_into_same", "/parts/0/topic"),
        ([{"topic": "new_topic", "projects": [project]}], "unknown_topic", "/parts/0/topic"),
        ([{**new, "label": "Gemeindekasse und Vollstreckung"}], "topic_name_taken", "/parts/0/label"),
        ([{**new, "filter": {"astrology": 1}}], "invalid_request", "/parts/0/filter/astrology"),
        ([], "invalid_request", "/parts"),
    ):
        refused = await editor.post(f"/topics/{code}/splits", {"parts": parts, "reason": "?"})
        assert (refused.code, refused.body["errors"][0]["field"]) == (problem, field)
    twice = [{"topic": there, "projects": [project]}, {**new, "projects": [project]}]
    assert (await editor.post(f"/topics/{code}/splits", {"parts": twice, "reason": "?"})).code == "split_project_twice"
    assert (await reader.get("/topics/new_topic")).status == 404
    assert not (await reader.get(f"/topics/{code}")).body["splitting"]
    assert (await editor.post("/topics/astrology/splits", {"parts": [new], "reason": "?"})).code == "not_found"


@pytest.mark.parametrize("path", ["/topics/treasury/splits", "/topics/treasury/mergers", "/topics"])
async def test_only_editors_keep_topics(reader: Client, path: str) -> None:
    assert (await reader.post(path, {})).status == 401
    assert (await reader.get("/topics/treasury/history")).status == 401


async def test_what_was_merged_is_rebuilt_as_it_is(editor: Client, journal: Journal, database: Database) -> None:
    """Last here: everything that the tests before did is in the journal."""
    for projection in [each for each in PROJECTIONS if each.name in ("topics", "history", "project_pages", "search")]:
        assert (await rebuild(database.dsn("catalog"), journal, projection)).different == ()
    assert (await editor.get("/topics/treasury")).status == 200
