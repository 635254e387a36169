"""Who is reached where, asked of the gateway: it keeps the addresses of people who sign in or are named as contacts."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from shared.contracts.rpc import PeopleAnswered, PeopleAsked, PersonReached

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class People:
    """The gateway's answers, all pages of them."""

    ask: Callable[[PeopleAsked], Awaitable[PeopleAnswered]]

    async def reached(self, asked: PeopleAsked) -> list[PersonReached]:
        """Everybody who is asked for; nobody is erased."""
        found: list[PersonReached] = []
        page = await self.ask(asked)
        found += page.people
        while page.next is not None:
            page = await self.ask(asked.model_copy(update={"after": page.next}))
            found += page.people
        return found

    async def addresses(self, person_ids: Iterable[str]) -> Mapping[str, str]:
        """Addresses by person; who is erased or unknown is missing."""
        ids = list(dict.fromkeys(person_ids))
        found: dict[str, str] = {}
        for begin in range(0, len(ids), AT_ONCE):
            asked = PeopleAsked(person_ids=tuple(ids[begin : begin + AT_ONCE]), limit=AT_ONCE)
            found |= {person.person_id: person.email for person in await self.reached(asked)}
        return found
