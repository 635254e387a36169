"""The steps of an undertaking: dates, owners, what is done and what is dropped, reminders, progress."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.catalog.checklist import Checklist, checklists, valid_on
from services.catalog.german_time import german_day
from services.catalog.undertaking import (
    UNDERTAKING,
    AbandonUndertaking,
    AddStep,
    EditUndertaking,
    FinishUndertaking,
    GiveSight,
    LetTimePass,
    MoveStart,
    TakeSight,
    UndertakingCommand,
)
from services.catalog.undertaking_plan import FIRST_DAY, LAST_DAY, Wording
from services.catalog.undertaking_state import Undertaking, UndertakingEvent
from services.catalog.undertaking_step import (
    AssignStep,
    CompleteStep,
    DropStep,
    NoteOnStep,
    Progress,
    ReminderWithdrawn,
    ReopenStep,
    RestoreStep,
    RewordStep,
    SetDue,
    StepAssigned,
    StepCompleted,
    StepDropped,
    StepDueSet,
    StepFellDue,
    StepNoted,
    StepReopened,
    StepRestored,
    StepReworded,
    progress,
)
from services.catalog.vocabulary import ChecklistStage, UndertakingStatus
from services.catalog.working_days import is_working_day, working_day_until
from shared.contracts.catalog import StepDueWithdrawn
from shared.kernel.decider import NotThere, Refused
from shared.kernel.testing import check_events, fold, given
from tests.unit.catalog.undertaking_stories import (
    AT,
    BAD_SALZUFLEN,
    DETMOLD,
    ID,
    PLAN,
    START,
    TODAY,
    begin,
    begun,
    step,
)

COUNCIL = date(2026, 9, 25)
DONE = StepCompleted(at=AT, step_id="council", done_on=TODAY)
DROPPED = StepDropped(at=AT, step_id="council", reason="Gehört nicht dazu.")


def after(*commands: UndertakingCommand, at: datetime = AT) -> list[UndertakingEvent]:
    """What has happened once these were obeyed."""
    events = begun()
    for command in commands:
        events += given(UNDERTAKING, events).when(command, at=at).decided
    return events


def state_of(events: list[UndertakingEvent]) -> Undertaking:
    found = fold(UNDERTAKING, events)
    assert found is not None
    return found


def test_a_date_set_by_hand_may_lie_on_any_day_and_gives_way_to_the_plan() -> None:
    sunday = date(2026, 9, 27)
    set_by_hand = StepDueSet(at=AT, step_id="council", due_on=sunday, by_hand=True)
    past = given(UNDERTAKING, begun()).when(SetDue(step_id="council", due_on=sunday), at=AT).then([set_by_hand])
    planned = StepDueSet(at=AT, step_id="council", due_on=COUNCIL, by_hand=False)
    given(UNDERTAKING, past.events).when(SetDue(step_id="council", due_on=None), at=AT).then([planned])
    given(UNDERTAKING, begun()).when(SetDue(step_id="council", due_on=None), at=AT).nothing()


def test_a_day_that_a_step_of_ones_own_was_added_with_can_be_taken_back() -> None:
    saturday = date(2026, 12, 12)
    added = after(AddStep(step=step("own-1", due_on=saturday)))
    none = StepDueSet(at=AT, step_id="own-1", due_on=None, by_hand=False)
    past = given(UNDERTAKING, added).when(SetDue(step_id="own-1", due_on=None), at=AT).then([none])
    moved = given(UNDERTAKING, past.events).when(MoveStart(starts_on=date(2027, 3, 1)), at=AT).decided
    assert state_of([*past.events, *moved]).steps["own-1"].due_on is None


def test_a_day_of_a_checklist_is_one_set_by_hand() -> None:
    fixed = begun((step("deadline", due_on=date(2026, 12, 12)),))
    moved = fixed + given(UNDERTAKING, fixed).when(MoveStart(starts_on=date(2027, 3, 1)), at=AT).decided
    deadline = state_of(moved).steps["deadline"]
    assert (deadline.due_on, deadline.by_hand) == (date(2026, 12, 12), True)


def test_the_planned_date_set_by_hand_stays_where_it_is() -> None:
    events = after(SetDue(step_id="council", due_on=COUNCIL), MoveStart(starts_on=date(2027, 2, 1)))
    assert state_of(events).steps["council"].due_on == COUNCIL


@pytest.mark.parametrize(("fact", "code"), [(DONE, "step_done"), (DROPPED, "step_dropped")])
def test_what_is_done_or_dropped_keeps_its_date(fact: UndertakingEvent, code: str) -> None:
    given(UNDERTAKING, [*begun(), fact]).when(SetDue(step_id="council", due_on=TODAY), at=AT).refused(code)


def test_a_function_takes_care_of_a_step() -> None:
    command = AssignStep(step_id="council", owner="Hauptamt")
    past = (
        given(UNDERTAKING, begun())
        .when(command, at=AT)
        .then([StepAssigned(at=AT, step_id="council", owner="Hauptamt")])
    )
    nobody = StepAssigned(at=AT, step_id="council", owner=None)
    given(UNDERTAKING, past.events).when(AssignStep(step_id="council", owner=None), at=AT).then([nobody])


def test_a_step_has_a_note() -> None:
    command = NoteOnStep(step_id="council", note="Vorlage liegt beim Rechtsamt.")
    past = (
        given(UNDERTAKING, begun())
        .when(command, at=AT)
        .then([StepNoted(at=AT, step_id="council", note="Vorlage liegt beim Rechtsamt.")])
    )
    none = StepNoted(at=AT, step_id="council", note=None)
    given(UNDERTAKING, past.events).when(NoteOnStep(step_id="council", note=None), at=AT).then([none])


def test_a_step_is_done_today_or_was_on_a_day_named() -> None:
    given(UNDERTAKING, begun()).when(CompleteStep(step_id="council"), at=AT).then([DONE])
    earlier = CompleteStep(step_id="council", done_on=date(2026, 2, 27))
    corrected = StepCompleted(at=AT, step_id="council", done_on=date(2026, 2, 27))
    given(UNDERTAKING, [*begun(), DONE]).when(earlier, at=AT).then([corrected])
    given(UNDERTAKING, [*begun(), DONE]).when(CompleteStep(step_id="council"), at=AT + timedelta(days=3)).nothing()


def test_nothing_is_done_tomorrow_and_the_day_is_that_of_the_wall_clock() -> None:
    tomorrow = CompleteStep(step_id="council", done_on=TODAY + timedelta(days=1))
    given(UNDERTAKING, begun()).when(tomorrow, at=AT).refused("done_in_future")
    past_midnight = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    given(UNDERTAKING, begun()).when(tomorrow, at=past_midnight).then(
        [StepCompleted(at=past_midnight, step_id="council", done_on=TODAY + timedelta(days=1))]
    )


def test_a_step_is_opened_again_on_the_day_the_plan_gives_it_now() -> None:
    moved = after(CompleteStep(step_id="council"), MoveStart(starts_on=START + timedelta(days=28)))
    again = StepReopened(at=AT, step_id="council", due_on=date(2026, 10, 23))
    given(UNDERTAKING, moved).when(ReopenStep(step_id="council"), at=AT).then([again])
    given(UNDERTAKING, begun()).when(ReopenStep(step_id="council"), at=AT).nothing()


def test_a_step_is_dropped_for_a_reason_and_taken_up_again() -> None:
    drop = DropStep(step_id="council", reason=DROPPED.reason)
    given(UNDERTAKING, begun()).when(drop, at=AT).then([DROPPED])
    restored = StepRestored(at=AT, step_id="council", due_on=COUNCIL)
    given(UNDERTAKING, [*begun(), DROPPED]).when(RestoreStep(step_id="council"), at=AT).then([restored])
    given(UNDERTAKING, begun()).when(RestoreStep(step_id="council"), at=AT).nothing()
    given(UNDERTAKING, [*begun(), DONE]).when(drop, at=AT).refused("step_done")
    given(UNDERTAKING, [*begun(), DROPPED]).when(CompleteStep(step_id="council"), at=AT).refused("step_dropped")


def test_a_step_says_something_else() -> None:
    wording = Wording(title="Ratsbeschluss", hint="In beiden Räten gleichlautend.")
    reworded = StepReworded(at=AT, step_id="council", wording=wording)
    past = given(UNDERTAKING, begun()).when(RewordStep(step_id="council", wording=wording), at=AT).then([reworded])
    council = state_of(list(past.events)).steps["council"]
    assert (council.planned.title, council.planned.offset_days, council.sequence) == ("Ratsbeschluss", -100, 1)


def test_reminders_since_somebody_last_changed_something_are_counted() -> None:
    reminded = [*begun(), REMINDED, REMINDED.model_copy(update={"step_id": "idea"})]
    assert state_of(reminded).reminders == 2
    done = given(UNDERTAKING, reminded).when(CompleteStep(step_id="council"), at=AT).decided
    assert state_of([*reminded, *done]).reminders == 0


REMINDED = StepFellDue(at=AT, undertaking_id=ID, step_id="council", due_on=COUNCIL)


def withdrawn(at: datetime, due_on: date = COUNCIL) -> ReminderWithdrawn:
    return ReminderWithdrawn(at=at, undertaking_id=ID, step_id="council", due_on=due_on)


def on(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


@pytest.mark.parametrize("days", [7, 3, 0])
def test_a_step_is_reminded_of_once_in_the_week_before_its_date(days: int) -> None:
    at = on(COUNCIL - timedelta(days=days))
    reminded = REMINDED.model_copy(update={"at": at})
    events = after(CompleteStep(step_id="idea"))
    given(UNDERTAKING, events).when(LetTimePass(), at=at).then([reminded])


@pytest.mark.parametrize("days", [8, -1, -300])
def test_nobody_is_reminded_too_early_or_of_what_is_past(days: int) -> None:
    events = after(CompleteStep(step_id="idea"))
    found = given(UNDERTAKING, events).when(LetTimePass(), at=on(COUNCIL - timedelta(days=days))).decided
    assert "council" not in {event.step_id for event in found if isinstance(event, StepFellDue)}


def test_history_reminds_of_nothing_past() -> None:
    old = begun(starts_on=date(2020, 1, 6))
    given(UNDERTAKING, old).when(LetTimePass(), at=AT).nothing()


def test_a_date_that_was_told_and_has_moved_is_taken_back_and_the_other_told() -> None:
    at, later = on(COUNCIL), COUNCIL + timedelta(days=3)
    there = SetDue(step_id="council", due_on=later)
    set_by_hand = StepDueSet(at=at, step_id="council", due_on=later, by_hand=True)
    moved = given(UNDERTAKING, [*after(), REMINDED]).when(there, at=at).then([set_by_hand, withdrawn(at)])
    again = StepFellDue(at=at, undertaking_id=ID, step_id="council", due_on=later)
    told = given(UNDERTAKING, moved.events).when(LetTimePass(), at=at).then([again])
    back = given(UNDERTAKING, told.events).when(SetDue(step_id="council", due_on=None), at=at)
    planned = StepDueSet(at=at, step_id="council", due_on=COUNCIL, by_hand=False)
    here = back.then([planned, withdrawn(at, later)])
    given(UNDERTAKING, here.events).when(LetTimePass(), at=at).then([REMINDED.model_copy(update={"at": at})])


@pytest.mark.parametrize(
    "command",
    [
        MoveStart(starts_on=START + timedelta(days=28)),
        CompleteStep(step_id="council"),
        DropStep(step_id="council", reason="Entfällt."),
        FinishUndertaking(project_id="p"),
        AbandonUndertaking(reason="Kein Partner gefunden."),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_date_that_was_told_is_taken_back_once_it_holds_no_more(command: UndertakingCommand) -> None:
    at = on(COUNCIL - timedelta(days=1))
    told = [*begun(), REMINDED]
    decided = given(UNDERTAKING, told).when(command, at=at).decided
    assert decided[1:] == [withdrawn(at)]
    given(UNDERTAKING, [*told, *decided]).when(command, at=at).nothing()
    assert UNDERTAKING.publish(withdrawn(at)) == StepDueWithdrawn(undertaking_id=ID, step_id="council", due_on=COUNCIL)


@pytest.mark.parametrize(
    ("command", "days"),
    [
        (CompleteStep(step_id="council"), 1),  # the day has passed: nobody waits for it
        (AssignStep(step_id="council", owner="Hauptamt"), -1),
        (EditUndertaking(plan=PLAN.model_copy(update={"lead_days": 1})), -3),
        (MoveStart(starts_on=START + timedelta(days=1)), -1),  # it stays on its working day
    ],
)
def test_a_date_that_holds_or_has_passed_is_not_taken_back(command: UndertakingCommand, days: int) -> None:
    decided = given(UNDERTAKING, [*begun(), REMINDED]).when(command, at=on(COUNCIL + timedelta(days=days))).decided
    assert len(decided) == 1


@pytest.mark.parametrize("fact", [DONE, DROPPED])
def test_nobody_is_reminded_of_what_is_done_or_dropped(fact: UndertakingEvent) -> None:
    given(UNDERTAKING, [*begun(), fact]).when(LetTimePass(), at=on(COUNCIL)).nothing()


def test_nobody_is_reminded_of_an_undertaking_that_is_over() -> None:
    given(UNDERTAKING, after(FinishUndertaking(project_id="p"))).when(LetTimePass(), at=on(COUNCIL)).nothing()


def test_the_lead_time_is_the_undertakings_own() -> None:
    plan = PLAN.model_copy(update={"lead_days": 30})
    at = on(COUNCIL - timedelta(days=30))
    events = after(EditUndertaking(plan=plan))
    given(UNDERTAKING, events).when(LetTimePass(), at=at).then([REMINDED.model_copy(update={"at": at})])


def test_the_reminder_says_no_more_than_that_there_is_one() -> None:
    contract = UNDERTAKING.publish(REMINDED)
    assert contract is not None
    assert contract.model_dump(mode="json") == {
        "undertaking_id": ID,
        "step_id": "council",
        "due_on": COUNCIL.isoformat(),
    }


def test_a_calendar_learns_of_every_move_and_of_nothing_else() -> None:
    events = after(
        MoveStart(starts_on=START + timedelta(days=28)),
        AssignStep(step_id="council", owner="Hauptamt"),
        NoteOnStep(step_id="council", note="x"),
    )
    assert state_of(events).steps["council"].sequence == 1
    events = after(
        SetDue(step_id="council", due_on=TODAY), CompleteStep(step_id="council"), ReopenStep(step_id="council")
    )
    assert state_of(events).steps["council"].sequence == 3
    assert state_of(after(SetDue(step_id="council", due_on=COUNCIL))).steps["council"].sequence == 0


def test_a_calendar_learns_that_nothing_comes_of_it() -> None:
    over = after(CompleteStep(step_id="idea"), AbandonUndertaking(reason="Kein Partner gefunden."))
    sequences = {step_id: each.sequence for step_id, each in state_of(over).steps.items()}
    assert sequences == {"idea": 2, "council": 1, "start": 1, "evaluation": 1}


def test_progress_leaves_out_what_was_dropped_and_never_rounds_up() -> None:
    events = after(
        CompleteStep(step_id="idea"), CompleteStep(step_id="start"), DropStep(step_id="council", reason="Entfällt")
    )
    found = progress(state_of(events).steps.values())
    assert (found, found.percent) == (Progress(2, 3), 66)
    assert Progress(0, 0).percent == 100


days = st.dates(FIRST_DAY, LAST_DAY)
own_steps = st.lists(st.integers(-700, 700), min_size=1, max_size=12)


@for_all(offsets=own_steps, starts=st.lists(days, min_size=1, max_size=3), set_by_hand=days, done=st.booleans())
def test_moving_the_start_keeps_the_order_and_what_was_set_by_hand(
    *, offsets: list[int], starts: list[date], set_by_hand: date, done: bool
) -> None:
    steps = tuple(step(f"s{n}", offset) for n, offset in enumerate(sorted(offsets)))
    events = given(UNDERTAKING).when(begin((*steps, step("hand", 1), step("over", 2))), at=AT).decided
    commands: list[UndertakingCommand] = [SetDue(step_id="hand", due_on=set_by_hand)]
    commands += [CompleteStep(step_id="over") if done else DropStep(step_id="over", reason="Nein")]
    commands += [MoveStart(starts_on=each) for each in starts]
    for command in commands:
        events += given(UNDERTAKING, events).when(command, at=AT).decided
    moved = state_of(events).steps
    dues = [moved[each.step_id].due_on for each in steps]
    known = [due for due in dues if due]
    assert len(known) == len(steps)
    assert known == sorted(known)
    assert all(map(is_working_day, known))
    assert known == [working_day_until(starts[-1] + timedelta(days=each.offset_days or 0)) for each in steps]
    assert moved["hand"].due_on == set_by_hand
    assert moved["over"].due_on == working_day_until(START + timedelta(days=2))


ids = st.sampled_from(["idea", "council", "start", "own-1", "nothing"])
commands = st.one_of(
    st.builds(RewordStep, step_id=ids, wording=st.builds(Wording, title=st.sampled_from(["A", "B"]))),
    st.builds(SetDue, step_id=ids, due_on=st.none() | days),
    st.builds(AssignStep, step_id=ids, owner=st.none() | st.sampled_from(["Hauptamt", "Kasse"])),
    st.builds(NoteOnStep, step_id=ids, note=st.none() | st.just("x")),
    st.builds(CompleteStep, step_id=ids, done_on=st.none() | days),
    st.builds(ReopenStep, step_id=ids),
    st.builds(DropStep, step_id=ids, reason=st.sampled_from(["Nein", "Doch nicht"])),
    st.builds(RestoreStep, step_id=ids),
    st.builds(MoveStart, starts_on=days, by_hand_too=st.booleans()),
    st.builds(AddStep, step=st.builds(step, st.just("own-1"), st.none() | st.integers(-50, 50))),
    st.builds(AddStep, step=st.builds(step, st.just("own-1"), due_on=days)),
    st.builds(GiveSight, organisation_id=st.sampled_from([DETMOLD, BAD_SALZUFLEN])),
    st.builds(TakeSight, organisation_id=st.just(DETMOLD)),
    st.just(LetTimePass()),
    st.just(AbandonUndertaking(reason="Nein")),
    st.just(FinishUndertaking(project_id="p")),
)


def believed(events: list[UndertakingEvent]) -> set[tuple[str, date]]:
    """The dates that whoever reads the contracts goes by."""
    dates: set[tuple[str, date]] = set()
    for event in events:
        if isinstance(event, StepFellDue):
            dates.add((event.step_id, event.due_on))
        elif isinstance(event, ReminderWithdrawn):
            dates.remove((event.step_id, event.due_on))
    return dates


def near(undertaking: Undertaking, today: date) -> set[tuple[str, date]]:
    """The dates that were told and hold."""
    if undertaking.status is not UndertakingStatus.PREPARING:
        return set()
    told = {(step_id, step.told_of(today)) for step_id, step in undertaking.steps.items()}
    return {(step_id, due) for step_id, due in told if due}


@for_all(asked=st.lists(commands, max_size=12), at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001
def test_whatever_is_asked_is_done_once_or_refused(asked: list[UndertakingCommand], at: datetime) -> None:
    events, at = begun(), at.replace(tzinfo=UTC)
    for command in asked:
        try:
            decided = given(UNDERTAKING, events).when(command, at=at).decided
        except (Refused, NotThere):
            continue
        events += decided
        assert given(UNDERTAKING, events).when(command, at=at).decided == []
    check_events(UNDERTAKING, events)
    assert believed(events) == near(state_of(events), german_day(at))
    for each in state_of(events).steps.values():
        assert each.done_on is None or each.dropped is None
        assert len(set(each.told_for)) == len(each.told_for)
        assert not each.by_hand or (each.due_on and FIRST_DAY - timedelta(days=3) <= each.due_on <= LAST_DAY)
        assert each.by_hand or each.due_on is None or each.done_on or each.dropped or is_working_day(each.due_on)


@pytest.mark.parametrize("checklist", checklists(), ids=lambda checklist: checklist.version)
def test_every_checklist_leads_from_the_idea_through_three_stages(checklist: Checklist) -> None:
    assert {each.stage for each in checklist.steps} == set(ChecklistStage)
    assert len({each.step_id for each in checklist.steps}) == len(checklist.steps)
    offsets = [each.offset_days for each in checklist.steps]
    assert None not in offsets
    assert offsets == sorted(offset for offset in offsets if offset is not None)
    assert all(each.hint for each in checklist.steps)
    by_id = {each.step_id: each for each in checklist.steps}
    order = ["funding_application", "funding_decision", "signature", "start", "evaluation"]
    assert [by_id[each].offset_days for each in order] == sorted(by_id[each].offset_days or 0 for each in order)
    assert by_id["start"].offset_days == 0


def test_the_checklist_of_a_day_is_the_newest_then() -> None:
    first = checklists()[0]
    assert valid_on(first.valid_from) == first
    assert valid_on(date(2000, 1, 1)) == first
    assert valid_on(date(2099, 1, 1)) == checklists()[-1]
