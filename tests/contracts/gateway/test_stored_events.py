"""Every event this service ever stored must be readable for ever; what it published must stay what it was."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.gateway.records import DECIDERS
from shared.contracts import gateway as contracts
from shared.contracts.contract import Contract
from shared.kernel.codec import Codec
from shared.kernel.decider import Decider, Event

HERE = Path(__file__).parent
STORED = sorted((HERE / "stored_events").glob("*.json"))
PUBLISHED = sorted((HERE / "published").glob("*.json"))
CODEC = Codec(DECIDERS)


def decoded(file: Path) -> Event:
    category, name, form, _ = file.name.split(".")
    return CODEC.decode(category, name, int(form), file.read_bytes())


def decider_of(category: str) -> Decider[Any, Any, Any]:
    return next(decider for decider in DECIDERS if decider.category == category)


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_a_stored_event_is_read_whole(file: Path) -> None:
    event = decoded(file)
    present = type(event).form == int(file.name.split(".")[2])
    assert not present or event.model_dump(mode="json") == json.loads(file.read_bytes())


def test_every_event_in_every_form_has_an_example() -> None:
    expected = {
        f"{decider.category}.{event.__name__}.{form}.json"
        for decider in DECIDERS
        for event in decider.events
        for form in range(1, event.form + 1)
    }
    assert expected == {file.name for file in STORED}


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_an_event_publishes_what_its_example_says(file: Path) -> None:
    category, name, *_ = file.name.split(".")
    contract = decider_of(category).publish(decoded(file))
    example = HERE / "published" / f"{category}.{name}.json"
    if contract is None:
        assert not example.exists()
    else:
        assert {"type": contract.type, "data": contract.model_dump(mode="json")} == json.loads(example.read_bytes())


def test_every_contract_has_an_example_that_it_reads() -> None:
    known = {cls.type: cls for cls in Contract.__subclasses__() if cls.__module__ == contracts.__name__}
    examples = [json.loads(file.read_bytes()) for file in PUBLISHED]
    for example in examples:
        assert known[example["type"]].model_validate(example["data"]).model_dump(mode="json") == example["data"]
    assert set(known) == {example["type"] for example in examples}
