"""A resource (Arbeitshilfe): a checklist, template, law, guide … in numbered versions, each with its file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from services.catalog.vocabulary import ResourceKind
from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused
from shared.kernel.stored_file import StoredFile


class Details(BaseModel):
    """What is said of a resource. With neither `link` nor `file` its file is missing, and the page says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ResourceKind
    title: str
    summary: str
    purposes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    publisher: str | None = None
    issued_on: date | None = None
    link: str | None = None
    file: StoredFile | None = None


class Command(BaseModel):
    """What can be asked of a resource."""

    model_config = ConfigDict(frozen=True)


class PublishResource(Command):
    """Make a resource available; loaded content follows its file by it until editors change something themselves."""

    resource_id: str
    details: Details


class ReviseResource(Command):
    """Make another version available, whatever was before."""

    details: Details


class RetireResource(Command):
    """Take a resource out of the lists, for a reason; its versions stay readable under their addresses."""

    reason: str


type ResourceCommand = PublishResource | ReviseResource | RetireResource


class ResourcePublished(Event):
    """A version of a resource is available."""

    resource_id: str
    version: int
    details: Details


class ResourceRevised(Event):
    """An editor made another version available."""

    resource_id: str
    version: int
    details: Details


class ResourceRetired(Event):
    """A resource is no longer offered."""

    reason: str


type ResourceEvent = ResourcePublished | ResourceRevised | ResourceRetired


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource in its newest version. `edited`: editors changed it, and loading leaves it alone."""

    id: str
    version: int
    details: Details
    edited: bool = False
    retired: str | None = None


def evolve(resource: Resource | None, event: ResourceEvent) -> Resource:
    """The resource after `event`."""
    match event:
        case ResourcePublished():
            return Resource(event.resource_id, event.version, event.details)
        case ResourceRevised():
            return Resource(event.resource_id, event.version, event.details, edited=True)
        case ResourceRetired():
            assert resource is not None
            return replace(resource, edited=True, retired=event.reason)
    assert_never(event)


def decide(command: ResourceCommand, resource: Resource | None, at: datetime) -> Sequence[ResourceEvent]:
    """What reads differently is a new version."""
    if isinstance(command, PublishResource):
        return _publish(command, resource, at)
    if resource is None:
        raise NotThere
    match command:
        case ReviseResource():
            if command.details == resource.details and resource.retired is None:
                return []
            version = resource.version + 1
            return [ResourceRevised(at=at, resource_id=resource.id, version=version, details=command.details)]
        case RetireResource():
            if resource.retired is None:
                return [ResourceRetired(at=at, reason=command.reason)]
            if resource.retired == command.reason:
                return []
            raise Refused("resource_retired")
    assert_never(command)


def _publish(command: PublishResource, resource: Resource | None, at: datetime) -> Sequence[ResourceEvent]:
    if resource and (resource.edited or resource.details == command.details):
        return []
    version = resource.version + 1 if resource else 1
    return [ResourcePublished(at=at, resource_id=command.resource_id, version=version, details=command.details)]


def publish(event: ResourceEvent) -> Contract | None:
    """Others learn of every version."""
    match event:
        case ResourcePublished() | ResourceRevised():
            return contracts.ResourcePublished(
                resource_id=event.resource_id,
                kind=event.details.kind,
                title=event.details.title,
                version=event.version,
                topics=event.details.topics,
            )
        case ResourceRetired():
            return None
    assert_never(event)


RESOURCE: Decider[Resource | None, ResourceCommand, ResourceEvent] = Decider(
    category="resource",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(ResourcePublished, ResourceRevised, ResourceRetired),
)
