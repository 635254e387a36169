"""HTML in a text becomes a text to read; what only looks like it stays."""

import json
from typing import Any

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.catalog.findable import FindableLabel
from services.catalog.plain_text import PlainLine, PlainNote, PlainText, one_line, readable, readable_everywhere
from services.catalog.project_body import ProjectBody, without_html
from services.catalog.project_content import Content, FieldReason
from services.catalog.project_fields import FIELD_LABELS, changed
from services.catalog.project_http import FieldReasonBody
from shared.kernel.parsing import parse_body
from shared.kernel.problems import Problem


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<p>Wir <b>sparen</b> Zeit.</p><p>Und Geld.</p>", "Wir sparen Zeit.\nUnd Geld."),
        ("<ul><li>Fuhrpark</li><li>Personal &amp; Technik</li></ul>", "– Fuhrpark\n– Personal & Technik"),
        ("<table><tr><td>2024</td><td>18 %</td></tr></table>", "2024 18 %"),
        ("Vorher<br/>nachher", "Vorher\nnachher"),
        ("Text<script>alert(1)</script> geht weiter", "Text geht weiter"),
        ("<style>p { color: red }</style>Text", "Text"),
        ("<img src=x onerror=alert(1)>Bild", "Bild"),
        ('<a href="javascript:alert(1)">hier</a>', "hier"),
        ("<svg onload=alert(1)>", ""),
        ("<!-- Word --><b>fett</b>", "fett"),
        ("Kosten < 5 % & Nutzen > 3 %", "Kosten < 5 % & Nutzen > 3 %"),
        ("Herr M. <m@example.org>", "Herr M. <m@example.org>"),
        ("**fett** und _kursiv_", "**fett** und _kursiv_"),
        ("<b>5 < 6</b>", "5 < 6"),
        (
            "<p>Wenn Aufwand<Nutzen gilt, lohnt es sich.</p><p>Sonst nicht.</p>",
            "Wenn Aufwand<Nutzen gilt, lohnt es sich.\nSonst nicht.",
        ),
        ("<b>Ergebnis</b>: a<b und alles, was danach steht", "Ergebnis: a<b und alles, was danach steht"),
        ('<a title="Aufwand<Nutzen">hier</a>', "hier"),
        ("<script>for (i=0;i<n;i++) x()</script>Text", "Text"),
        ("<b>Rechnung</b>&#x202e;fdp&#1;", "Rechnungfdp"),
        ("<b>Amt</b>&#27;&#1;&#x202e; Nord&#xfdd0;", "Amt Nord"),
    ],
)
def test_html_becomes_readable(sent: str, kept: str) -> None:
    assert readable(sent) == kept


@given(st.text(alphabet=st.sampled_from("<>/abpscript =&;\"' !-"), max_size=80))
def test_no_tag_of_html_survives(text: str) -> None:
    """Unless it was written out as a text, with entities."""
    assert "&" in text or readable(readable(text)) == readable(text)


def test_in_one_line() -> None:
    assert one_line("<p>Bau</p><p>hof</p>") == "Bau hof"
    assert one_line("ohne  HTML") == "ohne  HTML"


def test_everywhere_in_a_body() -> None:
    sent = {"title": "<b>Bauhof</b>", "description": "<p>a</p><p>b</p>", "goals": ["<i>x</i>"], "start": None, "n": 3}
    kept = {"title": "Bauhof", "description": "a\nb", "goals": ["x"], "start": None, "n": 3}
    assert readable_everywhere(sent, frozenset({"description"})) == kept


def test_a_project_is_kept_in_plain_texts() -> None:
    body = ProjectBody(title="<h1>Bauhof</h1>", description="<p>a</p><p>b</p>", measures=("<b>Fuhrpark</b>",))
    plain = without_html(body)
    assert (plain.title, plain.description, plain.measures) == ("Bauhof", "a\nb", ("Fuhrpark",))
    assert without_html(plain) is plain


def test_a_field_of_which_nothing_is_left_is_named() -> None:
    with pytest.raises(Problem) as caught:
        without_html(ProjectBody(title="<script>alert(1)</script>"))
    assert [(each.field, each.code) for each in caught.value.errors] == [("/title", "string_too_short")]


@pytest.mark.parametrize("shape", [PlainText, PlainNote, PlainLine], ids=["text", "note", "line"])
def test_a_text_far_too_long_is_refused_without_a_look_at_its_html(shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nh3, "clean", None)
    with pytest.raises(ValidationError, match="string_too_long"):
        TypeAdapter(shape).validate_python("<div>" * 2000)


def test_a_line_holds_nothing_that_turns_the_direction_of_reading() -> None:
    """Nor does one from a query, whose texts nobody else has looked at."""
    assert TypeAdapter(PlainLine).validate_python("Vertrag\u202efdp\x85") == "Vertragfdp"


def test_every_reason_that_is_taken_can_be_kept() -> None:
    longest = FieldReasonBody(field="/title", text="x" * 1000)
    assert FieldReason(field=longest.field, text=longest.text).text == longest.text
    with pytest.raises(ValidationError, match="string_too_long"):
        FieldReasonBody(field="/title", text="x" * 1001)


def test_every_field_has_a_name_on_the_page() -> None:
    assert set(FIELD_LABELS) == set(Content.model_fields)


def test_what_two_versions_differ_in() -> None:
    before = Content(title="Bauhof", goals=("Sparen",))
    after = before.model_copy(update={"summary": "Kurz.", "title": "Der Bauhof"})
    assert changed(before, after) == ("title", "summary")
    assert changed(before, before) == ()


def test_of_a_text_full_of_tags_the_words_are_left() -> None:
    nested = "<div>" * 40_000 + "Bauhof" + "</div>" * 40_000
    assert readable(nested) == "Bauhof"
    assert readable("<b>x</b> < y " * 2_000).startswith("x < y x < y")


class Named(BaseModel):
    label: FindableLabel


@pytest.mark.parametrize("label", ["a" * 121, f"<b>{'a' * 121}</b>", "a" * 5000])
def test_what_is_too_long_is_said_to_be_a_long_text(label: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_body(Named, json.dumps({"label": label}).encode())
    assert [(each.field, each.code) for each in refused.value.errors] == [("/label", "string_too_long")]


def test_html_does_not_count_for_the_length_of_a_text() -> None:
    assert parse_body(Named, json.dumps({"label": f"<b>{'a' * 120}</b>"}).encode()).label == "a" * 120
