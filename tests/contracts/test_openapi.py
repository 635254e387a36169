"""The checked-in descriptions of the services' HTTP APIs are those the code gives, and valid ones."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openapi_spec_validator.schemas import openapi_v31_schema_validator
from referencing import Resource

import services
from services.catalog import http as catalog
from services.catalog import request_examples
from services.gateway.http import audited_path
from shared.kernel import openapi
from shared.kernel.parsing import parse_body

SERVICES = ("catalog", "events", "notify", "gateway")


def checked_in(service: str) -> str:
    return (Path(services.__path__[0]) / service / "openapi.json").read_text("utf-8")


def paths(service: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(checked_in(service))["paths"]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_the_checked_in_description_is_up_to_date(service: str) -> None:
    """A process of its own: the table of problems must hold the service's codes and nobody else's."""
    command = [sys.executable, "-m", f"services.{service}.openapi"]
    described = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert described == checked_in(service), f"python -m services.{service}.openapi > services/{service}/openapi.json"


def looked_through() -> Any:
    """OpenAPI's own schema, looked through for anchors once: left alone, the validator does so at each reference."""
    validator = openapi_v31_schema_validator.__wrapped__
    schema: Resource[Any] = Resource.from_contents(validator.schema)
    name = schema.id() or ""
    registry = validator._registry.with_resource(name, schema).crawl()
    return type(validator)(validator.schema, _resolver=registry.resolver(name))


class SpecValidator(OpenAPIV31SpecValidator):
    """The same, and twice as fast."""

    schema_validator = looked_through()


@pytest.mark.long
def test_all_of_them_together_are_valid() -> None:
    """What is for the gateway alone included."""
    everything = [json.loads(checked_in(service).replace('"/internal/', '"/api/internal/')) for service in SERVICES]
    document = openapi.merge(everything, title="All of them")
    assert "/api/internal/registrations" in document["paths"]
    validate(document, cls=SpecValidator)
    document["paths"]["/api/v1/projects/{id}"]["get"]["responses"]["200"]["description"] = 3
    assert not SpecValidator(document).is_valid()


@pytest.mark.parametrize("service", SERVICES)
def test_each_is_whole(service: str) -> None:
    """It names nothing that only another one has."""
    text = checked_in(service)
    document = json.loads(text)
    for name in re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', text):
        assert name in document["components"]["schemas"]
    assert text.count('"$ref": "') == text.count('"$ref": "#/components/schemas/')
    frame = document | {"paths": {}, "components": {}}
    validate(frame, cls=SpecValidator)


def test_it_names_every_filter_of_the_search() -> None:
    parameters = {each["name"] for each in paths("catalog")["/api/v1/projects"]["get"]["parameters"]}
    wanted = {"q", "topic", "group", "legal_form", "stage", "organisation", "district", "sort", "limit", "cursor"}
    assert wanted <= parameters


def test_every_filter_of_the_catalogue_says_what_it_does() -> None:
    operations = [(path, each) for path, methods in paths("catalog").items() for each in methods.values()]
    silent = [
        (path, each["name"])
        for path, operation in operations
        for each in operation["parameters"]
        if each["in"] == "query" and "description" not in each
    ]
    assert silent == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_name_of_a_schema_says_where_the_code_has_it(service: str) -> None:
    names = json.loads(checked_in(service))["components"]["schemas"]
    assert [name for name in names if "__" in name] == []


def test_every_body_of_the_catalogue_has_an_example_that_its_own_check_takes() -> None:
    nothing: Any = None
    described = catalog.endpoints(nothing, nothing, nothing, nothing, nothing)
    public = [each for each in described if each.body and each.path.startswith("/api/")]
    assert [(each.method, each.path) for each in public if each.example is None] == []
    for each in public:
        assert each.body
        parse_body(each.body, orjson.dumps(each.example))
    shown = paths("catalog")["/api/v1/topics"]["post"]["requestBody"]["content"]["application/json"]
    assert shown["example"]["label"] == "Wärmeplanung"
    known = {(each.method, each.path.removeprefix("/api/v1")) for each in public}
    assert request_examples.EXAMPLES.keys() <= known


def test_the_table_holds_the_refusals_of_the_service() -> None:
    table = json.loads(checked_in("events"))["info"]["x-problem-codes"]
    assert {"date_in_past", "weekday_mismatch", "registration_closed", "postponement_required"} <= table.keys()


def test_a_code_means_the_same_in_every_service() -> None:
    meanings: dict[str, Any] = {}
    for service in SERVICES:
        for code, meaning in json.loads(checked_in(service))["info"]["x-problem-codes"].items():
            assert meanings.setdefault(code, meaning) == meaning, (service, code)
    assert {"unknown_topic", "unknown_organisation"} <= meanings.keys()


def test_what_the_gateway_alone_may_call_is_marked_by_its_path() -> None:
    internal = [path for path in paths("events") if path.startswith("/internal/")]
    assert internal == [
        "/internal/enrolments",
        "/internal/people/{id}/questions",
        "/internal/registrations",
        "/internal/sessions/{id}/participants",
        "/internal/sessions/{id}/people/{person_id}",
        "/internal/sessions/{id}/question-checks",
        "/internal/sessions/{id}/questions",
        "/internal/sessions/{id}/registration-checks",
        "/internal/sessions/{id}/registrations",
    ]


def test_the_audit_log_keeps_no_token_of_any_address() -> None:
    described = {path for service in SERVICES for path in paths(service) if "{token}" in path}
    assert described
    asked = {path: re.sub(r"\{(?!token)\w+\}", "x", path).replace("{token}", "whose-link") for path in described}
    assert {path for path, of_somebody in asked.items() if "whose-link" in audited_path(of_somebody)} == set()
