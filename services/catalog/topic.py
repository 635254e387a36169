"""A topic of the catalogue: data that editors change, with a history. Its code never changes, so links keep working."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from pydantic import BaseModel, ConfigDict

from shared.contracts import catalog as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, NotThere, Refused


class Group(BaseModel):
    """One of the groups that topics are sorted into."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    slug: str
    label: str


class Command(BaseModel):
    """What can be asked of a topic."""

    model_config = ConfigDict(frozen=True)


class DefineTopic(Command):
    """Bring a topic into being. `slug` is its German word in addresses."""

    topic: str
    slug: str
    label: str
    group: Group


class RenameTopic(Command):
    """Give a topic another label."""

    label: str


type TopicCommand = DefineTopic | RenameTopic


class TopicDefined(Event):
    """A topic exists."""

    topic: str
    slug: str
    label: str
    group: Group


class TopicRenamed(Event):
    """A topic has another label."""

    topic: str
    label: str
    previous_label: str


type TopicEvent = TopicDefined | TopicRenamed


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is called now."""

    code: str
    slug: str
    label: str
    group: Group


def evolve(topic: Topic | None, event: TopicEvent) -> Topic:
    """The topic after `event`."""
    match event:
        case TopicDefined():
            return Topic(event.topic, event.slug, event.label, event.group)
        case TopicRenamed():
            assert topic is not None
            return replace(topic, label=event.label)
    assert_never(event)


def decide(command: TopicCommand, topic: Topic | None, at: datetime) -> Sequence[TopicEvent]:
    """A code is defined once; a label may change as often as needed."""
    match command:
        case DefineTopic():
            if topic is None:
                return [
                    TopicDefined(
                        at=at, topic=command.topic, slug=command.slug, label=command.label, group=command.group
                    )
                ]
            if topic == Topic(command.topic, command.slug, command.label, command.group):
                return []
            raise Refused("topic_exists")
        case RenameTopic():
            if topic is None:
                raise NotThere
            if command.label == topic.label:
                return []
            return [TopicRenamed(at=at, topic=topic.code, label=command.label, previous_label=topic.label)]
    assert_never(command)


def publish(event: TopicEvent) -> Contract | None:
    """Others learn of a new label."""
    match event:
        case TopicDefined():
            return None
        case TopicRenamed():
            return contracts.TopicRenamed(topic=event.topic, label=event.label, previous_label=event.previous_label)
    assert_never(event)


TOPIC: Decider[Topic | None, TopicCommand, TopicEvent] = Decider(
    category="topic",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(TopicDefined, TopicRenamed),
)
