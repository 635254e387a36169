"""How was a session? The read model of feedback, what fills it, and the figures that organisers see."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.events.feedback import FeedbackClosed, FeedbackOpened, FeedbackTextRemoved, Tally
from services.events.feedback_questions import FeedbackKind, FeedbackQuestion
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

OPEN = """
INSERT INTO feedback_view (session_id, version, title, questions, invited, minimum, state, opened_at, closes_at)
SELECT session_id, version, title, questions, invited, minimum, 'open', opened_at, closes_at
FROM jsonb_to_recordset($1::jsonb) AS f(
    session_id text, version bigint, title text, questions jsonb, invited integer, minimum integer,
    opened_at timestamptz, closes_at timestamptz)
ON CONFLICT (session_id) DO NOTHING
"""
CLOSE = """
UPDATE feedback_view v
SET version = c.version, state = 'closed', closed_at = c.closed_at, given = c.given, tallies = c.tallies
FROM jsonb_to_recordset($1::jsonb) AS c(
    session_id text, version bigint, closed_at timestamptz, given integer, tallies jsonb)
WHERE v.session_id = c.session_id AND v.version < c.version
"""
REMOVE = "DELETE FROM feedback_text WHERE text_id = ANY($1::text[])"
ONE = """
SELECT session_id, title, questions, invited, minimum, state, opened_at, closes_at, closed_at, given, tallies
FROM feedback_view WHERE session_id = $1
"""
# $1 now, $2 how long ago it may have ended at most
TO_OPEN = """
SELECT s.session_id, p.life, count.invited
FROM session_view s
JOIN session_page p USING (session_id)
CROSS JOIN LATERAL (
    SELECT coalesce(nullif(count(*) FILTER (WHERE a.present AND a.recorded_at >= s.begins - interval '1 hour'), 0),
                    count(*) FILTER (WHERE r.status = 'confirmed')) AS invited
    FROM registration r LEFT JOIN attendance a USING (registration_id)
    WHERE r.session_id = s.session_id
) AS count
WHERE s.stage IN ('held', 'documented') AND s.over > $2 AND s.over <= $1 AND count.invited > 0
  AND NOT (p.life ->> 'history')::boolean AND p.life -> 'content' -> 'feedback' IS DISTINCT FROM '[]'::jsonb
  AND NOT EXISTS (SELECT FROM feedback_view f WHERE f.session_id = s.session_id)
ORDER BY s.over LIMIT $3
"""
TO_CLOSE = "SELECT session_id FROM feedback_view WHERE state = 'open' AND closes_at <= $1 ORDER BY closes_at LIMIT $2"
LEFT_BEHIND = """
SELECT b.session_id FROM feedback_box b JOIN feedback_view v USING (session_id) WHERE v.state = 'closed' LIMIT $1
"""
WITH_OLD_TEXTS = """
SELECT v.session_id FROM feedback_view v
WHERE v.closed_at <= $1 AND EXISTS (SELECT FROM feedback_text t WHERE t.session_id = v.session_id)
LIMIT $2
"""
_QUESTIONS = TypeAdapter(tuple[FeedbackQuestion, ...])
_TALLIES = TypeAdapter(tuple[Tally, ...])


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """Feedback as it is recorded; `given` and `tallies` are there when it is closed."""

    session_id: str
    title: str
    questions: tuple[FeedbackQuestion, ...]
    invited: int
    minimum: int
    closed: bool
    opened_at: dt.datetime
    closes_at: dt.datetime
    given: int
    tallies: tuple[Tally, ...]


class Bar(BaseModel):
    """How many gave one answer."""

    model_config = ConfigDict(frozen=True)

    value: str
    label: str
    number: int


class Figures(BaseModel):
    """What all together said to one question. `mean` is that of a rating; both are missing while too few answered."""

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    kind: FeedbackKind
    answers: int | None
    mean: float | None
    distribution: tuple[Bar, ...] | None


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps what is asked, until when, and what it came to; a removed text goes with the word that it is removed."""
    opened, closed, removed = [], [], []
    for recorded in events:
        match recorded.event:
            case FeedbackOpened() as event:
                kept = event.model_dump(mode="json", include={*_OPENED})
                opened.append(kept | {"version": recorded.version, "opened_at": event.at})
            case FeedbackClosed() as event:
                kept = event.model_dump(mode="json", include={"session_id", "given", "tallies"})
                closed.append(kept | {"version": recorded.version, "closed_at": event.at})
            case FeedbackTextRemoved() as event:
                removed.append(event.text_id)
            case _:
                pass
    if opened:
        await connection.execute(OPEN, _plain(opened))
    if closed:
        await connection.execute(CLOSE, _plain(closed))
    if removed:
        await connection.execute(REMOVE, removed)


_OPENED = ("session_id", "title", "questions", "invited", "minimum", "closes_at")
PROJECTION = Projection("feedback", ("feedback_view",), project)


def _plain(rows: list[dict[str, Any]]) -> Any:
    return orjson.loads(orjson.dumps(rows))


async def find(pool: Pool, session_id: str) -> FeedbackRow | None:
    """A session's feedback, if it was asked for."""
    row = await pool.fetchrow(ONE, session_id)
    if row is None:
        return None
    return FeedbackRow(
        session_id=row["session_id"],
        title=row["title"],
        questions=_QUESTIONS.validate_python(row["questions"], extra="ignore"),
        invited=row["invited"],
        minimum=row["minimum"],
        closed=row["state"] == "closed",
        opened_at=row["opened_at"],
        closes_at=row["closes_at"],
        given=row["given"] or 0,
        tallies=_TALLIES.validate_python(row["tallies"] or [], extra="ignore"),
    )


def figures(question: FeedbackQuestion, tallies: Sequence[Tally], minimum: int) -> Figures:
    """What all together said to a question, if enough did; of free texts there are no figures."""
    found = {tally.value: tally.number for tally in tallies if tally.question == question.key}
    number = sum(found.values())
    enough = number >= minimum
    total = sum(int(value) * times for value, times in found.items()) if question.kind == "rating" else 0
    bars = tuple(Bar(value=value, label=label, number=found.get(value, 0)) for value, label in question.values.items())
    return Figures(
        key=question.key,
        label=question.label,
        kind=question.kind,
        answers=None if question.kind == "text" else number,
        mean=round(total / number, 2) if question.kind == "rating" and enough else None,
        distribution=bars if bars and enough else None,
    )
