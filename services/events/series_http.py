"""Series over HTTP."""

from dataclasses import dataclass

from services.events import series
from services.events.rights import EDITORS, edits
from services.events.series import ReviseSeries, SeriesContent, StartSeries
from services.events.series_list import SeriesAnswer, SeriesQuery, find_series, list_series
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, page
from shared.kernel.http import committed as answer_to
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool

    async def list_series(self, call: Call) -> Answer:
        found = await list_series(self.pool, call.query, experts=edits(call))
        return page(found, call)

    async def show_series(self, call: Call) -> Answer:
        """A series; its version is the ETag for those who may change it."""
        found = await find_series(self.pool, call.path_id(), experts=edits(call))
        if found is None:
            raise Problem("not_found")
        return Answer(found, version=found.version if edits(call) else None)

    async def start_series(self, call: Call) -> Answer:
        series_id = str(new_id())
        command = StartSeries(series_id=series_id, content=call.body)
        outcome = await self.journal.transact(series.DECIDER, series_id, command, call.context())
        return answer_to(outcome, 201, f"/api/v1/series/{outcome.aggregate_id}")

    async def revise_series(self, call: Call) -> Answer:
        outcome = await self.journal.transact(
            series.DECIDER,
            call.path_id(),
            ReviseSeries(content=call.body),
            call.context(),
            expected_version=call.expected_version,
        )
        return answer_to(outcome)


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Reading series, and writing them for those who may."""
    desk = Desk(journal, pool)
    return [
        Endpoint(
            "GET", "/api/v1/series", desk.list_series, "List series", query=SeriesQuery, answer=Page[SeriesAnswer]
        ),
        Endpoint("GET", "/api/v1/series/{id}", desk.show_series, "A series", answer=SeriesAnswer),
        Endpoint(
            "POST",
            "/api/v1/series",
            desk.start_series,
            "Starts a series",
            body=SeriesContent,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=("slug_taken",),
        ),
        Endpoint(
            "PUT",
            "/api/v1/series/{id}",
            desk.revise_series,
            "Revises a series",
            body=SeriesContent,
            answer=Committed,
            roles=EDITORS,
            codes=("slug_taken",),
            if_match=True,
        ),
    ]
