"""Announcements as a part of the service: what they are made of, on one page."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from services.notify import announcement_http
from services.notify.announcement_audience import Audiences, Owners
from services.notify.announcement_clock import AnnouncementClock
from services.notify.announcement_mailing_http import Announcing
from services.notify.announcement_matter import AnnouncementMatter
from services.notify.halts import Halts
from services.notify.layout import Layout
from services.notify.settings import NotifySettings
from services.notify.texts import Text
from services.notify.unsubscribing import Unsubscribing
from shared.contracts.rpc import (
    AudienceAnswered,
    AudienceAsked,
    KnownAnswered,
    KnownAsked,
    OrganisationsOfTypesAnswered,
    OrganisationsOfTypesAsked,
    PeopleAnswered,
    PeopleAsked,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
)
from shared.kernel.bus import Bus
from shared.kernel.http import Endpoint
from shared.kernel.journal import Journal
from shared.kernel.rpc import ask
from shared.kernel.service import Runtime
from shared.kernel.wakeup import Wakeup

type Suppressed = Callable[[Sequence[str]], Awaitable[Collection[str]]]


@dataclass(frozen=True, slots=True)
class Announcements:
    """What is told as mail, what is asked over HTTP, and what goes on beside requests.

    `decided` rings when something was decided about an announcement, `noted` when a mailing waits.
    """

    runtime: Runtime[NotifySettings]
    matter: AnnouncementMatter
    noted: Callable[[], None]
    decided: Wakeup

    @classmethod
    def of(
        cls,
        runtime: Runtime[NotifySettings],
        texts: Mapping[str, Text],
        suppressed: Suppressed,
        noted: Callable[[], None],
    ) -> "Announcements":
        """With those who know people at the other end of the bus. `suppressed`: which addresses take no mail."""
        settings = runtime.settings
        matter = AnnouncementMatter(
            pool=runtime.pool,
            vault=runtime.vault,
            audiences=Audiences(runtime.pool, owners(runtime.bus, suppressed), runtime.clock),
            unsubscribing=Unsubscribing.of(settings.public_url, settings.vault_key),
            texts=texts,
            portal=settings.public_url.rstrip("/"),
            clock=runtime.clock,
        )
        return cls(runtime, matter, noted, Wakeup())

    def endpoints(self, journal: Journal) -> Sequence[Endpoint]:
        """For everyone, for editors, for the gateway."""
        portal, pool, settings = self.matter.portal, self.runtime.pool, self.runtime.settings
        layout = Layout(portal, settings.portal_name)
        announcing = Announcing(journal, pool, self.matter, layout, self._ring, portal, settings.mail_max_age)
        return announcement_http.endpoints(journal, pool, announcing)

    def tasks(self, journal: Journal) -> Sequence[Callable[[], Awaitable[None]]]:
        """What time brings."""
        runtime = self.runtime
        clock = AnnouncementClock(
            journal,
            runtime.pool,
            self.matter,
            runtime.clock,
            runtime.settings.mail_max_age,
            self.noted,
            Halts(runtime.pool),
        )
        return [partial(clock.run, runtime.settings.database_url, self.decided.waiter())]

    def _ring(self) -> None:
        self.decided.announce()
        self.noted()


def owners(bus: Bus, suppressed: Suppressed) -> Owners:
    """The other services, asked over the bus."""

    async def audience(question: AudienceAsked) -> AudienceAnswered:
        return await ask(bus, AudienceAsked.subject, question, AudienceAnswered)

    async def organisations(question: OrganisationsOfTypesAsked) -> OrganisationsOfTypesAnswered:
        return await ask(bus, OrganisationsOfTypesAsked.subject, question, OrganisationsOfTypesAnswered)

    async def people(question: PeopleAsked) -> PeopleAnswered:
        return await ask(bus, PeopleAsked.subject, question, PeopleAnswered)

    async def known(question: KnownAsked) -> KnownAnswered:
        return await ask(bus, KnownAsked.subject, question, KnownAnswered)

    async def series(question: SeriesTitlesAsked) -> SeriesTitlesAnswered:
        return await ask(bus, SeriesTitlesAsked.subject, question, SeriesTitlesAnswered)

    return Owners(audience, organisations, people, known, series, suppressed)
