"""The description of an API is valid, whole, and can be put together with others."""

from typing import Any, Literal

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel, Field

from shared.kernel import openapi, problems
from shared.kernel.endpoint import Answer, Call, Committed, Endpoint
from shared.kernel.paging import Page, Paging


class Place(BaseModel):
    city: str


class Draft(BaseModel):
    title: str = Field(max_length=100)
    place: Place | None = None


class Card(BaseModel):
    id: str
    place: Place


class Filter(Paging):
    q: str | None = Field(None, description="What to search for.")
    topic: list[Literal["climate", "roads"]] = Field(default_factory=list)


async def handler(_call: Call) -> Answer:
    return Answer()


ENDPOINTS = [
    Endpoint("GET", "/api/v1/projects", handler, "Projects", query=Filter, answer=Page[Card]),
    Endpoint("POST", "/api/v1/projects", handler, "Draft a project", body=Draft, answer=Committed, status=201),
    Endpoint(
        "PUT",
        "/api/v1/projects/{id}",
        handler,
        "Revise it",
        body=Draft,
        answer=Committed,
        roles=frozenset({"editor", "operator"}),
        codes=("ends_before_start",),
        if_match=True,
    ),
    Endpoint("POST", "/api/v1/projects/{id}/revisions", handler, "Accept", body=Draft, body_required=False),
    Endpoint("GET", r"/api/v1/projects/{id:[0-9a-f-]{36}}.csv", handler, "As a table", media_type="text/csv"),
    Endpoint("POST", "/internal/cards", handler, "For the gateway alone", body=Card),
]


@pytest.fixture
def document() -> dict[str, Any]:
    return openapi.describe("catalog", ENDPOINTS)


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_every_endpoint_is_described(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(endpoint.method, openapi.plain_path(endpoint.path)) for endpoint in ENDPOINTS}
    assert "/api/v1/projects/{id}.csv" in document["paths"]


def test_a_change_names_its_headers_roles_and_codes(document: dict[str, Any]) -> None:
    change = document["paths"]["/api/v1/projects/{id}"]["put"]
    parameters = {parameter["name"]: parameter for parameter in change["parameters"]}
    assert parameters["id"]["schema"] == {"type": "string", "format": "uuid"}
    assert parameters["If-Match"]["required"] is True
    assert "Idempotency-Key" in parameters
    assert change["x-roles"] == ["editor", "operator"]
    assert change["security"] == [{"bearer": []}]
    assert "`ends_before_start`" in change["responses"]["409"]["description"]
    assert {"403", "404", "409", "412", "413", "415", "422", "428", "503"} <= change["responses"].keys()


def test_a_list_names_its_parameters(document: dict[str, Any]) -> None:
    parameters = {one["name"]: one for one in document["paths"]["/api/v1/projects"]["get"]["parameters"]}
    assert parameters.keys() == {"limit", "cursor", "q", "topic", "min_position", "If-None-Match"}
    assert parameters["q"]["description"] == "What to search for."
    assert parameters["topic"]["schema"]["type"] == "array"


def test_a_body_takes_no_other_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Draft"]["additionalProperties"] is False
    assert schemas["Place"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Committed"]


def test_a_body_may_be_left_out_where_that_is_said(document: dict[str, Any]) -> None:
    assert document["paths"]["/api/v1/projects/{id}/revisions"]["post"]["requestBody"]["required"] is False
    assert document["paths"]["/api/v1/projects"]["post"]["requestBody"]["required"] is True


def test_every_code_is_in_the_table(document: dict[str, Any]) -> None:
    table = document["info"]["x-problem-codes"]
    assert table.keys() == problems.codes().keys()
    assert all(f"| `{code}` | {row['status']} |" in document["info"]["description"] for code, row in table.items())
    used = {
        code
        for operations in document["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
        for code in response.get("x-codes", ())
    }
    assert used <= table.keys()


def test_the_text_is_the_same_for_the_same_endpoints(document: dict[str, Any]) -> None:
    assert openapi.rendered(document) == openapi.rendered(openapi.describe("catalog", list(ENDPOINTS)))


def test_documents_are_merged_and_stay_valid(document: dict[str, Any]) -> None:
    class Place(BaseModel):
        room: str

    other = openapi.describe("events", [Endpoint("GET", "/api/v1/places", handler, "Places", answer=list[Place])])
    merged = openapi.merge([document, other], title="Interkommunal")
    validate(merged)
    schemas = merged["components"]["schemas"]
    assert schemas["Place"]["properties"].keys() == {"city"}
    assert schemas["EventsPlace"]["properties"].keys() == {"room"}
    items = merged["paths"]["/api/v1/places"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert items["items"] == {"$ref": "#/components/schemas/EventsPlace"}


def test_what_is_internal_stays_so(document: dict[str, Any]) -> None:
    merged = openapi.merge([document], title="Interkommunal")
    assert "/internal/cards" not in merged["paths"]
    assert openapi.merge([document, document], title="Interkommunal")["paths"] == merged["paths"]
