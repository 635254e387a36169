"""What the portal reads about one session and a registration for it."""

import datetime as dt
from collections.abc import Sequence

from services.gateway.portal.own_questions import Answer, Question
from services.gateway.portal.reading import Read, SessionShort


class Speaker(Read):
    """Who speaks; often only a function and an organisation are known."""

    person: str | None = None
    function: str | None = None
    organisation: str | None = None

    @property
    def line(self) -> str:
        """In one line."""
        return ", ".join(filter(None, (self.person, self.function, self.organisation)))


class Talk(Read):
    """A programme item; `file_label` says so where one was held and there is no file."""

    title: str
    abstract: str | None = None
    speakers: tuple[Speaker, ...] = ()
    project_id: str | None = None
    slides: str | None = None
    file: str | None = None
    file_label: str | None = None

    @property
    def file_note(self) -> str | None:
        """What is said where there is no file: it may have been published elsewhere."""
        if self.file is None and self.slides == "published":
            return "Die Vortragsfolien liegen uns nicht als Datei vor"
        return self.file_label


class MaterialFile(Read):
    """A version of a file; its address is for ever that of this version."""

    type_label: str
    size: int
    href: str


class OfTalk(Read):
    """The talk that something belongs to."""

    title: str


class Material(Read):
    """A file of a session that can be downloaded, and what is said of it; `href` leads to whatever version it has."""

    id: str
    kind: str
    kind_label: str
    title: str
    description: str | None = None
    talk: OfTalk | None = None
    alt: str | None = None
    credit: str | None = None
    href: str
    file: MaterialFile

    @property
    def photo(self) -> bool:
        """Whether it is shown, and not listed."""
        return self.kind == "photo"


class Photo(Read):
    """A picture of the documentation, as it is described there."""

    material_id: str
    alt: str
    credit: str


class Recording(Read):
    """Where a session can be watched."""

    link: str
    subtitles: bool

    @property
    def label(self) -> str:
        """What its link is called."""
        return f"Aufzeichnung ansehen ({'mit' if self.subtitles else 'ohne'} Untertitel)"


class Agenda(Read):
    """The programme as planned and as held."""

    planned: tuple[Talk, ...] = ()
    held: tuple[Talk, ...] | None = None


class Attendance(Read):
    """How many came."""

    label: str
    groups: tuple[str, ...] = ()


class Session(SessionShort):
    """A session with everything."""

    description: str | None = None
    hosts: tuple[str, ...] = ()
    funders: tuple[str, ...] = ()
    agenda: Agenda = Agenda()
    attendance: Attendance | None = None
    recap: str | None = None
    photos: tuple[Photo, ...] = ()
    recording: Recording | None = None
    answer_by: dt.datetime | None = None
    unanswered: str | None = None
    offer_hours: int = 24
    registration_questions: tuple[Question, ...] = ()

    @property
    def takes_more(self) -> bool:
        """Whether who registers now gets a seat or a place on the waiting list."""
        return self.registration_open and not (self.full and self.waiting_list == "none")

    @property
    def projects(self) -> list[str]:
        """The ids of the projects that its talks are about, each once."""
        talks = (*self.agenda.planned, *(self.agenda.held or ()))
        return list(dict.fromkeys(talk.project_id for talk in talks if talk.project_id))

    def pictures(self, materials: Sequence[Material]) -> list[Material]:
        """Those of the documentation first and as it describes them, then the others; each once."""
        others = {material.id: material for material in materials if material.photo}
        first = [
            others.pop(photo.material_id).model_copy(update={"alt": photo.alt, "credit": photo.credit})
            for photo in self.photos
            if photo.material_id in others
        ]
        return [*first, *others.values()]


class Registration(Read):
    """What the bearer of a link may see of a registration."""

    status: str
    status_label: str
    session: SessionShort
    name: str = ""
    email: str = ""
    organisation_id: str | None = None
    organisation_name: str | None = None
    answers: tuple[Answer, ...] = ()
    questions: tuple[Question, ...] = ()
    offered: bool = False
    can_change: bool = False
    version: int = 0
    confirm_by: dt.datetime | None = None
    waiting_position: int | None = None
    access_link: str | None = None
    can_confirm: bool = False
    can_withdraw: bool = False
    answer_by: dt.datetime | None = None
    unanswered: str | None = None
    can_reconfirm: bool = False
    reconfirmed_at: dt.datetime | None = None
    can_check_in: bool = False
    present_since: dt.datetime | None = None
    certificate: bool = False

    @property
    def stands(self) -> bool:
        """Whether there is still a place, or one to come."""
        return self.status in {"received", "confirmed", "waitlisted"}

    def has_code(self, now: dt.datetime) -> bool:
        """Whether a code opens the door: for those who have a seat where there is a door, until it is over."""
        open_door = self.session.mode != "online" and not (self.session.cancelled or self.session.over(now))
        return self.status == "confirmed" and open_door


class CalendarAddress(Read):
    """Where calendar programs find one's own sessions."""

    address: str
