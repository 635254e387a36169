"""Who has asked a question and holds no place? The answer to `rpc.events.askers`, for what everybody should hear of."""

from services.events.question_list import SHOWN
from services.events.registration_list import STANDING
from shared.contracts.rpc import Asker, AskersAnswered, AskersAsked
from shared.kernel.postgres import Pool

# One question of each: the page behind its link shows what becomes of the session. Who holds a place is told as such.
ASKERS = """
SELECT DISTINCT ON (q.person_id) q.person_id, q.question_id
FROM question q
WHERE q.session_id = $1 AND q.status = ANY($2::text[]) AND NOT q.forgotten AND q.person_id > $4
  AND NOT EXISTS (
      SELECT FROM registration r
      WHERE r.session_id = q.session_id AND r.person_id = q.person_id AND r.status = ANY($3::text[])
  )
ORDER BY q.person_id, q.asked_at DESC, q.question_id DESC
LIMIT $5
"""
WAITING = tuple(status for status in SHOWN if status not in {"declined", "answered"})


async def askers(pool: Pool, asked: AskersAsked) -> AskersAnswered:
    """One page of those whose question is still open; ids alone."""
    rows = await pool.fetch(ASKERS, asked.session_id, WAITING, STANDING, asked.after or "", asked.limit + 1)
    shown = rows[: asked.limit]
    return AskersAnswered(
        askers=tuple(Asker(person_id=row["person_id"], question_id=row["question_id"]) for row in shown),
        next=shown[-1]["person_id"] if len(rows) > asked.limit else None,
    )
