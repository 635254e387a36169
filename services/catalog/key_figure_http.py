"""Key figures over HTTP."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from services.catalog import history, key_figure_list
from services.catalog.answers import API, EDITORS, SEE_DRAFTS, found_in_version
from services.catalog.history import History
from services.catalog.key_figure import KEY_FIGURE, Reading, RecordKeyFigure, WithdrawKeyFigure
from services.catalog.key_figure_list import KeyFigureShown
from services.catalog.plain_text import PlainLine, PlainNote, PlainText
from services.catalog.project_content import Number
from shared.kernel.decider import NotThere
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Paging, committed, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem


class ReadingBody(Reading):
    """A number as its source stated it: with what it counts, when that was said, and how exactly it is meant."""

    value: Number
    counts: PlainLine
    source: PlainLine
    note: PlainNote | None = None


class WithdrawalOfFigure(BaseModel):
    """Why a figure is shown no more."""

    model_config = ConfigDict(frozen=True)

    reason: PlainText


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def key_figures(self, call: Call) -> Answer:
        """One page of the key figures."""
        return page(await key_figure_list.listed(self.pool, call.query), call)

    async def key_figure(self, call: Call) -> Answer:
        """A key figure; its version is the ETag for those who may change it."""
        return found_in_version(await key_figure_list.one(self.pool, call.path_id()), call)

    async def history(self, call: Call) -> Answer:
        """What was done to a figure, one that was withdrawn included."""
        answer = await history.of(self.pool, KEY_FIGURE.category, call.path_id())
        if not answer.steps:
            raise Problem("not_found")
        return Answer(answer)

    async def record(self, call: Call) -> Answer:
        """A new figure."""
        context = call.context()
        figure_id = context.id_of_new("key-figures")
        command = RecordKeyFigure(key_figure_id=figure_id, reading=_reading(call.body))
        outcome = await self.journal.transact(KEY_FIGURE, figure_id, command, context)
        return committed(outcome, 201, f"{API}/key-figures/{figure_id}")

    async def replace(self, call: Call) -> Answer:
        """A newer reading of a figure."""
        figure_id = call.path_id()
        if (await self.journal.load(KEY_FIGURE, figure_id)).state is None:
            raise NotThere
        command = RecordKeyFigure(key_figure_id=figure_id, reading=_reading(call.body))
        outcome = await self.journal.transact(
            KEY_FIGURE, figure_id, command, call.context(), expected_version=call.expected_version
        )
        return committed(outcome)

    async def withdraw(self, call: Call) -> Answer:
        """A figure that is shown no more."""
        command = WithdrawKeyFigure(reason=call.body.reason)
        outcome = await self.journal.transact(
            KEY_FIGURE, call.path_id(), command, call.context(), expected_version=call.expected_version
        )
        return committed(outcome)


def _reading(body: ReadingBody) -> Reading:
    return Reading(**body.model_dump())


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about key figures."""
    do = Handlers(journal, pool)
    figures = f"{API}/key-figures"
    return [
        Endpoint(
            "GET",
            figures,
            do.key_figures,
            "List key figures",
            query=Paging,
            answer=Page[KeyFigureShown],
            description="Each counts something of its own; `total` counts the figures, and none is a sum of others.",
        ),
        Endpoint(
            "GET",
            f"{figures}/{{id}}",
            do.key_figure,
            "Read a key figure",
            answer=KeyFigureShown,
            codes=("not_found",),
        ),
        Endpoint(
            "GET",
            f"{figures}/{{id}}/history",
            do.history,
            "Read what was done to a key figure, by whom and why",
            answer=History,
            roles=SEE_DRAFTS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            figures,
            do.record,
            "Record a key figure",
            body=ReadingBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
        ),
        Endpoint(
            "PUT",
            f"{figures}/{{id}}",
            do.replace,
            "Replace a key figure by a newer reading",
            body=ReadingBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "key_figure_withdrawn"),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{figures}/{{id}}/withdrawals",
            do.withdraw,
            "Withdraw a key figure",
            body=WithdrawalOfFigure,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
        ),
    ]
