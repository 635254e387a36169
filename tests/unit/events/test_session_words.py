"""What a search for sessions looks for, and what their texts are split into."""

import pytest

from services.events.session_words import LONGEST, phrases_of, text_of, words_of


@pytest.mark.parametrize(
    ("q", "phrases"),
    [
        ("Bauhof", ["bauhof"]),
        ("  der\tBauhof ", ["bauhof", "der"]),
        ("Straße", ["strasse"]),
        ('"Fragen  und Antworten" Kasse', ["fragen und antworten", "kasse"]),
        ("„Kasse von morgen“", ["kasse von morgen"]),
        ('"offen geblieben', ["geblieben", "offen"]),
        ("100% IT_neu & a\\b", ["it_neu", "100%", "a\\b", "&"]),
        ('""', []),
        (" ", []),
    ],
)
def test_each_word_is_looked_for_alone_and_what_is_quoted_together(q: str, phrases: list[str]) -> None:
    assert phrases_of(q) == phrases


def test_a_text_is_searched_without_case_and_with_single_blanks() -> None:
    assert text_of(["Große  Pläne", None, "für\nalle", ""]) == "grosse pläne für alle"


@pytest.mark.parametrize("length", [1, LONGEST, 2 * LONGEST, 2 * LONGEST + 1, 7 * LONGEST + 3])
def test_every_part_of_a_very_long_word_is_in_one_of_its_pieces(length: int) -> None:
    word = "".join(chr(0x4E00 + number) for number in range(length))
    pieces = words_of(word)
    assert all(len(piece) <= 2 * LONGEST for piece in pieces)
    for start in range(max(1, length - LONGEST + 1)):
        part = word[start : start + LONGEST]
        assert any(part in piece for piece in pieces), start
