"""Funding programmes, and what their formula gives."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as st
from pydantic import ValidationError

from services.catalog.funding_estimate import FundingQuery, ProgrammeShown, estimate, validity
from services.catalog.funding_programme import (
    FUNDING_PROGRAMME,
    Programme,
    ProgrammeCommand,
    ProgrammeEvent,
    ProgrammeRecorded,
    ProgrammeWithdrawn,
    RecordProgramme,
    Terms,
    WithdrawProgramme,
)
from services.catalog.load_content import CONTENT
from shared.kernel.testing import Given, given

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = "00000000-0000-5000-8000-000000000001"
LOADED = {
    each["key"]: Terms.model_validate(each["terms"])
    for each in json.loads((CONTENT / "funding_programmes.json").read_text("utf-8"))
}
TERMS = LOADED["ikz-nrw-2021"]
RECORD = RecordProgramme(programme_id=ID, terms=TERMS)
RECORDED = ProgrammeRecorded(at=AT, programme_id=ID, terms=TERMS)
WITHDRAWN = ProgrammeWithdrawn(at=AT, programme_id=ID, reason="Doppelt")


def so_far(*events: ProgrammeEvent) -> Given[Programme | None, ProgrammeCommand, ProgrammeEvent]:
    return given(FUNDING_PROGRAMME, events)


def shown(terms: Terms = TERMS, **changes: Any) -> ProgrammeShown:
    changed = terms.model_copy(update=changes)
    return ProgrammeShown(**changed.model_dump(), id=ID, version=1, validity=validity(changed))


def test_a_programme_is_recorded_once() -> None:
    so_far().when(RECORD, at=AT).then([RECORDED])


def test_what_its_guideline_says_now_takes_the_place_of_what_it_said() -> None:
    longer = TERMS.model_copy(update={"valid_to": date(2027, 12, 31)})
    again = ProgrammeRecorded(at=AT, programme_id=ID, terms=longer)
    so_far(RECORDED).when(RecordProgramme(programme_id=ID, terms=longer), at=AT).then([again])


def test_a_programme_is_withdrawn_once_and_comes_not_back() -> None:
    so_far(RECORDED).when(WithdrawProgramme(reason="Doppelt"), at=AT).then([WITHDRAWN])
    so_far(RECORDED, WITHDRAWN).when(WithdrawProgramme(reason="noch einmal")).nothing()
    so_far(RECORDED, WITHDRAWN).when(RECORD).refused("programme_withdrawn")
    so_far(RECORDED, WITHDRAWN).when(RECORD.model_copy(update={"loaded": True})).nothing()
    so_far().when(WithdrawProgramme(reason="?")).not_there()


@pytest.mark.parametrize(
    ("partners", "cost", "cross_border", "amount"),
    [
        (2, 1_000_000, False, 175_000),
        (3, 1_000_000, False, 210_000),
        (5, 1_000_000, False, 280_000),
        (5, 1_000_000, True, 280_000),
        (2, 100_000, False, 90_000),
        (2, 194_444, False, 174_999),
        (1, 1_000_000, True, 75_000),
        (1, 50_000, True, 45_000),
        (2, 1, False, 0),
    ],
)
def test_the_formula_of_the_guideline(partners: int, cost: int, cross_border: bool, amount: int) -> None:  # noqa: FBT001
    asked = FundingQuery(partners=partners, eligible_cost_eur=cost, cross_border=cross_border)
    found = estimate(shown(), asked)
    assert found.amount_eur == amount
    assert found.steps[-1].amount_eur == amount


def test_the_formula_is_shown_step_by_step() -> None:
    found = estimate(shown(), FundingQuery(partners=4, eligible_cost_eur=250_000))
    assert found.formula == "min(175.000 € + 35.000 € × (n − 2), 90 % × zuwendungsfähige Ausgaben)"
    assert [(step.text, step.calculation, step.amount_eur) for step in found.steps] == [
        ("Grundbetrag für 2 Partner", "175.000 €", 175_000),
        ("Weitere Partner: 2", "2 × 35.000 €", 70_000),
        ("Summe", "175.000 € + 70.000 €", 245_000),
        ("Höchstens 90 % der zuwendungsfähigen Ausgaben", "90 % × 250.000 €", 225_000),
        ("Der kleinere der beiden Beträge", "min(245.000 €, 225.000 €)", 225_000),
    ]


def test_where_the_guideline_names_no_amount_that_is_said() -> None:
    across = FundingQuery(partners=1, eligible_cost_eur=100_000, cross_border=True)
    older = estimate(shown(LOADED["ikz-nrw-2019"]), across)
    assert (older.amount_eur, older.steps) == (None, ())
    assert older.reason == "Die Richtlinie nennt keinen Betrag für weniger als 2 Partner in NRW."
    few = estimate(shown(base_partners=3), FundingQuery(partners=2, eligible_cost_eur=1, cross_border=True))
    assert few.amount_eur is None


@whatever(st.integers(2, 500), st.integers(1, 10**9))
def test_no_estimate_is_more_than_the_cost_allows_or_the_partners_bring(partners: int, cost: int) -> None:
    amount = estimate(shown(), FundingQuery(partners=partners, eligible_cost_eur=cost)).amount_eur
    assert amount is not None
    assert 0 <= amount <= cost * 9 // 10
    assert amount <= 175_000 + 35_000 * (partners - 2)


@pytest.mark.parametrize(
    "asked",
    [
        {"partners": 1, "eligible_cost_eur": 1},
        {"partners": 0, "eligible_cost_eur": 1},
        {"partners": 501, "eligible_cost_eur": 1},
        {"partners": 2, "eligible_cost_eur": -1},
        {"partners": 2, "eligible_cost_eur": 0},
        {"partners": 2, "eligible_cost_eur": 10**9 + 1},
        {"partners": 2, "eligible_cost_eur": "viel"},
        {"partners": 2},
    ],
)
def test_what_contradicts_itself_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FundingQuery(**asked)


def test_one_guideline_follows_the_other() -> None:
    first, second = LOADED["ikz-nrw-2019"], LOADED["ikz-nrw-2021"]
    assert (first.valid_from, first.valid_to) == (date(2019, 7, 18), date(2021, 8, 30))
    assert second.valid_from == date(2021, 8, 31)
    assert len(LOADED) == 2


def test_an_end_that_nobody_knows_is_said() -> None:
    assert validity(TERMS).startswith(
        "Gilt seit 31.08.2021. Ein Ende der Geltung ist nicht bekannt. Das Ende ist nicht"
    )
    assert validity(LOADED["ikz-nrw-2019"]).startswith("Gilt seit 18.07.2019 bis 30.08.2021. Durch die Richtlinie")


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_to": "2021-08-30"},
        {"sources": []},
        {"cap_share": 1.5},
        {"cap_share": 0},
        {"base_amount_eur": -1},
        {"base_partners": 1},
        {"title": ""},
        {"colour": "green"},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Terms.model_validate(TERMS.model_dump() | wrong)
