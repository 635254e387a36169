"""Key figures over HTTP."""

from dataclasses import dataclass

from services.catalog import key_figure_list
from services.catalog.answers import API, page_of
from services.catalog.key_figure_list import KeyFigureShown
from shared.kernel.http import Answer, Call, Endpoint, Page, Paging
from shared.kernel.postgres import Pool


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    pool: Pool

    async def key_figures(self, call: Call) -> Answer:
        """One page of the key figures."""
        return page_of(await key_figure_list.listed(self.pool, call.query), call)


def endpoints(pool: Pool) -> list[Endpoint]:
    """Everything about key figures."""
    do = Handlers(pool)
    return [
        Endpoint(
            "GET", f"{API}/key-figures", do.key_figures, "List key figures", query=Paging, answer=Page[KeyFigureShown]
        ),
    ]
