"""A session's people as numbers over HTTP, for its organisers."""

from dataclasses import dataclass

from services.events import session_statistics
from services.events.rights import EDITORS
from services.events.session_list import session_row
from services.events.session_statistics import Statistics
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem


@dataclass(frozen=True, slots=True)
class Desk:
    """The handler and what it works with."""

    pool: Pool

    async def show(self, call: Call) -> Answer:
        found = await session_row(self.pool, call.path_id(), drafts=True)
        if found is None:
            raise Problem("not_found")
        return Answer(await session_statistics.of_session(self.pool, found.life))


def endpoints(pool: Pool) -> list[Endpoint]:
    """Counts without persons."""
    return [
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/statistics",
            Desk(pool).show,
            "Where a session's people came from, as numbers",
            answer=Statistics,
            roles=EDITORS,
        )
    ]
