"""Weekdays written beside dates."""

import pytest

from services.notify.weekdays import contradictions


@pytest.mark.parametrize(
    ("text", "actual"),
    [
        ("Mittwoch, dem 12.03.24, 10–11 Uhr", "Dienstag"),
        ("am Mittwoch, 12.03.24", "Dienstag"),
        ("12.03.24 Mittwoch", "Dienstag"),
        ("12.03.2024 (Mittwoch)", "Dienstag"),
        ("Freitag, den 28. August 2025", "Donnerstag"),
        ("Freitag den 28.8.2025", "Donnerstag"),
        ("Sonnabend, 28. August 2025", "Donnerstag"),
        ("Freitag (28.08.2025)", "Donnerstag"),
        ("Montag, 31.02.2025", None),
    ],
)
def test_a_wrong_weekday_is_found(text: str, actual: str | None) -> None:
    (found,) = contradictions(f"Wir treffen uns {text}.")
    assert found.actual == actual
    assert found.written in text


@pytest.mark.parametrize(
    "text",
    [
        "Donnerstag, 28. August 2025, 10:00 Uhr",
        "Donnerstag, den 09.10.2025",
        "Mittwoch, 12.03.25",
        "am 28.08.2025",
        "jeden Mittwoch und am 28.08.2025",
        "Mittwoch",
        "Donnerstag, 31.07.2025, Donnerstag, 28.08.2025",
        "am 31.07.2025, Donnerstag, den 28. August 2025 und später",
        "Donnerstag, 31.07.2025, Mittwoch, 06.08.2025",
        "- Donnerstag, 31.07.2025\n- Mittwoch, 06.08.2025\n",
        "Donnerstag, 31.07.2025\nMittwoch, 06.08.2025",
        "§ 12.3.1 gilt; Freitag entfällt",
        "",
    ],
)
def test_what_is_right_or_no_dated_weekday_passes(text: str) -> None:
    assert not list(contradictions(text))
