"""What can become of a question, and which contracts that becomes. Everything that people write is sealed."""

from typing import Literal, assert_never

from pydantic import AwareDatetime

from shared.contracts import events as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Event

type Way = Literal["in_session", "in_writing"]
type Unpublished = Literal["editor", "asker"]
type Cause = Literal["retention", "erasure"]
type QuestionStatus = Literal[
    "received", "submitted", "accepted", "merged", "declined", "answered", "withdrawn", "lapsed"
]


class OfQuestion(Event):
    """A fact about one question, in the session where it was then."""

    question_id: str
    session_id: str
    person_id: str


class _Asked(OfQuestion):
    token_hash: str
    sealed: str
    sealed_text: str
    organisation_id: str | None = None
    may_publish: bool = False
    may_name_organisation: bool = False
    postponements: int = 0


class QuestionReceived(_Asked):
    """A question waits for its asker's confirmation until `confirm_by`."""

    confirm_by: AwareDatetime


class QuestionHandedIn(_Asked):
    """Somebody whose address is proven asks: the question waits for moderation."""


class QuestionConfirmed(OfQuestion):
    """The asker's address is proven: the question waits for moderation."""

    postponements: int = 0


class QuestionRevised(OfQuestion):
    """It reads another way, or its asker thinks otherwise of publication."""

    sealed_text: str
    may_publish: bool
    may_name_organisation: bool


class QuestionWithdrawn(OfQuestion):
    """The asker took it back; the text is destroyed."""


class QuestionLapsed(OfQuestion):
    """Nobody confirmed in time; the text is destroyed."""


class QuestionAccepted(OfQuestion):
    """It will be dealt with."""


class QuestionMerged(OfQuestion):
    """It is dealt with together with `into`."""

    into: str


class MergerFollowed(OfQuestion):
    """The one it was merged into went into `into`, and so did this one."""

    into: str


class QuestionReleased(OfQuestion):
    """It is on its own again, in the state it had before it was merged."""


class QuestionDeclined(OfQuestion):
    """It will not be dealt with; the reason is for the asker alone."""

    sealed_reason: str


class QuestionAnswered(OfQuestion):
    """It was answered, or answered otherwise. `host_version`: that of the answer it shares with where it went."""

    way: Way
    sealed_answer: str | None = None
    host_version: int = 0


class QuestionPublished(OfQuestion):
    """Everybody may read it."""

    way: Way
    sealed_publication: str


class PublicationTakenBack(OfQuestion):
    """Nobody may read it any more."""

    cause: Unpublished


class QuestionCarriedOver(OfQuestion):
    """It is kept for another date: `session_id` is where it is now."""

    from_session_id: str
    postponements: int


class QuestionForgotten(OfQuestion):
    """Texts and asker are destroyed."""

    cause: Cause


type QuestionEvent = (
    QuestionReceived
    | QuestionHandedIn
    | QuestionConfirmed
    | QuestionRevised
    | QuestionWithdrawn
    | QuestionLapsed
    | QuestionAccepted
    | QuestionMerged
    | MergerFollowed
    | QuestionReleased
    | QuestionDeclined
    | QuestionAnswered
    | QuestionPublished
    | PublicationTakenBack
    | QuestionCarriedOver
    | QuestionForgotten
)
EVENTS = (
    QuestionReceived,
    QuestionHandedIn,
    QuestionConfirmed,
    QuestionRevised,
    QuestionWithdrawn,
    QuestionLapsed,
    QuestionAccepted,
    QuestionMerged,
    MergerFollowed,
    QuestionReleased,
    QuestionDeclined,
    QuestionAnswered,
    QuestionPublished,
    PublicationTakenBack,
    QuestionCarriedOver,
    QuestionForgotten,
)


def publish(event: QuestionEvent) -> Contract | None:
    """The contract an event becomes; what only concerns our own pages becomes none."""
    match event:
        case QuestionReceived():
            return contracts.QuestionReceived(confirm_by=event.confirm_by, **_ids(event))
        case QuestionHandedIn() | QuestionConfirmed():
            return contracts.QuestionSubmitted(**_ids(event))
        case QuestionAccepted():
            return contracts.QuestionAccepted(**_ids(event))
        case QuestionMerged():
            return contracts.QuestionMerged(into=event.into, **_ids(event))
        case QuestionDeclined():
            return contracts.QuestionDeclined(**_ids(event))
        case QuestionAnswered():
            return contracts.QuestionAnswered(way=event.way, **_ids(event))
        case QuestionPublished():
            return contracts.QuestionAnswered(way=event.way, published=True, **_ids(event))
        case QuestionCarriedOver():
            return contracts.QuestionCarriedOver(from_session_id=event.from_session_id, **_ids(event))
        case QuestionRevised() | MergerFollowed() | QuestionReleased() | PublicationTakenBack():
            return None
        case QuestionWithdrawn() | QuestionLapsed() | QuestionForgotten():
            return None
    assert_never(event)


def _ids(event: OfQuestion) -> dict[str, str]:
    return {"question_id": event.question_id, "session_id": event.session_id, "person_id": event.person_id}
