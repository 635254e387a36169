"""What is said at a session and by whom: values that commands, events and answers share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.events.feedback_questions import FeedbackQuestions
from services.events.registration_questions import RegistrationQuestions
from services.events.times import WallTime
from shared.contracts.events import HeldTalk, Mode, Place
from shared.kernel.texts import Id, Line, Text

type Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]
type Link = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://[^\s<>\"]{1,2000}$")]
type Qualifier = Literal["exactly", "about", "at_least", "more_than"]
type WaitingList = Literal["promote", "offer", "none"]


class Value(BaseModel):
    """A value that is stored as it came in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Venue(Value):
    """Where people meet. `ags` is the municipality's eight-digit key."""

    name: Line
    address: Line | None = None
    city: Line | None = None
    ags: Annotated[str, StringConstraints(pattern=r"^\d{8}$")] | None = None

    def place(self) -> Place:
        """As contracts say it."""
        return Place(name=self.name, address=self.address, city=self.city, ags=self.ags)


class Speaker(Value):
    """Who speaks: often only a function and an organisation are known."""

    person: Line | None = None
    function: Line | None = None
    organisation: Line | None = None


class Talk(Value):
    """A programme item. `slides` says whether slides were published (null: nobody said), `file` where ours lie.

    `talk_id` stays when the talk is revised; a new talk gets one, and talks of old have none.
    """

    talk_id: Id | None = None
    title: Line
    abstract: Text | None = None
    speakers: Annotated[tuple[Speaker, ...], Field(max_length=20)] = ()
    project_id: Id | None = None
    slides: Literal["published", "not_published"] | None = None
    file: Link | None = None

    def held(self) -> HeldTalk:
        """As contracts say it."""
        return HeldTalk(title=self.title, project_id=self.project_id)


class Attendance(Value):
    """How many came, as exactly as it was said: "über 70" is more than 70."""

    number: Annotated[int, Field(ge=0, le=100_000)]
    qualifier: Qualifier = "exactly"
    groups: Annotated[tuple[Line, ...], Field(max_length=20)] = ()


class Photo(Value):
    """A picture of a session, which is one of its materials: what it shows for those who do not see it, and by whom."""

    material_id: Id
    alt: Line
    credit: Line


class Recording(Value):
    """Where a session can be watched."""

    link: Link
    subtitles: bool


class Content(Value):
    """What an editor writes about a session, except when it is.

    `agenda` is what is planned; what was held is documented apart. Flags that nobody stated are null. A free seat goes
    to the first on the waiting list at once, or is offered for `offer_hours`; without a list, full is full.
    `questions_open` is whether questions are taken at all; null leaves that to the series. `feedback` is what is asked
    afterwards: the portal's own questions where it is null, nothing where it is empty.
    """

    series_id: Id
    title: Line
    summary: Text | None = None
    description: Text | None = None
    topics: Annotated[tuple[Key, ...], Field(max_length=3)] = ()
    mode: Mode
    venue: Venue | None = None
    access_link: Link | None = None
    hosts: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    funders: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    edition: Annotated[int, Field(ge=1, le=1000)] | None = None
    registration_required: bool | None = None
    free_of_charge: bool | None = None
    registration_opens_at: WallTime | None = None
    registration_closes_at: WallTime | None = None
    capacity: Annotated[int, Field(ge=1, le=100_000)] | None = None
    waiting_list: WaitingList = "promote"
    offer_hours: Annotated[int, Field(ge=1, le=336)] = 24
    registration_questions: RegistrationQuestions = ()
    agenda: Annotated[tuple[Talk, ...], Field(max_length=100)] = ()
    questions_open: bool | None = None
    questions_close_at: WallTime | None = None
    feedback: FeedbackQuestions | None = None


class Documentation(Value):
    """What a session was: its programme as held, how many came, a look back, pictures and a recording."""

    talks: Annotated[tuple[Talk, ...], Field(max_length=100)] = ()
    attendance: Attendance | None = None
    recap: Text | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=100)] = ()
    recording: Recording | None = None
