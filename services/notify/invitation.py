"""What a reader's calendar is to show of a session. `itip.py` writes it down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.contracts.events import Times

type Method = Literal["REQUEST", "CANCEL"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """One session as one person's calendar is to show it. `stamp` orders objects of the same SEQUENCE.

    `takes_place`: the session goes on; a `CANCEL` then takes this one person out of it.
    """

    method: Method
    session_id: str
    sequence: int
    title: str
    times: Times
    location: str
    description: str
    stamp: datetime
    takes_place: bool = False
