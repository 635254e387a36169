"""Topics are data with a history."""

from datetime import UTC, datetime

import pytest

from services.catalog.topic import (
    TOPIC,
    DefineTopic,
    FinishSplit,
    Group,
    MergeTopic,
    Part,
    RenameTopic,
    SplitTopic,
    Topic,
    TopicCommand,
    TopicDefined,
    TopicEvent,
    TopicMerged,
    TopicRenamed,
    TopicSplit,
    TopicSplitFinished,
)
from shared.kernel.testing import Given, given

AT = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = Group(code="internal_administration", slug="innere_verwaltung", label="Innere Verwaltung")
DEFINE = DefineTopic(topic="treasury", slug="gemeindekasse", label="Gemeindekasse", group=GROUP)
DEFINED = TopicDefined(at=AT, topic="treasury", slug="gemeindekasse", label="Gemeindekasse", group=GROUP)


def test_a_topic_is_defined() -> None:
    given(TOPIC, []).when(DEFINE, at=AT).then([DEFINED])


def test_a_code_means_one_topic() -> None:
    other = DEFINE.model_copy(update={"label": "Kasse"})
    given(TOPIC, [DEFINED]).when(other, at=AT).refused("topic_exists")


def test_a_topic_is_renamed_and_remembers_what_it_was_called() -> None:
    renamed = TopicRenamed(at=AT, topic="treasury", label="Kasse", previous_label="Gemeindekasse")
    given(TOPIC, [DEFINED]).when(RenameTopic(label="Kasse"), at=AT).then([renamed])


def test_a_topic_that_is_none_cannot_be_renamed() -> None:
    given(TOPIC).when(RenameTopic(label="Kasse")).not_there()


MERGE = MergeTopic(into="finance", reason="Beide Themen gehören zusammen.")
MERGED = TopicMerged(
    at=AT, topic="treasury", label="Gemeindekasse", into="finance", reason="Beide Themen gehören zusammen."
)
PARTS = (Part(topic="enforcement", projects=("p1", "p2")), Part(topic="finance", projects=("p3",)))
SPLIT = SplitTopic(parts=PARTS, reason="Vollstreckung ist ein eigenes Thema.")
GIVEN_AWAY = TopicSplit(
    at=AT, topic="treasury", label="Gemeindekasse", parts=PARTS, reason="Vollstreckung ist ein eigenes Thema."
)
FINISHED = TopicSplitFinished(at=AT, topic="treasury")


def so_far(*events: TopicEvent) -> Given[Topic | None, TopicCommand, TopicEvent]:
    return given(TOPIC, (DEFINED, *events))


def test_a_renaming_says_why() -> None:
    renamed = TopicRenamed(
        at=AT, topic="treasury", label="Kasse", previous_label="Gemeindekasse", reason="So heißt sie überall."
    )
    so_far().when(RenameTopic(label="Kasse", reason="So heißt sie überall."), at=AT).then([renamed])


def test_a_topic_goes_into_another() -> None:
    after = so_far().when(MERGE, at=AT).then([MERGED])
    published = TOPIC.publish(after.events[-1])
    assert published is not None
    assert published.model_dump() == {"topic": "treasury", "label": "Gemeindekasse", "into": "finance"}


def test_a_topic_goes_not_into_itself() -> None:
    so_far().when(MergeTopic(into="treasury", reason="?")).refused("merged_into_itself", field="/into")


def test_a_merged_topic_changes_no_more() -> None:
    elsewhere = MergeTopic(into="budget", reason="?")
    for command in (RenameTopic(label="Kasse"), elsewhere, SPLIT):
        so_far(MERGED).when(command).refused("topic_merged")


def test_defining_a_merged_topic_brings_it_not_back() -> None:
    so_far(MERGED).when(DEFINE, at=AT).nothing()


def test_a_topic_gives_projects_away_and_stays() -> None:
    after = so_far().when(SPLIT, at=AT).then([GIVEN_AWAY])
    published = TOPIC.publish(after.events[-1])
    assert published is not None
    assert published.model_dump()["parts"] == ("enforcement", "finance"), "no project is named to everybody"
    assert after.state is not None
    assert after.state.moving
    done = after.when(FinishSplit(), at=AT).then([FINISHED])
    done.when(RenameTopic(label="Kasse"), at=AT).then(
        [TopicRenamed(at=AT, topic="treasury", label="Kasse", previous_label="Gemeindekasse")]
    )


def test_a_topic_is_split_once_at_a_time_and_merged_when_that_is_done() -> None:
    other = SplitTopic(parts=(Part(topic="budget", projects=("p4",)),), reason="?")
    so_far(GIVEN_AWAY).when(other).refused("topic_splitting")
    so_far(GIVEN_AWAY).when(MERGE).refused("topic_splitting")
    so_far(GIVEN_AWAY, FINISHED).when(MERGE, at=AT).then([MERGED])


def test_a_split_that_is_done_is_not_finished_again() -> None:
    so_far().when(FinishSplit()).nothing()
    so_far(GIVEN_AWAY).when(SPLIT).nothing()


def test_what_came_back_is_given_away_again() -> None:
    so_far(GIVEN_AWAY, FINISHED).when(SPLIT, at=AT).then([GIVEN_AWAY])


@pytest.mark.parametrize(
    ("parts", "code", "field"),
    [
        ((Part(topic="treasury", projects=("p1",)),), "split_into_same", "/parts/0/topic"),
        ((Part(topic="a", projects=("p1",)), Part(topic="a", projects=("p2",))), "split_into_same", "/parts/1/topic"),
        ((Part(topic="a", projects=("p1",)), Part(topic="b")), "split_part_empty", "/parts/1"),
    ],
)
def test_a_split_gives_each_part_projects(parts: tuple[Part, ...], code: str, field: str) -> None:
    so_far().when(SplitTopic(parts=parts, reason="?")).refused(code, field=field)


def test_a_project_goes_to_one_part() -> None:
    parts = (Part(topic="a", projects=("p1", "p2")), Part(topic="b", projects=("p2",)))
    so_far().when(SplitTopic(parts=parts, reason="?")).refused("split_project_twice")


@pytest.mark.parametrize("command", [MERGE, SPLIT, FinishSplit()])
def test_what_is_no_topic_takes_no_command(command: TopicCommand) -> None:
    given(TOPIC).when(command).not_there()
