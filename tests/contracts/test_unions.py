"""An event that joins its aggregate's union is known to everything that reads it back."""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import UnionType
from typing import Any, TypeAliasType, get_args, get_origin, get_type_hints

import pytest

from services.gateway.person import PERSON
from shared.kernel.bootstrap import SERVICES
from shared.kernel.decider import Decider, Event


def deciders() -> list[Decider[Any, Any, Any]]:
    """Every aggregate of every service."""
    records = (f"services.{service}.records" for service in SERVICES if service != "gateway")
    return [PERSON, *(decider for name in records for decider in import_module(name).DECIDERS)]


def members(annotation: Any) -> Iterator[type]:
    """The classes of a union, through its aliases."""
    if isinstance(annotation, TypeAliasType):
        yield from members(annotation.__value__)
    elif get_origin(annotation) is UnionType or isinstance(annotation, UnionType):
        for part in get_args(annotation):
            yield from members(part)
    else:
        yield annotation


def evolved(evolve: Callable[..., Any]) -> set[type]:
    """The events that `evolve` says it takes."""
    hints = {name: hint for name, hint in get_type_hints(evolve).items() if name != "return"}
    unions = [set(members(hint)) for hint in hints.values()]
    return next(union for union in unions if all(issubclass(part, Event) for part in union))


@pytest.mark.parametrize("decider", deciders(), ids=lambda decider: decider.category)
def test_a_decider_names_every_event_of_its_union(decider: Decider[Any, Any, Any]) -> None:
    assert set(decider.events) == evolved(decider.evolve)
