"""What clients send: shapes that are checked strictly and become commands' values."""

import datetime as dt
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.events.life_commands import Unanswered
from services.events.programme import Content
from services.events.registration_questions import QuestionKey
from services.events.times import Weekday, When, berlin
from shared.kernel.texts import ONE_LINE, Id, Line

YEARS = range(1950, 2200)


def _in_range[D: (dt.date, dt.datetime)](day: D) -> D:
    if day.year not in YEARS:
        raise PydanticCustomError("date_out_of_range", "Das Jahr muss zwischen 1950 und 2199 liegen.")
    return day


def _at_the_edge(time: dt.datetime) -> dt.datetime:
    return berlin(_in_range(time))


type Time = Annotated[AwareDatetime, AfterValidator(_at_the_edge)]
type Day = Annotated[dt.date, AfterValidator(_in_range)]
type Email = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$")]
type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=ONE_LINE)]
type Answered = Annotated[str, StringConstraints(max_length=4000)]
type Answer = Answered | bool | Annotated[tuple[Answered, ...], Field(max_length=50)]
type Answers = Annotated[dict[QuestionKey, Answer], Field(max_length=40)]


class Body(BaseModel):
    """A request's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Dated(Body):
    """When. A `weekday` is compared with the date; `date` alone stands for a day without a time."""

    ends_at: Time | None = None
    date: Day | None = None
    weekday: Weekday | None = None

    def _when(self, starts_at: dt.datetime | None) -> When:
        if starts_at and self.date and starts_at.date() != self.date:
            raise PydanticCustomError("date_mismatch", "Der Tag stimmt nicht mit dem Beginn überein.")
        return When(starts_at=starts_at, ends_at=self.ends_at, date=None if starts_at else self.date)


class SessionBody(Content, _Dated):
    """A session as an editor writes it."""

    starts_at: Time | None = None
    registration_opens_at: Time | None = None
    registration_closes_at: Time | None = None
    questions_close_at: Time | None = None

    @property
    def when(self) -> When:
        """When it is."""
        return self._when(self.starts_at)

    @property
    def content(self) -> Content:
        """Everything else."""
        return Content(**{name: getattr(self, name) for name in Content.model_fields})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._when(self.starts_at)
        return self


class PostponementBody(_Dated):
    """A new date, or none yet: then `starts_at` is null. Without `ends_at` a known length is kept.

    With `answer_by` everybody who has a place is asked whether the new date suits; who is `unanswered` by then stays or
    goes. Without it what was asked before is asked anew and the time to answer moves along; null asks nobody.
    """

    starts_at: Time | None
    reason: Line
    answer_by: Time | None = None
    unanswered: Unanswered | None = None

    @property
    def when(self) -> When:
        """The new date."""
        return self._when(self.starts_at)

    @property
    def keep_asking(self) -> bool:
        """Whether what was asked before is asked anew."""
        return "answer_by" not in self.model_fields_set

    @property
    def keep_length(self) -> bool:
        """Whether an end moves along."""
        return "ends_at" not in self.model_fields_set

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._when(self.starts_at)
        if self.unanswered and self.answer_by is None:
            raise PydanticCustomError("answer_by_missing", "Bitte nennen Sie auch, bis wann geantwortet werden kann.")
        return self


class DateBody(_Dated):
    """A date that somebody thinks of, for a session that is there or for a new one."""

    starts_at: Time | None = None
    session_id: Id | None = None

    @property
    def when(self) -> When:
        """The date."""
        return self._when(self.starts_at)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._when(self.starts_at)
        return self


class ScheduledAnnouncementBody(Body):
    """When a draft becomes public by itself; null takes it back."""

    announce_at: Time | None


class CancellationBody(Body):
    """Why a session will not take place."""

    reason: Line


class StatedBody(Body):
    """What somebody says about an organisation and to the organiser's questions, to be looked at before all else."""

    organisation_id: Id | None = None
    answers: Answers = {}


class RegistrationBody(StatedBody):
    """Somebody asks for a place; the gateway knows who that is."""

    person_id: Id
    email: Email
    name: Name
    organisation_name: Line | None = None
    member: bool


class ChangeBody(StatedBody):
    """One's own registration as it shall be. The address cannot be another: who has one registers with it."""

    name: Name
    organisation_name: Line | None = None
