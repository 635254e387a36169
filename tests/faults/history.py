"""What clients asked of the system and were answered, and what was done to the system meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal
from uuid import UUID

type What = Literal["killed", "frozen"]
type Service = Literal["catalog", "events", "notify", "gateway"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, which may be sent several times. `key` is its Idempotency-Key, None for one that only reads.

    `kind` says what is wanted in one word, `service` who decides it; `person` is the mail address it is about. A `body`
    of bytes is a file of the type `content_type`.
    """

    kind: str
    service: Service
    method: str
    path: str
    key: UUID | None = None
    body: Any = None
    person: str = ""
    version: int | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request. `status` is None when no whole answer came. Times are seconds since the epoch."""

    asked: Asked
    began: float
    ended: float
    status: int | None = None
    answer: Any = None
    media_type: str = ""

    @property
    def done(self) -> bool:
        """Whether the answer promises that it is done."""
        return self.status is not None and self.status < 300

    @property
    def final(self) -> bool:
        """Whether there is an answer, and not only one that asks to try again."""
        return self.status is not None and self.status < 500


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done to which process; one that was frozen thawed at `until`."""

    what: What
    target: str
    at: float
    until: float


@dataclass(slots=True)
class History:
    """Everything in the order in which it ended."""

    attempts: list[Attempt] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def by_key(self) -> Iterator[tuple[Asked, list[Attempt]]]:
        """Every request that wanted to change something, with all its attempts."""
        keyed = sorted((attempt for attempt in self.attempts if attempt.asked.key), key=_key)
        for _, attempts in groupby(keyed, key=_key):
            found = list(attempts)
            yield found[0].asked, found

    def unanswered(self) -> list[Asked]:
        """Requests of which nobody knows what became of them."""
        return [asked for asked, attempts in self.by_key() if not any(attempt.final for attempt in attempts)]

    def forgotten_before(self, address: str, at: float) -> bool:
        """Whether somebody may have been forgotten by then."""
        return any(attempt.began <= at for attempt in self._forgotten(address))

    def forgotten_since(self, address: str, at: float) -> bool:
        """Whether somebody was forgotten, by an answered request that was sent after that."""
        return any(attempt.began > at and attempt.done for attempt in self._forgotten(address))

    def _forgotten(self, address: str) -> Iterator[Attempt]:
        return (each for each in self.attempts if each.asked.kind == "forget" and each.asked.person == address)

    def last_fault(self) -> float:
        """When the system was left alone."""
        return max((fault.until for fault in self.faults), default=0.0)


def _key(attempt: Attempt) -> str:
    return str(attempt.asked.key)
