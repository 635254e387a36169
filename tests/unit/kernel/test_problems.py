"""Every no has one code, one status, a German and an English title."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel import problems
from shared.kernel.decider import Refused
from shared.kernel.problems import FieldError, Problem, from_refusal, meaning_of, of_fields, register, render


@pytest.mark.parametrize("code", problems.GENERIC)
def test_every_code_can_be_shown(code: str) -> None:
    shown = render(Problem(code))
    assert shown.keys() == {"type", "title", "status", "detail", "code", "errors"}
    assert shown["title"] == meaning_of(code).german
    assert render(Problem(code), "en")["title"] == meaning_of(code).english
    assert shown["type"] == f"/api/v1/openapi.json#/info/x-problem-codes/{code}"


def test_details_fill_the_sentence() -> None:
    problem = from_refusal(Refused("weekday_mismatch", weekday="Freitag"))
    shown = render(problem)
    assert (shown["status"], shown["detail"]) == (409, "Der Tag ist ein Freitag.")
    assert shown["details"] == {"weekday": "Freitag"}


def test_a_sentence_that_cannot_be_filled_is_left_out() -> None:
    assert render(from_refusal(Refused("weekday_mismatch")))["detail"] is None


def test_a_refusal_may_name_its_field() -> None:
    shown = render(from_refusal(Refused("ends_before_start", field="/ends_at")))
    assert shown["errors"] == [
        {"field": "/ends_at", "code": "ends_before_start", "detail": "Das Ende muss nach dem Beginn liegen."}
    ]
    assert "details" not in shown


def test_a_problem_may_name_several_fields() -> None:
    shown = render(of_fields("ends_before_start", ["/talks/0/ends_at", "/talks/2/ends_at"]))
    assert [error["field"] for error in shown["errors"]] == ["/talks/0/ends_at", "/talks/2/ends_at"]
    assert {error["detail"] for error in shown["errors"]} == {shown["detail"]}


def test_a_code_that_nobody_registered_is_a_rule() -> None:
    assert render(from_refusal(Refused("never_heard_of")))["status"] == 409
    assert not problems.known("never_heard_of")


def test_a_code_has_one_meaning() -> None:
    register({"for_this_test": (409, "Für diesen Test", "For this test")})
    register({"for_this_test": (409, "Für diesen Test", "For this test")})
    assert problems.known("for_this_test")
    with pytest.raises(ValueError, match="two meanings"):
        register({"for_this_test": (410, "Für diesen Test", "For this test")})


@given(st.text(), st.dictionaries(st.text(), st.one_of(st.integers(), st.text())))
def test_no_detail_breaks_the_answer(detail: str, details: dict[str, str | int]) -> None:
    shown = render(Problem("weekday_mismatch", detail, [FieldError("/a", "b", "c")], details=details))
    assert shown["detail"] == detail


@given(st.text())
def test_what_a_client_sent_is_never_a_template(text: str) -> None:
    assert render(Problem("weekday_mismatch", details={"weekday": text}))["detail"] == f"Der Tag ist ein {text}."
