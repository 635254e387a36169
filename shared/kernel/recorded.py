"""A command's circumstances, its outcome, and an event as a journal holds it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.kernel.ids import named_id, new_id


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks for something and why; made at the edge.

    `actor` is a pseudonym (a person's id, "token:<label>", a service). `command_id` names the attempt: with the same id
    the same outcome, and `fingerprint` (of the whole request) tells a repetition from another use of the id. `fresh`
    says that the id was made here and now, so that nobody can have used it. `history` marks loaded history, for which
    no consumer acts towards people.
    """

    command_id: UUID
    actor: str
    at: datetime
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    fingerprint: bytes | None = None
    history: bool = False
    fresh: bool = False

    def id_of_new(self, kind: str) -> str:
        """The id of what this begins: whoever sends the command again means the same one."""
        return str(new_id() if self.fresh else named_id(kind, str(self.command_id)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: the aggregate's version and the journal's position it may be read at."""

    aggregate_id: str
    version: int
    position: int
    repeated: bool


class Recorded[E](NamedTuple):
    """One event of a journal. `position` is None inside an inline projection: it is handed out last.

    A tuple, since one is made for every event that is read or written. `aggregate` and `aggregate_version` are those of
    the contract it becomes: `registration/<id>`, without holes.
    """

    position: int | None
    stream: str
    version: int
    event: E
    actor: str
    command_id: UUID
    correlation_id: str
    causation_id: str | None
    traceparent: str | None
    history: bool
    aggregate: str | None
    aggregate_version: int | None
    recorded_at: datetime

    @property
    def id(self) -> str:
        """`stream@version`: also the id of the published event and the key of every inbox."""
        return f"{self.stream}@{self.version}"

    @property
    def aggregate_id(self) -> str:
        """What stands behind the category in the stream's name."""
        return self.stream.partition("-")[2]


class StaleVersion(Exception):
    """The aggregate is not at the version the command was made for (412)."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the aggregate is at version {version}")
        self.version = version


class IdempotencyKeyReused(Exception):
    """The command id was used for another request (422)."""


class Conflict(Exception):
    """The command lost every race against other processes; nothing was recorded (409, try again)."""


class Unavailable(Exception):
    """The journal could not be reached in time. The same command id tells later whether it was recorded (503)."""
