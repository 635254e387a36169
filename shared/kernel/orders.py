"""A command on its way to the journal."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from shared.kernel.decider import Decider
from shared.kernel.recorded import Context, Outcome


@dataclass(slots=True, eq=False)
class Order:
    """A command on its way: what is asked of which stream, and the future that takes the answer.

    `alone`: the group it was in failed as a whole, so it is served by itself. `look`: what it came to may be due to an
    old state, so its stream is read. `members` are orders that are recorded together or not at all: then it stands for
    them in the queue.
    """

    decider: Decider[Any, Any, Any]
    stream: str
    aggregate_id: str
    command: Any
    context: Context
    expected_version: int | None
    answer: "asyncio.Future[Outcome]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    since: float = field(default_factory=time.monotonic)
    races: int = 0
    tried: bool = False
    alone: bool = False
    look: bool = False
    members: "tuple[Order, ...]" = ()

    @property
    def may_be_known(self) -> bool:
        """Whether its command id could have a result already."""
        return self.tried or not self.context.fresh

    @property
    def served(self) -> "tuple[Order, ...]":
        """What is to be decided for it."""
        return self.members or (self,)

    @property
    def by_itself(self) -> bool:
        """Whether it shares its group with no other."""
        return self.alone or bool(self.members)

    def settle(self, answer: Outcome | Exception) -> None:
        """Gives the answer, unless nobody waits any more."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
            self.answer.exception()  # a caller that went away has no use for it
        else:
            self.answer.set_result(answer)
