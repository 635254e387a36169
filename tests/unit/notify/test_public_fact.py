"""What programs of others are told."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from services.notify import public_fact
from services.notify.public_fact import SHOWN, TYPES, WILDCARDS, PublicFact
from shared.contracts.contract import Contract
from shared.kernel.inbox import Received
from shared.kernel.schemas import all_contracts
from shared.kernel.testing import NOON

CONTRACTS = Path(__file__).parents[2] / "contracts"
EXAMPLES = [
    json.loads(file.read_bytes())
    for service in ("catalog", "events", "notify")
    for file in sorted((CONTRACTS / service / "published").glob("*.json"))
]
KNOWN = {contract.type: contract for contract in all_contracts()}


def received(contract: Contract, number: int = 1, at: dt.datetime = NOON) -> Received[Any]:
    """A contract as the inbox hands it on."""
    return Received(
        data=contract,
        id=f"{contract.type.split('.')[2]}-{contract.aggregate_id}@{number}",
        type=contract.type,
        aggregate=contract.aggregate,
        aggregate_version=number,
        position=number,
        time=at,
        recorded_at=at,
        history=False,
        live=True,
        correlation_id="c",
        traceparent=None,
    )


def facts() -> list[PublicFact]:
    told = [KNOWN[each["type"]].model_validate(each["data"]) for each in EXAMPLES if each["type"] in TYPES]
    return [fact for contract in told if (fact := public_fact.of(received(contract)))]


def test_every_offered_contract_has_an_example_that_is_told() -> None:
    assert {fact.type for fact in facts()} == TYPES


@pytest.mark.parametrize("kind", ["registration", "question", "message", "person", "contact_request", "feedback"])
def test_nothing_about_people_is_offered(kind: str) -> None:
    assert not [type_ for type_ in TYPES if type_.split(".")[2] == kind]


def test_nothing_but_ids_is_told_and_none_of_a_person() -> None:
    shown = {name for names in SHOWN.values() for name in names}
    assert all(name.endswith("_id") or name in {"topic", "into", "merged_into"} for name in shown)
    assert not [name for name in shown if "person" in name or "registration" in name]
    titles = [each["data"]["title"] for each in EXAMPLES if "title" in each["data"]]
    assert titles
    assert not [fact.id for fact in facts() if any(title in fact.text() for title in titles)]


def test_a_draft_that_is_archived_concerns_nobody() -> None:
    archived = KNOWN["ikz.catalog.project.archived.v1"]
    told = {"project_id": "p", "was_published": True, "title": "Bauhof"}
    assert public_fact.of(received(archived.model_validate(told))) is not None
    assert public_fact.of(received(archived.model_validate(told | {"was_published": False, "title": None}))) is None


def test_a_fact_says_what_happened_when_and_to_what() -> None:
    contract = KNOWN["ikz.catalog.topic.merged.v1"].model_validate({"topic": "treasury", "label": "x", "into": "tax"})
    fact = public_fact.of(received(contract, 7))
    assert fact is not None
    assert json.loads(fact.text()) == {
        "type": "ikz.catalog.topic.merged.v1",
        "id": "topic-treasury@7",
        "timestamp": "2025-07-01T12:00:00Z",
        "subject": "topic/treasury",
        "data": {"topic": "treasury", "into": "tax"},
    }


def test_a_fact_is_asked_for_by_its_names() -> None:
    type_ = "ikz.events.session.postponed.v1"
    names = public_fact.names(type_, "s-1")
    assert names == (type_, f"{type_}.s-1", "ikz.events.session.*", "ikz.events.session.*.s-1")
    assert all(map(public_fact.is_offered, names))


@pytest.mark.parametrize(
    "wanted",
    ["", "*", "ikz.*", "ikz.catalog.*", "ikz.events.registration.*", "ikz.events.registration.confirmed.v1",
     "ikz.catalog.project.published.v2", "ikz.catalog.project.*.", "ikz.catalog.project.*.*", "ikz.catalog.project"],
)  # fmt: skip
def test_other_words_are_not_offered(wanted: str) -> None:
    assert not public_fact.is_offered(wanted)


def test_wildcards_stand_for_what_is_offered() -> None:
    assert {wildcard.removesuffix(".*") for wildcard in WILDCARDS} == {type_.rsplit(".", 2)[0] for type_ in TYPES}
