"""What subscribers rely on: the checked-in schemas say what the code does, and only ever say more."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from shared.kernel import schemas
from shared.kernel.cloud_events import Publisher
from shared.kernel.codec import Codec
from shared.kernel.schemas import ASYNCAPI, ENVELOPE, all_contracts, asyncapi, breaking, check, generate, losses, write
from tests.integration.kernel.hall import HALL

SPECIFICATION = Path("node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json")
PERSONAL = {"email", "mail", "phone", "first_name", "last_name", "person_name", "birthday", "token"}

BEFORE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "mode"],
    "properties": {
        "id": {"type": "string", "title": "Id"},
        "mode": {"enum": ["online", "in_person"], "type": "string"},
        "seats": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
        "place": {"$ref": "#/$defs/Place"},
        "topics": {"type": "array", "items": {"type": "string"}},
    },
    "$defs": {
        "Place": {"type": "object", "properties": {"city": {"type": "string"}, "in": {"$ref": "#/$defs/Place"}}},
    },
}


def changed(path: str, value: Any = None) -> dict[str, Any]:
    """BEFORE with another value at `path`, or without it."""
    after = deepcopy(BEFORE)
    *steps, last = path.split("/")
    place: Any = after
    for step in steps:
        place = place[int(step)] if step.isdecimal() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return after


def test_the_checked_in_schemas_are_what_the_code_says() -> None:
    assert check(schemas.stored(), generate()) == []


SCHEMAS = {name: schema for name, schema in generate().items() if name != ASYNCAPI}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_asyncapi_document_is_valid() -> None:
    validator = jsonschema.Draft7Validator(json.loads(SPECIFICATION.read_text()))
    document = generate()[ASYNCAPI]
    assert [error.message for error in validator.iter_errors(document)] == []
    document["operations"][next(iter(document["operations"]))]["action"] = "shout"
    assert list(validator.iter_errors(document))


def test_everything_in_the_asyncapi_document_that_is_referred_to_is_there() -> None:
    document = generate()[ASYNCAPI]

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for part in value.values() for found in references(part)]
        return [found for part in value for found in references(part)] if isinstance(value, list) else []

    for reference in references(document):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert document["channels"].keys() == {contract.type for contract in all_contracts()}
    assert asyncapi([])["channels"] == {}


def test_no_contract_has_a_field_for_personal_data() -> None:
    for contract in all_contracts():
        assert not PERSONAL & contract.model_fields.keys(), contract.type


def envelope_as_published(**changes: Any) -> dict[str, Any]:
    """What the relay makes of one row of a journal."""
    row = {
        "position": 7,
        "stream": "hall-h",
        "version": 3,
        "type": "SeatBooked",
        "form": 1,
        "data": '{"at":"2026-03-01T09:00:00Z","hall":"h","guest":"g1"}',
        "correlation_id": "c",
        "causation_id": "hall-h@2",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "history": True,
        "aggregate": "seat/g1",
        "aggregate_version": 1,
        "recorded_at": datetime(2026, 3, 1, 9, 0, 0, 5, tzinfo=UTC),
        **changes,
    }
    store_id = "01a208f4-42bc-77c8-89b1-93b0aac683f3"
    publisher = Publisher("catalog", Codec([HALL]), [HALL], "http://127.0.0.1:8080", store_id)
    envelope: dict[str, Any] = json.loads(publisher.message(cast("Any", row), 0).body)
    return envelope


def test_what_the_relay_publishes_follows_the_schema_of_the_envelope() -> None:
    schema = generate()[ENVELOPE]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    envelope = envelope_as_published()
    validator.validate(envelope)
    validator.validate(envelope_as_published(causation_id=None, traceparent=None, history=False))
    assert envelope.keys() <= schema["properties"].keys()
    for wrong in ({"position": 0}, {"time": "yesterday"}, {"type": "other"}, {"id": "session"}, {"history": False}):
        assert not validator.is_valid(envelope | wrong), wrong


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        changed("properties/link", {"type": "string"}),
        changed("properties/mode/enum", ["online", "in_person", "hybrid"]),
        changed("properties/id/title", "Identity"),
        changed("properties/id/description", "Whose it is."),
        changed("$defs/Place/properties/ags", {"type": "string"}),
        changed("$defs/Unused", {"type": "string"}),
        changed("properties/place", {"$ref": "#/$defs/Place", "description": "Where."}),
    ],
)
def test_an_addition_takes_nothing_away(after: dict[str, Any]) -> None:
    assert losses(BEFORE, after) == []


@pytest.mark.parametrize(
    ("after", "complaint"),
    [
        (changed("properties/seats"), "/seats is gone"),
        (changed("required", ["id", "mode", "seats"]), "/seats becomes required"),
        (changed("required", ["id"]), "/mode is no longer always there"),
        (changed("properties/id/type", "integer"), "/id changes type: string → integer"),
        (changed("properties/id/format", "uuid"), "/id changes format: None → uuid"),
        (changed("properties/id/enum", ["a"]), "/id is narrowed to an enumeration"),
        (changed("properties/mode/enum", ["online"]), "/mode no longer has in_person"),
        (changed("properties/seats/anyOf", [{"type": "integer", "minimum": 1}]), "/seats changes its kinds (anyOf)"),
        (changed("properties/seats/anyOf/0/minimum", 2), "/seats[0] changes minimum: 1 → 2"),
        (changed("properties/topics/items/type", "integer"), "/topics/* changes type: string → integer"),
        (changed("$defs/Place/properties/city"), "/place/city is gone"),
        (changed("additionalProperties", {"type": "string"}), "/ changes additionalProperties"),
        (changed("properties/place", {"type": "string"}), "/place changes type: object → string"),
    ],
)
def test_a_loss_is_named(after: dict[str, Any], complaint: str) -> None:
    assert complaint in losses(BEFORE, after)


def test_renaming_a_field_is_a_loss_and_a_new_required_one_too() -> None:
    after = changed("properties/id")
    after["properties"]["identity"] = {"type": "string"}
    after["required"] = ["identity", "mode"]
    assert losses(BEFORE, after) == ["/id is gone", "/identity becomes required"]


def test_a_contract_that_goes_is_a_loss_and_a_new_one_is_none() -> None:
    assert breaking({"a.json": BEFORE}, {"b.json": BEFORE}) == ["a.json: the contract is gone"]
    assert check({"a.json": BEFORE}, {"a.json": BEFORE, "b.json": BEFORE}) == [
        "b.json: not what the code says; run --write"
    ]


def test_another_key_in_the_subject_is_a_loss() -> None:
    after = generate()
    before = deepcopy(after)
    channel = after[ASYNCAPI]["channels"]["ikz.events.registration.received.v1"]
    channel["address"] = "ikz.events.registration.received.v1.{session_id}"
    assert breaking(before, before) == []
    (complaint,) = breaking(before, after)
    assert complaint.startswith("ikz.events.registration.received.v1.json: the subject changes: ")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write({"a.json": BEFORE}, tmp_path)
    assert schemas.stored(tmp_path) == {"a.json": BEFORE}


def test_the_command_refuses_to_break_a_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promised = generate()
    name = next(iter(promised))
    promised[name]["properties"]["promised"] = {"type": "string"}
    monkeypatch.setattr(schemas, "stored", lambda: promised)
    monkeypatch.setattr(schemas, "write", lambda files: write(files, tmp_path))
    assert schemas.main(["--write"]) == 1
    assert schemas.main(["--check"]) == 1
    assert f"{name}: /promised is gone" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    del promised[name]["properties"]["promised"]
    assert schemas.main(["--write"]) == 0
    assert schemas.main(["--check"]) == 0
    assert len(list(tmp_path.iterdir())) == len(promised)
