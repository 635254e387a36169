"""What messages can be about. A matter knows its causes, whom each concerns, and how to write to them.

The way of a message is the same for all: a cause is noted as a mailing, a mailing is turned into rows page by page
(`recipients`: ids and standing, nothing personal), and right before a row is sent its recipient is looked up (`cards`)
and written to (`letter`). What is looked up is used and forgotten.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from services.notify.invitation import Method
from services.notify.kind import AnyCause, Kind, Priority
from services.notify.letter import Letter
from shared.contracts.rpc import GroupMessage, SessionCard


@dataclass(frozen=True, slots=True)
class About:
    """What and whom a mailing is about, and what it keeps its order with.

    Mailings of one `line` (its session where there is none) are told in the order in which they came, those `behind` a
    session after its earlier news for everybody. Without either, a mailing waits for nobody.
    """

    session_id: str | None = None
    registration_id: str | None = None
    question_id: str | None = None
    contact_request_id: str | None = None
    person_id: str | None = None
    line: str | None = None
    behind: str | None = None
    as_of_version: int | None = None


@dataclass(frozen=True, slots=True)
class Mailing:
    """A claimed mailing. `after` is where its next page begins, `session` what the first page said of one."""

    id: int
    matter: str
    cause: str
    recorded_at: datetime
    kind: str
    what: Any
    session_id: str | None
    registration_id: str | None
    question_id: str | None
    contact_request_id: str | None
    as_of_version: int | None
    priority: Priority
    happened_at: datetime
    session: SessionCard | None
    after: str | None

    @property
    def session_version(self) -> int | None:
        """That of the cause in the session's own stream; None where it is of another."""
        stream, _, version = self.cause.rpartition("@")
        return int(version) if stream == f"session-{self.session_id}" else None


@dataclass(slots=True)
class Row:
    """One recipient of a mailing. Nothing in it is personal beyond ids.

    `standing` is how the recipient stands as the cause found it, as JSON. `lane`: messages of one lane are sent in the
    order in which they were written (by default those of one session, or of one mailing's line, to one person).
    `sealed_for` is who else's erasure forgets it. One `while_registered` is given up when its registration ends.
    It is not sent after `expires_at` (by default the kind's `until`).
    """

    person_id: str
    standing: Mapping[str, Any] | None = None
    session_id: str | None = None
    registration_id: str | None = None
    lane: str | None = None
    calendar: Method | None = None
    sealed_for: str | None = None
    while_registered: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the recipients of a mailing; `next` is where the next page begins, None after the last.

    What is the same for all of them stands in `session` and `common` (JSON; the first page's is kept), and what an
    organiser wrote in `group_message`, which goes when everybody has it. `ended` names registrations that ended with
    the cause, each behind its person.
    """

    rows: Sequence[Row]
    next: str | None = None
    session: SessionCard | None = None
    group_message: GroupMessage | None = None
    common: Mapping[str, Any] | None = None
    ended: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What all messages of a mailing have in common, when they are written.

    `session` is the session as the cause left it, where all of them are about the same one.
    """

    mailing_id: int
    matter: str
    kind: str
    cause: Any
    cause_id: str
    happened_at: datetime
    session: SessionCard | None = None
    group_message: GroupMessage | None = None
    common: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in hand. `number` counts its attempts, this one included. `sealed` is in rows of earlier versions.

    `dated_at` is what it is dated, in each attempt the same: when it was written, or somebody's quiet hours were over.
    """

    id: UUID
    mailing_id: int
    kind: str
    person_id: str
    session_id: str | None
    registration_id: str | None
    calendar: Method | None
    standing: Mapping[str, Any] | None
    sealed: str | None
    sealed_for: str | None
    priority: Priority
    number: int
    created_at: datetime
    dated_at: datetime
    expires_at: datetime | None


class Card(Protocol):
    """What is known of a recipient now; each matter has its own."""

    @property
    def email(self) -> str:
        """Where the mail goes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter that can be sent. `reply_to` is who gets the answer, `unsubscribe` the one-click address (RFC 8058)."""

    letter: Letter
    reply_to: str | None = None
    unsubscribe: str | None = None


class Matter[C: Card](Protocol):
    """One thing that messages can be about."""

    @property
    def name(self) -> str:
        """Stored with every mailing: it never changes."""

    @property
    def kinds(self) -> Mapping[type[AnyCause], Kind]:
        """The causes it tells of, contracts and occasions, and how each is announced."""

    def kind(self, cause: Any, /) -> Kind:
        """How this very cause is announced: mostly as its type is. The name is that of the type."""

    def about(self, cause: Any, cause_id: str, /) -> About:
        """What and whom a cause is about."""

    async def recipients(self, mailing: Mailing, limit: int, /) -> Page:
        """The next page of who has to be told, at most `limit` rows. Raises `Problem` when that cannot be said now."""

    async def cards(self, messages: Sequence[tuple[Claimed, Told]], /) -> Sequence[C | None]:
        """What is known of the recipients now, in their order; None of who is erased or not known any more."""

    def letter(self, claimed: Claimed, told: Told, card: C, now: datetime, /) -> Draft | None:
        """What to write; None when it would be wrong by now."""


@dataclass(frozen=True, slots=True)
class Alike[C: Card]:
    """What a letter has in common with others, and what is its recipient's own.

    Letters of the same `key` differ in nothing but the `own` texts, each in one line; `called` gives the card of
    somebody whose own texts are other ones.
    """

    key: Hashable
    own: Mapping[str, str]
    called: Callable[[Mapping[str, str]], C]


@runtime_checkable
class Printable[C: Card](Protocol):
    """A matter whose letters to many are mostly the same."""

    def alike(self, claimed: Claimed, told: Told, card: C, /) -> Alike[C] | None:
        """What this one has in common with others; None for one that has to be written by itself."""


class Unknown(KeyError):
    """No matter of this version has this name, or tells of this type."""


class Matters:
    """All matters, by their names and their causes."""

    def __init__(self, matters: Iterable[Matter[Any]]) -> None:
        self._by_name = {matter.name: matter for matter in matters}
        self._types = {(name, cause.type): cause for name, each in self._by_name.items() for cause in each.kinds}

    @property
    def causes(self) -> dict[type[AnyCause], list[Matter[Any]]]:
        """Who tells of which cause: several may, each to others and as another kind."""
        told: dict[type[AnyCause], list[Matter[Any]]] = {}
        for matter in self._by_name.values():
            for cause in matter.kinds:
                told.setdefault(cause, []).append(matter)
        return told

    def named(self, name: str | None, type_: str) -> Matter[Any]:
        """The matter of a stored mailing. Those of earlier versions have no name; one matter told of their types."""
        found = name or next((each for each, known in self._types if known == type_), None)
        if found not in self._by_name:
            raise Unknown(name or type_)
        return self._by_name[found]

    def read(self, name: str | None, type_: str, data: Mapping[str, Any]) -> tuple[Matter[Any], Any]:
        """A stored cause with its matter; `Unknown` for a type that is none, pydantic's error for a wrong shape."""
        matter = self.named(name, type_)
        if (matter.name, type_) not in self._types:
            raise Unknown(type_)
        return matter, self._types[matter.name, type_].model_validate(data)
