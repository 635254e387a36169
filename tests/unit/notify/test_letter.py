"""What each message says to whom."""

from datetime import date, datetime

import pytest

from services.notify.cause import CONTACT_KINDS, KINDS, Cause
from services.notify.data_link_matter import KIND as DATA_LINK
from services.notify.letter import Fact, listed
from services.notify.placeholders import PLACEHOLDERS
from services.notify.question_letter import text_for as question_text_for
from services.notify.scene import concerns
from services.notify.session_letter import text_for
from services.notify.texts import Text, UnknownPlaceholder, fill, load_texts
from shared.contracts.events import SessionRelocated, Times
from tests.unit.notify import samples
from tests.unit.notify.samples import (
    BERLIN,
    CAUSES,
    NEW,
    OLD,
    OPEN,
    letter_for,
    person,
    postponed,
    relocated,
    scene,
    session,
)
from tests.unit.notify.test_question_letter import QUESTIONS


def said(name_or_letter: object) -> str:
    letter = letter_for(*CAUSES[name_or_letter]) if isinstance(name_or_letter, str) else name_or_letter
    return " ".join([letter.subject, letter.heading, letter.greeting, *letter.opening, *letter.closing])  # type: ignore[attr-defined]


def test_every_cause_is_among_the_samples() -> None:
    assert {type(cause) for cause, _ in CAUSES.values()} == set(KINDS)


def test_every_cause_has_a_text() -> None:
    of_contacts = {kind.name for kind in CONTACT_KINDS.values()}
    of_questions = {question_text_for(cause) for cause, _ in QUESTIONS.values()}
    of_people = {text_for(scene(*sample)) for sample in CAUSES.values()}
    assert of_people | of_questions | of_contacts | {DATA_LINK.name} <= set(load_texts())


@pytest.mark.parametrize("name", CAUSES)
def test_every_letter_is_whole(name: str) -> None:
    letter = letter_for(*CAUSES[name], in_calendar=True)
    assert letter.opening
    assert letter.facts
    assert "{" not in said(name)
    assert samples.TITLE in letter.subject
    assert all(paragraph[0].isprintable() for paragraph in (*letter.opening, *letter.closing))


def test_a_postponement_states_old_and_new_date_with_computed_weekdays() -> None:
    letter = letter_for(postponed())
    old, new = "Donnerstag, 31. Juli 2025, 10:00 Uhr", "Donnerstag, 28. August 2025, 10:00 Uhr"
    assert f"von {old} auf {new}" in letter.opening[0]
    assert Fact("Bisheriger Termin", old, outdated=True) in letter.facts
    assert Fact("Neuer Termin", new, main=True) in letter.facts
    assert Fact("Grund", "organisatorische Gründe") in letter.facts
    assert letter.subject.endswith("neuer Termin Do., 28.08.2025, 10:00 Uhr")
    assert letter.button.url == f"{samples.PORTAL}/anmeldung/{samples.TOKEN}"
    assert "Ihre Anmeldung bleibt bestehen, Sie brauchen nichts weiter zu tun." in letter.closing


def test_a_postponement_to_an_open_date_says_so() -> None:
    letter = letter_for(postponed(to=OPEN))
    assert "Ein neuer Termin steht noch nicht fest." in letter.opening[0]
    assert Fact("Neuer Termin", "Der Termin steht noch nicht fest.", main=True) in letter.facts
    assert "Sobald der neue Termin feststeht, schreiben wir Ihnen." in letter.closing


@pytest.mark.parametrize(
    ("status", "asked"), [("received", "bestätigen Sie sie"), ("waitlisted", "bestätigen Sie ihn")]
)
def test_who_has_not_confirmed_reads_until_when_that_is_possible(status: str, asked: str) -> None:
    until = datetime(2025, 7, 30, 9, 15, tzinfo=BERLIN)
    letter = letter_for(samples.REINSTATED, person(status, confirm_by=until))
    assert f"{asked} bis Mittwoch, 30. Juli 2025, 09:15 Uhr, wenn" in said(letter)
    assert " bis " not in said(letter_for(samples.REINSTATED, person(status)))


def test_a_letter_tells_the_session_as_its_cause_left_it() -> None:
    later = session(**samples.dated(Times(date=date(2025, 12, 1))), sequence=5, status="cancelled")
    letter = letter_for(postponed(), card=later)
    assert Fact("Neuer Termin", "Donnerstag, 28. August 2025, 10:00 Uhr", main=True) in letter.facts
    assert letter.invitation is not None
    assert letter.invitation.sequence == 1


@pytest.mark.parametrize(
    "name",
    ["received", "waitlisted guest", "promoted guest", "lapsed", "withdrawn", "withdrawn for want of an answer"],
)
def test_nothing_typed_into_a_form_reaches_an_address_that_is_not_confirmed(name: str) -> None:
    cause, recipient = CAUSES[name]
    evil = recipient.model_copy(update={"name": "Sie haben gewonnen"})
    assert "gewonnen" not in said(letter_for(cause, evil))
    assert letter_for(cause, evil).greeting == "Guten Tag,"


@pytest.mark.parametrize("name", ["Besuchen Sie https://böse.example", "www.böse.example", "x" * 101, "a\x00b", " "])
def test_a_name_that_is_more_than_a_name_is_left_out(name: str) -> None:
    assert letter_for(samples.CONFIRMED, person(name=name)).greeting == "Guten Tag,"


def test_who_is_confirmed_is_greeted_by_name() -> None:
    assert letter_for(samples.CONFIRMED).greeting == "Guten Tag Erika Mustermann,"


def test_the_way_into_an_online_session_is_for_confirmed_people() -> None:
    link = "https://konferenz.example/raum/8f1c"
    assert Fact("Zugang", link, url=link) in letter_for(samples.CONFIRMED, person(access_link=link)).facts
    received = letter_for(samples.RECEIVED, person("received", access_link=link))
    assert all(fact.value != link for fact in received.facts)


def test_a_link_that_is_none_is_shown_and_cannot_be_clicked() -> None:
    letter = letter_for(samples.CONFIRMED, person(access_link="javascript:alert(1)"))
    assert Fact("Zugang", "javascript:alert(1)", url=None) in letter.facts


def test_an_online_session_without_a_link_promises_one_and_a_meeting_in_person_does_not() -> None:
    follows = "Den Zugangslink erhalten Sie per E-Mail, sobald er feststeht."
    assert follows in letter_for(samples.CONFIRMED).closing
    assert follows not in letter_for(samples.CONFIRMED, person(access_link="https://a.example")).closing
    assert follows not in letter_for(samples.CONFIRMED, card=session(mode="in_person")).closing


def test_the_waiting_list_says_the_position_where_it_is_known() -> None:
    assert "Sie stehen dort auf Platz 3." in letter_for(*CAUSES["waitlisted"]).opening
    without = letter_for(samples.WAITLISTED, person("waitlisted"))
    assert len(without.opening) == 1


def test_who_waits_or_has_not_confirmed_is_told_what_a_change_means_to_them() -> None:
    assert "Sie stehen weiterhin auf der Warteliste." in letter_for(postponed(), person("waitlisted")).closing
    assert "Ihre Anmeldung ist noch nicht bestätigt." in said(letter_for(postponed(), person("received")))


def test_who_has_not_confirmed_a_place_in_the_queue_is_told_so_and_offered_it() -> None:
    for cause in (postponed(), samples.LINK):
        letter = letter_for(cause, person("waitlisted", confirm_by=samples.CONFIRM_BY))
        assert "Ihr Platz auf der Warteliste ist noch nicht bestätigt." in said(letter)
        assert letter.button.label == "Platz auf der Warteliste bestätigen"


@pytest.mark.parametrize("cause", [samples.LAPSED, samples.WITHDRAWN], ids=["lapsed", "withdrawn"])
def test_nobody_is_asked_to_register_again_where_nobody_can(cause: Cause) -> None:
    again = "melden Sie sich gern noch einmal an"
    assert again in said(letter_for(cause, person("withdrawn")))
    assert again in said(letter_for(cause, person("withdrawn"), session(status="postponed_rescheduled")))
    begun = samples.dated(Times(starts_at=samples.STAMP, date=samples.STAMP.date()))
    for card in (session(status="cancelled"), session(status="registration_closed"), session(status="full", **begun)):
        assert again not in said(letter_for(cause, person("withdrawn"), card))


def test_a_changed_place_shows_the_old_one_struck_through() -> None:
    facts = letter_for(*CAUSES["relocated"]).facts
    assert Fact("Bisheriger Ort", "Online", outdated=True) in facts
    assert Fact("Neuer Ort", "Rathaus, Markt 1, 59423 Unna", main=True) in facts


def test_a_changed_link_shows_only_the_new_one() -> None:
    letter = letter_for(*CAUSES["access changed"])
    assert "Der Zugang hat sich geändert" in letter.heading
    assert [fact.value for fact in letter.facts if fact.label == "Zugang"] == ["https://konferenz.example/raum/8f1c"]


@pytest.mark.parametrize(
    ("name", "told"),
    [("relocated", ["confirmed", "received", "waitlisted"]), ("access changed", ["confirmed"])],
)
def test_a_new_link_is_told_only_to_those_who_have_it_and_a_new_place_to_everybody(name: str, told: list[str]) -> None:
    cause = CAUSES[name][0]
    assert isinstance(cause, SessionRelocated)
    assert [status for status in ("confirmed", "received", "waitlisted") if concerns(cause, person(status))] == told


def test_quotation_marks_in_a_title_become_single_ones_in_a_sentence() -> None:
    letter = letter_for(samples.CONFIRMED, card=session(title="Online-Spotlight „Sozialamt“"))
    assert "„Online-Spotlight ‚Sozialamt‘“" in letter.opening[0]
    assert "Online-Spotlight „Sozialamt“" in letter.subject


def test_a_session_with_an_end_says_it() -> None:
    times = Times(starts_at=NEW.starts_at, ends_at=datetime(2025, 8, 28, 11, tzinfo=BERLIN), date=NEW.date)
    letter = letter_for(samples.CONFIRMED, card=session(**samples.dated(times)))
    assert Fact("Termin", "Donnerstag, 28. August 2025, 10:00 Uhr bis 11:00 Uhr", main=True) in letter.facts


class TestCalendar:
    """Who gets which calendar part."""

    @pytest.mark.parametrize(
        ("name", "method", "sequence", "times"),
        [
            ("confirmed", "REQUEST", 0, OLD),
            ("promoted", "REQUEST", 0, OLD),
            ("link again", "REQUEST", 0, OLD),
            ("postponed", "REQUEST", 1, NEW),
            ("postponed, date open", "CANCEL", 1, OLD),
            ("dated after it was open", "REQUEST", 2, NEW),
            ("postponed and asked", "REQUEST", 1, NEW),
            ("dated and asked", "REQUEST", 1, NEW),
            ("scheduled", "REQUEST", 2, NEW),
            ("relocated", "REQUEST", 1, OLD),
            ("cancelled", "CANCEL", 1, OLD),
            ("reinstated", "REQUEST", 2, OLD),
        ],
    )
    def test_people_with_a_place(self, name: str, method: str, sequence: int, times: Times) -> None:
        invitation = letter_for(*CAUSES[name]).invitation
        assert invitation is not None
        assert (invitation.method, invitation.sequence) == (method, sequence)
        assert invitation.times.starts_at == times.starts_at

    @pytest.mark.parametrize("name", [
        "received", "waitlisted", "waitlisted guest", "promoted guest", "lapsed",
        "reconfirmed", "group message", "material", "feedback",
    ])  # fmt: skip
    def test_nobody_else_gets_one(self, name: str) -> None:
        assert letter_for(*CAUSES[name]).invitation is None

    @pytest.mark.parametrize("status", ["received", "waitlisted"])
    def test_a_change_gives_none_to_those_without_a_place(self, status: str) -> None:
        for cause in (postponed(), postponed(to=OPEN), samples.CANCELLED, samples.REINSTATED, relocated()):
            letter = letter_for(cause, person(status))
            assert letter.invitation is None
            assert "Kalender" not in " ".join(letter.closing)

    @pytest.mark.parametrize("name", ["withdrawn", "withdrawn for want of an answer", "withdrawn by the organiser"])
    def test_who_withdraws_has_the_entry_removed_if_there_is_one(self, name: str) -> None:
        cause, _ = CAUSES[name]
        removed = letter_for(cause, person("withdrawn"), in_calendar=True)
        assert removed.invitation is not None
        assert (removed.invitation.method, removed.invitation.sequence) == ("CANCEL", 0)
        assert "Der Eintrag in Ihrem Kalender wird mit dieser E-Mail entfernt." in removed.closing
        assert letter_for(cause, person("withdrawn")).invitation is None

    def test_an_open_date_gives_none(self) -> None:
        assert letter_for(samples.CONFIRMED, card=session(**samples.dated(OPEN))).invitation is None

    def test_a_confirmation_overtaken_by_the_cancellation_invites_nobody(self) -> None:
        assert letter_for(samples.CONFIRMED, card=session(status="cancelled", sequence=1)).invitation is None

    def test_a_cancellation_while_the_date_is_open_removes_the_last_known_entry(self) -> None:
        cause = samples.CANCELLED.model_copy(update=samples.dated(OPEN))
        letter = letter_for(cause, card=session(previous=OLD))
        assert letter.invitation is not None
        assert letter.invitation.times == OLD


def test_a_cancellation_while_the_date_is_open_names_no_date_that_never_was() -> None:
    letter = letter_for(samples.CANCELLED.model_copy(update=samples.dated(OPEN)), card=session(previous=OLD))
    assert [fact.label for fact in letter.facts] == ["Grund", "Veranstaltet von"]


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [listed(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == ["", "A", "A und B", "A, B und C"]


def test_a_text_is_filled_once_and_reaches_no_attribute() -> None:
    assert fill("{title} {when}", {"title": "{when}", "when": "heute"}) == "{when} heute"
    assert fill("{title.__class__}", {"title": "x"}) == "{title.__class__}"
    assert fill("{title}", {"title": None}) is None


def test_the_words_of_a_text_use_known_placeholders_only() -> None:
    for text in load_texts().values():
        values = dict.fromkeys(PLACEHOLDERS, "x")
        assert all(fill(line, values) is not None for line in Text.lines(text))


def test_a_text_with_an_unknown_placeholder_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: each for name, each in PLACEHOLDERS.items() if name != "title"}
    monkeypatch.setattr("services.notify.texts.PLACEHOLDERS", known)
    with pytest.raises(UnknownPlaceholder, match="title"):
        load_texts()
