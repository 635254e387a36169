"""Announcements: drafted, published, corrected in the open, withdrawn."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from services.notify.announcement import (
    ANNOUNCEMENT,
    Action,
    Announcement,
    AnnouncementCorrected,
    AnnouncementDrafted,
    AnnouncementEvent,
    AnnouncementPublished,
    AnnouncementRevised,
    AnnouncementWithdrawn,
    Command,
    Content,
    CorrectAnnouncement,
    Dating,
    DraftAnnouncement,
    PublishAnnouncement,
    ReviseAnnouncement,
    WithdrawAnnouncement,
    publish,
)
from shared.contracts import notify as contracts
from shared.kernel.testing import NOON, Given, given

KEY = "0198f0a2-0000-7000-8000-000000000042"
CONTENT = Content(
    kind="postponement",
    title="Sprechstunde verschoben",
    teaser="Neuer Termin: Donnerstag, 28. August 2025.",
    body="Aus organisatorischen Gründen.",
    session_id="0198f0a2-0000-7000-8000-000000000001",
    actions=(Action(label="Zur Anmeldung", target="registration"),),
)
OTHER = CONTENT.model_copy(update={"title": "Sprechstunde auf August verschoben"})
TODAY = Dating(on=date(2025, 7, 1))

drafted = AnnouncementDrafted(announcement_id=KEY, content=CONTENT, at=NOON)
published = AnnouncementPublished(announcement_id=KEY, content=CONTENT, dating=TODAY, at=NOON)
corrected = AnnouncementCorrected(announcement_id=KEY, content=OTHER, note="Titel berichtigt", at=NOON)
withdrawn = AnnouncementWithdrawn(announcement_id=KEY, content=CONTENT, reason="doppelt", was_published=True, at=NOON)

draft = DraftAnnouncement(announcement_id=KEY, content=CONTENT)


def after(*events: AnnouncementEvent) -> Given[Announcement, Command, AnnouncementEvent]:
    return given(ANNOUNCEMENT, events)


def test_a_draft_is_begun() -> None:
    after().when(draft).then([drafted])


def test_an_id_that_is_taken_is_refused() -> None:
    after(drafted).when(DraftAnnouncement(announcement_id=KEY, content=OTHER)).refused("announcement_exists")


def test_a_draft_is_revised() -> None:
    after(drafted).when(ReviseAnnouncement(content=OTHER)).then([AnnouncementRevised(content=OTHER, at=NOON)])


def test_publishing_dates_it_today_in_berlin() -> None:
    after(drafted).when(PublishAnnouncement()).then([published])
    late = datetime(2025, 7, 1, 22, 30, tzinfo=UTC)
    (event,) = after(drafted).when(PublishAnnouncement(), at=late).decided
    assert isinstance(event, AnnouncementPublished)
    assert event.dating.on == date(2025, 7, 2)


def test_loaded_history_brings_its_own_dating() -> None:
    unknown = Dating(placed_on=date(2025, 5, 26), note="Das Erscheinungsdatum ist nicht bekannt.")
    (event,) = after(drafted).when(PublishAnnouncement(dating=unknown)).decided
    assert isinstance(event, AnnouncementPublished)
    assert event.dating == unknown


def test_what_is_published_is_corrected_not_revised() -> None:
    past = after(drafted, published)
    past.when(ReviseAnnouncement(content=OTHER)).refused("announcement_published")
    past.when(CorrectAnnouncement(content=OTHER, note="Titel berichtigt")).then([corrected])


def test_a_draft_is_revised_not_corrected() -> None:
    after(drafted).when(CorrectAnnouncement(content=OTHER, note="x")).refused("announcement_not_published")


def test_what_is_withdrawn_stays_so() -> None:
    past = after(drafted, published).when(WithdrawAnnouncement(reason="doppelt")).then([withdrawn])
    for command in (
        ReviseAnnouncement(content=OTHER),
        PublishAnnouncement(),
        CorrectAnnouncement(content=OTHER, note="x"),
    ):
        past.when(command).refused("announcement_withdrawn")


@pytest.mark.parametrize(
    "command",
    [
        ReviseAnnouncement(content=CONTENT),
        PublishAnnouncement(),
        CorrectAnnouncement(content=CONTENT, note="x"),
        WithdrawAnnouncement(reason="x"),
    ],
)
def test_nothing_happens_to_what_is_not_there(
    command: Command,
) -> None:
    after().when(command).not_there()


@pytest.mark.parametrize("field", ["title", "teaser", "body"])
def test_a_weekday_that_contradicts_its_date_is_refused(field: str) -> None:
    wrong = CONTENT.model_copy(update={field: "Wir treffen uns am Mittwoch, 12.03.24."})
    after().when(DraftAnnouncement(announcement_id=KEY, content=wrong)).refused(
        "weekday_mismatch", field=f"/{field}", weekday="Dienstag"
    )
    after(drafted).when(ReviseAnnouncement(content=wrong)).refused("weekday_mismatch")
    after(drafted, published).when(CorrectAnnouncement(content=wrong, note="x")).refused("weekday_mismatch")


def test_a_date_that_is_none_is_refused() -> None:
    wrong = CONTENT.model_copy(update={"body": "Freitag, 31.02.2025"})
    after().when(DraftAnnouncement(announcement_id=KEY, content=wrong)).refused("no_such_day")


def test_others_hear_of_what_was_public_only() -> None:
    assert publish(drafted) is None
    assert publish(AnnouncementRevised(content=OTHER, at=NOON)) is None
    assert publish(withdrawn.model_copy(update={"was_published": False})) is None
    assert publish(published) == contracts.AnnouncementPublished(
        announcement_id=KEY,
        kind="postponement",
        title=CONTENT.title,
        teaser=CONTENT.teaser,
        published_on=date(2025, 7, 1),
        session_id=CONTENT.session_id,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Zwei\nZeilen"},
        {"title": "  "[:1]},
        {"title": "x" * 201},
        {"session_id": "jahrestagung"},
        {"kind": "event_recap"},
        {"actions": [{"label": "x", "target": "https://a.example"}]},
        {"unknown": 1},
    ],
)
def test_content_of_another_shape_is_none(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Content.model_validate(CONTENT.model_dump() | changes)
