"""The checked-in descriptions of the services' HTTP APIs are those the code gives, and valid ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

import services
from services.catalog import http as catalog
from services.catalog import request_examples
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


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_valid(service: str) -> None:
    validate(json.loads(checked_in(service)), cls=OpenAPIV31SpecValidator)


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
    assert [name for name in names if "__" in name or name.endswith(("-Input", "-Output"))] == []


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
    assert internal == ["/internal/sessions/{id}/registrations"]
