"""One address a person, until it is taken back."""

from services.events.calendar_address import (
    DECIDER,
    AddressEvent,
    CalendarAddressGiven,
    CalendarAddressRevoked,
    GiveCalendarAddress,
    RevokeCalendarAddress,
)
from shared.kernel.testing import given
from tests.unit.events.samples import NOW

GIVE = GiveCalendarAddress(person_id="ada", token_hash="hash", sealed="sealed")
GIVEN = CalendarAddressGiven(person_id="ada", token_hash="hash", sealed="sealed", at=NOW)
REVOKED = CalendarAddressRevoked(person_id="ada", at=NOW)
NOTHING: list[AddressEvent] = []
STANDING: list[AddressEvent] = [GIVEN]
GONE: list[AddressEvent] = [GIVEN, REVOKED]


def test_who_asks_has_an_address() -> None:
    given(DECIDER, NOTHING).when(GIVE, at=NOW).then([GIVEN])


def test_who_asks_again_keeps_the_one_there_is() -> None:
    another = GiveCalendarAddress(person_id="ada", token_hash="another", sealed="sealed anew")
    given(DECIDER, STANDING).when(another, at=NOW).nothing()


def test_an_address_is_taken_back_once() -> None:
    given(DECIDER, NOTHING).when(RevokeCalendarAddress(), at=NOW).nothing()
    given(DECIDER, STANDING).when(RevokeCalendarAddress(), at=NOW).then([REVOKED])
    given(DECIDER, GONE).when(RevokeCalendarAddress(), at=NOW).nothing()


def test_after_that_there_may_be_another() -> None:
    given(DECIDER, GONE).when(GIVE, at=NOW).then([GIVEN])
