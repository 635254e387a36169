"""The checked-in description of the HTTP API is the one the code gives, and a valid one."""

import json
import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

import services.events

CHECKED_IN = Path(services.events.__file__).with_name("openapi.json")


def test_the_checked_in_description_is_up_to_date() -> None:
    """A process of its own: the table of problems must hold the service's codes and nobody else's."""
    command = [sys.executable, "-m", "services.events.openapi"]
    described = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert described == CHECKED_IN.read_text("utf-8"), (
        "python -m services.events.openapi > services.events/openapi.json"
    )


def test_it_is_valid() -> None:
    validate(json.loads(CHECKED_IN.read_bytes()), cls=OpenAPIV31SpecValidator)


def test_every_code_of_an_endpoint_is_in_the_table() -> None:
    document = json.loads(CHECKED_IN.read_bytes())
    table = document["info"]["x-problem-codes"]
    assert {"date_in_past", "weekday_mismatch", "registration_closed", "postponement_required"} <= table.keys()


def test_what_the_gateway_alone_may_call_is_marked_by_its_path() -> None:
    paths = json.loads(CHECKED_IN.read_bytes())["paths"]
    assert [path for path in paths if path.startswith("/internal/")] == ["/internal/sessions/{id}/registrations"]
