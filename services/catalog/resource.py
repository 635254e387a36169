"""A resource (Arbeitshilfe): a checklist, template, law, guide … in numbered versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from services.catalog.vocabulary import ResourceKind
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event


class Details(BaseModel):
    """What is said of a resource. Without `link` its file is missing, and the page says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ResourceKind
    title: str
    summary: str
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    publisher: str | None = None
    issued_on: date | None = None
    link: str | None = None


class PublishResource(BaseModel):
    """Make a resource, or another version of it, available."""

    model_config = ConfigDict(frozen=True)

    resource_id: str
    details: Details


type ResourceCommand = PublishResource


class ResourcePublished(Event):
    """A version of a resource is available."""

    resource_id: str
    version: int
    details: Details


type ResourceEvent = ResourcePublished


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource in its newest version."""

    version: int
    details: Details


def evolve(_: Resource | None, event: ResourceEvent) -> Resource:
    """The resource after `event`."""
    return Resource(event.version, event.details)


def decide(command: ResourceCommand, resource: Resource | None, at: datetime) -> Sequence[ResourceEvent]:
    """What reads differently is a new version."""
    if resource and resource.details == command.details:
        return []
    version = resource.version + 1 if resource else 1
    return [ResourcePublished(at=at, resource_id=command.resource_id, version=version, details=command.details)]


def publish(event: ResourceEvent) -> Contract:
    """Others learn of every version."""
    return contracts.ResourcePublished(
        resource_id=event.resource_id,
        kind=event.details.kind,
        title=event.details.title,
        version=event.version,
        topics=event.details.topics,
    )


RESOURCE: Decider[Resource | None, ResourceCommand, ResourceEvent] = Decider(
    category="resource",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(ResourcePublished,),
)
