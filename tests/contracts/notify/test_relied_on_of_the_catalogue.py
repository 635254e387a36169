"""What the catalogue publishes of projects, cooperation requests and checklists has all that is relied on here."""

import json
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from services.notify import cooperation_matter, project_matter, undertaking_matter
from shared.contracts.catalog import StepDueWithdrawn
from shared.contracts.contract import Contract
from tests.contracts.notify.test_relied_on import missing

HERE = Path(__file__).parent
HEARD: set[type[Contract]] = {
    *project_matter.KINDS,
    *cooperation_matter.KINDS,
    *undertaking_matter.KINDS,
    StepDueWithdrawn,
}
CONTRACTS = {contract.type: contract for contract in HEARD}


def examples(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
    return [example for example in found if example["type"] in CONTRACTS]


RELIED_ON = {example["type"]: example for example in examples(HERE / "relied_on")}
PUBLISHED = examples(HERE.parent / "catalog" / "published")


def test_everything_that_is_heard_has_an_example_on_both_sides() -> None:
    assert set(RELIED_ON) == {example["type"] for example in PUBLISHED} == set(CONTRACTS)


@pytest.mark.parametrize("example", [*PUBLISHED, *RELIED_ON.values()], ids=itemgetter("type"))
def test_every_example_is_understood(example: dict[str, Any]) -> None:
    cause = CONTRACTS[example["type"]].model_validate(example["data"])
    assert cause.aggregate.partition("/")[2]


@pytest.mark.parametrize("example", PUBLISHED, ids=itemgetter("type"))
def test_the_catalogues_example_has_all_that_is_relied_on(example: dict[str, Any]) -> None:
    assert not missing(RELIED_ON[example["type"]]["data"], example["data"])
