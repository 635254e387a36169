"""A session as answers show it: in lists, on its page, on that of a registration."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.events.announcement import obstacle_at
from services.events.life import Life, Postponement
from services.events.life_commands import Unanswered
from services.events.programme import Attendance, Photo, Qualifier, Recording, Speaker, Talk, Venue, WaitingList
from services.events.registration_answer import QuestionShown, shown_questions
from services.events.series import SeriesContent
from services.events.series_list import SeriesRef, reference
from services.events.times import BERLIN, Weekday, When, when_label
from shared.contracts.events import Mode
from shared.kernel.problems import meaning_of

NO_FILE = "Keine Datei veröffentlicht"
DATE_OPEN = "Termin offen"
NEW_DATE_OPEN = "Neuer Termin offen"

type SessionStatus = Literal[
    "drafted",
    "announced",
    "registration_open",
    "registration_closed",
    "full",
    "postponed_tba",
    "postponed_rescheduled",
    "cancelled",
    "held",
    "documented",
]
STATUS_LABELS: dict[SessionStatus, str] = {
    "drafted": "Entwurf",
    "announced": "Angekündigt",
    "registration_open": "Anmeldung offen",
    "registration_closed": "Anmeldung geschlossen",
    "full": "Ausgebucht (Warteliste)",
    "postponed_tba": "Verschoben, neuer Termin offen",
    "postponed_rescheduled": "Verschoben auf neuen Termin",
    "cancelled": "Abgesagt",
    "held": "Durchgeführt",
    "documented": "Dokumentiert (Vorträge verfügbar)",
}
FULL = "Ausgebucht"
MODE_LABELS: dict[Mode, str] = {"online": "Online", "in_person": "In Präsenz", "hybrid": "Hybrid"}
QUALIFIERS: dict[Qualifier, str] = {"exactly": "", "about": "rund ", "at_least": "mindestens ", "more_than": "über "}


class Dated(BaseModel):
    """When, as data and in German. `date` and `weekday` follow from the begin where a time is known."""

    model_config = ConfigDict(frozen=True)

    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    date: dt.date | None
    weekday: Weekday | None
    when_label: str


class EarlierDate(Dated):
    """A date that was given up: shown struck through."""

    reason: str
    postponed_at: dt.datetime | None


class SessionSummary(Dated):
    """A session in a list. `seats_left` is null without a limit; `full` means that the next one waits.

    `announce_at` is when the draft becomes public by itself, `announcement_obstacle` the code of what keeps it from
    that. `about` are the talks about the project that the list was asked for. With `waiting_list` `none` nobody waits:
    who is not in by then is refused.
    """

    id: str
    series: SeriesRef | None
    title: str
    summary: str | None
    status: SessionStatus
    status_label: str
    mode: Mode
    mode_label: str
    venue: Venue | None
    topics: tuple[str, ...]
    edition: int | None
    timezone: Literal["Europe/Berlin"] = "Europe/Berlin"
    registration_required: bool | None
    free_of_charge: bool | None
    registration_open: bool
    registration_opens_at: dt.datetime | None
    registration_closes_at: dt.datetime | None
    capacity: int | None
    seats_left: int | None
    waiting: int
    waiting_list: WaitingList
    full: bool
    postponed_from: tuple[EarlierDate, ...]
    cancelled_reason: str | None
    announce_at: dt.datetime | None
    announcement_obstacle: str | None
    announcement_obstacle_label: str | None
    about: tuple["ProjectTalk", ...] = ()
    version: int


class ProjectTalk(BaseModel):
    """A talk about the project that was asked for, as it was planned or, once that is documented, held."""

    model_config = ConfigDict(frozen=True)

    talk_id: str | None
    title: str
    project_id: str
    part: Literal["planned", "held"]


class TalkAnswer(BaseModel):
    """A talk. Where one was held and there is no file, `file_label` says so."""

    model_config = ConfigDict(frozen=True)

    talk_id: str | None
    title: str
    abstract: str | None
    speakers: tuple[Speaker, ...]
    project_id: str | None
    slides: Literal["published", "not_published"] | None
    file: str | None
    file_label: str | None


class AttendanceAnswer(BaseModel):
    """How many came, as exactly as it is known."""

    model_config = ConfigDict(frozen=True)

    number: int
    qualifier: Qualifier
    label: str
    groups: tuple[str, ...]


class PhotoAnswer(BaseModel):
    """A picture: the material it is, what it shows, and by whom it is."""

    model_config = ConfigDict(frozen=True)

    material_id: str
    alt: str
    credit: str


class RecordingAnswer(BaseModel):
    """Where a session can be watched, and whether with subtitles."""

    model_config = ConfigDict(frozen=True)

    link: str
    subtitles: bool


class AgendaAnswer(BaseModel):
    """The programme as planned and as held; they may differ. `held` is null until somebody documented it."""

    model_config = ConfigDict(frozen=True)

    planned_version: int
    planned: tuple[TalkAnswer, ...]
    held: tuple[TalkAnswer, ...] | None


class SessionDetails(SessionSummary):
    """A session with everything. `access_link` is for editors here, and on the page of who is confirmed.

    `answer_by` is until when people say whether the new date suits, `unanswered` what becomes of the others.
    """

    description: str | None
    hosts: tuple[str, ...]
    funders: tuple[str, ...]
    agenda: AgendaAnswer
    attendance: AttendanceAnswer | None
    recap: str | None
    questions_open: bool | None
    questions_close_at: dt.datetime | None
    photos: tuple[PhotoAnswer, ...]
    recording: RecordingAnswer | None
    answer_by: dt.datetime | None
    unanswered: Unanswered | None
    announced_at: dt.datetime | None
    access_link: str | None
    sequence: int
    offer_hours: int
    registration_questions: tuple[QuestionShown, ...]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session with its series and how many seats and places in the queue are taken."""

    life: Life
    version: int
    changed_at: dt.datetime
    seated: int
    waiting: int
    series: SeriesContent | None


def summary(found: SessionRow, at: dt.datetime, projects: Collection[str] = ()) -> SessionSummary:
    """A session as lists and registrations show it, with its talks about those projects."""
    return SessionSummary(**_summary(found, at), about=_about(found.life, projects))


def details(found: SessionRow, at: dt.datetime, *, for_editors: bool) -> dict[str, Any]:
    """What the answer about one session says, apart from what speaks against its date."""
    return {**_summary(found, at), **_details(found.life, for_editors=for_editors)}


def _about(life: Life, projects: Collection[str]) -> tuple[ProjectTalk, ...]:
    """What was held about them; if nothing, what was planned."""
    held = life.documentation.talks if life.documentation else ()
    return _talks_about(held, "held", projects) or _talks_about(life.content.agenda, "planned", projects)


def _talks_about(
    talks: Sequence[Talk], part: Literal["planned", "held"], projects: Collection[str]
) -> tuple[ProjectTalk, ...]:
    return tuple(
        ProjectTalk(talk_id=talk.talk_id, title=talk.title, project_id=talk.project_id, part=part)
        for talk in talks
        if talk.project_id and talk.project_id in projects
    )


def status_of(life: Life, seated: int, waiting: int) -> SessionStatus:
    """What people are told first about a session; the list's SQL says the same."""
    if life.stage == "postponed":
        return "postponed_rescheduled" if life.when.day else "postponed_tba"
    if life.stage != "announced" or life.intake == "not_opened":
        return life.stage
    if life.intake != "open":
        return "registration_closed"
    return "full" if is_full(life, seated, waiting) else "registration_open"


def is_full(life: Life, seated: int, waiting: int) -> bool:
    """Whether the next one who registers waits."""
    return waiting > 0 or (life.capacity is not None and seated >= life.capacity)


def dated(when: When, open_label: str = DATE_OPEN) -> dict[str, Any]:
    """When, as answers show it."""
    return {
        "starts_at": when.starts_at,
        "ends_at": when.ends_at,
        "date": when.day,
        "weekday": when.weekday,
        "when_label": when_label(when) or open_label,
    }


def _summary(found: SessionRow, at: dt.datetime) -> dict[str, Any]:
    life, seated, waiting = found.life, found.seated, found.waiting
    content, status = life.content, status_of(life, seated, waiting)
    return {
        **dated(life.when, NEW_DATE_OPEN if life.stage == "postponed" else DATE_OPEN),
        "id": life.session_id,
        "series": reference(content.series_id, found.series) if found.series else None,
        "title": content.title,
        "summary": content.summary,
        "status": status,
        "status_label": FULL if status == "full" and content.waiting_list == "none" else STATUS_LABELS[status],
        "mode": content.mode,
        "mode_label": MODE_LABELS[content.mode],
        "venue": content.venue,
        "topics": content.topics,
        "edition": content.edition,
        "registration_required": content.registration_required,
        "free_of_charge": content.free_of_charge,
        "registration_open": life.registration_obstacle(at) is None,
        "registration_opens_at": content.registration_opens_at,
        "registration_closes_at": content.registration_closes_at,
        "capacity": life.capacity,
        "seats_left": None if life.capacity is None else max(0, life.capacity - seated),
        "waiting": waiting,
        "waiting_list": content.waiting_list,
        "full": is_full(life, seated, waiting),
        "postponed_from": tuple(map(_earlier, life.earlier)),
        "cancelled_reason": life.cancelled_for,
        **_announcement(life),
        "version": found.version,
    }


def _announcement(life: Life) -> dict[str, Any]:
    """When a draft becomes public by itself, and what keeps it from that, or will."""
    at = life.announce_at
    obstacle = life.announcement_obstacle or (obstacle_at(life, at) if at else None)
    return {
        "announce_at": at,
        "announcement_obstacle": obstacle,
        "announcement_obstacle_label": meaning_of(obstacle).german if obstacle else None,
    }


def _earlier(given_up: Postponement) -> EarlierDate:
    at = given_up.at and given_up.at.astimezone(BERLIN)
    return EarlierDate(**dated(given_up.when), reason=given_up.reason, postponed_at=at)


def _details(life: Life, *, for_editors: bool) -> dict[str, Any]:
    content, held = life.content, life.documentation
    return {
        "description": content.description,
        "hosts": content.hosts,
        "funders": content.funders,
        "agenda": agenda(life),
        "attendance": held and held.attendance and _attendance(held.attendance),
        "recap": held and held.recap,
        "questions_open": content.questions_open,
        "questions_close_at": content.questions_close_at,
        "photos": tuple(map(_photo, held.photos)) if held else (),
        "recording": held and held.recording and _recording(held.recording),
        "answer_by": life.answers_end,
        "unanswered": life.asking.unanswered if life.asking and life.answers_end else None,
        "announced_at": life.announced_at and life.announced_at.astimezone(BERLIN),
        "access_link": content.access_link if for_editors else None,
        "sequence": life.sequence,
        "offer_hours": content.offer_hours,
        "registration_questions": shown_questions(content.registration_questions),
    }


def _photo(photo: Photo) -> PhotoAnswer:
    return PhotoAnswer(material_id=photo.material_id, alt=photo.alt, credit=photo.credit)


def _recording(recording: Recording) -> RecordingAnswer:
    return RecordingAnswer(link=recording.link, subtitles=recording.subtitles)


def agenda(life: Life, version: int | None = None, planned: Sequence[Talk] | None = None) -> AgendaAnswer:
    """The programme as planned, now or in the version that is given, and as held."""
    talks = life.content.agenda if planned is None else planned
    return AgendaAnswer(
        planned_version=life.agenda_version if version is None else version,
        planned=tuple(_talk(talk, None) for talk in talks),
        held=tuple(_talk(talk, NO_FILE) for talk in life.documentation.talks) if life.documentation else None,
    )


def _talk(talk: Talk, without_file: str | None) -> TalkAnswer:
    return TalkAnswer(
        talk_id=talk.talk_id,
        title=talk.title,
        abstract=talk.abstract,
        speakers=talk.speakers,
        project_id=talk.project_id,
        slides=talk.slides,
        file=talk.file,
        file_label=None if talk.file else without_file,
    )


def _attendance(attendance: Attendance) -> AttendanceAnswer:
    label = f"{QUALIFIERS[attendance.qualifier]}{attendance.number} Teilnehmende"
    return AttendanceAnswer(
        number=attendance.number, qualifier=attendance.qualifier, label=label, groups=attendance.groups
    )
