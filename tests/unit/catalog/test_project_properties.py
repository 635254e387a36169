"""What holds for a project whatever is asked of it, in whatever order."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.project import (
    PROJECT,
    AcceptRevision,
    ArchiveProject,
    AttachDocument,
    AwardBestPractice,
    ConfirmContact,
    DraftProject,
    EditProject,
    LetTimePass,
    PostUpdate,
    Project,
    ProjectCommand,
    PublishProject,
    RemoveDocument,
    ReplaceTopic,
    RestoreProject,
    ReturnProject,
    ReviseProject,
    SubmitProject,
    WithdrawBestPractice,
    WithdrawUpdate,
)
from services.catalog.project_content import Contact, FieldReason, refuse_unpublishable
from services.catalog.project_state import CONFIRMED_FOR
from services.catalog.vocabulary import ProjectStatus, ResourceKind
from shared.kernel.decider import NotThere, Refused
from shared.kernel.stored_file import StoredFile
from tests.unit.catalog.project_stories import ENSE, ID, content

AT = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2025, 5, 27)
FILE = StoredFile(name="Vertrag.pdf", media_type="application/pdf", size=7, sha256="0" * 64)
IDS = st.sampled_from(["a", "b"])
CONTACTS = (Contact(organisation_id=ENSE),)
CONTENTS = st.sampled_from(
    [content(), content(summary="Anders."), content(summary=None), content(topics=()), content(contacts=CONTACTS)]
)
REASONS = st.sampled_from(["Bitte kürzen.", "Quelle fehlt."])
FIELD_REASONS = st.sampled_from([(), (FieldReason(field="/title", text="Kurz"),)])
COMMANDS: st.SearchStrategy[ProjectCommand] = st.one_of(
    st.builds(DraftProject, project_id=st.just(ID), content=CONTENTS),
    st.builds(EditProject, content=CONTENTS),
    st.builds(SubmitProject),
    st.builds(ReturnProject, reason=REASONS, reasons=FIELD_REASONS),
    st.builds(PublishProject),
    st.builds(AcceptRevision, revision=st.integers(0, 3)),
    st.builds(ReviseProject, content=CONTENTS),
    st.builds(ReplaceTopic, topics=st.just(("social_services",)), by=st.sampled_from(["health", "families"])),
    st.builds(AwardBestPractice, occasion=st.just("Jahrestagung"), awarded_on=st.just(DAY)),
    st.builds(ArchiveProject, reason=st.one_of(st.none(), REASONS)),
    st.builds(RestoreProject, reason=REASONS),
    st.builds(WithdrawBestPractice, occasion=st.just("Jahrestagung"), awarded_on=st.just(DAY), reason=REASONS),
    st.builds(PostUpdate, update_id=IDS, text=REASONS, on=st.just(DAY)),
    st.builds(WithdrawUpdate, update_id=IDS),
    st.builds(AttachDocument, document_id=IDS, title=REASONS, kind=st.just(ResourceKind.STUDY), file=st.just(FILE)),
    st.builds(RemoveDocument, document_id=IDS),
    st.builds(ConfirmContact, organisation_id=st.sampled_from([None, ENSE, "somebody else"])),
    st.builds(LetTimePass),
)


def after(command: ProjectCommand, project: Project | None, at: datetime = AT) -> Project | None:
    try:
        events = PROJECT.decide(command, project, at)
    except (Refused, NotThere):
        return project
    for event in events:
        project = PROJECT.evolve(project, event)
    assert list(PROJECT.decide(command, project, at)) == [], "the same command twice"
    return project


A_LIFE: list[ProjectCommand] = [DraftProject(project_id=ID, content=content()), SubmitProject(), PublishProject()]


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
        assert not {each.id for each in project.updates} & project.withdrawn_updates
        assert not {each.id for each in project.documents} & project.removed_documents
        assert len({each.id for each in project.documents}) == len(project.documents)


STEPS = st.lists(st.tuples(COMMANDS, st.integers(0, 500)), max_size=30)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_a_contact_is_asked_for_once_a_year_and_never_too_early(steps: list[tuple[ProjectCommand, int]]) -> None:
    """However much time passes between any commands."""
    project: Project | None = None
    at = AT
    for command, days in [*((step, 0) for step in A_LIFE), *steps]:
        at += timedelta(days=days)
        before = project
        project = after(command, project, at)
        assert project is not None
        if before and project.review_due and not before.review_due:
            assert before.confirmed_at is not None
            assert at >= before.confirmed_at + CONFIRMED_FOR
            assert before.status is ProjectStatus.PUBLISHED
        if project.review_due:
            assert after(LetTimePass(), project, at + timedelta(days=5000)) == project
