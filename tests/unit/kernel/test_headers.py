"""Conditional and repeatable requests: what the headers may say, and what they may not."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.headers import BIGGEST, command_id, expected_version, language, matches, tag_of
from shared.kernel.ids import named_id
from shared.kernel.problems import Problem

VERSIONS = st.integers(min_value=1, max_value=BIGGEST)


@given(VERSIONS, st.sampled_from(["{}", '"{}"', 'W/"{}"', ' "{}" ', "\t{} "]))
def test_a_version_may_be_quoted_or_weak_or_bare(version: int, form: str) -> None:
    assert expected_version(form.format(version), required=True) == version


@given(VERSIONS, st.binary(), st.binary())
def test_a_tag_changes_with_the_version_and_with_what_is_shown_and_names_the_version(
    version: int, shown: bytes, other: bytes
) -> None:
    tag = tag_of(version, shown)
    assert expected_version(f'"{tag}"', required=True) == version
    assert (tag == tag_of(version, other)) == (shown == other)
    assert tag != tag_of(version % BIGGEST + 1, shown)


def test_any_version_will_do() -> None:
    assert expected_version("*", required=True) is None
    assert expected_version(None, required=False) is None


def test_a_version_that_is_required_must_be_named() -> None:
    with pytest.raises(Problem, match="precondition_required"):
        expected_version(None, required=True)


@pytest.mark.parametrize(
    "tag",
    [
        '"abc"',
        '"-1"',
        '"0"',
        "0",
        '"3-gzip"',
        '"3:"',
        '"3:0a"',
        '""',
        '"99999999999999999999"',
        '"9223372036854775808"',
    ],
)
def test_a_tag_that_no_version_has_is_stale(tag: str) -> None:
    with pytest.raises(Problem, match="stale_version"):
        expected_version(tag, required=True)


@pytest.mark.parametrize("text", ["", "abc", '"3', '"3", "4"', "3 4", "-1", "w/'3'"])
def test_what_is_no_tag_is_a_bad_request(text: str) -> None:
    with pytest.raises(Problem, match="bad_request"):
        expected_version(text, required=True)


@given(st.text())
def test_if_match_gives_a_version_or_a_problem(text: str) -> None:
    with suppress(Problem):
        version = expected_version(text, required=True)
        assert text.strip() == "*" if version is None else 1 <= version <= BIGGEST


@pytest.mark.parametrize(
    ("header", "same"),
    [
        ('"3"', True),
        ('W/"3"', True),
        ('"1", "3"', True),
        ('"1",W/"3" ,', True),
        ("*", True),
        ('"4"', False),
        ("3", False),
        ('"1" "3"', False),
        (None, False),
    ],
)
def test_if_none_match_compares_weakly(header: str | None, same: bool) -> None:  # noqa: FBT001
    assert matches(header, '"3"') is same
    assert matches(header, 'W/"3"') is same


@given(st.text(), st.text())
def test_if_none_match_never_fails(header: str, tag: str) -> None:
    matches(header, f'"{tag}"')


def test_a_key_that_is_a_uuid_is_the_command_id() -> None:
    key = "01a208f4-42bc-77c8-89b1-93b0aac683f3"
    assert command_id(key, "somebody") == UUID(key)
    assert command_id(None, "somebody") is None


def test_no_key_takes_the_place_of_an_id_that_follows_from_a_cause() -> None:
    ours = named_id("command", "announcement/018f/published")
    assert command_id(str(ours), "a") not in (ours, None)
    assert command_id(str(ours), "a") == command_id(str(ours).upper(), "a") != command_id(str(ours), "b")


def test_another_key_names_the_command_of_one_actor() -> None:
    assert command_id("order 1", "a") == command_id("order 1", "a")
    assert command_id("order 1", "a") != command_id("order 1", "b")
    assert command_id("order 1", "a") != command_id("order 2", "a")


@pytest.mark.parametrize("key", ["", " ", "ü", "a" * 256, "a\n", "\udcff", "a\0b"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Problem, match="invalid_request"):
        command_id(key, "somebody")


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, "de"),
        ("", "de"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("de,en;q=0.9", "de"),
        ("en;q=0.5, de;q=0.4", "en"),
        ("fr, en;q=0.1", "en"),
        ("*", "de"),
        ("en;q=0", "de"),
        ("en;q=nonsense", "en"),
    ],
)
def test_german_unless_english_is_preferred(header: str | None, wanted: str) -> None:
    assert language(header) == wanted


@given(st.text())
def test_any_wish_for_a_language_is_answered(header: str) -> None:
    assert language(header) in ("de", "en")
