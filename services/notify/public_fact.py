"""What programs of others are told: that something public happened, when, and to what. Ids, and never of people.

Left out are contracts about people (registrations, questions, messages, texts to contacts, erasures): even without the
person's id, the moment and the session would tell an organisation's system who that was as soon as it knows who sat at
a desk. Left out is also what is not public (drafts, what a member is reminded of): whom it concerns is told by mail.
Which fields are shown is written down one by one, so that a contract that grows does not tell more by itself.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.catalog import (
    BestPracticeAwarded,
    BestPracticeWithdrawn,
    CooperationRequestClosed,
    CooperationRequestMatched,
    CooperationRequestOpened,
    OrganisationChanged,
    ProjectArchived,
    ProjectPublished,
    ProjectRevised,
    ProjectTopicsChanged,
    ResourcePublished,
    TopicMerged,
    TopicRenamed,
    TopicSplit,
)
from shared.contracts.contract import Contract
from shared.contracts.events import (
    MaterialPublished,
    SessionAgendaPublished,
    SessionAnnounced,
    SessionCancelled,
    SessionDocumented,
    SessionHeld,
    SessionPostponed,
    SessionRegistrationClosed,
    SessionRegistrationOpened,
    SessionReinstated,
    SessionRelocated,
    SessionScheduled,
)
from shared.contracts.notify import AnnouncementCorrected, AnnouncementPublished, AnnouncementWithdrawn
from shared.kernel.inbox import Received

_OF_SESSION = ("session_id", "series_id")
_OF_ANNOUNCEMENT = ("announcement_id", "session_id", "project_id", "resource_id")
SHOWN: Final[Mapping[type[Contract], tuple[str, ...]]] = {
    ProjectPublished: ("project_id",),
    ProjectRevised: ("project_id",),
    ProjectTopicsChanged: ("project_id",),
    ProjectArchived: ("project_id",),
    BestPracticeAwarded: ("project_id",),
    BestPracticeWithdrawn: ("project_id",),
    OrganisationChanged: ("organisation_id", "merged_into"),
    TopicRenamed: ("topic",),
    TopicMerged: ("topic", "into"),
    TopicSplit: ("topic",),
    ResourcePublished: ("resource_id",),
    CooperationRequestOpened: ("cooperation_request_id", "organisation_id"),
    CooperationRequestMatched: ("cooperation_request_id", "matched_request_id"),
    CooperationRequestClosed: ("cooperation_request_id", "organisation_id", "project_id"),
    SessionAnnounced: _OF_SESSION,
    SessionRegistrationOpened: _OF_SESSION,
    SessionRegistrationClosed: _OF_SESSION,
    SessionPostponed: _OF_SESSION,
    SessionScheduled: _OF_SESSION,
    SessionRelocated: _OF_SESSION,
    SessionCancelled: _OF_SESSION,
    SessionReinstated: _OF_SESSION,
    SessionHeld: _OF_SESSION,
    SessionDocumented: _OF_SESSION,
    SessionAgendaPublished: _OF_SESSION,
    MaterialPublished: ("release_id", *_OF_SESSION),
    AnnouncementPublished: _OF_ANNOUNCEMENT,
    AnnouncementCorrected: _OF_ANNOUNCEMENT,
    AnnouncementWithdrawn: ("announcement_id",),
}
TYPES: Final = frozenset(contract.type for contract in SHOWN)


class PublicFact(BaseModel):
    """A public fact as programs get it. What it says beyond the ids is read from the API, as it is by then."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="The contract, like `ikz.catalog.project.published.v1`.")
    id: str = Field(description="The event's id, the same wherever and however often it is told.")
    timestamp: datetime = Field(description="When it happened.")
    subject: str = Field(description="What it happened to: `<aggregate>/<id>`.")
    data: dict[str, str] = Field(description="Ids only.")

    def text(self) -> str:
        """The JSON that is sent, the same each time."""
        return orjson.dumps(self.model_dump(), option=orjson.OPT_UTC_Z).decode()


def of(received: Received[Contract]) -> PublicFact | None:
    """The fact that a contract tells of; None when it concerns nothing that was ever public."""
    contract = received.data
    if isinstance(contract, ProjectArchived) and not contract.was_published:
        return None
    found = {name: getattr(contract, name) for name in SHOWN[type(contract)]}
    return PublicFact(
        type=received.type,
        id=received.id,
        timestamp=received.time,
        subject=received.aggregate,
        data={name: value for name, value in found.items() if value is not None},
    )


def of_service(service: str) -> list[type[Contract]]:
    """The contracts of one service that are told."""
    return [contract for contract in SHOWN if contract.type.split(".")[1] == service]


def names(type_: str, aggregate_id: str) -> tuple[str, str, str, str]:
    """Every way to ask for a fact of this type about this aggregate: its type or all of its kind, of all or of one."""
    kind = ".".join(type_.split(".")[:3])
    return type_, f"{type_}.{aggregate_id}", f"{kind}.*", f"{kind}.*.{aggregate_id}"


def is_offered(wanted: str) -> bool:
    """Whether facts can be asked for in these words (see `names`)."""
    if wanted in TYPES or wanted in WILDCARDS:
        return True
    before, _, aggregate_id = wanted.rpartition(".")
    return (before in TYPES or before in WILDCARDS) and 0 < len(aggregate_id) <= 100 and "*" not in aggregate_id


WILDCARDS: Final = frozenset(names(type_, "")[2] for type_ in TYPES)
