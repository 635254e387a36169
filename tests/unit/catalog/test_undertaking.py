"""An undertaking's life: what may be said of it, who may see it, how it ends."""

from datetime import date, timedelta

import pytest

from services.catalog.undertaking import (
    MOST_READERS,
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
from services.catalog.undertaking_plan import MOST_STEPS
from services.catalog.undertaking_state import (
    SightGiven,
    SightTaken,
    StartMoved,
    StepAdded,
    UndertakingAbandoned,
    UndertakingBegun,
    UndertakingEdited,
    UndertakingFinished,
)
from services.catalog.undertaking_step import (
    CompleteStep,
    DropStep,
    SetDue,
)
from shared.kernel.testing import given
from tests.unit.catalog.undertaking_stories import (
    AT,
    BAD_SALZUFLEN,
    DETMOLD,
    LEMGO,
    PLAN,
    START,
    STEPS,
    begin,
    begun,
    step,
)

FINISHED = UndertakingFinished(at=AT, project_id="p")
ABANDONED = UndertakingAbandoned(at=AT, reason="Kein Partner gefunden.")


def test_an_undertaking_begins_with_a_copy_of_the_checklist_and_its_days() -> None:
    (event,) = given(UNDERTAKING).when(begin(), at=AT).then(begun()).events
    assert isinstance(event, UndertakingBegun)
    assert event.dues == {
        "idea": date(2026, 6, 8),
        "council": date(2026, 9, 25),  # 26 September is a Saturday
        "start": START,
        "evaluation": date(2028, 1, 4),
    }


def test_another_one_under_the_same_id_is_refused() -> None:
    other = begin(plan=PLAN.model_copy(update={"title": "Gemeinsamer Bauhof"}))
    given(UNDERTAKING, begun()).when(other, at=AT).refused("undertaking_exists")


def test_it_reads_differently_after_it_was_edited() -> None:
    plan = PLAN.model_copy(update={"title": "Standesamt Nord", "partners_wanted": True})
    given(UNDERTAKING, begun()).when(EditUndertaking(plan=plan), at=AT).then([UndertakingEdited(at=AT, plan=plan)])
    given(UNDERTAKING, begun()).when(EditUndertaking(plan=PLAN), at=AT).nothing()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"topics": ("a_a", "b_b", "c_c", "d_d")}, "too_many_topics"),
        ({"topics": ("a_a", "a_a")}, "topic_twice"),
        ({"partners": (BAD_SALZUFLEN, BAD_SALZUFLEN)}, "partner_twice"),
        ({"partners": (LEMGO,)}, "partner_twice"),
    ],
)
def test_what_a_project_could_not_say_is_refused(changes: dict[str, object], code: str) -> None:
    plan = PLAN.model_copy(update=changes)
    given(UNDERTAKING).when(begin(plan=plan), at=AT).refused(code)
    given(UNDERTAKING, begun()).when(EditUndertaking(plan=plan), at=AT).refused(code)


def test_what_follows_the_plan_moves_with_the_start() -> None:
    moved = START + timedelta(days=28)
    dues = {each.step_id: day for each in STEPS if (day := each.day(moved))}
    given(UNDERTAKING, begun()).when(MoveStart(starts_on=moved), at=AT).then(
        [StartMoved(at=AT, starts_on=moved, dues=dues)]
    )


def test_what_is_done_or_dropped_stays_when_the_start_moves() -> None:
    past = given(UNDERTAKING, begun()).when(CompleteStep(step_id="idea"), at=AT)
    done = [*begun(), *past.decided]
    (event,) = given(UNDERTAKING, done).when(MoveStart(starts_on=date(2027, 2, 1)), at=AT).decided
    assert isinstance(event, StartMoved)
    assert "idea" not in event.dues
    assert "council" in event.dues


@pytest.mark.parametrize(("by_hand_too", "expected"), [(False, date(2026, 10, 31)), (True, date(2026, 11, 6))])
def test_a_date_set_by_hand_stays_or_moves_by_as_many_days_to_a_working_day(
    *, by_hand_too: bool, expected: date
) -> None:
    saturday = date(2026, 10, 31)
    by_hand = begun()
    by_hand += given(UNDERTAKING, by_hand).when(SetDue(step_id="council", due_on=saturday), at=AT).decided
    command = MoveStart(starts_on=START + timedelta(days=7), by_hand_too=by_hand_too)
    by_hand += given(UNDERTAKING, by_hand).when(command, at=AT).decided
    state = given(UNDERTAKING, by_hand).state
    assert state is not None
    council = state.steps["council"]
    assert (council.due_on, council.by_hand) == (expected, True)


@pytest.mark.parametrize(
    ("due_on", "starts_on"), [(date(2099, 12, 30), date(2027, 3, 1)), (date(2000, 1, 5), date(2026, 12, 1))]
)
def test_a_date_set_by_hand_moves_no_farther_than_one_can_be_set(due_on: date, starts_on: date) -> None:
    by_hand = begun()
    by_hand += given(UNDERTAKING, by_hand).when(SetDue(step_id="council", due_on=due_on), at=AT).decided
    command = MoveStart(starts_on=starts_on, by_hand_too=True)
    given(UNDERTAKING, by_hand).when(command, at=AT).refused("date_too_far", first="01.01.2000", last="31.12.2099")
    assert given(UNDERTAKING, by_hand).when(MoveStart(starts_on=starts_on), at=AT).decided
    by_hand += given(UNDERTAKING, by_hand).when(DropStep(step_id="council", reason="Nein"), at=AT).decided
    assert given(UNDERTAKING, by_hand).when(command, at=AT).decided, "what is dropped stays anyway"


def test_a_step_of_ones_own_is_added_once_and_only_so_many() -> None:
    own = step("own-1", -30, hint="Mit dem Amtsgericht sprechen.")
    added = StepAdded(at=AT, step=own, due_on=date(2026, 12, 4))
    given(UNDERTAKING, begun()).when(AddStep(step=own), at=AT).then([added])
    given(UNDERTAKING, begun()).when(AddStep(step=STEPS[0]), at=AT).refused("step_exists")
    full = begun(tuple(step(f"step-{n}", n) for n in range(MOST_STEPS)))
    given(UNDERTAKING, full).when(AddStep(step=own), at=AT).refused("too_many_steps", most=MOST_STEPS)


def test_a_step_of_ones_own_without_offset_keeps_its_day_when_the_start_moves() -> None:
    own = step("own-1", due_on=date(2026, 12, 13))
    past = [*begun(), StepAdded(at=AT, step=own, due_on=date(2026, 12, 13))]
    (event,) = given(UNDERTAKING, past).when(MoveStart(starts_on=date(2027, 3, 1)), at=AT).decided
    assert isinstance(event, StartMoved)
    assert "own-1" not in event.dues


def test_sight_is_given_and_taken() -> None:
    seen = given(UNDERTAKING, begun()).when(GiveSight(organisation_id=DETMOLD), at=AT)
    after = seen.then([SightGiven(at=AT, organisation_id=DETMOLD)])
    given(UNDERTAKING, after.events).when(TakeSight(organisation_id=DETMOLD), at=AT).then(
        [SightTaken(at=AT, organisation_id=DETMOLD)]
    )
    given(UNDERTAKING, begun()).when(GiveSight(organisation_id=LEMGO), at=AT).nothing()


def test_an_organisation_is_the_same_under_every_entry_that_was_merged() -> None:
    seen = [*begun(), SightGiven(at=AT, organisation_id=DETMOLD)]
    known_as = frozenset({DETMOLD, "merged"})
    given(UNDERTAKING, seen).when(GiveSight(organisation_id="merged", known_as=known_as), at=AT).nothing()
    given(UNDERTAKING, seen).when(TakeSight(organisation_id="merged", known_as=known_as), at=AT).then(
        [SightTaken(at=AT, organisation_id=DETMOLD)]
    )
    own = EditUndertaking(plan=PLAN.model_copy(update={"partners": ("merged",)}), known_as=frozenset({LEMGO, "merged"}))
    given(UNDERTAKING, begun()).when(own, at=AT).refused("partner_twice")


def test_sight_is_given_to_so_many_only() -> None:
    many = [*begun(), *(SightGiven(at=AT, organisation_id=f"o{n}") for n in range(MOST_READERS))]
    given(UNDERTAKING, many).when(GiveSight(organisation_id=DETMOLD), at=AT).refused("too_many_readers")


def test_it_becomes_one_project_and_takes_no_more_commands() -> None:
    given(UNDERTAKING, begun()).when(FinishUndertaking(project_id="p"), at=AT).then([FINISHED])
    refusals: list[UndertakingCommand] = [
        FinishUndertaking(project_id="q"),
        EditUndertaking(plan=PLAN),
        MoveStart(starts_on=date(2028, 1, 3)),
        AddStep(step=step("own-1")),
        GiveSight(organisation_id=DETMOLD),
        CompleteStep(step_id="idea"),
        AbandonUndertaking(reason="Doch nicht."),
    ]
    for command in refusals:
        given(UNDERTAKING, [*begun(), FINISHED]).when(command, at=AT).refused("undertaking_finished")


def test_it_is_abandoned_for_a_reason_and_takes_no_more_commands() -> None:
    command = AbandonUndertaking(reason=ABANDONED.reason)
    given(UNDERTAKING, begun()).when(command, at=AT).then([ABANDONED])
    over = [*begun(), ABANDONED]
    given(UNDERTAKING, over).when(AbandonUndertaking(reason="Anderer Grund"), at=AT).refused("undertaking_abandoned")
    given(UNDERTAKING, over).when(FinishUndertaking(project_id="p"), at=AT).refused("undertaking_abandoned")
    seen = [*begun(), SightGiven(at=AT, organisation_id=DETMOLD), *over[1:]]
    taken = [SightTaken(at=AT, organisation_id=DETMOLD)]
    given(UNDERTAKING, seen).when(TakeSight(organisation_id=DETMOLD), at=AT).then(taken)


@pytest.mark.parametrize(
    "command",
    [MoveStart(starts_on=START), LetTimePass(), CompleteStep(step_id="idea"), FinishUndertaking(project_id="")],
)
def test_what_was_never_begun_is_not_there(command: UndertakingCommand) -> None:
    given(UNDERTAKING).when(command, at=AT).not_there()


def test_a_step_that_is_none_is_not_there() -> None:
    given(UNDERTAKING, begun()).when(CompleteStep(step_id="nothing"), at=AT).not_there()


def test_a_start_that_is_planned_already_moves_nothing() -> None:
    given(UNDERTAKING, begun()).when(MoveStart(starts_on=START, by_hand_too=True), at=AT).nothing()
