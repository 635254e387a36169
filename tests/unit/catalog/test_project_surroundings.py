"""What lies around a project's live version, rule by rule."""

from datetime import date, datetime, timedelta

import pytest

from services.catalog.project import (
    PROJECT,
    AttachDocument,
    AwardBestPractice,
    BestPracticeAwarded,
    BestPracticeWithdrawn,
    ConfirmContact,
    ContactConfirmed,
    ContactReviewDue,
    DocumentAttached,
    DocumentRemoved,
    LetTimePass,
    PostUpdate,
    ProjectArchived,
    ProjectCommand,
    ProjectEvent,
    RemoveDocument,
    UpdatePosted,
    UpdateWithdrawn,
    WithdrawBestPractice,
    WithdrawUpdate,
)
from services.catalog.project_content import Contact
from services.catalog.project_surroundings import MOST_DOCUMENTS, MOST_UPDATES
from services.catalog.vocabulary import AwardCategory, ResourceKind
from shared.contracts import catalog as contracts
from shared.kernel.stored_file import StoredFile
from shared.kernel.testing import fold, given
from tests.unit.catalog.project_stories import AT, ENSE, ID, archived, content, drafted, published, revised, submitted

DAY = date(2025, 5, 27)
YEAR = timedelta(days=365)
UPDATE, DOCUMENT = "0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4c01", "4f0c8a6e-52f4-5c0e-9a53-0d1f6f7f2b10"
FILE = StoredFile(name="Vertrag.pdf", media_type="application/pdf", size=7, sha256="0" * 64)
AWARDING = AwardBestPractice(occasion="Jahrestagung 2025", awarded_on=DAY)
WITHDRAWING = WithdrawBestPractice(occasion="Jahrestagung 2025", awarded_on=DAY, reason="Verwechslung")
POSTING = PostUpdate(update_id=UPDATE, text="Der Vertrag ist unterschrieben.", on=DAY)
ATTACHING = AttachDocument(document_id=DOCUMENT, title="Vertrag", kind=ResourceKind.TEMPLATE, file=FILE)

AROUND: list[ProjectCommand] = [
    AWARDING, WITHDRAWING, POSTING, WithdrawUpdate(update_id=UPDATE), ATTACHING, RemoveDocument(document_id=DOCUMENT),
    ConfirmContact(),
]  # fmt: skip


def awarded(occasion: str = "Jahrestagung 2025", category: AwardCategory | None = None) -> ProjectEvent:
    return BestPracticeAwarded(
        at=AT, project_id=ID, title=content().title, occasion=occasion, awarded_on=DAY, category=category
    )


def withdrawn(marks_left: int = 0) -> ProjectEvent:
    return BestPracticeWithdrawn(
        at=AT,
        project_id=ID,
        occasion="Jahrestagung 2025",
        awarded_on=DAY,
        reason="Verwechslung",
        marks_left=marks_left,
    )


def posted(update_id: str = UPDATE) -> ProjectEvent:
    return UpdatePosted(at=AT, project_id=ID, update_id=update_id, text="Der Vertrag ist unterschrieben.", on=DAY)


def attached(document_id: str = DOCUMENT) -> ProjectEvent:
    return DocumentAttached(
        at=AT, project_id=ID, document_id=document_id, title="Vertrag", kind=ResourceKind.TEMPLATE, file=FILE
    )


def removed() -> ProjectEvent:
    return DocumentRemoved(at=AT, project_id=ID, document_id=DOCUMENT, title="Vertrag")


def ended() -> ProjectEvent:
    return ProjectArchived(at=AT, project_id=ID, title=content().title, was_published=False, reason=None)


def asked() -> ProjectEvent:
    return ContactReviewDue(at=AT + YEAR, project_id=ID, unconfirmed_since=AT)


def confirmed(at: datetime, organisation_id: str | None = None) -> ProjectEvent:
    return ContactConfirmed(at=at, project_id=ID, organisation_id=organisation_id)


@pytest.mark.parametrize("command", AROUND, ids=lambda command: type(command).__name__)
def test_around_an_archived_project_nothing_happens(command: ProjectCommand) -> None:
    given(PROJECT, archived()).when(command, at=AT).refused("project_archived")


@pytest.mark.parametrize("command", [*AROUND, LetTimePass()], ids=lambda command: type(command).__name__)
def test_what_was_never_drafted_is_not_there(command: ProjectCommand) -> None:
    given(PROJECT).when(command, at=AT).not_there()


class TestBestPractice:
    def test_a_mark_may_say_what_it_was_given_for(self) -> None:
        mark = awarded(category=AwardCategory.CRISIS_RESPONSE)
        awarding = AWARDING.model_copy(update={"category": AwardCategory.CRISIS_RESPONSE})
        given(PROJECT, published()).when(awarding, at=AT).then([mark])

    def test_a_mark_is_there_once_whatever_it_was_given_for(self) -> None:
        awarding = AWARDING.model_copy(update={"category": AwardCategory.CRISIS_RESPONSE})
        given(PROJECT, [*published(), awarded()]).when(awarding, at=AT).nothing()

    def test_a_mark_given_by_mistake_is_taken_back(self) -> None:
        after = given(PROJECT, [*published(), awarded()]).when(WITHDRAWING, at=AT).then([withdrawn()])
        assert after.state is not None
        assert after.state.awards == frozenset()

    def test_other_marks_stay(self) -> None:
        events = [*published(), awarded(), awarded("Preisverleihung")]
        after = given(PROJECT, events).when(WITHDRAWING, at=AT).then([withdrawn(marks_left=1)])
        assert after.state is not None
        assert [mark.occasion for mark in after.state.awards] == ["Preisverleihung"]

    def test_a_mark_that_never_was_cannot_be_taken_back(self) -> None:
        given(PROJECT, [*published(), awarded("Preisverleihung")]).when(WITHDRAWING, at=AT).refused("no_such_award")

    def test_it_can_be_given_again(self) -> None:
        given(PROJECT, [*published(), awarded(), withdrawn()]).when(AWARDING, at=AT).then([awarded()])


class TestUpdates:
    def test_what_is_new_is_said(self) -> None:
        given(PROJECT, published()).when(POSTING, at=AT).then([posted()])

    @pytest.mark.parametrize("events", [drafted(), submitted()])
    def test_only_of_what_is_published(self, events: list[ProjectEvent]) -> None:
        given(PROJECT, events).when(POSTING, at=AT).refused("project_not_published")

    def test_today_is_today_in_berlin(self) -> None:
        midnight = datetime.fromisoformat("2025-05-27T22:30:00+00:00")
        tomorrow = POSTING.model_copy(update={"on": date(2025, 5, 28)})
        given(PROJECT, published()).when(tomorrow, at=AT).refused("update_in_future", field="/on")
        said = UpdatePosted(at=midnight, project_id=ID, update_id=UPDATE, text=POSTING.text, on=date(2025, 5, 28))
        given(PROJECT, published()).when(tomorrow, at=midnight).then([said])

    def test_an_update_is_withdrawn_and_does_not_come_back(self) -> None:
        gone = UpdateWithdrawn(at=AT, project_id=ID, update_id=UPDATE)
        withdrawing = WithdrawUpdate(update_id=UPDATE)
        after = given(PROJECT, [*published(), posted()]).when(withdrawing, at=AT).then([gone])
        after.when(POSTING, at=AT).nothing()

    def test_what_was_never_said_is_not_there(self) -> None:
        given(PROJECT, published()).when(WithdrawUpdate(update_id=UPDATE), at=AT).not_there()

    def test_there_is_an_end_to_it(self) -> None:
        events = [*published(), *(posted(f"{number}") for number in range(MOST_UPDATES))]
        given(PROJECT, events).when(POSTING, at=AT).refused("too_many_updates", most=MOST_UPDATES)


class TestDocuments:
    @pytest.mark.parametrize("events", [drafted(), published()], ids=["a draft", "a published one"])
    def test_a_file_is_put_beside_a_project(self, events: list[ProjectEvent]) -> None:
        given(PROJECT, events).when(ATTACHING, at=AT).then([attached()])

    def test_a_submission_keeps_still(self) -> None:
        given(PROJECT, submitted()).when(ATTACHING, at=AT).refused("project_under_review")
        under_review = [*drafted(), attached(), *submitted()[1:]]
        given(PROJECT, under_review).when(RemoveDocument(document_id=DOCUMENT), at=AT).refused("project_under_review")
        given(PROJECT, under_review).when(ATTACHING, at=AT).nothing()

    def test_the_same_file_has_one_title(self) -> None:
        other = ATTACHING.model_copy(update={"title": "Noch ein Vertrag"})
        given(PROJECT, [*published(), attached()]).when(other, at=AT).refused("document_exists", title="Vertrag")

    def test_a_file_is_taken_away_and_put_back(self) -> None:
        removing = RemoveDocument(document_id=DOCUMENT)
        after = given(PROJECT, [*published(), attached()]).when(removing, at=AT).then([removed()])
        again = after.when(ATTACHING, at=AT).then([attached()])
        again.when(removing, at=AT).then([removed()])

    def test_what_was_never_there_is_not_there(self) -> None:
        given(PROJECT, published()).when(RemoveDocument(document_id=DOCUMENT), at=AT).not_there()

    def test_there_is_an_end_to_it(self) -> None:
        events = [*published(), *(attached(f"{number}") for number in range(MOST_DOCUMENTS))]
        given(PROJECT, events).when(ATTACHING, at=AT).refused("too_many_documents", most=MOST_DOCUMENTS)


class TestContactReview:
    def test_a_contact_is_asked_for_a_year_after_publication(self) -> None:
        given(PROJECT, published()).when(LetTimePass(), at=AT + YEAR).then([asked()])
        given(PROJECT, published()).when(LetTimePass(), at=AT + YEAR - timedelta(seconds=1)).nothing()

    def test_however_late_it_is_asked_for_once(self) -> None:
        late = AT + 9 * YEAR
        said = ContactReviewDue(at=late, project_id=ID, unconfirmed_since=AT)
        given(PROJECT, published()).when(LetTimePass(), at=late).then([said])
        given(PROJECT, [*published(), asked()]).when(LetTimePass(), at=late).nothing()

    @pytest.mark.parametrize(
        "events", [drafted(), submitted(), archived()], ids=["a draft", "a submission", "archived"]
    )
    def test_only_of_what_is_in_the_lists(self, events: list[ProjectEvent]) -> None:
        given(PROJECT, events).when(LetTimePass(), at=AT + YEAR).nothing()

    def test_others_learn_of_it_by_the_id_alone(self) -> None:
        assert PROJECT.publish(asked()) == contracts.ContactReviewDue(project_id=ID)

    @pytest.mark.parametrize("events", [published(), [*published(), asked()]], ids=["before", "when asked"])
    @pytest.mark.parametrize("organisation_id", [None, ENSE], ids=["an editor", "a participant"])
    def test_a_confirmed_contact_is_good_for_another_year(
        self, events: list[ProjectEvent], organisation_id: str | None
    ) -> None:
        at = AT + YEAR
        confirming = ConfirmContact(organisation_id=organisation_id)
        after = given(PROJECT, events).when(confirming, at=at).then([confirmed(at, organisation_id)])
        after.when(LetTimePass(), at=at + YEAR - timedelta(seconds=1)).nothing()
        again = ContactReviewDue(at=at + YEAR, project_id=ID, unconfirmed_since=at)
        after.when(LetTimePass(), at=at + YEAR).then([again])

    @pytest.mark.parametrize("before", [[], [asked()]], ids=["before", "when asked"])
    def test_who_names_another_contact_has_confirmed_it(self, before: list[ProjectEvent]) -> None:
        at = AT + YEAR
        other = revised(content(contacts=(Contact(organisation_id=ENSE),)))
        events = [*published(), *before, other.model_copy(update={"at": at})]
        given(PROJECT, events).when(LetTimePass(), at=at + YEAR - timedelta(seconds=1)).nothing()
        again = ContactReviewDue(at=at + YEAR, project_id=ID, unconfirmed_since=at)
        given(PROJECT, events).when(LetTimePass(), at=at + YEAR).then([again])

    def test_a_revision_of_anything_else_confirms_no_contact(self) -> None:
        other = revised(content(summary="Anders.")).model_copy(update={"at": AT + YEAR / 2})
        given(PROJECT, [*published(), other]).when(LetTimePass(), at=AT + YEAR).then([asked()])

    def test_once_a_day_is_enough(self) -> None:
        at = AT + YEAR
        events = [*published(), confirmed(at)]
        given(PROJECT, events).when(ConfirmContact(), at=at + timedelta(hours=3)).nothing()
        given(PROJECT, published()).when(ConfirmContact(), at=AT).nothing()

    def test_a_day_is_one_in_berlin(self) -> None:
        midnight = datetime.fromisoformat("2025-05-27T22:30:00+00:00")
        given(PROJECT, published()).when(ConfirmContact(), at=midnight).then([confirmed(midnight)])

    def test_who_takes_no_part_cannot_confirm(self) -> None:
        stranger = ConfirmContact(organisation_id="00000000-0000-5000-8000-00000000000f")
        given(PROJECT, published()).when(stranger, at=AT).refused("not_participating")

    @pytest.mark.parametrize("more", [[], [ended()]], ids=["a draft", "archived"])
    def test_what_never_was_public_is_not_there_for_who_is_no_editor(self, more: list[ProjectEvent]) -> None:
        given(PROJECT, [*drafted(), *more]).when(ConfirmContact(organisation_id=ENSE), at=AT).not_there()

    def test_a_draft_has_nothing_to_confirm(self) -> None:
        given(PROJECT, drafted()).when(ConfirmContact(), at=AT).refused("project_not_published")

    def test_what_somebody_does_after_it_was_asked_for_counts_as_theirs(self) -> None:
        lives: tuple[list[ProjectEvent], ...] = ([], [asked()], [asked(), confirmed(AT + YEAR)], [asked(), posted()])
        states = [fold(PROJECT, [*published(), *life]) for life in lives]
        assert [state and state.reminded for state in states] == [False, True, False, False]

    def test_a_review_that_is_due_is_no_longer_waited_for(self) -> None:
        state = fold(PROJECT, published())
        assert state is not None
        assert state.contact_due_at == AT + YEAR
        state = fold(PROJECT, [*published(), asked()])
        assert state is not None
        assert state.contact_due_at is None
