"""Whether an organisation that somebody registers for is in the catalogue's directory, at no cost to those after them.

What was known once is remembered: ids are never given up, they lead to the entry that stays. While the catalogue does
not answer an id is taken as it is: it came from our own form or from whoever wrote the client, it is shown by the name
that stands beside it, and nobody is turned away for the sake of a directory.
"""

from collections import OrderedDict
from collections.abc import Sequence

import structlog

from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.kernel.bus import Bus
from shared.kernel.problems import Problem, of_fields
from shared.kernel.rpc import ask
from shared.kernel.together import Together

REMEMBERED = 10_000
PATIENCE = 1.0
MOST_AT_ONCE = 100

log = structlog.get_logger()


class Organisations:
    """The directory as this process has come to know it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: OrderedDict[str, None] = OrderedDict()
        self._asking = Together(self._asked, most=MOST_AT_ONCE)

    async def refuse_unknown(self, organisation_id: str | None) -> None:
        """`unknown_organisation` for what the catalogue says it does not know."""
        if organisation_id is None or organisation_id in self._known:
            return
        if not await self._asking.ask(organisation_id):
            raise of_fields("unknown_organisation", ["/organisation_id"])

    async def _asked(self, ids: Sequence[str]) -> list[bool]:
        question = KnownAsked(organisations=tuple(dict.fromkeys(ids)))
        try:
            answer = await ask(self._bus, KnownAsked.subject, question, KnownAnswered, timeout=PATIENCE)
        except Problem as problem:
            log.warning("organisations_taken_unseen", reason=problem.code, count=len(question.organisations))
            return [True for _ in ids]
        unknown = set(answer.unknown_organisations)
        self._remember(set(ids) - unknown)
        return [organisation_id not in unknown for organisation_id in ids]

    def _remember(self, ids: set[str]) -> None:
        self._known.update(dict.fromkeys(ids))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
