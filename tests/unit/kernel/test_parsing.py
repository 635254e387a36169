"""Bodies and queries become values, or a problem that names the field in German."""

import datetime as dt
import json
from contextlib import suppress
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from pydantic import AwareDatetime, BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from shared.kernel.parsing import FALLBACK, PYDANTICS_OWN, SENTENCES, parse_body, parse_query
from shared.kernel.problems import FieldError, Problem


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Place(BaseModel):
    city: str = Field(min_length=2)
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []


class Body(BaseModel):
    title: str
    seats: int | None = None
    at: AwareDatetime | None = None
    day: Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), le=dt.date(2099, 12, 31))] | None = None
    place: Place | None = None
    either: Annotated[int, Field(le=9)] | bool | None = None
    extra: dict[str, str] = {}

    @field_validator("title")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value.isupper():
            raise PydanticCustomError("shouting", "Bitte nicht in Großbuchstaben.")
        return value


class Query(BaseModel):
    limit: int = Field(20, ge=1, le=100)
    topic: list[str] = []
    near: str | None = None
    open: bool | None = None


def refusal(raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as refused:
        parse_body(Body, raw)
    assert refused.value.code == "invalid_request"
    return [(error.field, error.code) for error in refused.value.errors]


def problem_with(raw: bytes) -> Problem | None:
    try:
        parse_body(Body, raw)
    except Problem as problem:
        return problem
    return None


def malformed(raw: bytes) -> bool:
    with pytest.raises(Problem) as refused:
        parse_body(Body, raw)
    return refused.value.code == "malformed_json"


def test_a_body_becomes_a_value() -> None:
    raw = b'{"title": "Termin", "seats": 5, "at": "2025-08-28T10:00:00+02:00", "day": "2025-08-28"}'
    body = parse_body(Body, raw)
    assert (body.title, body.seats, body.day) == ("Termin", 5, dt.date(2025, 8, 28))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'title': 1}",
        b'{"title": "a"} x',
        b'{"title": "\xff"}',
        b'{"title": "\\ud800"}',
        b'{"title": "a\x00b"}',
        b'{"title": "a", "seats": NaN}',
        b'{"title": "a", "extra": {"x": -Infinity}}',
        b"[" * 100_000,
        b'{"title": ' + b"1" * 5000 + b"}",
        "\ufeff{}".encode(),
        '{"title": "a"}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    assert malformed(raw)


@pytest.mark.parametrize(
    ("raw", "errors"),
    [
        (b"{}", [("/title", "missing")]),
        (b"[]", [("", "model_type")]),
        (b"null", [("", "model_type")]),
        (b'{"title": 1}', [("/title", "string_type")]),
        (b'{"title": "a", "seats": "5"}', [("/seats", "int_type")]),
        (b'{"title": "a", "seats": true}', [("/seats", "int_type")]),
        (b'{"title": "a", "seats": 1.5}', [("/seats", "int_type")]),
        (b'{"title": "a", "tilte": "b"}', [("/tilte", "extra_forbidden")]),
        (b'{"title": "a", "a/b~c": "b"}', [("/a~1b~0c", "extra_forbidden")]),
        (b'{"title": "a", "place": {"city": "Bonn", "zip": 1}}', [("/place/zip", "extra_forbidden")]),
        (b'{"title": "a", "place": {"city": "B"}}', [("/place/city", "string_too_short")]),
        (b'{"title": "a", "at": "2025-08-28T10:00:00"}', [("/at", "timezone_aware")]),
        (b'{"title": "a", "at": "morgen"}', [("/at", "datetime_parsing")]),
        (b'{"title": "a", "day": "2025-02-30"}', [("/day", "date_parsing")]),
        (b'{"title": "A"}', [("/title", "shouting")]),
        (b'{"title": "a\\u0000b"}', [("/title", "character_not_allowed")]),
        (b'{"title": "\\u200b"}', [("/title", "nothing_to_see")]),
        ('{"title": "\u200b \u2800"}'.encode(), [("/title", "nothing_to_see")]),
        (b'{"title": "a", "extra": {"a": "\\u0000"}}', [("/extra/a", "character_not_allowed")]),
        (b'{"title": "a", "extra": {"\\u0000": "b"}}', [("/extra", "character_not_allowed")]),
        (b'{"title": "a", "place": {"city": "Bonn", "pets": [{"kind": "cat"}]}}', [("/place/pets/0/lives", "missing")]),
        (
            b'{"title": "a", "place": {"city": "Bonn", "pets": [{"kind": "cow"}]}}',
            [("/place/pets/0", "union_tag_invalid")],
        ),
        (b'{"title": "a", "either": "x"}', [("/either", "int_type"), ("/either", "bool_type")]),
        (b'{"title": "a", "either": 10}', [("/either", "less_than_equal")]),
    ],
)
def test_another_shape_names_the_field(raw: bytes, errors: list[tuple[str, str]]) -> None:
    assert refusal(raw) == errors


def test_an_escaped_backslash_is_no_nul() -> None:
    assert parse_body(Body, b'{"title": "a\\\\u0000"}').title == "a\\u0000"


def spelled(value: object) -> list[bytes]:
    """The JSON of a value, as it is and with escapes."""
    return [json.dumps(value, ensure_ascii=ascii_only).encode() for ascii_only in (False, True)]


@pytest.mark.parametrize(
    "character", ["\b", "\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\ufdd0", "\uffff", "\U0010fffe"]
)
def test_what_no_reader_sees_for_what_it_is_is_no_text(character: str) -> None:
    for raw in spelled({"title": f"a{character}b", "extra": {"ü": character}}):
        with pytest.raises(Problem) as refused:
            parse_body(Body, raw)
        said = f"Das Zeichen U+{ord(character):04X} ist nicht erlaubt."
        assert refused.value.errors == [
            FieldError(where, "character_not_allowed", said) for where in ("/title", "/extra/ü")
        ]


@pytest.mark.parametrize(
    "text",
    ["Zeile\r\n\tnoch eine", "Groß\u00adstadt", "a\u00a0b\u202fc", "\u200fעברית", "👩\u200d🚒", "\ue000", "\U000e0080"],
)
def test_everything_else_is_text(text: str) -> None:
    for raw in spelled({"title": text}):
        assert parse_body(Body, raw).title == text


def test_the_words_nan_and_infinity_are_allowed_in_texts() -> None:
    assert parse_body(Body, b'{"title": "NaN to Infinity"}').title == "NaN to Infinity"


def test_sentences_are_german_and_filled() -> None:
    with pytest.raises(Problem) as refused:
        parse_body(Body, b'{"title": "A", "place": {"city": "B"}}')
    assert [error.detail for error in refused.value.errors] == [
        "Bitte nicht in Großbuchstaben.",
        "Der Text ist zu kurz (mindestens 2 Zeichen).",
    ]


def test_every_sentence_is_for_an_error_that_exists() -> None:
    ours = {"unknown_parameter", "repeated_parameter"}
    assert SENTENCES.keys() - ours <= PYDANTICS_OWN


def test_an_error_without_a_sentence_has_a_german_one_too() -> None:
    class Even(BaseModel):
        number: int = Field(multiple_of=2)

    with pytest.raises(Problem) as refused:
        parse_body(Even, b'{"number": 1}')
    assert [error.detail for error in refused.value.errors] == [FALLBACK]


def test_a_bound_is_written_in_german() -> None:
    class Near(BaseModel):
        within_km: float = Field(gt=0, le=1_000_000)
        share: float = Field(ge=0.5)

    with pytest.raises(Problem) as refused:
        parse_body(Near, b'{"within_km": -1, "share": 0}')
    assert [error.detail for error in refused.value.errors] == [
        "Die Zahl muss größer als 0 sein.",
        "Die Zahl muss mindestens 0,5 sein.",
    ]


@given(st.binary())
def test_any_bytes_are_a_body_or_a_problem(raw: bytes) -> None:
    problem = problem_with(raw)
    assert problem is None or problem.code in ("malformed_json", "invalid_request")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*Body.model_fields, "kind", "city", "pets", ""]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_body_or_a_problem(value: object) -> None:
    problem = problem_with(json.dumps(value).encode())
    assert problem is None or problem.code in ("malformed_json", "invalid_request")
    assert problem is None or all(error.field == "" or error.field.startswith("/") for error in problem.errors)


def query_refusal(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as refused:
        parse_query(Query, MultiDict(pairs))
    assert refused.value.code == "invalid_query"
    return [(error.field, error.code) for error in refused.value.errors]


@pytest.mark.parametrize(
    ("day", "detail"),
    [
        ("1999-12-31", "Das Datum darf nicht vor dem 01.01.2000 liegen."),
        ("2100-01-01", "Das Datum darf nicht nach dem 31.12.2099 liegen."),
    ],
)
def test_a_date_out_of_bounds_is_no_number(day: str, detail: str) -> None:
    problem = problem_with(json.dumps({"title": "x", "day": day}).encode())
    assert problem is not None
    assert [error.detail for error in problem.errors] == [detail]


def test_a_query_becomes_a_value() -> None:
    query = parse_query(Query, MultiDict([("topic", "a"), ("topic", "b"), ("limit", "5"), ("open", "true")]))
    assert (query.topic, query.limit, query.near, query.open) == (["a", "b"], 5, None, True)
    assert parse_query(Query, MultiDict([("topic", "a")])).topic == ["a"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("limit", "0", "greater_than_equal"),
        ("limit", "101", "less_than_equal"),
        ("limit", "viele", "int_parsing"),
        ("limit", "9" * 5000, "int_parsing_size"),
        ("open", "vielleicht", "bool_parsing"),
        ("near", "a\0", "character_not_allowed"),
        ("near", "\ud800", "character_not_allowed"),
        ("topics", "a", "unknown_parameter"),
    ],
)
def test_a_bad_parameter_is_named(name: str, value: str, code: str) -> None:
    assert query_refusal((name, value)) == [(name, code)]


def test_a_single_parameter_stands_once() -> None:
    assert query_refusal(("limit", "5"), ("limit", "6")) == [("limit", "repeated_parameter")]


@given(st.lists(st.tuples(st.sampled_from([*Query.model_fields, "x"]), st.text()), max_size=5))
def test_any_query_is_a_value_or_a_problem(pairs: list[tuple[str, str]]) -> None:
    with suppress(Problem):
        parse_query(Query, MultiDict(pairs))
