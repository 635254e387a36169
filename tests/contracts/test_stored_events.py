"""Every event a service ever stored must be readable for ever; what it published must stay what it was."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.catalog import TopicRenamed
from shared.kernel.codec import Codec
from shared.kernel.decider import Decider, Event
from shared.kernel.schemas import all_contracts

HERE = Path(__file__).parent
SERVICES = ("catalog", "events", "notify", "gateway")
DECIDERS: dict[str, tuple[Decider[Any, Any, Any], ...]] = {
    service: import_module(f"services.{service}.records").DECIDERS for service in SERVICES
}
CODECS = {service: Codec(deciders) for service, deciders in DECIDERS.items()}


def stored(service: str) -> list[Path]:
    return sorted((HERE / service / "stored_events").glob("*.json"))


STORED = [pytest.param(service, file, id=f"{service}.{file.stem}") for service in SERVICES for file in stored(service)]


def decoded(service: str, file: Path) -> Event:
    category, name, form, _ = file.name.split(".")
    return CODECS[service].decode(category, name, int(form), file.read_bytes())


@pytest.mark.parametrize(("service", "file"), STORED)
def test_a_stored_event_is_read_whole(service: str, file: Path) -> None:
    event = decoded(service, file)
    present = type(event).form == int(file.name.split(".")[2])
    assert not present or event.model_dump(mode="json") == json.loads(file.read_bytes())


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_in_every_form_has_an_example(service: str) -> None:
    expected = {
        f"{decider.category}.{event.__name__}.{form}.json"
        for decider in DECIDERS[service]
        for event in decider.events
        for form in range(1, event.form + 1)
    }
    assert expected == {file.name for file in stored(service)}


@pytest.mark.parametrize(("service", "file"), STORED)
def test_an_event_publishes_what_its_example_says(service: str, file: Path) -> None:
    category, name, *_ = file.name.split(".")
    decider = next(decider for decider in DECIDERS[service] if decider.category == category)
    contract = decider.publish(decoded(service, file))
    example = HERE / service / "published" / f"{category}.{name}.json"
    if contract is None:
        assert not example.exists()
    else:
        assert {"type": contract.type, "data": contract.model_dump(mode="json")} == json.loads(example.read_bytes())


@pytest.mark.parametrize("service", SERVICES)
def test_every_contract_has_an_example_that_it_reads(service: str) -> None:
    module = f"shared.contracts.{service}"
    known = {contract.type: contract for contract in all_contracts() if contract.__module__ == module}
    examples = [json.loads(file.read_bytes()) for file in sorted((HERE / service / "published").glob("*.json"))]
    for example in examples:
        assert known[example["type"]].model_validate(example["data"]).model_dump(mode="json") == example["data"]
    assert set(known) == {example["type"] for example in examples}


def test_a_subject_ends_with_the_aggregate() -> None:
    renamed = TopicRenamed(topic="treasury", label="Gemeindekasse", previous_label="Kasse")
    assert renamed.subject == "ikz.catalog.topic.renamed.v1.treasury"
    assert renamed.aggregate == "topic/treasury"


def test_a_reader_of_contracts_ignores_what_it_does_not_know() -> None:
    data = {"topic": "treasury", "label": "Kasse", "previous_label": "Gemeindekasse", "colour": "green"}
    assert TopicRenamed.model_validate(data).label == "Kasse"
