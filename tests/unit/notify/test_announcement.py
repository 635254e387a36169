"""Announcements: drafted, published, corrected in the open, withdrawn."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from pydantic import ValidationError

from services.notify.announcement import ANNOUNCEMENT, Announcement, publish
from services.notify.announcement_commands import (
    CancelSchedule,
    Command,
    CorrectAnnouncement,
    Counted,
    DraftAnnouncement,
    PlanMailing,
    PublishAnnouncement,
    PublishScheduled,
    RemindInvited,
    ReviseAnnouncement,
    ScheduleAnnouncement,
    StopMailing,
    WithdrawAnnouncement,
)
from services.notify.announcement_content import Action, Audience, Content, Dating, MailPlan
from services.notify.announcement_events import (
    AnnouncementCorrected,
    AnnouncementDrafted,
    AnnouncementEvent,
    AnnouncementPublished,
    AnnouncementRevised,
    AnnouncementScheduled,
    AnnouncementWithdrawn,
    InvitedReminded,
    MailingPlanned,
    MailingStopped,
    ScheduleCancelled,
)
from services.notify.announcement_mailing_http import at_the_wall
from shared.contracts import notify as contracts
from shared.kernel.decider import Refused
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

INVITATION = CONTENT.model_copy(update={"kind": "invitation"})
PLAN = MailPlan(audience=Audience(topics=("treasury",)), text="Der Text der E-Mail.")
planned = MailingPlanned(plan=PLAN, at=NOON)
mailed = published.model_copy(update={"mailing": PLAN})
invited = mailed.model_copy(update={"content": INVITATION})
MORNING = NOON + timedelta(days=1)
scheduled = AnnouncementScheduled(publish_at=MORNING, recipients=100, at=NOON)


def after(*events: AnnouncementEvent) -> Given[Announcement, Command, AnnouncementEvent]:
    return given(ANNOUNCEMENT, events)


def counted(seen: int, now: int | None = None) -> Counted:
    return Counted(audience=PLAN.audience, seen=seen, now=seen if now is None else now)


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


def test_a_mailing_is_planned_and_changed_and_dropped() -> None:
    past = after(drafted).when(PlanMailing(plan=PLAN)).then([planned])
    other = PLAN.model_copy(update={"subject": "Ein eigener Betreff"})
    past.when(PlanMailing(plan=other)).then([MailingPlanned(plan=other, at=NOON)])
    past.when(PlanMailing(plan=None)).then([MailingPlanned(plan=None, at=NOON)])
    after(drafted).when(PlanMailing(plan=None)).nothing()


def test_a_plan_names_somebody_and_contradicts_no_date() -> None:
    after(drafted).when(PlanMailing(plan=MailPlan(audience=Audience()))).refused("audience_missing")
    wrong = PLAN.model_copy(update={"text": "Am Mittwoch, 12.03.24."})
    after(drafted).when(PlanMailing(plan=wrong)).refused("weekday_mismatch", field="/text")
    after(drafted, mailed).when(PlanMailing(plan=None)).refused("announcement_published")


def test_whoever_is_invited_by_mail_is_invited_to_a_session() -> None:
    nowhere = INVITATION.model_copy(update={"session_id": None})
    past = after(AnnouncementDrafted(announcement_id=KEY, content=nowhere, at=NOON))
    past.when(PlanMailing(plan=PLAN)).refused("invitation_without_session")
    after(drafted, planned).when(ReviseAnnouncement(content=nowhere)).refused("invitation_without_session")
    corrected = CorrectAnnouncement(content=nowhere, note="x")
    after(drafted, planned, invited).when(corrected).refused("invitation_without_session")


def test_nothing_is_mailed_before_somebody_has_seen_to_how_many() -> None:
    past = after(drafted, planned)
    past.when(PublishAnnouncement()).refused("recipients_not_counted")
    past.when(ScheduleAnnouncement(publish_at=MORNING)).refused("recipients_not_counted")
    past.when(PublishAnnouncement(recipients=counted(100))).then([mailed])


def test_the_audience_that_was_counted_is_the_one_that_gets_it() -> None:
    everybody = PLAN.model_copy(update={"audience": Audience(kinds=("announcement",))})
    meanwhile = after(drafted, planned, MailingPlanned(plan=everybody, at=NOON))
    meanwhile.when(PublishAnnouncement(recipients=counted(3))).refused("recipients_not_counted")
    later = ScheduleAnnouncement(publish_at=MORNING, recipients=counted(3))
    meanwhile.when(later).refused("recipients_not_counted")


@pytest.mark.parametrize(("seen", "now", "fine"), [
    (0, 5, True), (0, 6, False), (100, 110, True), (100, 90, True), (100, 111, False), (100, 89, False),
    (20_000, 22_000, True), (20_000, 22_001, False), (5, 0, True), (6, 0, False),
])  # fmt: skip
def test_an_audience_that_has_changed_by_much_is_looked_at_again(seen: int, now: int, fine: bool) -> None:  # noqa: FBT001
    publishing = after(drafted, planned).when(PublishAnnouncement(recipients=counted(seen, now)))
    if fine:
        publishing.then([mailed])
    else:
        publishing.refused("audience_changed", seen=seen, now=now)


def test_loaded_history_is_mailed_to_nobody() -> None:
    (event,) = after(drafted, planned).when(PublishAnnouncement(dating=TODAY)).decided
    assert isinstance(event, AnnouncementPublished)
    assert event.mailing is None


def test_a_draft_is_published_by_itself_at_its_moment_once() -> None:
    past = after(drafted, planned, scheduled)
    past.when(PublishScheduled(publish_at=MORNING), at=MORNING - timedelta(seconds=1)).nothing()
    (event,) = past.when(PublishScheduled(publish_at=MORNING), at=MORNING).decided
    by_itself = {"dating": Dating(on=date(2025, 7, 2)), "at": MORNING, "scheduled_for": MORNING}
    assert event == mailed.model_copy(update=by_itself)
    after(*past.events, event).when(PublishScheduled(publish_at=MORNING), at=MORNING).nothing()


def test_a_moment_is_moved_or_given_up() -> None:
    later = MORNING + timedelta(hours=3)
    past = after(drafted, planned)
    past = past.when(ScheduleAnnouncement(publish_at=MORNING, recipients=counted(100))).then([scheduled])
    moved = past.when(ScheduleAnnouncement(publish_at=later, recipients=counted(100))).then(
        [AnnouncementScheduled(publish_at=later, recipients=100, at=NOON)]
    )
    moved.when(PublishScheduled(publish_at=MORNING), at=later).nothing()
    given_up = moved.when(CancelSchedule()).then([ScheduleCancelled(at=NOON)])
    given_up.when(PublishScheduled(publish_at=later), at=later).nothing()
    after(drafted).when(ScheduleAnnouncement(publish_at=NOON)).refused("schedule_in_past")
    after(drafted, published).when(ScheduleAnnouncement(publish_at=MORNING)).refused("announcement_published")


def test_the_audience_stands_while_a_moment_is_set_and_the_words_may_change() -> None:
    past = after(drafted, planned, scheduled)
    past.when(PlanMailing(plan=None)).refused("announcement_scheduled")
    past.when(ReviseAnnouncement(content=OTHER)).then([AnnouncementRevised(content=OTHER, at=NOON)])


def test_a_moment_that_passed_long_ago_publishes_and_mails_nobody() -> None:
    late = MORNING + timedelta(days=7, seconds=1)
    (event,) = after(drafted, planned, scheduled).when(PublishScheduled(publish_at=MORNING), at=late).decided
    assert isinstance(event, AnnouncementPublished)
    assert event.mailing is None


def test_what_is_withdrawn_is_not_published_by_itself() -> None:
    past = after(drafted, planned, scheduled).when(WithdrawAnnouncement(reason="x"))
    (event,) = past.decided
    after(*past.given.events, event).when(PublishScheduled(publish_at=MORNING), at=MORNING).nothing()


def test_a_correction_is_mailed_by_choice_to_those_who_got_it() -> None:
    by_mail = CorrectAnnouncement(content=OTHER, note="Titel berichtigt", mailed=True)
    after(drafted, published).when(by_mail).refused("announcement_not_mailed")
    after(drafted, planned, mailed).when(by_mail).then([corrected.model_copy(update={"mailed": True})])


def test_who_was_invited_is_reminded_once_a_day() -> None:
    reminded = InvitedReminded(announcement_id=KEY, at=NOON)
    after(drafted, planned, mailed).when(RemindInvited()).refused("not_an_invitation")
    past = after(drafted, planned, invited).when(RemindInvited()).then([reminded])
    past.when(RemindInvited(), at=NOON + timedelta(hours=23)).nothing()
    past.when(RemindInvited(), at=MORNING).then([reminded.model_copy(update={"at": MORNING})])


def test_a_mailing_is_stopped_once() -> None:
    after(drafted, published).when(StopMailing(reason="x")).refused("announcement_not_mailed")
    past = after(drafted, planned, invited)
    past = past.when(StopMailing(reason="Falsch")).then([MailingStopped(reason="Falsch", at=NOON)])
    past.when(RemindInvited()).refused("mailing_stopped")
    by_mail = CorrectAnnouncement(content=OTHER, note="Titel berichtigt", mailed=True)
    (event,) = past.when(by_mail).decided
    after(*past.events, event).when(StopMailing(reason="x")).then([MailingStopped(reason="x", at=NOON)])


@pytest.mark.parametrize("command", [
    PlanMailing(plan=PLAN), ScheduleAnnouncement(publish_at=MORNING), CancelSchedule(), RemindInvited(),
    StopMailing(reason="x"),
])  # fmt: skip
def test_nothing_is_planned_for_what_is_not_there(command: Command) -> None:
    after().when(command).not_there()


def test_others_hear_that_it_is_mailed_and_nothing_of_plans() -> None:
    for event in (planned, scheduled, ScheduleCancelled(at=NOON), InvitedReminded(announcement_id=KEY, at=NOON)):
        assert publish(event) is None
    told = publish(mailed)
    assert isinstance(told, contracts.AnnouncementPublished)
    assert told.mailed


@pytest.mark.parametrize(("day", "clock", "utc"), [
    ("2027-03-27", "02:30", "2027-03-27T01:30"), ("2027-03-28", "03:00", "2027-03-28T01:00"),
    ("2027-03-28", "01:59", "2027-03-28T00:59"), ("2027-10-31", "02:30", "2027-10-31T00:30"),
    ("2027-10-31", "03:00", "2027-10-31T02:00"), ("2027-11-01", "08:00", "2027-11-01T07:00"),
])  # fmt: skip
def test_a_time_on_the_clock_in_germany_is_one_moment(day: str, clock: str, utc: str) -> None:
    moment = at_the_wall(date.fromisoformat(day), time.fromisoformat(clock))
    assert moment == datetime.fromisoformat(f"{utc}+00:00")


def test_a_time_that_the_clock_skips_is_none() -> None:
    with pytest.raises(Refused, match="no_such_time"):
        at_the_wall(date(2027, 3, 28), time(2, 30))
