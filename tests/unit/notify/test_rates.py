"""How many mails go to one host, and who does not wait for that."""

import datetime as dt
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.notify.kind import Priority
from services.notify.matter import Claimed
from services.notify.rates import Rates
from services.notify.settings import NotifySettings, limits_of

NOW = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)


def message(priority: Priority = Priority.MANY, id_: UUID | None = None) -> Claimed:
    return Claimed(
        id_ or uuid4(), 1, "postponement", "p", None, None, None, None, None, None, priority, 1, NOW, NOW, None
    )


def waits(rates: Rates, number: int, host: str = "a.example", priority: Priority = Priority.MANY) -> list[float]:
    found = (rates.put_off(message(priority), f"x{each}@{host}", NOW) for each in range(number))
    return [0.0 if at is None else (at - NOW).total_seconds() for at in found]


def test_without_limits_nothing_waits() -> None:
    assert waits(Rates(), 1000) == [0.0] * 1000


def test_turns_are_given_out_one_behind_the_other() -> None:
    assert waits(Rates({"a.example": 30}), 4) == [0.0, 2.0, 4.0, 6.0]
    assert waits(Rates({"A.example".lower(): 30}), 2, "A.EXAMPLE") == [0.0, 2.0]


def test_as_many_as_in_a_second_may_go_at_once() -> None:
    found = waits(Rates({"*": 600}), 12)
    assert found[:10] == [0.0] * 10
    assert found[10:] == pytest.approx([1.0, 1.1])


def test_hosts_do_not_wait_for_each_other() -> None:
    rates = Rates({"*": 60, "b.example": 30})
    assert waits(rates, 2) == [0.0, 1.0]
    assert waits(rates, 2, "b.example") == [0.0, 2.0]
    assert waits(rates, 1, "c.example") == [0.0]


def test_who_was_given_a_turn_and_comes_for_it_goes() -> None:
    rates, second = Rates({"*": 60}), message()
    rates.put_off(message(), "a@a.example", NOW)
    at = rates.put_off(second, "b@a.example", NOW)
    assert at == NOW + dt.timedelta(seconds=1)
    assert rates.put_off(second, "b@a.example", NOW) == at, "it came too early"
    assert rates.put_off(second, "b@a.example", at) is None


def test_a_single_persons_mail_is_counted_and_never_put_off() -> None:
    rates = Rates({"*": 60}, {"*": 1})
    assert waits(rates, 3, priority=Priority.PERSONAL) == [0.0] * 3
    assert waits(rates, 1) == [3.0]
    with rates.sending("a@a.example"):
        assert waits(rates, 1, priority=Priority.PERSONAL) == [0.0]


def test_so_many_at_a_time() -> None:
    rates = Rates(at_once={"a.example": 2})
    with rates.sending("x@a.example"):
        assert waits(rates, 1) == [0.0]
        with rates.sending("y@a.example"):
            assert waits(rates, 1) == [1.0]
            assert waits(rates, 1, "b.example") == [0.0]
        assert waits(rates, 1) == [0.0]


def test_limits_as_they_are_set() -> None:
    assert limits_of(" T-Online.de=60, *=600 ,") == {"t-online.de": 60, "*": 600}
    set_to = NotifySettings.model_construct(mail_rates="a.example=30", mail_at_once="*=2")
    assert (set_to.rates.a_minute, set_to.rates.at_once) == ({"a.example": 30}, {"*": 2})


@pytest.mark.parametrize("wrong", ["a.example", "a.example=0", "a b=1", "=5", "a.example=-1", "a=1e9", "a=nan"])
def test_limits_that_are_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected host=number"):
        limits_of(wrong)
    with pytest.raises(ValidationError):
        NotifySettings.__pydantic_validator__.validate_assignment(NotifySettings.model_construct(), "mail_rates", wrong)
