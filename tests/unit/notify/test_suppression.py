"""Whether mail is still sent to an address."""

from datetime import timedelta

from services.notify.bounce_codes import Weight
from services.notify.suppression import (
    REST,
    SUPPRESSION,
    WINDOW,
    AddressSuppressed,
    CountReturn,
    LiftSuppression,
    RecordArrival,
    SoftBounceCounted,
    SoftBouncesForgotten,
    SuppressAddress,
    SuppressionEvent,
    SuppressionLifted,
)
from shared.kernel.testing import NOON, given

DAY = timedelta(days=1)
LATER = NOON + REST + DAY


def came_back(message: str, weight: Weight = "soft", status: str = "4.2.2") -> CountReturn:
    return CountReturn(message_id=message, weight=weight, status=status)


def counted(message: str, days: float = 0) -> SoftBounceCounted:
    return SoftBounceCounted(message_id=message, status="4.2.2", at=NOON + days * DAY)


GONE = AddressSuppressed(cause="hard", message_id="m", status="5.1.1", at=NOON)
RESTING = AddressSuppressed(cause="soft", until=NOON + REST, message_id="c", status="4.2.2", at=NOON)
LIFTED = SuppressionLifted(note="Neue Bestätigung", at=NOON)
LIFTED_AGAIN: list[SuppressionEvent] = [GONE, LIFTED]
LIFT = LiftSuppression(note="Neue Bestätigung")


def test_what_does_not_exist_gets_nothing_more() -> None:
    given(SUPPRESSION).when(came_back("m", "hard", "5.1.1")).then([GONE])
    given(SUPPRESSION, [GONE]).when(came_back("n", "hard", "5.1.1")).nothing()


def test_neither_does_who_complains() -> None:
    complained = AddressSuppressed(cause="complaint", message_id="m", at=NOON)
    given(SUPPRESSION).when(CountReturn(message_id="m", weight="complaint")).then([complained])


def test_three_returns_within_a_fortnight_are_a_rest_of_a_month() -> None:
    first = given(SUPPRESSION).when(came_back("a")).then([counted("a")])
    second = first.when(came_back("b")).then([counted("b")])
    second.when(came_back("c")).then([RESTING])


def test_a_message_counts_once() -> None:
    given(SUPPRESSION, [counted("a"), counted("b")]).when(came_back("a")).nothing()
    given(SUPPRESSION, LIFTED_AGAIN).when(came_back("m", "hard", "5.1.1")).nothing()


def test_what_lies_further_apart_does_not_add_up() -> None:
    past = [counted("a"), counted("b", 1)]
    at = NOON + WINDOW + DAY / 2
    given(SUPPRESSION, past).when(came_back("c"), at=at).then(
        [SoftBounceCounted(message_id="c", status="4.2.2", at=at)]
    )


def test_a_good_delivery_sets_the_count_back() -> None:
    forgotten = SoftBouncesForgotten(at=NOON)
    past = given(SUPPRESSION, [counted("a"), counted("b")]).when(RecordArrival()).then([forgotten])
    past.when(came_back("c")).then([counted("c")])
    given(SUPPRESSION, [GONE]).when(RecordArrival()).nothing()


def test_after_its_rest_counting_begins_anew() -> None:
    resting = given(SUPPRESSION, [RESTING])
    resting.when(came_back("d"), at=LATER - 2 * DAY).nothing()
    again = SoftBounceCounted(message_id="d", status="4.2.2", at=LATER)
    resting.when(came_back("d"), at=LATER).then([again])


def test_what_rests_may_still_turn_out_not_to_exist() -> None:
    given(SUPPRESSION, [RESTING]).when(came_back("m", "hard", "5.1.1")).then([GONE])


def test_an_operator_lifts_it_once() -> None:
    given(SUPPRESSION, [GONE]).when(LIFT).then([LIFTED])
    given(SUPPRESSION, LIFTED_AGAIN).when(LIFT).nothing()
    given(SUPPRESSION, LIFTED_AGAIN).when(came_back("n", "hard", "5.1.1")).then(
        [GONE.model_copy(update={"message_id": "n"})]
    )
    given(SUPPRESSION).when(LIFT).not_there()


def test_an_operator_suppresses_for_good_or_for_a_time() -> None:
    for_good = AddressSuppressed(cause="operator", note="Wunsch am Telefon", at=NOON)
    given(SUPPRESSION).when(SuppressAddress(note="Wunsch am Telefon")).then([for_good])
    given(SUPPRESSION, [GONE]).when(SuppressAddress(note="Wunsch", until=LATER)).nothing()
    a_while = AddressSuppressed(cause="operator", note="Urlaub", until=LATER, at=NOON)
    given(SUPPRESSION, [RESTING]).when(SuppressAddress(note="Urlaub", until=LATER)).then([a_while])
    given(SUPPRESSION).when(SuppressAddress(note="Urlaub", until=NOON)).refused("until_in_past")


def test_nobody_else_is_told() -> None:
    assert SUPPRESSION.publish(GONE) is None
