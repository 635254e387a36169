"""What may be asked about one question: by who asks it, by who deals with it, and by what happens around it."""

from pydantic import BaseModel, ConfigDict

from services.events.question_events import Cause, QuestionStatus, Way


class ForQuestion(BaseModel):
    """A command about one question."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AskQuestion(ForQuestion):
    """Somebody asks. `proven`: we know that the address is theirs. `postponements` are those of the session so far."""

    question_id: str
    session_id: str
    person_id: str
    proven: bool
    token_hash: str
    sealed: str
    sealed_text: str
    organisation_id: str | None = None
    may_publish: bool = False
    may_name_organisation: bool = False
    postponements: int = 0


class ConfirmQuestion(ForQuestion):
    """The asker followed the link and pressed the button; `postponements` are those of the session by now."""

    postponements: int


class ReviseQuestion(ForQuestion):
    """Another text, or another mind about what may be published."""

    sealed_text: str
    may_publish: bool
    may_name_organisation: bool


class WithdrawQuestion(ForQuestion):
    """The asker takes it back."""


class LetQuestionLapse(ForQuestion):
    """Time has passed: who has not confirmed by now did not mean it."""


class AcceptQuestion(ForQuestion):
    """It will be dealt with."""


class MergeQuestion(ForQuestion):
    """It is dealt with together with `into`, which is in that session and in that state."""

    into: str
    into_session_id: str
    into_status: QuestionStatus


class FollowMerger(ForQuestion):
    """The one it was merged into was merged into `into` itself."""

    into: str


class ReleaseQuestion(ForQuestion):
    """The one it was merged into, `host`, is no longer there to be answered."""

    host: str


class DeclineQuestion(ForQuestion):
    """It will not be dealt with. `host`: because the one it was merged into is not."""

    sealed_reason: str
    host: str | None = None


class AnswerQuestion(ForQuestion):
    """It was answered. `begun`: whether its session has. `host`: the one it went into, answered in that version."""

    way: Way
    sealed_answer: str | None = None
    begun: bool = False
    host: str | None = None
    host_version: int = 0


class PublishQuestion(ForQuestion):
    """Everybody may read it, as an editor has worded it. `names`: with the asker's organisation."""

    sealed_publication: str
    names: bool


class TakeBackPublication(ForQuestion):
    """Nobody may read it any more."""


class CarryOverQuestion(ForQuestion):
    """To a session: the same one at its new date, or another. `postponements` are those of that session.

    `host`: because the one it was merged into went there.
    """

    session_id: str
    postponements: int
    host: str | None = None


class ForgetQuestion(ForQuestion):
    """Nothing personal is kept of it any longer."""

    cause: Cause


type AskersCommand = ConfirmQuestion | ReviseQuestion | WithdrawQuestion
type ModeratorsCommand = (
    AcceptQuestion
    | MergeQuestion
    | DeclineQuestion
    | AnswerQuestion
    | PublishQuestion
    | TakeBackPublication
    | CarryOverQuestion
)
type FollowingCommand = LetQuestionLapse | FollowMerger | ReleaseQuestion | ForgetQuestion
type QuestionCommand = AskQuestion | AskersCommand | ModeratorsCommand | FollowingCommand
