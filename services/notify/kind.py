"""Kinds of messages: their name, who goes first, and how long they are of use; and what happens here by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from shared.contracts.contract import Contract


class Priority(IntEnum):
    """Who goes first when many messages wait.

    What one person did or waits for, then what many have to know, then what can wait.
    """

    PERSONAL = 0
    MANY = 1
    LATER = 2


def always(_: Any) -> datetime | None:
    """What stays of use for as long as anything is told."""
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """The name of a kind of message, as preferences, delivery logs and contracts know it, and its priority.

    What is not `transactional` can be unsubscribed from with one click, and is `wished` as one of the kinds that people
    choose (`wished_kinds.py`), unless it is a digest of many. `until` says when a message about a cause has become
    pointless, None for never.
    """

    name: str
    priority: Priority
    transactional: bool = True
    until: Callable[[Any], datetime | None] = always
    wished: str | None = None


class Occasion(BaseModel):
    """Something that happens in this service alone and is told to people, stored like a contract: it names them by id.

    `type` is a name of its own, `ikz.notify.<what>.<fact>.v<n>`, and never published; its fields grow by addition.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]


type AnyCause = Contract | Occasion
