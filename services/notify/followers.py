"""Followers as a part of the service: who is told of what is published, and when, on one page."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from services.notify.compiled_searches import Compiling
from services.notify.digest_matter import DigestMatter
from services.notify.digests import Digests
from services.notify.follower_matter import FollowerMatter, from_journal
from services.notify.matching import Catalogue, Matching
from services.notify.reasons import Followers as Reached
from services.notify.settings import NotifySettings
from services.notify.subscription_wishes import Owners
from services.notify.texts import Text
from services.notify.unsubscribing import Unsubscribing
from shared.contracts.rpc import (
    FitsAnswered,
    FitsAsked,
    ProjectKeysAnswered,
    ProjectKeysAsked,
)
from shared.kernel.bus import Bus
from shared.kernel.journal import Journal
from shared.kernel.projection import follow
from shared.kernel.rpc import ask
from shared.kernel.service import Runtime

PATIENCE = 10.0
"""Seconds that the catalogue may take to prove some hundred searches."""


@dataclass(frozen=True, slots=True)
class Followers:
    """Matters and tasks."""

    runtime: Runtime[NotifySettings]
    journal: Journal
    matter: FollowerMatter
    digests: DigestMatter
    noted: Callable[[], None]

    @classmethod
    def of(
        cls,
        runtime: Runtime[NotifySettings],
        journal: Journal,
        texts: Mapping[str, Text],
        owners: Owners,
        noted: Callable[[], None],
    ) -> "Followers":
        """With the catalogue and the owners of titles at the other end of the bus; `noted` rings for expansion."""
        settings, pool, clock = runtime.settings, runtime.pool, runtime.clock
        portal = settings.public_url.rstrip("/")
        reached = Reached(pool, runtime.vault, owners)
        unsubscribing = Unsubscribing.of(portal, settings.vault_key)
        matching = Matching(pool, runtime.vault, catalogue(runtime.bus))
        matter = FollowerMatter(matching, reached, unsubscribing, texts, portal, clock)
        digests = DigestMatter(pool, reached, unsubscribing, texts, portal, clock)
        return cls(runtime, journal, matter, digests, noted)

    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What goes on beside requests."""
        runtime, settings = self.runtime, self.runtime.settings
        news = from_journal(self.matter, runtime.clock, self.noted)
        closing = Digests(runtime.pool, self.digests, runtime.clock, settings.findings_kept, self.noted)
        compiling = Compiling(runtime.pool, self.matter.followers.owners.searches)
        return [
            partial(follow, news, runtime.pool, self.journal.read, runtime.wakeup.waiter()),
            partial(closing.run, settings.database_url),
            partial(compiling.run, settings.database_url),
        ]


def catalogue(bus: Bus) -> Catalogue:
    """The catalogue, asked over the bus."""

    async def keys(question: ProjectKeysAsked) -> ProjectKeysAnswered:
        return await ask(bus, ProjectKeysAsked.subject, question, ProjectKeysAnswered, PATIENCE)

    async def fits(question: FitsAsked) -> FitsAnswered:
        return await ask(bus, FitsAsked.subject, question, FitsAnswered, PATIENCE)

    return Catalogue(keys, fits)
