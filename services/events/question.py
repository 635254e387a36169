"""A question for a consultation hour: handed in, moderated, answered there or in writing, published if wanted.

Everything that people write comes sealed. A question that was merged into another one goes where that one goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.events.question_commands import (
    AcceptQuestion,
    AnswerQuestion,
    AskersCommand,
    AskQuestion,
    CarryOverQuestion,
    ConfirmQuestion,
    DeclineQuestion,
    FollowingCommand,
    FollowMerger,
    ForgetQuestion,
    LetQuestionLapse,
    MergeQuestion,
    ModeratorsCommand,
    PublishQuestion,
    QuestionCommand,
    ReleaseQuestion,
    ReviseQuestion,
    TakeBackPublication,
    WithdrawQuestion,
)
from services.events.question_events import (
    EVENTS,
    MergerFollowed,
    PublicationTakenBack,
    QuestionAccepted,
    QuestionAnswered,
    QuestionCarriedOver,
    QuestionConfirmed,
    QuestionDeclined,
    QuestionEvent,
    QuestionForgotten,
    QuestionHandedIn,
    QuestionLapsed,
    QuestionMerged,
    QuestionPublished,
    QuestionReceived,
    QuestionReleased,
    QuestionRevised,
    QuestionStatus,
    QuestionWithdrawn,
    Way,
    publish,
)
from shared.kernel.decider import Decider, NotThere, Refused

CONFIRM_WITHIN = timedelta(hours=24)


OPEN: tuple[QuestionStatus, ...] = ("submitted", "accepted")
"""What still waits for its answer and goes its own way."""
CHANGEABLE: tuple[QuestionStatus, ...] = ("received", "submitted")


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `before` is its state before it was merged, `answered_in` its version when it was answered last.

    `sealed` (who asks) and the sealed texts are None once they are destroyed.
    """

    question_id: str
    session_id: str
    person_id: str
    asked_at: datetime
    token_hash: str
    sealed: str | None
    sealed_text: str | None
    organisation_id: str | None
    may_publish: bool
    may_name_organisation: bool
    postponements: int
    status: QuestionStatus
    confirm_by: datetime | None = None
    version: int = 1
    before: QuestionStatus = "submitted"
    merged_into: str | None = None
    sealed_reason: str | None = None
    way: Way | None = None
    sealed_answer: str | None = None
    answered_at: datetime | None = None
    answered_in: int = 0
    host_version: int = 0
    sealed_publication: str | None = None
    forgotten: bool = False
    erased: bool = False


def evolve(question: Question | None, event: QuestionEvent) -> Question:
    """Records an event."""
    if isinstance(event, QuestionReceived | QuestionHandedIn):
        return _begun(event)
    assert question is not None, "a stream begins with the question"
    changed = replace(question, version=question.version + 1)
    match event:
        case QuestionConfirmed():
            return replace(changed, status="submitted", confirm_by=None, postponements=event.postponements)
        case QuestionRevised():
            revised = event.model_dump(include={"sealed_text", "may_publish", "may_name_organisation"})
            return replace(changed, **revised)
        case QuestionWithdrawn():
            return replace(_emptied(changed), status="withdrawn", confirm_by=None)
        case QuestionLapsed():
            return replace(_emptied(changed), status="lapsed", confirm_by=None)
        case QuestionForgotten():
            return replace(_emptied(changed), erased=question.erased or event.cause == "erasure")
        case QuestionMerged() | MergerFollowed() | QuestionReleased() | QuestionCarriedOver():
            return _moved(changed, event)
        case (
            QuestionAccepted() | QuestionDeclined() | QuestionAnswered() | QuestionPublished() | PublicationTakenBack()
        ):
            return _moderated(changed, event)


def _moved(
    question: Question, event: QuestionMerged | MergerFollowed | QuestionReleased | QuestionCarriedOver
) -> Question:
    match event:
        case QuestionMerged():
            before = question.before if question.status == "merged" else question.status
            return replace(question, status="merged", before=before, merged_into=event.into)
        case MergerFollowed():
            return replace(question, merged_into=event.into)
        case QuestionReleased():
            return replace(question, status=question.before, merged_into=None)
        case QuestionCarriedOver():
            return replace(question, session_id=event.session_id, postponements=event.postponements)


def _moderated(
    question: Question,
    event: QuestionAccepted | QuestionDeclined | QuestionAnswered | QuestionPublished | PublicationTakenBack,
) -> Question:
    match event:
        case QuestionAccepted():
            return replace(question, status="accepted", sealed_reason=None, merged_into=None)
        case QuestionDeclined():
            return replace(question, status="declined", sealed_reason=event.sealed_reason)
        case QuestionAnswered():
            return replace(
                question,
                status="answered",
                way=event.way,
                sealed_answer=event.sealed_answer,
                answered_at=event.at,
                answered_in=question.version,
                host_version=event.host_version,
            )
        case QuestionPublished():
            return replace(question, sealed_publication=event.sealed_publication)
        case PublicationTakenBack():
            return replace(question, sealed_publication=None)


def _begun(event: QuestionReceived | QuestionHandedIn) -> Question:
    confirm_by = event.confirm_by if isinstance(event, QuestionReceived) else None
    asked = event.model_dump(exclude={"at", "confirm_by"})
    return Question(asked_at=event.at, confirm_by=confirm_by, status="received" if confirm_by else "submitted", **asked)


def _emptied(question: Question) -> Question:
    return replace(
        question,
        sealed=None,
        sealed_text=None,
        sealed_reason=None,
        sealed_answer=None,
        sealed_publication=None,
        forgotten=True,
    )


def decide(command: QuestionCommand, question: Question | None, at: datetime) -> Sequence[QuestionEvent]:
    """What becomes of a command; whatever was done already is not done again."""
    if isinstance(command, AskQuestion):
        return [] if question else _ask(command, at)
    if question is None:
        raise NotThere
    if isinstance(command, ConfirmQuestion | ReviseQuestion | WithdrawQuestion):
        return _of_asker(command, question, at)
    if isinstance(command, LetQuestionLapse | FollowMerger | ReleaseQuestion | ForgetQuestion):
        return _following(command, question, at)
    return _of_moderator(command, question, at)


def _of_asker(command: AskersCommand, question: Question, at: datetime) -> list[QuestionEvent]:
    match command:
        case ConfirmQuestion():
            return _confirm(command, question, at)
        case ReviseQuestion():
            return _revise(command, question, at)
        case WithdrawQuestion():
            return _withdraw(question, at)


def _of_moderator(command: ModeratorsCommand, question: Question, at: datetime) -> list[QuestionEvent]:
    """Moderators see nothing of what nobody has confirmed, and do nothing with what was taken back."""
    if question.status in {"received", "lapsed"}:
        raise NotThere
    _must_be_there(question)
    match command:
        case AcceptQuestion():
            return _accept(question, at)
        case MergeQuestion():
            return _merge(command, question, at)
        case DeclineQuestion():
            return _decline(command, question, at)
        case AnswerQuestion():
            return _answer(command, question, at)
        case PublishQuestion():
            return _publish(command, question, at)
        case TakeBackPublication():
            published = question.sealed_publication is not None
            return [PublicationTakenBack(cause="editor", **_named(question, at))] if published else []
        case CarryOverQuestion():
            return _carry_over(command, question, at)


def _following(command: FollowingCommand, question: Question, at: datetime) -> list[QuestionEvent]:
    """What nobody asked for comes to nothing where it does not apply any more."""
    merged = question.status == "merged" and not question.forgotten
    match command:
        case LetQuestionLapse():
            late = question.confirm_by is not None and question.confirm_by <= at and not question.forgotten
            return [QuestionLapsed(**_named(question, at))] if late else []
        case FollowMerger():
            follows = merged and command.into not in {question.merged_into, question.question_id}
            return [MergerFollowed(into=command.into, **_named(question, at))] if follows else []
        case ReleaseQuestion():
            free = merged and question.merged_into == command.host
            return [QuestionReleased(**_named(question, at))] if free else []
        case ForgetQuestion():
            gone = question.forgotten if command.cause == "retention" else question.erased
            return [] if gone else [QuestionForgotten(cause=command.cause, **_named(question, at))]


def _ask(command: AskQuestion, at: datetime) -> list[QuestionEvent]:
    asked = command.model_dump(exclude={"proven"})
    if command.proven:
        return [QuestionHandedIn(at=at, **asked)]
    return [QuestionReceived(at=at, confirm_by=at + CONFIRM_WITHIN, **asked)]


def _confirm(command: ConfirmQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    _must_be_there(question)
    if question.status != "received":
        return []
    if question.confirm_by is not None and question.confirm_by <= at:
        raise Refused("question_lapsed")
    return [QuestionConfirmed(postponements=command.postponements, **_named(question, at))]


def _revise(command: ReviseQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    """The text until somebody has dealt with it; what may be published at any time, and at once."""
    _must_be_there(question)
    if command.sealed_text != question.sealed_text and question.status not in CHANGEABLE:
        raise Refused("question_dealt_with")
    changes = command.model_dump()
    if changes == {name: getattr(question, name) for name in changes}:
        return []
    revised = QuestionRevised(**changes, **_named(question, at))
    agreed = command.may_publish and (command.may_name_organisation or not question.may_name_organisation)
    if question.sealed_publication is None or agreed:
        return [revised]
    return [revised, PublicationTakenBack(cause="asker", **_named(question, at))]


def _withdraw(question: Question, at: datetime) -> list[QuestionEvent]:
    if question.status == "withdrawn":
        return []
    _must_be_there(question)
    if question.status == "answered":
        raise Refused("question_answered")
    return [QuestionWithdrawn(**_named(question, at))]


def _accept(question: Question, at: datetime) -> list[QuestionEvent]:
    """A question that was declined may be accepted after all."""
    if question.status == "accepted":
        return []
    if question.status in {"merged", "answered"}:
        raise Refused(f"question_{question.status}")
    return [QuestionAccepted(**_named(question, at))]


def _merge(command: MergeQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    """Only into one of the same session that is open itself: no chains, no circles."""
    if question.status == "merged" and question.merged_into == command.into:
        return []
    if question.status not in {*OPEN, "merged"}:
        raise Refused("question_answered" if question.status == "answered" else "question_declined")
    if command.into == question.question_id or command.into_status not in OPEN:
        raise Refused("question_not_mergeable")
    if command.into_session_id != question.session_id:
        raise Refused("question_of_other_session")
    return [QuestionMerged(into=command.into, **_named(question, at))]


def _decline(command: DeclineQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    """With a reason, which may be put another way later."""
    if question.status == "declined" and (command.host or question.sealed_reason == command.sealed_reason):
        return []
    _must_go_its_own_way(question, command.host)
    if question.status == "answered":
        raise Refused("question_answered")
    return [QuestionDeclined(sealed_reason=command.sealed_reason, **_named(question, at))]


def _answer(command: AnswerQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    """In writing at any time, in the session once it has begun. An answer may be put right later."""
    same = (question.way, question.sealed_answer) == (command.way, command.sealed_answer)
    if question.status == "answered" and (same if command.host is None else _has_it(command, question)):
        return []
    _must_go_its_own_way(question, command.host)
    if question.status == "declined":
        raise Refused("question_declined")
    if command.way == "in_session" and not command.begun:
        raise Refused("session_not_begun")
    return [
        QuestionAnswered(
            way=command.way,
            sealed_answer=command.sealed_answer,
            host_version=command.host_version,
            **_named(question, at),
        )
    ]


def _has_it(command: AnswerQuestion, question: Question) -> bool:
    """Whether this answer of the one it was merged into, or a later one, has arrived."""
    return question.merged_into != command.host or command.host_version <= question.host_version


def _publish(command: PublishQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    """What is answered, if the asker agrees; the organisation is named only if the asker agrees to that, too."""
    if question.status != "answered" or question.way is None:
        raise Refused("question_not_answered")
    if not question.may_publish or (command.names and not question.may_name_organisation):
        raise Refused("publication_not_agreed")
    if question.sealed_publication == command.sealed_publication:
        return []
    publication = command.sealed_publication
    return [QuestionPublished(way=question.way, sealed_publication=publication, **_named(question, at))]


def _carry_over(command: CarryOverQuestion, question: Question, at: datetime) -> list[QuestionEvent]:
    """Once for each new date of its session; to another session while it waits for its answer."""
    stays = command.session_id == question.session_id
    if stays and command.postponements <= question.postponements:
        return []
    if question.status not in {*OPEN, "merged"}:
        raise Refused("question_answered" if question.status == "answered" else "question_declined")
    if not stays:
        _must_go_its_own_way(question, command.host)
    there = {**_named(question, at), "session_id": command.session_id}
    return [QuestionCarriedOver(from_session_id=question.session_id, postponements=command.postponements, **there)]


def _must_be_there(question: Question) -> None:
    if question.status == "lapsed":
        raise Refused("question_lapsed")
    if question.status == "withdrawn" or question.forgotten:
        raise Refused("question_withdrawn")


def _must_go_its_own_way(question: Question, host: str | None = None) -> None:
    """What was merged is dealt with where it went; only that one takes it along."""
    if question.merged_into != host:
        raise Refused("question_merged")


def _named(question: Question, at: datetime) -> dict[str, Any]:
    return {
        "question_id": question.question_id,
        "session_id": question.session_id,
        "person_id": question.person_id,
        "at": at,
    }


DECIDER: Decider[Question | None, QuestionCommand, QuestionEvent] = Decider(
    category="question",
    initial=None,
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=EVENTS,
)
