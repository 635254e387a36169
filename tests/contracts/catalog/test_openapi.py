"""The checked-in description of the HTTP API is the one the code gives, and a valid one."""

import json
import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

import services.catalog

CHECKED_IN = Path(services.catalog.__file__).with_name("openapi.json")


def test_the_checked_in_description_is_up_to_date() -> None:
    """A process of its own: the table of problems must hold the catalogue's codes and nobody else's."""
    command = [sys.executable, "-m", "services.catalog.openapi"]
    described = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert described == CHECKED_IN.read_text("utf-8"), (
        "python -m services.catalog.openapi > services/catalog/openapi.json"
    )


def test_it_is_valid() -> None:
    validate(json.loads(CHECKED_IN.read_bytes()), cls=OpenAPIV31SpecValidator)


def test_it_names_every_filter_of_the_search() -> None:
    paths = json.loads(CHECKED_IN.read_bytes())["paths"]
    parameters = {each["name"] for each in paths["/api/v1/projects"]["get"]["parameters"]}
    wanted = {"q", "topic", "group", "legal_form", "stage", "organisation", "district", "sort", "limit", "cursor"}
    assert wanted <= parameters
