"""The news that come with the portal, and the traps in what they are made from."""

from datetime import date

from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_commands import DraftAnnouncement, PublishAnnouncement
from services.notify.load_content import CONTENT, entries
from shared.kernel.ids import named_id
from shared.kernel.testing import given

ENTRIES = {entry.key: entry for entry in entries(CONTENT)}


def test_all_nine_are_there_and_can_be_published() -> None:
    assert sorted(ENTRIES) == [f"a{number}" for number in range(1, 10)]
    for entry in ENTRIES.values():
        drafted = given(ANNOUNCEMENT).when(DraftAnnouncement(announcement_id=entry.key, content=entry.content)).decided
        assert given(ANNOUNCEMENT, drafted).when(PublishAnnouncement(dating=entry.dating)).decided


def test_they_lead_to_sessions_projects_and_resources_by_ids_that_follow_from_keys() -> None:
    assert ENTRIES["a1"].content.session_id == str(named_id("session", "spotlight-2025-10-09"))
    assert ENTRIES["a1"].content.project_id == str(named_id("project", "interkommunales-sozialamt"))
    assert ENTRIES["a8"].content.resource_id == str(named_id("resource", "checkliste-foerderantrag-umsetzung"))
    assert ENTRIES["a5"].content.session_id is None


def test_no_day_of_appearance_is_invented() -> None:
    for entry in ENTRIES.values():
        assert entry.dating.on is None
        assert entry.dating.note is not None
        assert entry.dating.note.startswith("Das Erscheinungsdatum ist nicht bekannt")
        assert (entry.dating.placed_on is None) == (entry.session is None)
        if entry.dating.placed_on:
            assert "eingeordnet" in entry.dating.note


def test_what_announces_stands_before_its_session_and_what_looks_back_after_it() -> None:
    held = {"jahrestagung-2025": date(2025, 5, 27), "spotlight-gesundheit": date(2025, 3, 12)}
    ahead = {"invitation", "session_announcement"}
    for entry in ENTRIES.values():
        if entry.session in held and entry.dating.placed_on:
            assert (entry.dating.placed_on < held[entry.session]) == (entry.kind in ahead)


def test_the_wrong_weekday_of_the_source_is_told_and_not_repeated() -> None:
    body = ENTRIES["a7"].body
    assert "Mittwoch, 12" not in body
    assert "war jedoch ein Dienstag" in body


def test_figures_carry_their_qualifiers() -> None:
    body = ENTRIES["a3"].body
    assert "mehr als 6.200" in body
    assert "weitere 650" in body
    assert "Bezugsgröße war nicht angegeben" in body


def test_a_talk_without_slides_is_named() -> None:
    assert "Wasser-Risiko-Check sind keine Folien veröffentlicht" in ENTRIES["a2"].body


def test_the_postponement_states_both_dates() -> None:
    assert "vom 31. Juli 2025 auf Donnerstag, 28. August 2025, 10:00 Uhr" in ENTRIES["a4"].body
