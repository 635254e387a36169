"""What do calendars show of sessions? Each entry is kept as text from when its session changes until it changes again.

Filled by the projection of sessions (`session_list.py`), since an entry is made of everything a session is.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.events.calendar_entry import FORM, entry, finished
from services.events.life import Life
from services.events.life_kept import read_life
from shared.kernel.postgres import Connection, Pool

TABLE = "session_entry"
KEEP = """
INSERT INTO session_entry (session_id, version, form, entry)
SELECT session_id, version, form, entry
FROM jsonb_to_recordset($1::jsonb) AS e(session_id text, version bigint, form smallint, entry text)
ON CONFLICT (session_id) DO UPDATE SET version = excluded.version, form = excluded.form, entry = excluded.entry
WHERE session_entry.version < excluded.version
"""
# $1 series by id, $2 topics, $3 one session, $4 the form of entries that still holds
FEED = """
SELECT s.session_id, v.title AS series, e.session_id IS NOT NULL AS kept, e.entry
FROM session_view s
LEFT JOIN session_entry e ON e.session_id = s.session_id AND e.version = s.version AND e.form = $4
LEFT JOIN series_view v USING (series_id)
WHERE s.stage <> 'drafted' AND ($1::text[] IS NULL OR s.series_id = ANY($1))
  AND ($2::text[] IS NULL OR s.topics && $2) AND ($3::text IS NULL OR s.session_id = $3)
ORDER BY s.begins, s.session_id
"""
LIVES = "SELECT session_id, changed_at, life FROM session_page WHERE session_id = ANY($1::text[])"
STATE = """
SELECT count(*) AS number, bit_xor(hashtextextended(concat_ws('@', s.session_id, s.version, v.version), 0)) AS mixed
FROM session_view s
LEFT JOIN series_view v USING (series_id)
WHERE s.stage <> 'drafted' AND ($1::text[] IS NULL OR s.series_id = ANY($1))
  AND ($2::text[] IS NULL OR s.topics && $2)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions a calendar is of: of series by their ids, of topics by all codes that mean them, or one."""

    series: Sequence[str] | None = None
    topics: Sequence[str] | None = None
    session_id: str | None = None


async def keep(connection: Connection, changed: Iterable[tuple[Life, int, dt.datetime]]) -> None:
    """Keeps the entry of each session, its version and when it became so."""
    rows = [
        {"session_id": life.session_id, "version": version, "form": FORM, "entry": entry(life, changed_at)}
        for life, version, changed_at in changed
    ]
    await connection.execute(KEEP, rows)


async def state(pool: Pool, of: Wanted) -> tuple[int, int]:
    """Something that is another as soon as the calendar is, and costs little."""
    row = await pool.fetchrow(STATE, of.series, of.topics)
    assert row is not None
    return row["number"], row["mixed"] or 0


async def entries(pool: Pool, of: Wanted, public_url: str) -> list[str]:
    """Every public session that has or had a date, by date."""
    rows = await pool.fetch(FEED, of.series, of.topics, of.session_id, FORM)
    anew = await _anew(pool, [row["session_id"] for row in rows if not row["kept"]])
    begun = ((row, row["entry"] or anew.get(row["session_id"])) for row in rows)
    return [finished(text, row["session_id"], row["series"], public_url) for row, text in begun if text is not None]


async def _anew(pool: Pool, session_ids: Sequence[str]) -> dict[str, str | None]:
    """Entries that other code kept, or none: made of the sessions as they are."""
    rows = await pool.fetch(LIVES, session_ids) if session_ids else []
    return {row["session_id"]: entry(read_life(row["life"]), row["changed_at"]) for row in rows}
