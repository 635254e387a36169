"""Who knows people, topics and series, in the place of the other services: asked as they are asked over the bus."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.notify.announcement_audience import Owners
from shared.contracts.rpc import (
    AudienceAnswered,
    AudienceAsked,
    KnownAnswered,
    KnownAsked,
    OrganisationsOfTypesAnswered,
    OrganisationsOfTypesAsked,
    PeopleAnswered,
    PeopleAsked,
    PersonReached,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
    SessionCard,
)
from shared.kernel.problems import Problem
from tests.unit.notify import samples

SERIES = "0198f0a2-0000-7000-8000-00000000000a"


@dataclass
class KnownPeople:
    """`registered` and `attended` by session, `members` by organisation, `signed_in` by actor. `down` says nothing.

    `sessions` are those that are not as usual.
    """

    addresses: dict[str, str] = field(default_factory=dict)
    registered: dict[str, list[str]] = field(default_factory=dict)
    attended: dict[str, list[str]] = field(default_factory=dict)
    organisations: dict[str, list[str]] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    signed_in: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, SessionCard] = field(default_factory=dict)
    suppressed: set[str] = field(default_factory=set)
    down: bool = False

    @property
    def owners(self) -> Owners:
        """As a matter asks them."""
        return Owners(self._audience, self._organisations, self._people, self._known, self._series, self._suppressed)

    def _alive(self) -> None:
        if self.down:
            raise Problem("unavailable")

    async def _audience(self, asked: AudienceAsked) -> AudienceAnswered:
        self._alive()
        if asked.session_id not in self.registered:
            raise Problem("not_found")
        found = (self.attended if asked.attended else self.registered).get(asked.session_id, [])
        page = sorted(each for each in found if each > (asked.after or ""))
        more = page[asked.limit - 1] if len(page) > asked.limit else None
        session = self.sessions.get(asked.session_id) or samples.session(session_id=asked.session_id)
        return AudienceAnswered(session=session, person_ids=tuple(page[: asked.limit]), next=more)

    async def _organisations(self, asked: OrganisationsOfTypesAsked) -> OrganisationsOfTypesAnswered:
        self._alive()
        found = sorted(each for type_ in asked.types for each in self.organisations.get(type_, []))
        page = [each for each in found if each > (asked.after or "")]
        return OrganisationsOfTypesAnswered(
            organisation_ids=tuple(page[: asked.limit]),
            unknown_types=tuple(each for each in asked.types if each not in self.organisations),
            next=page[asked.limit - 1] if len(page) > asked.limit else None,
        )

    async def _people(self, asked: PeopleAsked) -> PeopleAnswered:
        self._alive()
        meant = {
            *asked.person_ids,
            *(each for organisation in asked.organisation_ids for each in self.members.get(organisation, [])),
            *(self.signed_in[actor] for actor in asked.actors if actor in self.signed_in),
        }
        page = sorted(each for each in meant if each in self.addresses and each > (asked.after or ""))
        people = [PersonReached(person_id=each, email=self.addresses[each]) for each in page[: asked.limit]]
        return PeopleAnswered(people=tuple(people), next=page[asked.limit - 1] if len(page) > asked.limit else None)

    async def _known(self, asked: KnownAsked) -> KnownAnswered:
        self._alive()
        known = {"treasury", "05334002", "05334"}
        return KnownAnswered(
            unknown_topics=tuple(each for each in asked.topics if each not in known),
            unknown_ags=tuple(each for each in asked.ags if each not in known),
        )

    async def _series(self, asked: SeriesTitlesAsked) -> SeriesTitlesAnswered:
        self._alive()
        return SeriesTitlesAnswered(series={each: "Sprechstunde" for each in asked.series if each == SERIES})

    async def _suppressed(self, addresses: Sequence[str]) -> set[str]:
        return self.suppressed & set(addresses)
