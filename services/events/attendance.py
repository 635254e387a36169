"""Who came to a session: an aggregate beside the session's own, so that a queue at the door slows no registration.

Attendance is of one date. What was recorded for a date that was given up afterwards counts no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal

from immutables import Map
from pydantic import BaseModel, ConfigDict, Field

from services.events.life import Stage
from services.events.registration import DOORS_OPEN
from shared.kernel.decider import Decider, Event, Refused

MOST = 500

type How = Literal["list", "qr", "self"]


class Sitting(BaseModel):
    """What a session is when attendance is recorded: its stage and its date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    begins: datetime | None

    @property
    def doors_open_at(self) -> datetime | None:
        """From when on somebody can be there; None without a time."""
        return self.begins and self.begins - DOORS_OPEN


class Mark(BaseModel):
    """Somebody who was looked for. `walk_in`: who had no seat before coming."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registration_id: str
    person_id: str
    walk_in: bool = False


class RecordAttendance(BaseModel):
    """These people are there, or are not. `until`: after it nobody can say so of themselves any more.

    `entry` names this very statement, so that a scanner can tell whether it was the one that counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_id: str
    sitting: Sitting
    marks: Annotated[tuple[Mark, ...], Field(min_length=1, max_length=MOST)]
    present: bool
    how: How
    entry: str
    until: datetime | None = None


class AttendanceRecorded(Event):
    """These people were there, or were not; said later of the same ones, it corrects what was said before."""

    session_id: str
    marks: tuple[Mark, ...]
    present: bool
    how: How
    entry: str


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of one registration, since when."""

    present: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Attendance:
    """What was said last of every registration."""

    said: Map[str, Said] = Map()  # noqa: RUF009 -- immutable


def evolve(attendance: Attendance, event: AttendanceRecorded) -> Attendance:
    """Records what was said."""
    said = attendance.said.update({mark.registration_id: Said(event.present, event.at) for mark in event.marks})
    return replace(attendance, said=said)


def decide(command: RecordAttendance, attendance: Attendance, at: datetime) -> Sequence[AttendanceRecorded]:
    """From an hour before the begin; of themselves people say it until `until`. What is known already stays."""
    opens = command.sitting.doors_open_at
    if code := obstacle(command.sitting, command.until, at):
        raise Refused(code)
    assert opens is not None
    marks = tuple(
        mark
        for mark in dict.fromkeys(command.marks)
        if known(attendance, mark.registration_id, opens) is not command.present
    )
    if not marks:
        return []
    recorded = AttendanceRecorded(
        session_id=command.session_id,
        marks=marks,
        present=command.present,
        how=command.how,
        entry=command.entry,
        at=at,
    )
    return [recorded]


def obstacle(sitting: Sitting, until: datetime | None, at: datetime) -> str | None:
    """The code of what keeps attendance from being recorded now; None if it can be."""
    if sitting.stage in {"drafted", "cancelled"}:
        return "session_not_announced" if sitting.stage == "drafted" else "session_cancelled"
    if sitting.doors_open_at is None:
        return "session_without_time"
    if at < sitting.doors_open_at:
        return "attendance_too_early"
    return "attendance_closed" if until is not None and at > until else None


def known(attendance: Attendance, registration_id: str, opens: datetime) -> bool | None:
    """Whether somebody was there; None when nobody said anything about the date whose doors open then."""
    said = attendance.said.get(registration_id)
    return None if said is None or said.at < opens else said.present


def publish(_event: AttendanceRecorded) -> None:
    """Who came concerns nobody else."""


DECIDER: Decider[Attendance, RecordAttendance, AttendanceRecorded] = Decider(
    category="attendance",
    initial=Attendance(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(AttendanceRecorded,),
)
