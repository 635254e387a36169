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
    reason: str | None = None


class MergeTopic(Command):
    """A topic goes: whatever stood under it stands under `into`."""

    into: str
    reason: str


class Part(BaseModel):
    """What a split gives to one topic: these projects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    projects: tuple[str, ...] = ()


class SplitTopic(Command):
    """Some of a topic's projects stand under other topics from now on; the rest stays."""

    parts: tuple[Part, ...]
    reason: str


class FinishSplit(Command):
    """Every project of the split stands where it belongs."""


type TopicCommand = DefineTopic | RenameTopic | MergeTopic | SplitTopic | FinishSplit


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
    reason: str | None = None


class TopicMerged(Event):
    """A topic is gone; its code and its slug lead to `into`."""

    topic: str
    label: str
    into: str
    reason: str


class TopicSplit(Event):
    """Projects of a topic were given to others. They are moved one by one from here on."""

    topic: str
    label: str
    parts: tuple[Part, ...]
    reason: str


class TopicSplitFinished(Event):
    """All projects that were given away have been moved."""

    topic: str


type TopicEvent = TopicDefined | TopicRenamed | TopicMerged | TopicSplit | TopicSplitFinished


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is called now; with `merged_into` it only leads to another.

    `split` is what was given away last; while `moving`, not all of that has arrived.
    """

    code: str
    slug: str
    label: str
    group: Group
    merged_into: str | None = None
    split: tuple[Part, ...] = ()
    moving: bool = False


def evolve(topic: Topic | None, event: TopicEvent) -> Topic:
    """The topic after `event`."""
    if isinstance(event, TopicDefined):
        return Topic(event.topic, event.slug, event.label, event.group)
    assert topic is not None
    match event:
        case TopicRenamed():
            return replace(topic, label=event.label)
        case TopicMerged():
            return replace(topic, merged_into=event.into)
        case TopicSplit():
            return replace(topic, split=event.parts, moving=True)
        case TopicSplitFinished():
            return replace(topic, moving=False)
    assert_never(event)


def decide(command: TopicCommand, topic: Topic | None, at: datetime) -> Sequence[TopicEvent]:
    """A code is defined once; a label may change as often as needed; a merged topic changes no more."""
    if isinstance(command, DefineTopic):
        return _define(command, topic, at)
    if topic is None:
        raise NotThere
    match command:
        case RenameTopic():
            return _rename(command, topic, at)
        case MergeTopic():
            return _merge(command, topic, at)
        case SplitTopic():
            return _split(command, topic, at)
        case FinishSplit():
            return [TopicSplitFinished(at=at, topic=topic.code)] if topic.moving else []
    assert_never(command)


def _define(command: DefineTopic, topic: Topic | None, at: datetime) -> Sequence[TopicEvent]:
    if topic is None:
        return [TopicDefined(at=at, topic=command.topic, slug=command.slug, label=command.label, group=command.group)]
    if (topic.slug, topic.label, topic.group) == (command.slug, command.label, command.group):
        return []
    raise Refused("topic_exists")


def _rename(command: RenameTopic, topic: Topic, at: datetime) -> Sequence[TopicEvent]:
    if topic.merged_into:
        raise Refused("topic_merged")
    if command.label == topic.label:
        return []
    return [
        TopicRenamed(at=at, topic=topic.code, label=command.label, previous_label=topic.label, reason=command.reason)
    ]


def _merge(command: MergeTopic, topic: Topic, at: datetime) -> Sequence[TopicEvent]:
    if topic.merged_into == command.into:
        return []
    if topic.merged_into:
        raise Refused("topic_merged")
    if command.into == topic.code:
        raise Refused("merged_into_itself", field="/into")
    if topic.moving:
        raise Refused("topic_splitting")
    return [
        TopicMerged(at=at, topic=topic.code, label=topic.label, into=command.into, reason=command.reason),
    ]


def _split(command: SplitTopic, topic: Topic, at: datetime) -> Sequence[TopicEvent]:
    """One split at a time; each project goes to one topic, and never to the one it comes from.

    One that is done is no promise for ever: what came back may be given away again.
    """
    if topic.merged_into:
        raise Refused("topic_merged")
    if topic.moving:
        if command.parts == topic.split:
            return []
        raise Refused("topic_splitting")
    _refuse_bad_parts(command.parts, topic.code)
    return [TopicSplit(at=at, topic=topic.code, label=topic.label, parts=command.parts, reason=command.reason)]


def _refuse_bad_parts(parts: Sequence[Part], source: str) -> None:
    """Every part is another topic with a project of its own."""
    codes = [part.topic for part in parts]
    if source in codes or len(set(codes)) < len(codes):
        raise Refused("split_into_same", field=f"/parts/{_again(codes, source)}/topic")
    if empty := [n for n, part in enumerate(parts) if not part.projects]:
        raise Refused("split_part_empty", field=f"/parts/{empty[0]}")
    projects = [project for part in parts for project in part.projects]
    if len(set(projects)) < len(projects):
        raise Refused("split_project_twice")


def _again(codes: Sequence[str], source: str) -> int:
    """Where a code stands that is the source's, or stood before."""
    return next(n for n, code in enumerate(codes) if code == source or code in codes[:n])


def publish(event: TopicEvent) -> Contract | None:
    """Others learn of new labels, mergings and splits; which project went where, each project tells."""
    match event:
        case TopicRenamed():
            return contracts.TopicRenamed(topic=event.topic, label=event.label, previous_label=event.previous_label)
        case TopicMerged():
            return contracts.TopicMerged(topic=event.topic, label=event.label, into=event.into)
        case TopicSplit():
            parts = tuple(part.topic for part in event.parts)
            return contracts.TopicSplit(topic=event.topic, label=event.label, parts=parts)
        case TopicDefined() | TopicSplitFinished():
            return None
    assert_never(event)


TOPIC: Decider[Topic | None, TopicCommand, TopicEvent] = Decider(
    category="topic",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(TopicDefined, TopicRenamed, TopicMerged, TopicSplit, TopicSplitFinished),
)
