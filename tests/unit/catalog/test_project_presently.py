"""A project whose topics and participants were merged or split since it was written."""

from datetime import datetime, timedelta

import pytest

from services.catalog.project import (
    PROJECT,
    AcceptRevision,
    EditProject,
    Project,
    ProjectArchived,
    ProjectCommand,
    ProjectEvent,
    ProjectPublished,
    ProjectRestored,
    ProjectRevised,
    PublishProject,
    ReplaceTopic,
    RestoreProject,
    ReviseProject,
    TopicReplaced,
)
from services.catalog.project_content import Body, Contact, Participation, Presently
from shared.kernel.testing import fold, given
from tests.unit.catalog.project_stories import AT, ENSE, ID, WELVER, content, drafted, proposed, published, submitted

GONE = "00000000-0000-5000-8000-000000000009"
TODAY = Presently(
    topics={"social_help": "social_services"}, organisations={GONE: Body(organisation_id=ENSE, ags="05974016")}
)
BEFORE = content(
    topics=("social_help", "health"),
    participations=(Participation(organisation_id=GONE), Participation(organisation_id=WELVER)),
    contacts=(Contact(organisation_id=GONE),),
)
AFTER = content(
    topics=("social_services", "health"),
    participations=(Participation(organisation_id=ENSE, ags="05974016"), Participation(organisation_id=WELVER)),
    contacts=(Contact(organisation_id=ENSE),),
)


def test_what_is_published_names_what_is_meant_today() -> None:
    event = ProjectPublished(at=AT, project_id=ID, content=AFTER)
    given(PROJECT, submitted(BEFORE)).when(PublishProject(presently=TODAY), at=AT).then([event])


def test_so_does_a_proposal_that_is_accepted() -> None:
    differs = ("topics", "participations", "contacts")
    event = ProjectRevised(at=AT, project_id=ID, revision=1, content=AFTER, changed=differs)
    given(PROJECT, proposed(BEFORE)).when(AcceptRevision(revision=1, presently=TODAY), at=AT).then([event])
    given(PROJECT, proposed(BEFORE)).when(PublishProject(presently=TODAY), at=AT).then([event])


def since_published(*commands: ProjectCommand, at: datetime = AT) -> tuple[list[ProjectEvent], Project]:
    """A project that was published as BEFORE, after these commands."""
    events = [*submitted(BEFORE), ProjectPublished(at=AT, project_id=ID, content=BEFORE)]
    for command in commands:
        events += given(PROJECT, events).when(command, at=at).decided
    project = fold(PROJECT, events)
    assert project is not None
    return events, project


def test_the_same_in_todays_words_is_nothing_new() -> None:
    events, _ = since_published()
    for content_ in (BEFORE, AFTER):
        given(PROJECT, events).when(EditProject(content=content_, presently=TODAY), at=AT).nothing()
        given(PROJECT, events).when(ReviseProject(content=content_, presently=TODAY), at=AT).nothing()


@pytest.mark.parametrize(
    "commands",
    [
        [ReviseProject(content=AFTER.model_copy(update={"summary": "Kürzer."}), presently=TODAY)],
        [
            EditProject(content=BEFORE.model_copy(update={"summary": "Kürzer."})),
            AcceptRevision(revision=1, presently=TODAY),
        ],
    ],
    ids=["revised", "proposed"],
)
def test_a_contact_under_another_entry_of_the_same_body_is_not_confirmed_by_it(commands: list[ProjectCommand]) -> None:
    events, project = since_published(*commands, at=AT + timedelta(days=100))
    assert isinstance(events[-1], ProjectRevised)
    assert (project.content.contacts, events[-1].changed) == (AFTER.contacts, ("summary",))
    assert project.confirmed_at == AT


def test_who_names_another_contact_confirms_it() -> None:
    other = AFTER.model_copy(update={"contacts": (Contact(organisation_id=WELVER),)})
    later = AT + timedelta(days=100)
    _, project = since_published(ReviseProject(content=other, presently=TODAY), at=later)
    assert project.confirmed_at == later


def test_a_revision_that_nobody_had_compared_is_compared_as_it_was_written() -> None:
    later = AT + timedelta(days=100)
    old = ProjectRevised(at=later, project_id=ID, revision=1, content=AFTER)
    project = fold(PROJECT, [*since_published()[0], old])
    assert project is not None
    assert project.confirmed_at == later


def test_so_does_a_project_that_comes_back() -> None:
    end = ProjectArchived(at=AT, project_id=ID, title=BEFORE.title, was_published=True, reason=None)
    back = ProjectRestored(at=AT, project_id=ID, was_published=True, reason="Doch.", content=AFTER)
    before = [*submitted(BEFORE), ProjectPublished(at=AT, project_id=ID, content=BEFORE), end]
    after = given(PROJECT, before).when(RestoreProject(reason="Doch.", presently=TODAY), at=AT).then([back])
    assert after.state is not None
    assert after.state.content == AFTER


def test_a_topic_that_a_merging_would_give_twice_stands_once() -> None:
    twice = content(topics=("social_services", "social_help"))
    assert TODAY.said_in(twice).topics == ("social_services",)


def test_a_body_that_a_merging_would_give_twice_takes_part_once() -> None:
    both = content(participations=(Participation(organisation_id=GONE), Participation(organisation_id=ENSE)))
    assert [each.organisation_id for each in TODAY.said_in(both).participations] == [ENSE]


def test_where_nothing_was_merged_nothing_changes() -> None:
    assert Presently().said_in(BEFORE) == BEFORE


@pytest.mark.parametrize(("events", "public"), [(drafted(), False), (submitted(), False), (published(), True)])
def test_a_project_moves_to_a_part_of_its_topic(events: list[ProjectEvent], public: bool) -> None:  # noqa: FBT001
    moved = TopicReplaced(
        at=AT, project_id=ID, by="families", published=public, content=content(topics=("families",)), proposal=None
    )
    command = ReplaceTopic(topics=("social_services", "social_help"), by="families")
    after = given(PROJECT, events).when(command, at=AT).then([moved])
    assert (PROJECT.publish(after.events[-1]) is not None) is public


def test_a_proposal_beside_it_moves_too() -> None:
    proposal = content(summary="Anders.", topics=("health", "social_services"))
    moved = TopicReplaced(
        at=AT,
        project_id=ID,
        by="families",
        published=True,
        content=content(topics=("families",)),
        proposal=content(summary="Anders.", topics=("health", "families")),
    )
    command = ReplaceTopic(topics=("social_services",), by="families")
    given(PROJECT, proposed(proposal)).when(command, at=AT).then([moved])


def test_a_project_with_both_topics_keeps_the_other_once() -> None:
    both = content(topics=("families", "social_services", "health"))
    moved = TopicReplaced(
        at=AT, project_id=ID, by="families", published=False, content=content(topics=("families", "health"))
    )
    given(PROJECT, drafted(both)).when(ReplaceTopic(topics=("social_services",), by="families"), at=AT).then([moved])


def test_a_project_of_another_topic_stays() -> None:
    given(PROJECT, published()).when(ReplaceTopic(topics=("health",), by="families"), at=AT).nothing()
