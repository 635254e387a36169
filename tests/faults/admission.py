"""What the events of a session come to, reckoned apart from the service: seats, queue, and who has to be told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.remains import Recorded

PERSONAL = {
    "RegistrationReceived": "registration_received",
    "RegistrationConfirmed": "registration_confirmed",
    "MemberRegistered": "registration_confirmed",
    "RegistrationWaitlisted": "registration_waitlisted",
    "RegistrationPromoted": "waitlist_promoted",
    "RegistrationLapsed": "registration_lapsed",
    "RegistrationWithdrawn": "registration_withdrawn",
    "RegistrationLinkRequested": "registration_link",
}
FOR_EVERYBODY = {
    "SessionPostponed": "postponement",
    "SessionScheduled": "scheduling",
    "SessionRelocated": "relocation",
    "SessionCancelled": "cancellation",
    "SessionReinstated": "reinstatement",
}
ENDS = {"RegistrationLapsed", "RegistrationWithdrawn"}


@dataclass(slots=True)
class Told:
    """A person and a cause. `surely` is False for who left again: they may have been gone when it was looked up.

    `offered`: a seat that has to be taken in time; who has taken it meanwhile need not be told any more.
    """

    session: str
    person: str
    registration: str
    kind: str
    cause: str
    version: int
    recorded_at: datetime
    surely: bool = True
    offered: bool = False


@dataclass(slots=True)
class Walk:
    """A session's way through its events. `entered`: who got a seat or a place in the queue, in which version.

    `left`: who gave it up, or lost it.
    """

    session: str
    capacity: int | None = None
    public: bool = False
    seated: dict[str, str] = field(default_factory=dict)
    queue: dict[str, str] = field(default_factory=dict)
    entered: list[tuple[str, int]] = field(default_factory=list)
    left: list[tuple[str, int]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def step(self, event: Recorded) -> None:
        """Takes one event."""
        if event.type in PERSONAL:
            self._tell(event, event.data["person_id"], event.data["registration_id"], PERSONAL[event.type])
            self._of_registration(event, event.data["registration_id"], event.data["person_id"])
            if event.type in {"RegistrationConfirmed", *ENDS}:
                self._settle(event.data["registration_id"])
        elif event.type in FOR_EVERYBODY:
            for registration, person in (self.seated | self.queue).items():
                self._tell(event, person, registration, FOR_EVERYBODY[event.type])
            self.public = event.type != "SessionCancelled"
        elif event.type in {"SessionDrafted", "SessionRevised", "SessionAnnounced"}:
            self.capacity = event.data["content"].get("capacity")
            self.public = event.type == "SessionAnnounced" or self.public

    def end(self) -> None:
        """Nobody waits while a seat is free."""
        if self.public and self.queue and not self._full():
            self._fault("ends", f"with {len(self.queue)} waiting and a seat free")

    def _of_registration(self, event: Recorded, registration: str, person: str) -> None:
        match event.type:
            case "RegistrationReceived" | "MemberRegistered":
                self._enter(event, registration, person, self.seated)
                if self.queue:
                    self._fault(event.id, f"gives {registration} a seat while others wait")
            case "RegistrationWaitlisted":
                if not self.queue and not self._full():
                    self._fault(event.id, f"lets {registration} wait while a seat is free")
                self._enter(event, registration, person, self.queue)
            case "RegistrationPromoted":
                if next(iter(self.queue), None) != registration:
                    self._fault(event.id, f"promotes {registration}, who is not the first in the queue")
                self.queue.pop(registration, None)
                self.seated[registration] = person
            case "RegistrationLapsed" | "RegistrationWithdrawn":
                self._leave(event, registration, person)
            case _:
                if registration not in self.seated | self.queue:
                    self._fault(event.id, f"is about {registration}, who has no place")
        if self.capacity is not None and len(self.seated) > self.capacity:
            self._fault(event.id, f"overbooks: {len(self.seated)} of {self.capacity} seats are taken")

    def _enter(self, event: Recorded, registration: str, person: str, where: dict[str, str]) -> None:
        if person in {**self.seated, **self.queue}.values():
            self._fault(event.id, f"registers {person} twice")
        where[registration] = person
        self.entered.append((person, event.version))

    def holds(self, person: str, version: int) -> bool:
        """Whether somebody had a seat or a place in the queue at a version."""
        entered, left = (
            max((at for who, at in moves if who == person and at <= version), default=0)
            for moves in (self.entered, self.left)
        )
        return entered > left

    def _leave(self, event: Recorded, registration: str, person: str) -> None:
        self.left.append((person, event.version))
        self.seated.pop(registration, None)
        self.queue.pop(registration, None)
        for told in self.told:
            if told.registration == registration and told.kind in FOR_EVERYBODY.values():
                told.surely = False

    def _settle(self, registration: str) -> None:
        """What becomes of an offer is told by what came of it."""
        for told in self.told:
            if told.registration == registration and told.offered:
                told.surely = False

    def _tell(self, event: Recorded, person: str, registration: str, kind: str) -> None:
        told = Told(self.session, person, registration, kind, event.id, event.version, event.recorded_at)
        told.offered = event.type == "RegistrationPromoted" and event.data.get("confirm_by") is not None
        self.told.append(told)

    def _full(self) -> bool:
        return self.capacity is not None and len(self.seated) >= self.capacity

    def _fault(self, where: str, what: str) -> None:
        self.broken.append(f"session {self.session}: {where} {what}")


def walk(journal: Sequence[Recorded]) -> list[Walk]:
    """All sessions of a journal, walked to their ends."""
    walks: dict[str, Walk] = {}
    for event in journal:
        category, _, session = event.stream.partition("-")
        if category == "session":
            walks.setdefault(session, Walk(session)).step(event)
    for each in walks.values():
        each.end()
    return list(walks.values())
