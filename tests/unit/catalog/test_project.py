"""The life of a project, rule by rule."""

from datetime import date

import pytest

from services.catalog.project import (
    PROJECT,
    AcceptRevision,
    ArchiveProject,
    AwardBestPractice,
    BestPracticeAwarded,
    DraftProject,
    EditProject,
    ProjectArchived,
    ProjectCommand,
    ProjectDrafted,
    ProjectEdited,
    ProjectEvent,
    ProjectPublished,
    ProjectRestored,
    ProjectReturned,
    ProjectSubmitted,
    PublishProject,
    RestoreProject,
    ReturnProject,
    ReviseProject,
    RevisionProposed,
    RevisionReturned,
    SubmitProject,
)
from services.catalog.project_content import Contact, Content, FieldReason, Participation
from shared.kernel.testing import fold, given
from tests.unit.catalog.project_stories import (
    AT,
    ENSE,
    ID,
    WELVER,
    archived,
    content,
    drafted,
    proposal_returned,
    proposed,
    published,
    returned,
    revised,
    submitted,
)

LATER = content(summary="Fünf Kommunen teilen sich Fachwissen.")
LATEST = content(summary="Sechs Kommunen teilen sich Fachwissen.")
TITLE = content().title
JAHRESTAGUNG = AwardBestPractice(occasion="Jahrestagung 2025", awarded_on=date(2025, 5, 27))

UNKNOWN = ["/colour", "/topics/1", "/topics/first", "/topics/-1", "/summary/0", "/topics/0/x"]

ON_WHAT_IS_THERE: list[ProjectCommand] = [
    EditProject(content=LATER),
    SubmitProject(),
    ReturnProject(reason="Bitte kürzen."),
    PublishProject(),
    AcceptRevision(revision=1),
    ReviseProject(content=LATER),
    JAHRESTAGUNG,
]


class TestDrafting:
    def test_a_project_begins_as_a_draft(self) -> None:
        drafting = DraftProject(project_id=ID, content=content())
        given(PROJECT, []).when(drafting, at=AT).then([ProjectDrafted(at=AT, project_id=ID, content=content())])

    def test_a_draft_may_be_incomplete(self) -> None:
        bare = Content(title="Idee")
        drafting = DraftProject(project_id=ID, content=bare)
        given(PROJECT, []).when(drafting, at=AT).then([ProjectDrafted(at=AT, project_id=ID, content=bare)])

    def test_an_id_belongs_to_one_project(self) -> None:
        given(PROJECT, drafted()).when(DraftProject(project_id=ID, content=LATER), at=AT).refused("project_exists")

    def test_a_draft_can_be_changed(self) -> None:
        edited = ProjectEdited(at=AT, project_id=ID, content=LATER)
        given(PROJECT, drafted()).when(EditProject(content=LATER), at=AT).then([edited])

    def test_changing_nothing_is_no_change(self) -> None:
        given(PROJECT, drafted()).when(EditProject(content=content()), at=AT).then([])

    def test_a_returned_project_can_be_changed_and_handed_in_again(self) -> None:
        edited = ProjectEdited(at=AT, project_id=ID, content=LATER)
        given(PROJECT, returned()).when(EditProject(content=LATER), at=AT).then([edited])
        again = ProjectSubmitted(at=AT, project_id=ID, title=TITLE, topics=LATER.topics)
        given(PROJECT, [*returned(), edited]).when(SubmitProject(), at=AT).then([again])

    def test_a_project_under_review_keeps_still(self) -> None:
        given(PROJECT, submitted()).when(EditProject(content=LATER), at=AT).refused("project_under_review")


class TestSubmitting:
    def test_a_draft_is_handed_in(self) -> None:
        handed_in = ProjectSubmitted(at=AT, project_id=ID, title=TITLE, topics=("social_services",))
        given(PROJECT, drafted()).when(SubmitProject(), at=AT).then([handed_in])

    def test_what_is_published_is_not_handed_in_again(self) -> None:
        given(PROJECT, published()).when(SubmitProject(), at=AT).refused("project_published")

    def test_a_submission_is_returned_with_its_reason(self) -> None:
        back = ProjectReturned(at=AT, project_id=ID, title=TITLE, reason="Bitte kürzen.")
        given(PROJECT, submitted()).when(ReturnProject(reason="Bitte kürzen."), at=AT).then([back])

    def test_a_submission_is_returned_with_reasons_for_single_fields(self) -> None:
        reasons = (FieldReason(field="/summary", text="Bitte kürzen."), FieldReason(field="/reuse", text="Fehlt."))
        back = ProjectReturned(at=AT, project_id=ID, title=TITLE, reason="Zwei Stellen.", reasons=reasons)
        given(PROJECT, submitted()).when(ReturnProject(reason="Zwei Stellen.", reasons=reasons), at=AT).then([back])

    @pytest.mark.parametrize(
        "field", ["/colour", "/topics/1", "/topics/first", "/topics/-1", "/summary/0", "/topics/0/x"]
    )
    def test_reasons_are_about_fields_that_there_are(self, field: str) -> None:
        returning = ReturnProject(
            reason="Nein.", reasons=(FieldReason(field="/title", text="Nein."), FieldReason(field=field, text="Nein."))
        )
        given(PROJECT, submitted()).when(returning, at=AT).refused("unknown_field", field="/reasons/1/field")
        given(PROJECT, proposed(LATER)).when(returning, at=AT).refused("unknown_field", field="/reasons/1/field")

    @pytest.mark.parametrize("kind", [ProjectReturned, RevisionReturned])
    def test_what_was_returned_before_there_were_such_reasons_is_read(self, kind: type[ProjectEvent]) -> None:
        stored = {"at": AT.isoformat(), "project_id": ID, "title": TITLE, "reason": "Kurz."}
        event = kind.model_validate(stored | ({"revision": 1} if kind is RevisionReturned else {}))
        assert isinstance(event, ProjectReturned | RevisionReturned)
        assert event.reasons == ()

    def test_handing_in_again_forgets_the_reasons(self) -> None:
        reasons = (FieldReason(field="/summary", text="Bitte kürzen."),)
        again = ProjectSubmitted(at=AT, project_id=ID, title=TITLE, topics=content().topics)
        state = fold(PROJECT, [*returned("Eine Stelle.", reasons), again])
        assert state is not None
        assert (state.returned, state.reasons) == (None, ())

    def test_a_draft_cannot_be_returned(self) -> None:
        given(PROJECT, drafted()).when(ReturnProject(reason="Nein."), at=AT).refused("project_not_submitted")

    def test_a_returned_project_cannot_be_returned_for_another_reason(self) -> None:
        given(PROJECT, returned()).when(ReturnProject(reason="Anders."), at=AT).refused("project_not_submitted")


class TestPublishing:
    def test_a_submission_is_published_as_it_reads(self) -> None:
        live = ProjectPublished(at=AT, project_id=ID, content=content())
        given(PROJECT, submitted()).when(PublishProject(), at=AT).then([live])

    @pytest.mark.parametrize("events", [drafted(), returned()], ids=["a draft", "a returned one"])
    def test_only_a_submission_is_published(self, events: list[ProjectEvent]) -> None:
        given(PROJECT, events).when(PublishProject(), at=AT).refused("project_not_submitted")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"summary": None}, "summary_missing"),
            ({"summary": ""}, "summary_missing"),
            ({"topics": ()}, "topic_missing"),
            ({"participations": ()}, "participations_missing"),
            ({"participations": (Participation(organisation_id=ENSE),)}, "participations_missing"),
            (
                {
                    "participations": (
                        Participation(organisation_id=ENSE, role="lead"),
                        Participation(organisation_id=ENSE, role="performing"),
                    )
                },
                "participations_missing",
            ),
        ],
    )
    def test_what_is_incomplete_is_not_published(self, fields: dict[str, object], code: str) -> None:
        refused = given(PROJECT, submitted(content(**fields))).when(PublishProject(), at=AT)
        refused.refused(code, field=f"/{next(iter(fields))}")

    @pytest.mark.parametrize("named", [(), (Participation(organisation_id=ENSE),)])
    def test_few_participants_are_enough_when_not_all_are_named(self, named: tuple[Participation, ...]) -> None:
        known = content(participations=named, participations_complete=False)
        live = ProjectPublished(at=AT, project_id=ID, content=known)
        given(PROJECT, submitted(known)).when(PublishProject(), at=AT).then([live])


class TestRevising:
    def test_a_change_to_what_is_published_waits_beside_it(self) -> None:
        waiting = RevisionProposed(at=AT, project_id=ID, revision=1, content=LATER)
        given(PROJECT, published()).when(EditProject(content=LATER), at=AT).then([waiting])

    def test_a_proposal_leaves_the_live_version_alone(self) -> None:
        state = fold(PROJECT, proposed(LATER))
        assert state is not None
        assert (state.status, state.content) == ("published", content())

    def test_a_better_proposal_takes_the_place_of_the_first(self) -> None:
        waiting = RevisionProposed(at=AT, project_id=ID, revision=2, content=LATEST)
        given(PROJECT, proposed(LATER)).when(EditProject(content=LATEST), at=AT).then([waiting])

    def test_the_proposal_is_accepted_by_its_number(self) -> None:
        given(PROJECT, proposed(LATER)).when(AcceptRevision(revision=1), at=AT).then([revised(LATER)])

    def test_publishing_accepts_the_proposal_too(self) -> None:
        given(PROJECT, proposed(LATER)).when(PublishProject(), at=AT).then([revised(LATER)])

    def test_publishing_what_is_published_changes_nothing(self) -> None:
        given(PROJECT, published()).when(PublishProject(), at=AT).then([])

    def test_a_proposal_that_was_replaced_cannot_be_accepted(self) -> None:
        events = [*proposed(LATER), RevisionProposed(at=AT, project_id=ID, revision=2, content=LATEST)]
        given(PROJECT, events).when(AcceptRevision(revision=1), at=AT).refused("no_pending_revision")

    def test_nothing_waits_nothing_is_accepted(self) -> None:
        given(PROJECT, published()).when(AcceptRevision(revision=0), at=AT).refused("no_pending_revision")

    def test_an_incomplete_proposal_is_not_accepted(self) -> None:
        incomplete = content(summary=None)
        given(PROJECT, proposed(incomplete)).when(AcceptRevision(revision=1), at=AT).refused("summary_missing")

    def test_a_proposal_is_returned_and_the_live_version_stays(self) -> None:
        back = RevisionReturned(at=AT, project_id=ID, title=TITLE, revision=1, reason="Quelle fehlt.")
        given(PROJECT, proposed(LATER)).when(ReturnProject(reason="Quelle fehlt."), at=AT).then([back])

    def test_a_returned_proposal_cannot_be_accepted(self) -> None:
        events = proposal_returned(LATER, "Quelle fehlt.")
        given(PROJECT, events).when(AcceptRevision(revision=1), at=AT).refused("no_pending_revision")
        given(PROJECT, events).when(PublishProject(), at=AT).then([])

    def test_a_returned_proposal_can_be_proposed_again(self) -> None:
        again = RevisionProposed(at=AT, project_id=ID, revision=2, content=LATER)
        given(PROJECT, proposal_returned(LATER, "Quelle fehlt.")).when(EditProject(content=LATER), at=AT).then([again])

    def test_a_proposal_is_returned_with_reasons_for_single_fields(self) -> None:
        reasons = (FieldReason(field="/topics/0", text="Bitte genauer."),)
        back = RevisionReturned(at=AT, project_id=ID, title=TITLE, revision=1, reason="Eine Stelle.", reasons=reasons)
        given(PROJECT, proposed(LATER)).when(ReturnProject(reason="Eine Stelle.", reasons=reasons), at=AT).then([back])

    def test_nothing_waits_nothing_is_returned(self) -> None:
        given(PROJECT, published()).when(ReturnProject(reason="Nein."), at=AT).refused("no_pending_revision")

    def test_an_editor_revises_at_once(self) -> None:
        given(PROJECT, published()).when(ReviseProject(content=LATER), at=AT).then([revised(LATER)])

    def test_revising_at_once_supersedes_what_waits(self) -> None:
        given(PROJECT, proposed(LATER)).when(ReviseProject(content=LATEST), at=AT).then([revised(LATEST, 2)])

    def test_an_incomplete_revision_is_refused(self) -> None:
        revising = ReviseProject(content=content(topics=()))
        given(PROJECT, published()).when(revising, at=AT).refused("topic_missing")

    @pytest.mark.parametrize("command", [ReviseProject(content=LATER), AcceptRevision(revision=1)])
    def test_only_what_is_published_is_revised(self, command: ProjectCommand) -> None:
        given(PROJECT, submitted()).when(command, at=AT).refused("project_not_published")


class TestBestPractice:
    def test_a_published_project_is_honoured(self) -> None:
        mark = BestPracticeAwarded(
            at=AT, project_id=ID, title=TITLE, occasion="Jahrestagung 2025", awarded_on=date(2025, 5, 27)
        )
        given(PROJECT, published()).when(JAHRESTAGUNG, at=AT).then([mark])

    def test_a_draft_is_not(self) -> None:
        given(PROJECT, drafted()).when(JAHRESTAGUNG, at=AT).refused("project_not_published")


class TestArchiving:
    @pytest.mark.parametrize(("events", "public"), [(drafted(), False), (published(), True), (proposed(LATER), True)])
    def test_any_project_can_be_archived(self, events: list[ProjectEvent], public: bool) -> None:  # noqa: FBT001 -- a case
        end = ProjectArchived(at=AT, project_id=ID, title=TITLE, was_published=public, reason="Aufgelöst")
        given(PROJECT, events).when(ArchiveProject(reason="Aufgelöst"), at=AT).then([end])

    @pytest.mark.parametrize("command", ON_WHAT_IS_THERE, ids=lambda command: type(command).__name__)
    def test_nothing_happens_to_an_archived_project(self, command: ProjectCommand) -> None:
        given(PROJECT, archived()).when(command, at=AT).refused("project_archived")

    def test_archiving_twice_is_archiving_once(self) -> None:
        given(PROJECT, archived()).when(ArchiveProject(reason="Noch einmal"), at=AT).then([])


class TestRestoring:
    def test_what_was_public_is_public_again(self) -> None:
        back = ProjectRestored(at=AT, project_id=ID, was_published=True, reason="Es geht weiter.", content=content())
        after = given(PROJECT, archived()).when(RestoreProject(reason="Es geht weiter."), at=AT).then([back])
        assert after.state is not None
        assert after.state.status == "published"

    def test_what_never_was_is_a_draft_again(self) -> None:
        end = ProjectArchived(at=AT, project_id=ID, title=TITLE, was_published=False, reason=None)
        back = ProjectRestored(at=AT, project_id=ID, was_published=False, reason="Doch.", content=content())
        after = given(PROJECT, [*submitted(), end]).when(RestoreProject(reason="Doch."), at=AT).then([back])
        assert after.state is not None
        assert after.state.status == "drafted"
        assert PROJECT.publish(back) is None

    @pytest.mark.parametrize("events", [drafted(), published()], ids=["a draft", "a published one"])
    def test_what_is_not_archived_stays_as_it_is(self, events: list[ProjectEvent]) -> None:
        given(PROJECT, events).when(RestoreProject(reason="Doch."), at=AT).nothing()


class TestContradictions:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"topics": ("culture", "health", "mobility", "waste")}, "too_many_topics"),
            ({"topics": ("culture", "culture")}, "topic_twice"),
            (
                {"participations": (Participation(organisation_id=ENSE), Participation(organisation_id=ENSE))},
                "participation_twice",
            ),
            *(
                ({"contacts": (Contact(**{"organisation_name": "Bauamt", field: text}),)}, "address_in_contact")
                for field, text in [
                    ("function", "Bauamt, bauamt@gemeinde.example"),
                    ("note", "bauamt@gemeinde.example"),
                    ("organisation_name", "Bauamt <bauamt@gemeinde.example>"),
                ]
            ),
        ],
    )
    def test_are_refused_wherever_content_comes_in(self, fields: dict[str, object], code: str) -> None:
        wrong = content(**fields)
        given(PROJECT, []).when(DraftProject(project_id=ID, content=wrong), at=AT).refused(code)
        given(PROJECT, drafted()).when(EditProject(content=wrong), at=AT).refused(code)
        given(PROJECT, published()).when(EditProject(content=wrong), at=AT).refused(code)
        given(PROJECT, published()).when(ReviseProject(content=wrong), at=AT).refused(code)

    def test_an_address_that_was_handed_in_before_is_never_published(self) -> None:
        of = content(contacts=(Contact(organisation_name="Bauamt", note="bauamt@gemeinde.example"),))
        given(PROJECT, submitted(of)).when(PublishProject(), at=AT).refused("address_in_contact")

    def test_somebody_may_take_part_in_two_roles(self) -> None:
        twice = (
            Participation(organisation_id=ENSE, role="lead"),
            Participation(organisation_id=ENSE, role="performing"),
            Participation(organisation_id=WELVER),
        )
        of = content(participations=twice)
        drafting = DraftProject(project_id=ID, content=of)
        given(PROJECT, []).when(drafting, at=AT).then([ProjectDrafted(at=AT, project_id=ID, content=of)])


@pytest.mark.parametrize(
    "command",
    [*ON_WHAT_IS_THERE, ArchiveProject(), RestoreProject(reason="Doch.")],
    ids=lambda command: type(command).__name__,
)
def test_what_was_never_drafted_is_not_there(command: ProjectCommand) -> None:
    given(PROJECT).when(command).not_there()
