"""Which sessions are there, and what is one like? The read model, what fills it, and what it answers."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import topics
from services.events.life import LIFE_EVENTS, Life, Postponement
from services.events.life import evolve as live
from services.events.programme import Attendance, Qualifier, Speaker, Talk, Venue
from services.events.series import SeriesContent
from services.events.series_list import SeriesRef, reference
from services.events.times import BERLIN, Weekday, When
from shared.contracts.events import Mode
from shared.kernel.http import Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

PRESENT = "SELECT session_id, version, life FROM session_page WHERE session_id = ANY($1::text[])"
UPSERT = """
INSERT INTO session_view (session_id, version, series_id, stage, intake, mode, topics, capacity, begins, over, due_at)
SELECT session_id, version, series_id, stage, intake, mode, topics, capacity, begins, over, due_at
FROM jsonb_to_recordset($1::jsonb) AS s(
    session_id text, version bigint, series_id text, stage text, intake text, mode text, topics text[],
    capacity integer, begins timestamptz, over timestamptz, due_at timestamptz)
ON CONFLICT (session_id) DO UPDATE SET
    version = excluded.version, series_id = excluded.series_id, stage = excluded.stage, intake = excluded.intake,
    mode = excluded.mode, topics = excluded.topics, capacity = excluded.capacity, begins = excluded.begins,
    over = excluded.over, due_at = excluded.due_at
WHERE session_view.version < excluded.version
"""
UPSERT_PAGES = """
INSERT INTO session_page (session_id, version, changed_at, words, life)
SELECT session_id, version, changed_at, words, life
FROM jsonb_to_recordset($1::jsonb) AS s(
    session_id text, version bigint, changed_at timestamptz, words text, life jsonb)
ON CONFLICT (session_id) DO UPDATE SET
    version = excluded.version, changed_at = excluded.changed_at, words = excluded.words, life = excluded.life
WHERE session_page.version < excluded.version
"""

# $1 drafts too, $2 period, $3 now, $4 series (id or slug), $5 topics, $6 modes, $7 statuses, $8 words,
# $9 direction of the dates (1 or -1), $10 and $11 where the page before ended, $12 how many
LIST = """
WITH sorted AS (
    SELECT s.session_id, coalesce($9::bigint * extract(epoch FROM s.begins)::bigint, 9000000000000) AS place,
        CASE
            WHEN s.stage = 'postponed' AND s.begins IS NULL THEN 'postponed_tba'
            WHEN s.stage = 'postponed' THEN 'postponed_rescheduled'
            WHEN s.stage <> 'announced' OR s.intake = 'not_opened' THEN s.stage
            WHEN s.intake <> 'open' THEN 'registration_closed'
            WHEN p.seated >= s.capacity OR p.waiting > 0 THEN 'full'
            ELSE 'registration_open'
        END AS status
    FROM session_view s
    LEFT JOIN session_seats p USING (session_id)
    LEFT JOIN series_view v USING (series_id)
    WHERE ($1 OR s.stage <> 'drafted')
      AND ($2::text IS NULL
           OR (coalesce(s.over > $3, s.stage NOT IN ('held', 'documented')) = ($2 = 'upcoming')))
      AND ($4::text[] IS NULL OR s.series_id = ANY($4) OR v.slug = ANY($4))
      AND ($5::text[] IS NULL OR s.topics && $5)
      AND ($6::text[] IS NULL OR s.mode = ANY($6))
      AND ($8::text IS NULL
           OR s.session_id IN (SELECT w.session_id FROM session_page w WHERE position($8 IN w.words) > 0))
), matching AS (
    SELECT session_id, place, status FROM sorted WHERE $7::text[] IS NULL OR status = ANY($7)
), shown AS (
    SELECT session_id, place, status FROM matching
    WHERE $10::bigint IS NULL OR (place, session_id) > ($10, $11::text)
    ORDER BY place, session_id
    LIMIT $12
)
SELECT count.total, shown.place, s.session_id, s.version, page.life, page.changed_at, p.version AS seats_version,
       p.seated, p.waiting, v.content AS series
FROM (SELECT count(*) AS total FROM matching) AS count
LEFT JOIN shown ON true
LEFT JOIN session_view s USING (session_id)
LEFT JOIN session_page page USING (session_id)
LEFT JOIN session_seats p USING (session_id)
LEFT JOIN series_view v ON v.series_id = s.series_id
ORDER BY shown.place, shown.session_id
"""
ONE = """
SELECT s.session_id, s.version, page.life, page.changed_at, p.version AS seats_version, p.seated, p.waiting,
       v.content AS series
FROM session_view s
JOIN session_page page USING (session_id)
LEFT JOIN session_seats p USING (session_id)
LEFT JOIN series_view v USING (series_id)
WHERE s.session_id = $1 AND ($2 OR s.stage <> 'drafted')
"""
FEED = """
SELECT page.life, page.changed_at
FROM session_view s
JOIN session_page page USING (session_id)
LEFT JOIN series_view v USING (series_id)
WHERE s.stage <> 'drafted' AND s.begins IS NOT NULL
  AND ($1::text[] IS NULL OR s.series_id = ANY($1) OR v.slug = ANY($1))
  AND ($2::text[] IS NULL OR s.topics && $2)
ORDER BY s.begins, s.session_id
"""

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
MODE_LABELS: dict[Mode, str] = {"online": "Online", "in_person": "In Präsenz", "hybrid": "Hybrid"}
QUALIFIERS: dict[Qualifier, str] = {"exactly": "", "about": "rund ", "at_least": "mindestens ", "more_than": "über "}

_LIFE = TypeAdapter(Life)
_PLACE = TypeAdapter(tuple[Annotated[int, Field(ge=-(10**13), le=10**13)], str])


class SessionFilter(BaseModel):
    """Which sessions; a repeated parameter means one or the other. A series is named by id or slug."""

    model_config = ConfigDict(frozen=True)

    series: list[str] | None = Field(default=None, max_length=20)
    topic: list[str] | None = Field(default=None, max_length=50)


class SessionQuery(SessionFilter, Paging):
    """The parameters of the list. Upcoming ones come soonest first, all others latest first."""

    period: Literal["upcoming", "past"] | None = None
    status: list[SessionStatus] | None = None
    mode: list[Mode] | None = None
    q: str | None = Field(default=None, max_length=200)


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
    """A session in a list. `seats_left` is null without a limit; `full` means that the next one waits."""

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
    full: bool
    postponed_from: tuple[EarlierDate, ...]
    cancelled_reason: str | None
    version: int


class TalkAnswer(BaseModel):
    """A talk. Where one was held and there is no file, `file_label` says so."""

    model_config = ConfigDict(frozen=True)

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


class AgendaAnswer(BaseModel):
    """The programme as planned and as held; they may differ. `held` is null until somebody documented it."""

    model_config = ConfigDict(frozen=True)

    planned_version: int
    planned: tuple[TalkAnswer, ...]
    held: tuple[TalkAnswer, ...] | None


class SessionAnswer(SessionSummary):
    """A session with everything. `access_link` is for editors here, and on the page of who is confirmed."""

    description: str | None
    hosts: tuple[str, ...]
    funders: tuple[str, ...]
    agenda: AgendaAnswer
    attendance: AttendanceAnswer | None
    recap: str | None
    announced_at: dt.datetime | None
    access_link: str | None
    sequence: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session with its series and how many seats and places in the queue are taken."""

    life: Life
    version: int
    changed_at: dt.datetime
    seated: int
    waiting: int
    series: SeriesContent | None


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps each session as its aggregate records it."""
    of_sessions = [recorded for recorded in events if type(recorded.event) in LIFE_EVENTS]
    if not of_sessions:
        return
    present = await connection.fetch(PRESENT, list({recorded.event.session_id for recorded in of_sessions}))
    known = {row["session_id"]: row["version"] for row in present}
    lives: dict[str, Life] = {row["session_id"]: _life(row["life"]) for row in present}
    rows: dict[str, dict[str, Any]] = {}
    for recorded in of_sessions:
        session_id = recorded.event.session_id
        if recorded.version > known.get(session_id, 0):
            lives[session_id] = live(lives.get(session_id), recorded.event)
            rows[session_id] = _row(lives[session_id], recorded)
    if rows:
        await connection.execute(UPSERT, list(rows.values()))
        await connection.execute(UPSERT_PAGES, list(rows.values()))


PROJECTION = Projection("sessions", ("session_view", "session_page"), project)


def _row(life: Life, recorded: Recorded[Any]) -> dict[str, Any]:
    content = life.content
    return {
        "session_id": life.session_id,
        "version": recorded.version,
        "series_id": content.series_id,
        "words": " ".join(filter(None, (content.title, content.summary, content.description))).casefold(),
        "stage": life.stage,
        "intake": life.intake,
        "mode": content.mode,
        "topics": list(content.topics),
        "capacity": content.capacity,
        "begins": life.when.begins,
        "over": life.when.over,
        "due_at": life.due,
        "changed_at": recorded.recorded_at,
        "life": _LIFE.dump_python(life, mode="json"),
    }


async def list_sessions(
    pool: Pool, query: SessionQuery, at: dt.datetime, *, drafts: bool
) -> tuple[list[SessionSummary], str | None, int]:
    """One page, the cursor of the next one, and how many there are in all."""
    place, after = decode_cursor(query.cursor, _PLACE) if query.cursor else (None, None)
    rows = await pool.fetch(
        LIST,
        drafts,
        query.period,
        at,
        query.series,
        await topics.meant(pool, query.topic),
        query.mode,
        query.status,
        query.q.strip().casefold() if query.q else None,
        1 if query.period == "upcoming" else -1,
        place,
        after,
        query.limit + 1,
    )
    found = [row for row in rows if row["session_id"] is not None]
    items = [summary(_read(row), at) for row in found[: query.limit]]
    return items, next_after(found, query.limit, "place", "session_id"), rows[0]["total"]


async def session_row(pool: Pool, session_id: str, *, drafts: bool = False) -> SessionRow | None:
    """One session, if it is public or drafts are wanted."""
    row = await pool.fetchrow(ONE, session_id, drafts)
    return _read(row) if row else None


async def find_session(pool: Pool, session_id: str, at: dt.datetime, *, for_editors: bool) -> SessionAnswer | None:
    """One session for a reader; drafts and the access link for editors only."""
    found = await session_row(pool, session_id, drafts=for_editors)
    if found is None:
        return None
    return SessionAnswer(**_summary(found, at), **_details(found.life, for_editors=for_editors))


def summary(found: SessionRow, at: dt.datetime) -> SessionSummary:
    """A session as lists and registrations show it."""
    return SessionSummary(**_summary(found, at))


async def feed_rows(pool: Pool, wanted: SessionFilter) -> list[tuple[Life, dt.datetime]]:
    """Every public session with a day, by date, and when it was last changed."""
    rows = await pool.fetch(FEED, wanted.series, await topics.meant(pool, wanted.topic))
    return [(_life(row["life"]), row["changed_at"]) for row in rows]


def _life(stored: Any) -> Life:
    return _LIFE.validate_python(stored)


def _read(row: Any) -> SessionRow:
    return SessionRow(
        life=_life(row["life"]),
        version=max(row["version"], row["seats_version"] or 0),
        changed_at=row["changed_at"],
        seated=row["seated"] or 0,
        waiting=row["waiting"] or 0,
        series=SeriesContent.model_validate(row["series"]) if row["series"] else None,
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


def when_label(when: When) -> str:
    """Donnerstag, 28.08.2025, 10:00 Uhr; empty while the date is open."""
    if when.day is None:
        return ""
    parts = [str(when.weekday), f"{when.day:%d.%m.%Y}"]
    if when.starts_at:
        same_day = when.ends_at is not None and when.ends_at.date() == when.day
        end = f"–{when.ends_at:%H:%M}" if when.ends_at and same_day else ""
        parts.append(f"{when.starts_at:%H:%M}{end} Uhr")
        if when.ends_at and not same_day:
            parts[-1] += f" bis {when.ends_at:%d.%m.%Y, %H:%M} Uhr"
    return ", ".join(parts)


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
        "status_label": STATUS_LABELS[status],
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
        "full": is_full(life, seated, waiting),
        "postponed_from": tuple(map(_earlier, life.earlier)),
        "cancelled_reason": life.cancelled_for,
        "version": found.version,
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
        "announced_at": life.announced_at and life.announced_at.astimezone(BERLIN),
        "access_link": content.access_link if for_editors else None,
        "sequence": life.sequence,
    }


def agenda(life: Life) -> AgendaAnswer:
    """The programme as planned and as held."""
    return AgendaAnswer(
        planned_version=life.agenda_version,
        planned=tuple(_talk(talk, None) for talk in life.content.agenda),
        held=tuple(_talk(talk, NO_FILE) for talk in life.documentation.talks) if life.documentation else None,
    )


def _talk(talk: Talk, without_file: str | None) -> TalkAnswer:
    return TalkAnswer(
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
