"""The description that is checked in is the one the code gives."""

import json
from pathlib import Path

from openapi_spec_validator import validate

from services.notify import openapi


def test_the_checked_in_description_is_the_present_one() -> None:
    checked_in = Path(openapi.__file__).with_name("openapi.json").read_text("utf-8")
    assert checked_in == openapi.document(), "python -m services.notify.openapi > services/notify/openapi.json"


def test_it_is_openapi() -> None:
    validate(json.loads(openapi.document()))
