"""Which cooperation requests fit each other? Looked for when one is new or reads differently, and shown at any time."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.catalog import cooperation_candidates, cooperation_list, experience
from services.catalog.cooperation_candidates import Candidate
from services.catalog.cooperation_list import CooperationRequestShown
from services.catalog.cooperation_match import ENOUGH, FITS, Score, score
from services.catalog.cooperation_request import COOPERATION_REQUEST, LetRequestAge, RecordMatch
from services.catalog.due import by_itself, told
from services.catalog.experience import OrganisationMatch, ProjectMatch
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool

UNCOMPARED = "SELECT id::text, version FROM cooperation_comparison WHERE waits ORDER BY id LIMIT $1"
COMPARED = "UPDATE cooperation_comparison SET waits = false WHERE id = $1::uuid AND version = $2"
DUE = "SELECT id::text FROM cooperation_request WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
AT_ONCE = 20
BEST = 20


class RequestMatch(BaseModel):
    """Another request that fits, and why."""

    model_config = ConfigDict(frozen=True)

    request: CooperationRequestShown
    score: Score


class Matches(BaseModel):
    """Open requests that fit; published projects and organisations with experience, all with their reasons."""

    model_config = ConfigDict(frozen=True)

    requests: tuple[RequestMatch, ...]
    projects: tuple[ProjectMatch, ...]
    organisations: tuple[OrganisationMatch, ...]


async def matches(pool: Pool, request_id: str) -> Matches | None:
    """What fits a request; None when there is no such request. A closed one is still shown who has experience."""
    async with pool.acquire() as connection:
        mine = await cooperation_candidates.candidate(connection, request_id)
        if mine is None:
            return None
        pairs = await _best(connection, mine) if mine.request.open else []
        shown = await cooperation_list.some(connection, [other.request.id for other, _ in pairs])
        known = await experience.of_topics(connection, mine.side)
        return Matches(
            requests=tuple(
                RequestMatch(request=shown[other.request.id], score=fits)
                for other, fits in pairs
                if other.request.id in shown
            ),
            projects=tuple(known.projects),
            organisations=tuple(known.organisations),
        )


async def compare(journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty of the clock: pairs that fit well are recorded, each once, by the one of the two with the smaller id."""
    done = 0
    for row in await pool.fetch(UNCOMPARED, AT_ONCE):
        async with pool.acquire() as connection:
            mine = await cooperation_candidates.candidate(connection, row["id"])
            pairs = await _best(connection, mine) if mine and mine.request.open else []
        if all([await _record(journal, row["id"], other, fits, at) for other, fits in pairs if fits.points >= ENOUGH]):
            await pool.execute(COMPARED, row["id"], row["version"])
            done += 1
    return done


async def _record(journal: Journal, request_id: str, other: Candidate, fits: Score, at: datetime) -> bool:
    first, second = sorted((request_id, other.request.id))
    command = RecordMatch(matched_request_id=second, score=fits.points)
    return await told(journal, COOPERATION_REQUEST, first, command, by_itself(at))


async def let_age(journal: Journal, pool: Pool, at: datetime) -> int:
    """A duty of the clock: reminders before the end, and ends."""
    rows = await pool.fetch(DUE, at, AT_ONCE)
    return sum([await told(journal, COOPERATION_REQUEST, row["id"], LetRequestAge(), by_itself(at)) for row in rows])


async def _best(connection: Connection, mine: Candidate) -> list[tuple[Candidate, Score]]:
    """The best pairs with this request, the best first."""
    others = await cooperation_candidates.candidates(connection, mine.request, FITS[mine.request.kind])
    scored = [(other, found) for other in others if (found := score(mine.side, other.side))]
    return sorted(scored, key=lambda pair: (-pair[1].points, pair[0].request.id))[:BEST]
