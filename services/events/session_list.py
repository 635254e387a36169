"""Which sessions are there, and what is one like? The read model, what fills it, and what it answers."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import session_entries, session_words, topics
from services.events.date_warnings import DateWarning, warnings_of
from services.events.life import LIFE_EVENTS, Life
from services.events.life import evolve as live
from services.events.life_kept import kept_life, read_life
from services.events.material_list import with_slides
from services.events.project_talks import sessions_about
from services.events.series import SeriesContent
from services.events.series_list import meant
from services.events.session_shown import SessionDetails, SessionRow, SessionStatus, SessionSummary, details, summary
from shared.contracts.events import Mode
from shared.kernel.http import Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.texts import Id

PRESENT = "SELECT session_id, version, listed, life FROM session_page WHERE session_id = ANY($1::text[])"
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
INSERT INTO session_page (session_id, version, changed_at, words, life, listed)
SELECT session_id, version, changed_at, words, life, version
FROM jsonb_to_recordset($1::jsonb) AS s(
    session_id text, version bigint, changed_at timestamptz, words text, life jsonb)
ON CONFLICT (session_id) DO UPDATE SET
    version = excluded.version, changed_at = excluded.changed_at, words = excluded.words, life = excluded.life,
    listed = excluded.listed
WHERE session_page.version < excluded.version
"""

# $1 drafts too, $2 period, $3 now, $4 series, $5 topics, $6 modes, $7 statuses, $8 words as a tsquery, $9 direction of
# the dates (1 or -1), $10 and $11 where the page before ended, $12 how many, $13 ids of sessions, $14 the search as
# patterns of texts: where words alone do not tell ($8 is null), and for texts whose words are not kept. What matches is
# looked at twice, once to count and once along the index of dates. What is past began before now: without being told,
# the search would begin at the end. What may have one of the statuses is chosen by its stage first, which has an index.
LIST = """
WITH found AS MATERIALIZED (
    SELECT session_id FROM session_words
    WHERE words @@ $8::text::tsquery
      AND session_id NOT IN (SELECT session_id FROM session_page WHERE listed IS DISTINCT FROM version)
    UNION ALL
    SELECT session_id FROM session_page WHERE $8 IS NULL AND words LIKE ALL ($14::text[])
    UNION ALL
    SELECT session_id FROM session_page WHERE listed IS DISTINCT FROM version AND words LIKE ALL ($14)
), matching AS NOT MATERIALIZED (
    SELECT s.session_id, s.begins
    FROM session_view s
    LEFT JOIN session_seats p USING (session_id)
    WHERE ($1 OR s.stage <> 'drafted')
      AND CASE $2::text
          WHEN 'upcoming' THEN s.over > $3 OR (s.over IS NULL AND s.stage NOT IN ('held', 'documented'))
          WHEN 'past' THEN s.over <= $3 OR (s.over IS NULL AND s.stage IN ('held', 'documented'))
          ELSE true
      END
      AND ($4::text[] IS NULL OR s.series_id = ANY($4))
      AND ($5::text[] IS NULL OR s.topics && $5)
      AND ($6::text[] IS NULL OR s.mode = ANY($6))
      AND ($13::text[] IS NULL OR s.session_id = ANY($13))
      AND ($7::text[] IS NULL OR s.stage = ANY($7)
           OR (s.stage = 'postponed' AND $7 && ARRAY['postponed_tba', 'postponed_rescheduled'])
           OR (s.stage = 'announced' AND $7 && ARRAY['registration_open', 'registration_closed', 'full']))
      AND ($7::text[] IS NULL OR $7 && ARRAY[CASE
              WHEN s.stage = 'postponed' AND s.begins IS NULL THEN 'postponed_tba'
              WHEN s.stage = 'postponed' THEN 'postponed_rescheduled'
              WHEN s.stage <> 'announced' OR s.intake = 'not_opened' THEN s.stage
              WHEN s.intake <> 'open' THEN 'registration_closed'
              WHEN p.seated >= s.capacity OR p.waiting > 0 THEN 'full'
              ELSE 'registration_open'
          END])
      AND ($14 IS NULL OR s.session_id IN (SELECT session_id FROM found))
), shown AS (
    (SELECT session_id, place
     FROM (SELECT session_id, coalesce(extract(epoch FROM begins AT TIME ZONE 'UTC')::bigint, 9000000000000) AS place
           FROM matching) AS soonest
     WHERE $9::int = 1 AND ($10::bigint IS NULL OR (place, session_id) > ($10, $11::text))
     ORDER BY place, session_id
     LIMIT $12)
    UNION ALL
    (SELECT session_id, place
     FROM (SELECT session_id, coalesce(-extract(epoch FROM begins AT TIME ZONE 'UTC')::bigint, 9000000000000) AS place
           FROM matching) AS latest
     WHERE $9 = -1 AND ($10::bigint IS NULL OR (place, session_id) > ($10, $11::text))
       AND ($2::text IS DISTINCT FROM 'past' OR place >= -extract(epoch FROM $3::timestamptz)::bigint)
     ORDER BY place, session_id
     LIMIT $12)
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
SOME = """
SELECT s.session_id, s.version, page.life, page.changed_at, p.version AS seats_version, p.seated, p.waiting,
       v.content AS series
FROM session_view s
JOIN session_page page USING (session_id)
LEFT JOIN session_seats p USING (session_id)
LEFT JOIN series_view v USING (series_id)
WHERE s.session_id = ANY($1::text[]) AND ($2 OR s.stage <> 'drafted')
"""
_PLACE = TypeAdapter(tuple[Annotated[int, Field(ge=-(10**13), le=10**13)], str])


class SessionAnswer(SessionDetails):
    """A session and, for editors, what speaks against its date."""

    warnings: tuple[DateWarning, ...] = ()


class SessionFilter(BaseModel):
    """Which sessions; a repeated parameter means one or the other. A series is named by id or slug."""

    model_config = ConfigDict(frozen=True)

    series: list[str] | None = Field(default=None, max_length=20)
    topic: list[str] | None = Field(default=None, max_length=50)


class SessionQuery(SessionFilter, Paging):
    """The parameters of the list. Upcoming ones come soonest first, all others latest first.

    `project`: sessions with a talk, planned or held, about a project of the catalogue.
    """

    period: Literal["upcoming", "past"] | None = None
    status: list[SessionStatus] | None = None
    mode: list[Mode] | None = None
    project: list[Id] | None = Field(default=None, max_length=20)
    q: str | None = Field(
        default=None,
        max_length=200,
        description="Words or parts of words of title, summary and description, in any case; each of them must be "
        "found. What stands in quotation marks must stand so in the text.",
    )


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps each session as its aggregate records it."""
    of_sessions = [recorded for recorded in events if type(recorded.event) in LIFE_EVENTS]
    if not of_sessions:
        return
    present = await connection.fetch(PRESENT, list({recorded.event.session_id for recorded in of_sessions}))
    known = {row["session_id"]: row["version"] for row in present}
    listed = {row["session_id"] for row in present if row["listed"] == row["version"]}
    lives: dict[str, Life] = {row["session_id"]: read_life(row["life"]) for row in present}
    rows: dict[str, dict[str, Any]] = {}
    said = session_words.Said()
    for recorded in of_sessions:
        session_id = recorded.event.session_id
        if recorded.version > known.get(session_id, 0):
            before = lives.get(session_id)
            life = lives[session_id] = live(before, recorded.event)
            rows[session_id] = _row(life, recorded)
            if session_id not in listed or before is None or _texts(before) != _texts(life):
                said.say(session_id, recorded.version, rows[session_id]["words"])
                listed.add(session_id)
    if rows:
        await connection.execute(UPSERT, list(rows.values()))
        await connection.execute(UPSERT_PAGES, list(rows.values()))
        changed = [(lives[row["session_id"]], row["version"], row["changed_at"]) for row in rows.values()]
        await session_entries.keep(connection, changed)
        await session_words.keep(connection, said)


PROJECTION = Projection(
    "sessions", ("session_view", "session_page", session_entries.TABLE, *session_words.TABLES), project
)


def _texts(life: Life) -> tuple[str | None, ...]:
    return life.content.title, life.content.summary, life.content.description


def _row(life: Life, recorded: Recorded[Any]) -> dict[str, Any]:
    content = life.content
    return {
        "session_id": life.session_id,
        "version": recorded.version,
        "series_id": content.series_id,
        "words": session_words.text_of(_texts(life)),
        "stage": life.stage,
        "intake": life.intake,
        "mode": content.mode,
        "topics": list(content.topics),
        "capacity": content.capacity,
        "begins": life.when.begins,
        "over": life.when.over,
        "due_at": life.due,
        "changed_at": recorded.recorded_at,
        "life": kept_life(life),
    }


async def list_sessions(
    pool: Pool, query: SessionQuery, at: dt.datetime, *, drafts: bool
) -> tuple[list[SessionSummary], str | None, int]:
    """One page, the cursor of the next one, and how many there are in all."""
    place, after = decode_cursor(query.cursor, _PLACE) if query.cursor else (None, None)
    sought = await session_words.sought(pool, query.q)
    rows = await pool.fetch(
        LIST,
        drafts,
        query.period,
        at,
        await meant(pool, query.series),
        await topics.meant(pool, query.topic),
        query.mode,
        query.status,
        sought.words,
        1 if query.period == "upcoming" else -1,
        place,
        after,
        query.limit + 1,
        await sessions_about(pool, query.project),
        sought.patterns,
    )
    found = [row for row in rows if row["session_id"] is not None]
    items = [summary(_read(row), at, query.project or ()) for row in found[: query.limit]]
    return items, next_after(found, query.limit, "place", "session_id"), rows[0]["total"]


async def session_row(pool: Pool, session_id: str, *, drafts: bool = False) -> SessionRow | None:
    """One session, if it is public or drafts are wanted."""
    return next(iter(await session_rows(pool, [session_id], drafts=drafts)), None)


async def session_rows(pool: Pool, session_ids: Sequence[str], *, drafts: bool = False) -> list[SessionRow]:
    """Those of the sessions that are public, or all that are there."""
    return [_read(row) for row in await pool.fetch(SOME, list(session_ids), drafts)]


async def find_session(pool: Pool, session_id: str, at: dt.datetime, *, for_editors: bool) -> SessionAnswer | None:
    """One session for a reader; drafts, the access link and what speaks against the date for editors only."""
    found = await session_row(pool, session_id, drafts=for_editors)
    if found is None:
        return None
    against = await warnings_of(pool, found.life, at) if for_editors else ()
    shown = details(found, at, for_editors=for_editors)
    return SessionAnswer(**shown | {"agenda": await with_slides(pool, session_id, shown["agenda"])}, warnings=against)


def _read(row: Any) -> SessionRow:
    return SessionRow(
        life=read_life(row["life"]),
        version=max(row["version"], row["seats_version"] or 0),
        changed_at=row["changed_at"],
        seated=row["seated"] or 0,
        waiting=row["waiting"] or 0,
        series=SeriesContent.model_validate(row["series"], extra="ignore") if row["series"] else None,
    )
