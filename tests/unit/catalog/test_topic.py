"""Topics are data with a history."""

from datetime import UTC, datetime

from services.catalog.topic import TOPIC, DefineTopic, Group, RenameTopic, TopicDefined, TopicRenamed
from shared.kernel.testing import given

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
