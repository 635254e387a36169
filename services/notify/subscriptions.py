"""Subscriptions as a part of the service: what they are made of, on one page."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from services.notify import own_subscriptions_http, subscription_http
from services.notify.own_subscriptions_http import OwnPage
from services.notify.settings import NotifySettings
from services.notify.subscriber_sealing import derived
from services.notify.subscription_http import Intake
from services.notify.subscription_matter import SubscriptionMatter, from_journal
from services.notify.subscription_upkeep import Upkeep
from services.notify.subscription_wishes import Owners
from services.notify.texts import Text
from services.notify.unsubscribing import Unsubscribing
from shared.contracts.rpc import (
    SearchKeysAnswered,
    SearchKeysAsked,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
    TitlesAnswered,
    TitlesAsked,
)
from shared.kernel.bus import Bus
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.http import Endpoint
from shared.kernel.journal import Journal
from shared.kernel.projection import follow
from shared.kernel.rpc import ask
from shared.kernel.service import Runtime


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Endpoints and tasks; `unsubscribing` makes the links that mails carry."""

    runtime: Runtime[NotifySettings]
    journal: Journal
    owners: Owners
    unsubscribing: Unsubscribing
    matter: SubscriptionMatter
    noted: Callable[[], None]

    @classmethod
    def of(
        cls,
        runtime: Runtime[NotifySettings],
        journal: Journal,
        texts: Mapping[str, Text],
        noted: Callable[[], None],
    ) -> "Subscriptions":
        """With the owners of what can be subscribed to at the other end of the bus; `noted` rings for expansion."""
        settings = runtime.settings
        portal, asked = settings.public_url.rstrip("/"), owners(runtime.bus)
        unsubscribing = Unsubscribing.of(portal, settings.vault_key)
        matter = SubscriptionMatter(runtime.pool, runtime.vault, texts, portal, asked)
        return cls(runtime, journal, asked, unsubscribing, matter, noted)

    def endpoints(self) -> Sequence[Endpoint]:
        """For the gateway, for mail programs, and behind the personal link."""
        settings, runtime = self.runtime.settings, self.runtime
        intake = Intake(
            self.journal,
            runtime.vault,
            self.owners,
            self.unsubscribing,
            derived(settings.vault_key, "searches"),
            settings.subscription_confirm_within,
        )
        own = OwnPage(self.journal, runtime.pool, runtime.vault, self.owners)
        return [*subscription_http.endpoints(intake), *own_subscriptions_http.endpoints(own)]

    def tasks(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What goes on beside requests."""
        settings, runtime = self.runtime.settings, self.runtime
        upkeep = Upkeep(self.journal, runtime.pool, runtime.vault, settings.subscription_terms)
        mails = from_journal(self.matter, runtime.clock, self.noted)
        return [
            partial(follow, mails, runtime.pool, self.journal.read, runtime.wakeup.waiter()),
            partial(upkeep.run, settings.database_url, runtime.clock),
            partial(keep_forgetting, "subscribers who were erased", upkeep.note_erased),
            partial(keep_forgetting, "keys of subscriptions that are not there", upkeep.destroy_stray_keys),
        ]


def owners(bus: Bus) -> Owners:
    """The catalogue and the events service, asked over the bus."""

    async def titles(question: TitlesAsked) -> TitlesAnswered:
        return await ask(bus, TitlesAsked.subject, question, TitlesAnswered)

    async def series(question: SeriesTitlesAsked) -> SeriesTitlesAnswered:
        return await ask(bus, SeriesTitlesAsked.subject, question, SeriesTitlesAnswered)

    async def searches(question: SearchKeysAsked) -> SearchKeysAnswered:
        return await ask(bus, SearchKeysAsked.subject, question, SearchKeysAnswered)

    return Owners(titles, series, searches)
