"""What machines read: the merged description, feeds of events, schemas."""

from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from services.gateway.addresses import parse_address
from services.gateway.people import People
from shared.kernel.ids import new_id
from shared.kernel.openapi import describe
from shared.kernel.recorded import Context

CATALOG: dict[str, Any] = describe("catalog", []) | {
    "paths": {"/api/v1/projects": {"get": {"responses": {}}}, "/internal/feed": {"get": {"responses": {}}}}
}


async def test_the_description_holds_every_public_path_and_no_internal_one(door: Any, services: Any) -> None:
    services.answers["/openapi.json"] = CATALOG
    async with door.get("/api/v1/openapi.json") as answer:
        assert answer.status == 200
        document = await answer.json()
    assert {"/api/v1/projects", "/api/v1/sessions/{id}/registrations", "/api/v1/people/erasures"} <= set(
        document["paths"]
    )
    assert not [path for path in document["paths"] if path.startswith("/internal")]
    assert "registration_closed" in document["info"]["x-problem-codes"]


async def test_the_description_outlives_a_service(door: Any, services: Any) -> None:
    services.answers["/openapi.json"] = lambda _: web.Response(status=503)
    async with door.get("/api/v1/openapi.json") as answer:
        assert answer.status == 503
    services.answers["/openapi.json"] = CATALOG
    async with door.get("/api/v1/openapi.json") as answer:
        assert answer.status == 200
    services.answers["/openapi.json"] = lambda _: web.Response(status=503)
    async with door.get("/api/v1/openapi.json") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("service", ["catalog", "events", "notify"])
async def test_a_feed_comes_from_its_service(door: Any, services: Any, service: str) -> None:
    services.answers["/internal/feed"] = {"items": [], "next": None, "head": 0}
    async with door.get(f"/api/v1/feed/{service}?after=5&limit=7") as answer:
        assert await answer.json() == {"items": [], "next": None, "head": 0}
    (asked,) = services.asked
    assert asked.target == "/internal/feed?after=5&limit=7"
    services.verified(asked, service)


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=1001", "after=x", "unknown=1"])
async def test_a_feed_takes_no_nonsense(door: Any, query: str) -> None:
    async with door.get(f"/api/v1/feed/catalog?{query}") as answer:
        assert answer.status == 422
        assert (await answer.json(content_type=None))["code"] == "invalid_query"


async def test_the_gateways_own_feed_is_a_chain_of_erasures(door: Any, people: People) -> None:
    for _ in range(3):
        who = parse_address(f"{uuid4()}@stadt.example")
        context = Context(new_id(), "test", door.gateway.clock.now(), correlation_id="t", fresh=True)
        await people.find_or_make(who, context)
        await people.erase(who, Context(new_id(), "test", door.gateway.clock.now(), correlation_id="t", fresh=True))
    events: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        async with door.get(f"/api/v1/feed/gateway?after={after}&limit=2") as answer:
            part = await answer.json()
        events += part["items"]
        after = part["next"]
        assert part["head"] >= part["items"][-1]["position"]
    assert len(events) >= 3
    assert [event["prevposition"] for event in events] == [0, *(event["position"] for event in events[:-1])]
    assert {event["type"] for event in events} == {"ikz.gateway.person.erased.v1"}
    assert set(events[0]["data"]) == {"person_id"}


async def test_schemas_are_served_by_name(door: Any) -> None:
    for name in ("ikz.gateway.person.erased.v1", "cloudevent"):
        async with door.get(f"/api/v1/schemas/{name}.json") as answer:
            assert answer.status == 200
            assert (await answer.json())["type"] == "object"
    async with door.get("/api/v1/asyncapi.json") as answer:
        assert (await answer.json())["asyncapi"].startswith("3.")
    for name in ("ikz.gateway.person.unknown.v1", "..", "%2e%2e%2fcontract"):
        async with door.get(f"/api/v1/schemas/{name}.json") as answer:
            assert answer.status == 404
