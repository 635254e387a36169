"""Whether a new date suits: who is asked in which letter, and what is said without an answer."""

from datetime import datetime, timedelta

import pytest

from services.notify.letter import Fact, Letter
from tests.unit.notify import samples
from tests.unit.notify.samples import ANSWER_BY, CAUSES, OPEN, STAMP, letter_for, person, postponed, postponed_and_asked

BY = "Donnerstag, 14. August 2025, 12:00 Uhr"
OWING = person(answer_by=ANSWER_BY)


def said(letter: Letter) -> str:
    return " ".join((*letter.opening, *letter.closing))


@pytest.mark.parametrize(
    ("unanswered", "status", "words"),
    [
        ("stay", "confirmed", "Wenn Sie nicht antworten, bleibt Ihre Anmeldung bestehen."),
        ("stay", "waitlisted", "Wenn Sie nicht antworten, bleiben Sie auf der Warteliste."),
        ("go", "confirmed", "Wenn Sie bis dahin nicht antworten, heben wir Ihre Anmeldung auf"),
        ("go", "waitlisted", "Wenn Sie bis dahin nicht antworten, nehmen wir Sie von der Warteliste."),
    ],
)
def test_who_holds_a_place_is_asked_with_one_button(unanswered: str, status: str, words: str) -> None:
    cause = postponed_and_asked(unanswered=unanswered)
    letter = letter_for(cause, person(status, answer_by=ANSWER_BY))
    assert f"Bitte sagen Sie bis {BY} zu oder ab." in letter.opening
    assert words in said(letter)
    assert "bleibt bestehen, Sie brauchen nichts weiter zu tun" not in said(letter)
    assert (letter.button.label, letter.button.url) == (
        "Zu- oder absagen",
        f"{samples.PORTAL}/anmeldung/{samples.TOKEN}",
    )
    assert letter.facts[0] == Fact("Bisheriger Termin", "Donnerstag, 31. Juli 2025, 10:00 Uhr", outdated=True)


def test_a_date_after_it_was_open_is_asked_for_as_well() -> None:
    letter = letter_for(*CAUSES["dated and asked"])
    assert letter.heading == "Der Termin steht fest: Können Sie kommen?"
    assert "verschoben" not in said(letter)


def test_who_has_answered_or_need_not_is_not_asked() -> None:
    for answered in (person(), person("waitlisted"), person("received")):
        assert "zu oder ab" not in said(letter_for(postponed_and_asked(), answered))
    assert "Ihre Anmeldung bleibt bestehen" in said(letter_for(postponed_and_asked(), person()))
    assert "zu oder ab" not in said(letter_for(postponed(to=OPEN), person()))


@pytest.mark.parametrize(
    ("status", "words"),
    [("received", "Ihre Anmeldung ist noch nicht"), ("waitlisted", "Ihr Platz auf der Warteliste ist noch nicht")],
)
def test_who_has_not_confirmed_is_asked_for_that_as_well(status: str, words: str) -> None:
    guest = person(status, answer_by=ANSWER_BY, confirm_by=samples.CONFIRM_BY)
    letter = letter_for(postponed_and_asked(), guest)
    assert f"Bitte sagen Sie bis {BY} zu oder ab." in letter.opening
    assert f"{words} bestätigt. Bitte" in said(letter)
    assert "Wenn Sie bis dahin nicht antworten" in said(letter)
    other = letter_for(samples.REINSTATED, guest)
    assert f"{words} bestätigt. Bitte" in said(other)
    assert f"Bitte sagen Sie bis {BY} für den neuen Termin zu oder ab." in said(other)
    assert other.button.label.endswith("bestätigen")


def test_who_has_not_confirmed_is_promised_nothing_without_that() -> None:
    guest = person("received", answer_by=ANSWER_BY, confirm_by=samples.CONFIRM_BY)
    assert "Wenn Sie" not in said(letter_for(postponed_and_asked(unanswered="stay"), guest))


def test_a_letter_that_is_written_when_the_time_is_over_asks_nobody() -> None:
    late = ANSWER_BY + timedelta(minutes=1)
    gone = letter_for(postponed_and_asked(), OWING, now=late)
    assert f"ist am {BY} abgelaufen." in said(gone)
    assert gone.button.label == "Anmeldung ansehen oder abmelden"
    stays = letter_for(postponed_and_asked(unanswered="stay"), OWING, now=late)
    assert "Ihre Anmeldung bleibt bestehen" in said(stays)
    assert "zu oder ab" not in said(gone) + said(stays)


def test_a_letter_overtaken_by_a_later_postponement_leaves_asking_to_that_one() -> None:
    later = person(answer_by=datetime(2025, 10, 1, 12, tzinfo=samples.BERLIN))
    letter = letter_for(postponed_and_asked(), later)
    assert letter.heading == "Der Termin wird verschoben"
    assert "Bitte sagen Sie bis Mittwoch, 1. Oktober 2025, 12:00 Uhr für den neuen Termin zu oder ab." in said(letter)


@pytest.mark.parametrize("name", ["confirmed", "promoted", "link again", "relocated", "reinstated"])
def test_every_letter_says_that_an_answer_is_owed(name: str) -> None:
    letter = letter_for(CAUSES[name][0], OWING)
    assert f"Bitte sagen Sie bis {BY} für den neuen Termin zu oder ab." in said(letter)
    assert letter.button.label == "Zu- oder absagen"
    assert "zu oder ab" not in said(letter_for(*CAUSES[name]))


@pytest.mark.parametrize(
    ("unanswered", "words"),
    [
        ("go", "Wenn Sie bis dahin nicht antworten, heben wir Ihre Anmeldung auf"),
        ("stay", "Wenn Sie nicht antworten, bleibt Ihre Anmeldung bestehen."),
    ],
)
@pytest.mark.parametrize("name", ["confirmed", "promoted", "link again", "relocated", "reinstated"])
def test_every_letter_that_asks_says_what_happens_without_an_answer(name: str, unanswered: str, words: str) -> None:
    letter = letter_for(CAUSES[name][0], person(answer_by=ANSWER_BY, unanswered=unanswered))
    assert words in said(letter)
    assert "Wenn Sie" not in said(letter_for(CAUSES[name][0], person(unanswered=unanswered)))


def test_a_letter_overtaken_by_a_later_postponement_tells_what_that_one_means() -> None:
    later = person(answer_by=datetime(2025, 10, 1, 12, tzinfo=samples.BERLIN), unanswered="stay")
    letter = letter_for(postponed_and_asked(unanswered="go"), later)
    assert "Wenn Sie nicht antworten, bleibt Ihre Anmeldung bestehen." in said(letter)
    assert "heben wir" not in said(letter)


def test_a_yes_is_thanked_for_and_changes_no_calendar() -> None:
    letter = letter_for(*CAUSES["reconfirmed"])
    assert letter.heading == "Danke für Ihre Zusage"
    assert letter.invitation is None
    assert "Sie stehen weiterhin auf der Warteliste." in said(letter_for(samples.RECONFIRMED, person("waitlisted")))


def test_who_did_not_answer_is_told_what_follows_from_it() -> None:
    letter = letter_for(*CAUSES["withdrawn for want of an answer"], in_calendar=True)
    assert "keine Antwort erhalten" in said(letter)
    assert "Sie haben sich" not in said(letter)
    assert letter.invitation is not None
    assert letter.invitation.method == "CANCEL"
    assert letter.invitation.stamp == STAMP


def test_an_offer_says_until_when_it_holds() -> None:
    letter = letter_for(*CAUSES["promoted guest"])
    assert "reserviert bis Donnerstag, 3. Juli 2025, 14:05 Uhr" in said(letter)
    assert letter.button.label == "Platz annehmen"
