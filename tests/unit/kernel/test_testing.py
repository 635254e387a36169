"""The kit finds what it promises to find: each check is broken once on purpose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

import pytest
from pydantic import field_serializer

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.testing import NOON, given


class LampLit(Event):
    room: str


class LampBroken(Event):
    pass


class Lossy(Event):
    """Forgets on its way through JSON."""

    room: str

    @field_serializer("room")
    def _forget(self, _room: str) -> str:
        return ""


class Lit(Contract):
    type: ClassVar[str] = "ikz.house.lamp.lit.v1"
    key: ClassVar[str] = "room"
    room: str


@dataclass(frozen=True, slots=True)
class Lamp:
    lit: bool = False
    broken: bool = False
    rooms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Light:
    room: str = "kitchen"


def decide(command: Light, lamp: Lamp, at: datetime) -> Sequence[LampLit | LampBroken]:
    if command.room == "nowhere":
        raise NotThere
    if lamp.broken:
        raise Refused("lamp_broken", since="noon")
    return [] if lamp.lit else [LampLit(at=at, room=command.room)]


def evolve(lamp: Lamp, event: Event) -> Lamp:
    return replace(lamp, broken=True) if isinstance(event, LampBroken) else replace(lamp, lit=True)


def house(**changes: Any) -> Decider[Lamp, Light, Any]:
    whole: Decider[Lamp, Light, Any] = Decider(
        category="lamp",
        initial=Lamp(),
        decide=decide,
        evolve=evolve,
        publish=lambda event: Lit(room=event.room) if isinstance(event, LampLit) else None,
        events=(LampLit, LampBroken),
    )
    return replace(whole, **changes)


LIT = LampLit(at=NOON, room="kitchen")
BROKEN = LampBroken(at=NOON)


def test_a_sentence_holds_and_can_go_on() -> None:
    given(house()).when(Light()).then([LIT]).when(Light(room="cellar")).nothing()


def test_the_past_counts() -> None:
    given(house(), [BROKEN]).when(Light()).refused("lamp_broken", since="noon")


def test_who_is_not_there() -> None:
    given(house()).when(Light(room="nowhere")).not_there()


@pytest.mark.parametrize(
    ("sentence", "complaint"),
    [
        (lambda: given(house()).when(Light()).nothing(), "expected"),
        (lambda: given(house()).when(Light()).then([BROKEN]), "expected"),
        (lambda: given(house()).when(Light()).refused("lamp_broken"), "not refused"),
        (lambda: given(house()).when(Light()).not_there(), "not there"),
        (lambda: given(house(), [BROKEN]).when(Light()).refused("other"), "lamp_broken, not other"),
        (lambda: given(house(), [BROKEN]).when(Light()).refused("lamp_broken", since="dawn"), "details"),
    ],
)
def test_a_wrong_sentence_fails(sentence: Callable[[], object], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        sentence()


def test_a_command_that_does_something_twice_fails() -> None:
    forgetful = house(evolve=lambda lamp, _event: lamp)
    with pytest.raises(AssertionError, match="the second time"):
        given(forgetful).when(Light()).then([LIT])


def test_a_decision_by_chance_fails() -> None:
    answers = iter([[LIT], []])
    with pytest.raises(AssertionError, match="not a function"):
        given(house(decide=lambda *_: next(answers))).when(Light()).then([LIT])


def noting(lamp: Lamp, event: Any) -> Lamp:
    lamp.rooms.append("noted")
    return evolve(lamp, event)


def test_an_evolve_that_changes_its_state_fails() -> None:
    with pytest.raises(AssertionError, match="changed the state"):
        given(house(evolve=noting)).when(Light()).then([LIT])


def test_an_event_that_nobody_declared_fails() -> None:
    with pytest.raises(AssertionError, match="not among"):
        given(house(events=(LampBroken,))).when(Light()).then([LIT])


def test_an_event_that_json_changes_fails() -> None:
    lossy = Lossy(at=NOON, room="kitchen")
    forgetful = house(decide=lambda _command, lamp, _at: [] if lamp.lit else [lossy], events=(Lossy,))
    with pytest.raises(AssertionError, match="JSON changes"):
        given(forgetful).when(Light()).then([lossy])
