"""What holds for a project whatever is asked of it, in whatever order."""

from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.project import (
    PROJECT,
    AcceptRevision,
    ArchiveProject,
    AwardBestPractice,
    DraftProject,
    EditProject,
    Project,
    ProjectCommand,
    PublishProject,
    ReturnProject,
    ReviseProject,
    SubmitProject,
)
from services.catalog.project_content import refuse_unpublishable
from services.catalog.vocabulary import ProjectStatus
from shared.kernel.decider import NotThere, Refused
from tests.unit.catalog.project_stories import ID, content

AT = datetime(2026, 1, 1, tzinfo=UTC)
CONTENTS = st.sampled_from([content(), content(summary="Anders."), content(summary=None), content(topics=())])
REASONS = st.sampled_from(["Bitte kürzen.", "Quelle fehlt."])
COMMANDS: st.SearchStrategy[ProjectCommand] = st.one_of(
    st.builds(DraftProject, project_id=st.just(ID), content=CONTENTS),
    st.builds(EditProject, content=CONTENTS),
    st.builds(SubmitProject),
    st.builds(ReturnProject, reason=REASONS),
    st.builds(PublishProject),
    st.builds(AcceptRevision, revision=st.integers(0, 3)),
    st.builds(ReviseProject, content=CONTENTS),
    st.builds(AwardBestPractice, occasion=st.just("Jahrestagung"), awarded_on=st.just(date(2025, 5, 27))),
    st.builds(ArchiveProject, reason=st.one_of(st.none(), REASONS)),
)


def after(command: ProjectCommand, project: Project | None) -> Project | None:
    try:
        events = PROJECT.decide(command, project, AT)
    except (Refused, NotThere):
        return project
    for event in events:
        project = PROJECT.evolve(project, event)
    assert list(PROJECT.decide(command, project, AT)) == [], "the same command twice"
    return project


@given(st.lists(COMMANDS, max_size=25))
@settings(max_examples=300, deadline=None)
def test_what_is_public_is_complete_and_stays_public(commands: list[ProjectCommand]) -> None:
    project: Project | None = None
    was_public = False
    for command in [DraftProject(project_id=ID, content=content()), *commands]:
        project = after(command, project)
        assert project is not None
        assert project.published >= was_public
        was_public = project.published
        if project.published:
            refuse_unpublishable(project.content)
            assert project.status in (ProjectStatus.PUBLISHED, ProjectStatus.ARCHIVED)
        assert project.revised <= project.proposed
