"""A question's way: asked, confirmed, moderated, merged, answered, published, carried over, forgotten."""

from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from services.events.question import DECIDER, Question
from services.events.question_commands import (
    AcceptQuestion,
    AnswerQuestion,
    AskQuestion,
    CarryOverQuestion,
    ConfirmQuestion,
    DeclineQuestion,
    FollowMerger,
    ForgetQuestion,
    LetQuestionLapse,
    MergeQuestion,
    PublishQuestion,
    QuestionCommand,
    ReleaseQuestion,
    ReviseQuestion,
    TakeBackPublication,
    WithdrawQuestion,
)
from services.events.question_events import (
    MergerFollowed,
    PublicationTakenBack,
    QuestionAccepted,
    QuestionAnswered,
    QuestionCarriedOver,
    QuestionConfirmed,
    QuestionDeclined,
    QuestionEvent,
    QuestionForgotten,
    QuestionHandedIn,
    QuestionLapsed,
    QuestionMerged,
    QuestionPublished,
    QuestionReceived,
    QuestionReleased,
    QuestionRevised,
    QuestionWithdrawn,
)
from shared.contracts import events as contracts
from shared.kernel.decider import NotThere, Refused
from shared.kernel.testing import Given, fold, given

NOW = datetime.fromisoformat("2025-07-01T08:00:00+00:00")
SESSION, OTHER = "11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333"
WORDS: dict[str, Any] = {"token_hash": "hash", "sealed": "who", "sealed_text": "what"}
MAY = {"may_publish": True, "may_name_organisation": True}
SAID: dict[str, Any] = {"question_id": "q", "session_id": SESSION, "person_id": "ada", "at": NOW}
OPEN_HOST = {"into": "host", "into_session_id": SESSION}


def of(events: list[QuestionEvent]) -> Given[Question | None, QuestionCommand, QuestionEvent]:
    return given(DECIDER, events)


def ask(*, proven: bool = False, **changes: Any) -> AskQuestion:
    asked = {"question_id": "q", "session_id": SESSION, "person_id": "ada", **WORDS}
    return AskQuestion(proven=proven, **(asked | changes))


def received() -> QuestionReceived:
    return QuestionReceived(confirm_by=NOW + timedelta(hours=24), **SAID, **WORDS)


def handed_in(**changes: Any) -> QuestionHandedIn:
    return QuestionHandedIn(**(SAID | WORDS | changes))


def said[E](kind: type[E], **more: Any) -> E:
    return kind(**(SAID | more))


ACCEPTED: list[QuestionEvent] = [handed_in(), said(QuestionAccepted)]
MERGED: list[QuestionEvent] = [*ACCEPTED, said(QuestionMerged, into="host")]
DECLINED: list[QuestionEvent] = [handed_in(), said(QuestionDeclined, sealed_reason="why")]
ANSWERED: list[QuestionEvent] = [handed_in(**MAY), said(QuestionAnswered, way="in_writing", sealed_answer="so")]
PUBLISHED: list[QuestionEvent] = [*ANSWERED, said(QuestionPublished, way="in_writing", sealed_publication="all")]
WITHDRAWN: list[QuestionEvent] = [handed_in(), said(QuestionWithdrawn)]
LAPSED: list[QuestionEvent] = [received(), said(QuestionLapsed)]
FORGOTTEN: list[QuestionEvent] = [handed_in(), said(QuestionForgotten, cause="retention")]


def in_writing(sealed: str = "so", **more: Any) -> AnswerQuestion:
    return AnswerQuestion(way="in_writing", sealed_answer=sealed, **more)


def test_a_question_of_an_unproven_address_waits_a_day_for_its_confirmation() -> None:
    of([]).when(ask(), at=NOW).then([received()])


def test_a_question_of_somebody_we_know_waits_for_moderation_at_once() -> None:
    of([]).when(ask(proven=True), at=NOW).then([handed_in()])


def test_a_confirmed_question_waits_for_moderation_and_has_seen_what_its_session_went_through() -> None:
    after = of([received()]).when(ConfirmQuestion(postponements=2), at=NOW)
    state = after.then([said(QuestionConfirmed, postponements=2)]).state
    assert state is not None
    assert (state.status, state.postponements, state.confirm_by) == ("submitted", 2, None)


def test_what_is_confirmed_too_late_has_lapsed() -> None:
    late = NOW + timedelta(hours=24)
    of([received()]).when(ConfirmQuestion(postponements=0), at=late).refused("question_lapsed")
    of(LAPSED).when(ConfirmQuestion(postponements=0), at=NOW).refused("question_lapsed")


def test_nobody_confirms_and_the_text_is_destroyed() -> None:
    of([received()]).when(LetQuestionLapse(), at=NOW + timedelta(hours=23, minutes=59)).nothing()
    late = NOW + timedelta(hours=24)
    state = of([received()]).when(LetQuestionLapse(), at=late).then([said(QuestionLapsed, at=late)]).state
    assert state is not None
    assert (state.status, state.sealed, state.sealed_text, state.forgotten) == ("lapsed", None, None, True)


def test_nothing_lapses_that_was_confirmed() -> None:
    confirmed: list[QuestionEvent] = [received(), said(QuestionConfirmed)]
    of(confirmed).when(LetQuestionLapse(), at=NOW + timedelta(days=9)).nothing()


@pytest.mark.parametrize("events", [[received()], [handed_in()]], ids=["received", "submitted"])
def test_its_words_change_until_somebody_has_dealt_with_it(events: list[QuestionEvent]) -> None:
    revise = ReviseQuestion(sealed_text="else", **MAY)
    of(events).when(revise, at=NOW).then([said(QuestionRevised, sealed_text="else", **MAY)])


@pytest.mark.parametrize(
    "events", [ACCEPTED, MERGED, DECLINED, ANSWERED], ids=["accepted", "merged", "declined", "answered"]
)
def test_its_words_stay_once_somebody_has_dealt_with_it(events: list[QuestionEvent]) -> None:
    of(events).when(ReviseQuestion(sealed_text="else", **MAY), at=NOW).refused("question_dealt_with")


def test_what_may_be_published_is_the_askers_to_say_at_any_time() -> None:
    revise = ReviseQuestion(sealed_text="what", **MAY)
    of(ACCEPTED).when(revise, at=NOW).then([said(QuestionRevised, sealed_text="what", **MAY)])


@pytest.mark.parametrize(
    "agreed",
    [{"may_publish": False, "may_name_organisation": False}, {"may_publish": True, "may_name_organisation": False}],
    ids=["nothing", "no organisation"],
)
def test_whoever_agrees_no_longer_is_no_longer_published(agreed: dict[str, bool]) -> None:
    revised = said(QuestionRevised, sealed_text="what", **agreed)
    taken_back = said(PublicationTakenBack, cause="asker")
    of(PUBLISHED).when(ReviseQuestion(sealed_text="what", **agreed), at=NOW).then([revised, taken_back])


@pytest.mark.parametrize("events", [[received()], [handed_in()], ACCEPTED, MERGED, DECLINED], ids=str)
def test_its_asker_takes_it_back_and_the_text_is_destroyed(events: list[QuestionEvent]) -> None:
    state = of(events).when(WithdrawQuestion(), at=NOW).then([said(QuestionWithdrawn)]).state
    assert state is not None
    assert (state.status, state.sealed, state.sealed_text, state.sealed_reason) == ("withdrawn", None, None, None)


def test_an_answered_question_is_not_taken_back() -> None:
    of(ANSWERED).when(WithdrawQuestion(), at=NOW).refused("question_answered")


def test_a_question_is_accepted() -> None:
    of([handed_in()]).when(AcceptQuestion(), at=NOW).then([said(QuestionAccepted)])


def test_a_declined_question_may_be_accepted_after_all() -> None:
    state = of(DECLINED).when(AcceptQuestion(), at=NOW).then([said(QuestionAccepted)]).state
    assert state is not None
    assert state.sealed_reason is None


def test_a_question_is_declined_with_a_reason_that_may_be_put_another_way() -> None:
    of([handed_in()]).when(DeclineQuestion(sealed_reason="why"), at=NOW).then(DECLINED[1:])
    again = DeclineQuestion(sealed_reason="because")
    of(DECLINED).when(again, at=NOW).then([said(QuestionDeclined, sealed_reason="because")])


def test_a_question_goes_into_another_one() -> None:
    merge = MergeQuestion(into_status="accepted", **OPEN_HOST)
    of([handed_in()]).when(merge, at=NOW).then([said(QuestionMerged, into="host")])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"into": "q"}, "question_not_mergeable"),
        ({"into_status": "merged"}, "question_not_mergeable"),
        ({"into_status": "answered"}, "question_not_mergeable"),
        ({"into_session_id": OTHER}, "question_of_other_session"),
    ],
    ids=str,
)
def test_there_are_no_chains_of_mergers(changes: dict[str, Any], code: str) -> None:
    merge = MergeQuestion(**({"into_status": "accepted", **OPEN_HOST} | changes))
    of([handed_in()]).when(merge, at=NOW).refused(code)


@pytest.mark.parametrize(
    "command",
    [
        AcceptQuestion(),
        DeclineQuestion(sealed_reason="why"),
        in_writing(),
        CarryOverQuestion(session_id=OTHER, postponements=0),
        in_writing(host="somebody else's"),
    ],
    ids=str,
)
def test_a_merged_question_goes_no_way_of_its_own(command: QuestionCommand) -> None:
    of(MERGED).when(command, at=NOW).refused("question_merged")


def test_a_merged_question_goes_where_the_other_one_goes() -> None:
    answered = said(QuestionAnswered, way="in_writing", sealed_answer="so", host_version=4)
    of(MERGED).when(in_writing(host="host", host_version=4), at=NOW).then([answered])
    declined = said(QuestionDeclined, sealed_reason="why")
    of(MERGED).when(DeclineQuestion(sealed_reason="why", host="host"), at=NOW).then([declined])
    moved = said(QuestionCarriedOver, session_id=OTHER, from_session_id=SESSION, postponements=3)
    of(MERGED).when(CarryOverQuestion(session_id=OTHER, postponements=3, host="host"), at=NOW).then([moved])


def test_a_merged_question_has_each_answer_of_the_other_one_once() -> None:
    first = [*MERGED, said(QuestionAnswered, way="in_writing", sealed_answer="so", host_version=4)]
    of(first).when(in_writing("other seal", host="host", host_version=4), at=NOW).nothing()
    better = said(QuestionAnswered, way="in_writing", sealed_answer="better", host_version=6)
    of(first).when(in_writing("better", host="host", host_version=6), at=NOW).then([better])


def test_a_merged_question_follows_into_a_third_one() -> None:
    of(MERGED).when(FollowMerger(into="third"), at=NOW).then([said(MergerFollowed, into="third")])
    of(MERGED).when(FollowMerger(into="q"), at=NOW).nothing()
    of(ACCEPTED).when(FollowMerger(into="third"), at=NOW).nothing()


def test_a_merged_question_is_on_its_own_when_the_other_one_goes() -> None:
    state = of(MERGED).when(ReleaseQuestion(host="host"), at=NOW).then([said(QuestionReleased)]).state
    assert state is not None
    assert (state.status, state.merged_into) == ("accepted", None)
    of(MERGED).when(ReleaseQuestion(host="somebody else's"), at=NOW).nothing()


def test_merged_anew_it_still_knows_what_it_was_before() -> None:
    merge = MergeQuestion(into="third", into_session_id=SESSION, into_status="submitted")
    state = of(MERGED).when(merge, at=NOW).then([said(QuestionMerged, into="third")]).state
    assert state is not None
    assert (state.before, state.merged_into) == ("accepted", "third")


@pytest.mark.parametrize("events", [[handed_in()], ACCEPTED], ids=["submitted", "accepted"])
def test_a_question_is_answered_in_writing_at_any_time(events: list[QuestionEvent]) -> None:
    of(events).when(in_writing(), at=NOW).then([said(QuestionAnswered, way="in_writing", sealed_answer="so")])


def test_a_question_is_answered_in_the_session_once_it_has_begun() -> None:
    of(ACCEPTED).when(AnswerQuestion(way="in_session"), at=NOW).refused("session_not_begun")
    begun = AnswerQuestion(way="in_session", begun=True)
    of(ACCEPTED).when(begun, at=NOW).then([said(QuestionAnswered, way="in_session")])


def test_an_answer_is_put_right() -> None:
    better = said(QuestionAnswered, way="in_writing", sealed_answer="better")
    of(ANSWERED).when(in_writing("better"), at=NOW).then([better])
    of(ANSWERED).when(AcceptQuestion(), at=NOW).refused("question_answered")
    of(ANSWERED).when(DeclineQuestion(sealed_reason="why"), at=NOW).refused("question_answered")
    of(DECLINED).when(in_writing(), at=NOW).refused("question_declined")


def test_what_is_answered_is_published_if_its_asker_agrees() -> None:
    publish = PublishQuestion(sealed_publication="all", names=True)
    published = said(QuestionPublished, way="in_writing", sealed_publication="all")
    of(ANSWERED).when(publish, at=NOW).then([published])
    unwilling: list[QuestionEvent] = [handed_in(), said(QuestionAnswered, way="in_session")]
    of(unwilling).when(publish, at=NOW).refused("publication_not_agreed")
    nameless: list[QuestionEvent] = [handed_in(may_publish=True), said(QuestionAnswered, way="in_session")]
    of(nameless).when(publish, at=NOW).refused("publication_not_agreed")
    of(ACCEPTED).when(publish, at=NOW).refused("question_not_answered")


def test_a_publication_is_taken_back() -> None:
    of(PUBLISHED).when(TakeBackPublication(), at=NOW).then([said(PublicationTakenBack, cause="editor")])
    of(ANSWERED).when(TakeBackPublication(), at=NOW).nothing()


@pytest.mark.parametrize("events", [[handed_in()], ACCEPTED, MERGED], ids=["submitted", "accepted", "merged"])
def test_an_open_question_is_carried_over_once_for_each_new_date(events: list[QuestionEvent]) -> None:
    first = CarryOverQuestion(session_id=SESSION, postponements=1)
    carried = said(QuestionCarriedOver, from_session_id=SESSION, postponements=1)
    after = of(events).when(first, at=NOW).then([carried])
    after.when(CarryOverQuestion(session_id=SESSION, postponements=2), at=NOW).then(
        [said(QuestionCarriedOver, from_session_id=SESSION, postponements=2)]
    ).when(first, at=NOW).nothing()


def test_a_moderator_carries_an_open_question_over_to_another_session() -> None:
    carry = CarryOverQuestion(session_id=OTHER, postponements=5)
    carried = said(QuestionCarriedOver, session_id=OTHER, from_session_id=SESSION, postponements=5)
    state = of(ACCEPTED).when(carry, at=NOW).then([carried]).state
    assert state is not None
    assert (state.session_id, state.status, state.postponements) == (OTHER, "accepted", 5)


@pytest.mark.parametrize("session_id", [SESSION, OTHER])
def test_what_is_dealt_with_is_not_carried_over(session_id: str) -> None:
    carry = CarryOverQuestion(session_id=session_id, postponements=1)
    of(ANSWERED).when(carry, at=NOW).refused("question_answered")
    of(DECLINED).when(carry, at=NOW).refused("question_declined")
    of(WITHDRAWN).when(carry, at=NOW).refused("question_withdrawn")


MODERATION: list[QuestionCommand] = [
    AcceptQuestion(),
    DeclineQuestion(sealed_reason="why"),
    MergeQuestion(into_status="accepted", **OPEN_HOST),
    in_writing(),
    PublishQuestion(sealed_publication="all", names=False),
    CarryOverQuestion(session_id=OTHER, postponements=0),
]


@pytest.mark.parametrize("command", MODERATION, ids=str)
def test_moderators_see_nothing_of_what_nobody_confirmed(command: QuestionCommand) -> None:
    of([received()]).when(command, at=NOW).not_there()
    of(LAPSED).when(command, at=NOW).not_there()
    of([]).when(command, at=NOW).not_there()


@pytest.mark.parametrize("command", [*MODERATION, ReviseQuestion(sealed_text="else", **MAY)], ids=str)
@pytest.mark.parametrize("events", [WITHDRAWN, FORGOTTEN], ids=["withdrawn", "forgotten"])
def test_nothing_more_becomes_of_what_is_gone(events: list[QuestionEvent], command: QuestionCommand) -> None:
    of(events).when(command, at=NOW).refused("question_withdrawn")


def test_a_question_is_forgotten_and_its_asker_erased() -> None:
    state = (
        of(PUBLISHED)
        .when(ForgetQuestion(cause="erasure"), at=NOW)
        .then([said(QuestionForgotten, cause="erasure")])
        .state
    )
    assert state is not None
    assert (state.sealed, state.sealed_text, state.sealed_answer, state.sealed_publication) == (None,) * 4
    of(FORGOTTEN).when(ForgetQuestion(cause="retention"), at=NOW).nothing()
    of(FORGOTTEN).when(ForgetQuestion(cause="erasure"), at=NOW).then([said(QuestionForgotten, cause="erasure")])


@pytest.mark.parametrize(
    ("event", "contract"),
    [
        (received(), contracts.QuestionReceived),
        (handed_in(), contracts.QuestionSubmitted),
        (said(QuestionConfirmed), contracts.QuestionSubmitted),
        (said(QuestionAccepted), contracts.QuestionAccepted),
        (said(QuestionMerged, into="host"), contracts.QuestionMerged),
        (said(QuestionDeclined, sealed_reason="why"), contracts.QuestionDeclined),
        (ANSWERED[1], contracts.QuestionAnswered),
        (PUBLISHED[2], contracts.QuestionAnswered),
        (said(QuestionCarriedOver, from_session_id=OTHER, postponements=1), contracts.QuestionCarriedOver),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, QuestionHandedIn) else str(each)[:20],
)
def test_others_learn_that_something_happened_and_nothing_of_what_was_said(
    event: QuestionEvent, contract: type
) -> None:
    published = DECIDER.publish(event)
    assert published is not None
    assert type(published) is contract
    assert not any(sealed in published.model_dump_json() for sealed in ('"who"', '"what"', '"why"', '"so"', '"all"'))


def test_only_a_publication_says_that_it_is_one() -> None:
    said_of = [DECIDER.publish(event) for event in PUBLISHED[1:]]
    assert [contract.published for contract in said_of if isinstance(contract, contracts.QuestionAnswered)] == [
        False,
        True,
    ]


COMMANDS: list[QuestionCommand] = [
    ask(),
    ask(proven=True),
    ConfirmQuestion(postponements=1),
    ReviseQuestion(sealed_text="else", may_publish=True, may_name_organisation=False),
    ReviseQuestion(sealed_text="what", may_publish=False, may_name_organisation=False),
    WithdrawQuestion(),
    LetQuestionLapse(),
    *MODERATION,
    TakeBackPublication(),
    FollowMerger(into="third"),
    ReleaseQuestion(host="host"),
    in_writing("better", host="host", host_version=3),
    DeclineQuestion(sealed_reason="because", host="host"),
    CarryOverQuestion(session_id=SESSION, postponements=2),
    CarryOverQuestion(session_id=OTHER, postponements=1, host="host"),
    ForgetQuestion(cause="retention"),
    ForgetQuestion(cause="erasure"),
]


@settings(max_examples=150)
@generated(st.lists(st.tuples(st.sampled_from(COMMANDS), st.sampled_from([0, 12, 25])), max_size=12))
def test_no_order_of_commands_does_anything_twice_or_keeps_what_is_destroyed(
    commands: list[tuple[QuestionCommand, int]],
) -> None:
    question: Question | None = None
    happened: list[QuestionEvent] = []
    for command, hours in commands:
        at = NOW + timedelta(hours=hours)
        try:
            events = list(DECIDER.decide(command, question, at))
        except (Refused, NotThere):
            continue
        question = reduce(DECIDER.evolve, events, question)
        happened += events
        assert list(DECIDER.decide(command, question, at)) == []
    assert fold(DECIDER, happened) == question
    if question is not None:
        assert question.version == len(happened)
        assert (question.sealed is None) == question.forgotten
        assert question.sealed_publication is None or (question.may_publish and question.status == "answered")
        assert (
            (question.merged_into is None)
            or question.status in {"merged", "answered", "declined"}
            or question.forgotten
        )
        carried = [
            (event.session_id, event.postponements) for event in happened if isinstance(event, QuestionCarriedOver)
        ]
        assert all(one != next_one for one, next_one in pairwise(carried))
