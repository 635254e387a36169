"""Registrations that were kept long enough are forgotten: what a session says to it (`session.py` joins the halves).

When that is, is configuration, and the clock's to find out (`retention.py`). Who still has a seat in a session to come
is never forgotten here, whatever the clock says.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.events.life import Life
from services.events.registration import Registration, Roster
from shared.kernel.decider import Event


class ForgetRegistrations(BaseModel):
    """Nothing of these registrations may be kept any more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registration_ids: Annotated[tuple[str, ...], Field(max_length=1000)]


class RegistrationsForgotten(Event):
    """They were kept long enough. How many they were by status stays; `seats` and `places` in the queue became free."""

    session_id: str
    registration_ids: tuple[str, ...]
    counts: Mapping[str, int]
    seats: int = 0
    places: int = 0


def decide(command: ForgetRegistrations, roster: Roster, life: Life, at: datetime) -> Sequence[RegistrationsForgotten]:
    """Those of them that are there and of no use to a session to come."""
    named = (roster.registrations.get(each) for each in dict.fromkeys(command.registration_ids))
    gone = [found for found in named if found and not (found.standing and _to_come(life))]
    if not gone:
        return []
    return [
        RegistrationsForgotten(
            session_id=life.session_id,
            registration_ids=tuple(found.registration_id for found in gone),
            counts=dict(sorted(Counter(found.status for found in gone).items())),
            seats=sum(found.seated for found in gone),
            places=sum(found.status == "waitlisted" for found in gone),
            at=at,
        )
    ]


def _to_come(life: Life) -> bool:
    """Whether people wait for a day; one that is open is none."""
    return life.ahead and life.when.day is not None


def evolve(roster: Roster, event: RegistrationsForgotten) -> Roster:
    """Records that they are gone, as if they had never been."""
    return reduce(_without, filter(None, map(roster.registrations.get, event.registration_ids)), roster)


def _without(roster: Roster, gone: Registration) -> Roster:
    latest = roster.latest
    if latest.get(gone.person_id) == gone.registration_id:
        latest = latest.delete(gone.person_id)
    queue = roster.queue.delete(gone.number) if gone.number in roster.queue else roster.queue
    return replace(
        roster,
        registrations=roster.registrations.delete(gone.registration_id),
        latest=latest,
        queue=queue,
        seated=roster.seated - gone.seated,
        owing=roster.owing - gone.owes_answer(roster.asked),
    )
