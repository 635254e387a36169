"""A session refers to nothing the catalogue does not know."""

from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.rpc import KnownAsked
from shared.kernel.problems import Problem
from tests.integration.events.conftest import EDITOR, Events, sample

NO_PROJECT = "99999999-9999-4999-8999-999999999999"
HALL = {"name": "Bürgerhalle", "ags": "05374028"}
REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"topics": ["no_such_topic"]}, "unknown_topic", ["/topics/0"]),
    ({"topics": ["no_such_topic", "treasury", "astrology"]}, "unknown_topic", ["/topics/0", "/topics/2"]),
    ({"venue": HALL | {"ags": "05999999"}}, "unknown_organisation", ["/venue/ags"]),
    ({"agenda": [{"title": "Stern", "project_id": NO_PROJECT}]}, "unknown_project", ["/agenda/0/project_id"]),
]


@pytest.mark.parametrize(("changes", "code", "fields"), REFUSED)
async def test_what_the_catalogue_does_not_know_is_refused(
    events: Events, changes: dict[str, Any], code: str, fields: list[str]
) -> None:
    series_id, session_id = await events.series(), await events.draft()
    head = await events.journal.head()
    drafted = await events.edit("POST", "/api/v1/sessions", sample(series_id, **changes))
    for reply in (drafted, await events.revise(session_id, **changes)):
        assert reply.code == f"409 {code}"
        assert [(error["field"], error["code"]) for error in reply.body["errors"]] == [(each, code) for each in fields]
        assert reply.body["errors"][0]["detail"] == reply.body["detail"]
    assert await events.journal.head() == head


async def test_what_it_knows_is_kept(events: Events) -> None:
    session_id = await events.draft(topics=["treasury"], venue=HALL)
    shown = await events.get(f"/api/v1/sessions/{session_id}", EDITOR)
    assert (shown["topics"], shown["venue"]["ags"]) == (["treasury"], HALL["ags"])
    assert events.catalogue.asked == [KnownAsked(topics=("treasury",), ags=(HALL["ags"],))]


async def test_it_is_asked_about_what_is_new_alone(events: Events) -> None:
    session_id = await events.draft(topics=["treasury"], venue=HALL)
    events.catalogue.asked.clear()
    assert (await events.revise(session_id, topics=["treasury"], venue=HALL, title="Neu")).status == 200
    assert (await events.revise(session_id, topics=[], venue={"name": "Ohne Schlüssel"})).status == 200
    assert events.catalogue.asked == []
    assert (await events.revise(session_id, topics=["treasury"])).status == 200
    assert (await events.revise(session_id, topics=["works_depot", "treasury"], venue=HALL)).status == 200
    assert events.catalogue.asked == [
        KnownAsked(topics=("treasury",)),
        KnownAsked(topics=("works_depot",), ags=(HALL["ags"],)),
    ]


async def test_projects_of_new_talks_are_looked_up_once(events: Events) -> None:
    depot, school = str(uuid4()), str(uuid4())
    agenda = [{"title": "Bauhof", "project_id": depot}, {"title": "Noch einmal der Bauhof", "project_id": depot}]
    session_id = await events.draft(agenda=agenda)
    assert (await events.revise(session_id, agenda=[*agenda, {"title": "Schule", "project_id": school}])).status == 200
    assert events.catalogue.asked == [KnownAsked(projects=(depot,)), KnownAsked(projects=(school,))]
    unknown = await events.revise(session_id, agenda=[agenda[0], {"title": "Stern", "project_id": NO_PROJECT}])
    assert unknown.code == "409 unknown_project"
    assert [error["field"] for error in unknown.body["errors"]] == ["/agenda/1/project_id"]
    await events.done("POST", f"/api/v1/sessions/{session_id}/announcements")
    events.clock.forward(days=31)
    path = f"/api/v1/sessions/{session_id}/documentations"
    held = await events.edit("POST", path, {"talks": [{"title": "Stern", "project_id": NO_PROJECT}]})
    assert held.code == "409 unknown_project"
    assert [error["field"] for error in held.body["errors"]] == ["/talks/0/project_id"]


async def test_a_session_that_is_not_there_is_not_found_whatever_it_says(events: Events) -> None:
    body = sample(await events.series(), topics=["no_such_topic"])
    assert (await events.edit("PUT", f"/api/v1/sessions/{uuid4()}", body, If_Match="*")).code == "404 not_found"
    assert events.catalogue.asked == []


@pytest.mark.parametrize("trouble", [KeyError("inside"), Problem("unavailable"), Problem("invalid_request")], ids=repr)
async def test_a_catalogue_in_trouble_is_not_the_clients_fault(events: Events, trouble: Exception) -> None:
    events.catalogue.trouble = trouble
    try:
        reply = await events.edit("POST", "/api/v1/sessions", sample(await events.series(), topics=["treasury"]))
    finally:
        events.catalogue.trouble = None
    assert reply.code == "503 unavailable"
