"""Messages about cooperation requests, to the members of whose they are and to the contacts named in them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from services.notify import catalog_letter
from services.notify.german import BERLIN
from services.notify.kind import Kind, Priority
from services.notify.letter import Letter
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.reached import People
from services.notify.texts import Text
from services.notify.wishes import Wishes
from shared.contracts.catalog import (
    CooperationRequestClosed,
    CooperationRequestExpiring,
    CooperationRequestMatched,
)
from shared.contracts.rpc import (
    CooperationLetter,
    CooperationLetterAnswered,
    CooperationLetterAsked,
    PeopleAsked,
)

type OfRequest = CooperationRequestMatched | CooperationRequestExpiring | CooperationRequestClosed


def _last_moment(cause: CooperationRequestExpiring) -> datetime:
    """The end of the last day, by the clock on the wall."""
    return datetime.combine(cause.expires_on + timedelta(days=1), time(), BERLIN).astimezone(UTC)


KINDS: dict[type[Any], Kind] = {
    CooperationRequestMatched: Kind("partner_match", Priority.LATER, transactional=False, wished="partner_match"),
    CooperationRequestExpiring: Kind("cooperation_request_expiring", Priority.LATER, until=_last_moment),
    CooperationRequestClosed: Kind("cooperation_request_closed", Priority.LATER),
}


@dataclass(frozen=True, slots=True)
class RequestCard:
    """What is to be said of which request, and where to; `other` is what fits it."""

    email: str
    own: CooperationLetter
    other: CooperationLetter | None = None


@dataclass(frozen=True, slots=True)
class CooperationMatter:
    """What is told of cooperation requests to those whose they are. Who closed one by hand knows it."""

    texts: Mapping[str, Text]
    portal: str
    requests: Callable[[CooperationLetterAsked], Awaitable[CooperationLetterAnswered]]
    people: People
    wishes: Wishes
    name: str = "cooperation"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: OfRequest) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: OfRequest, _cause_id: str) -> About:
        """What is told of one request keeps its order."""
        return About(line=_line(cause))

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """Members and contacts of each side, once; who is on both sides is told of the one that tells."""
        letters = await self._letters(mailing.what)
        told: dict[str, str] = {}
        for request_id in _ids(mailing.what):
            if request_id in letters and _holds(mailing.what, letters):
                told = dict.fromkeys(await self._whose(letters[request_id]), request_id) | told
        wanted = told if self.kinds[type(mailing.what)].transactional else await self.wishes.wanted(mailing.kind, told)
        lane = _line(mailing.what)
        return Page([Row(person, standing={"own": told[person]}, lane=f"{lane}/{person}") for person in wanted])

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[RequestCard | None]:
        """What the catalogue says now, and where they are reached; none of who wants none."""
        causes = {told.cause_id: told.cause for _, told in messages}
        found = await asyncio.gather(*(self._letters(cause) for cause in causes.values()))
        letters = dict(zip(causes, found, strict=True))
        addresses = await self.people.addresses(claimed.person_id for claimed, _ in messages)
        unwanted = await self._unwanted(messages)
        return [
            None
            if (claimed.person_id, told.kind) in unwanted
            else _card(claimed, told, letters[told.cause_id], addresses)
            for claimed, told in messages
        ]

    def letter(self, claimed: Claimed, told: Told, card: RequestCard, _now: datetime) -> Draft:
        """The letter that the cause asks for; the end of one's own entry has to be told."""
        ends = self.kinds[type(told.cause)].transactional
        unsubscribe = None if ends else self.wishes.unsubscribe(claimed.person_id, told.kind)
        return Draft(self._written(told.cause, card), unsubscribe=unsubscribe)

    def _written(self, cause: OfRequest, card: RequestCard) -> Letter:
        match cause:
            case CooperationRequestMatched():
                assert card.other is not None
                return catalog_letter.match(card.own, card.other, self.texts, self.portal)
            case CooperationRequestExpiring():
                return catalog_letter.expiring(card.own, self.texts, self.portal)
            case CooperationRequestClosed():
                return catalog_letter.closed(card.own, self.texts, self.portal)

    async def _unwanted(self, messages: Sequence[tuple[Claimed, Told]]) -> set[tuple[str, str]]:
        """Who wants none of a kind that nobody has to be told of, or does not by now."""
        asked = {(each.person_id, told.kind) for each, told in messages if not KINDS[type(told.cause)].transactional}
        wanted: set[tuple[str, str]] = set()
        for kind in {kind for _, kind in asked}:
            people = await self.wishes.wanted(kind, (person for person, of in asked if of == kind))
            wanted |= {(person, kind) for person in people}
        return asked - wanted

    async def _letters(self, cause: OfRequest) -> dict[str, CooperationLetter]:
        answered = await self.requests(CooperationLetterAsked(cooperation_request_ids=_ids(cause)))
        return {letter.cooperation_request_id: letter for letter in answered.letters}

    async def _whose(self, letter: CooperationLetter) -> list[str]:
        contact = () if letter.contact_id is None else (letter.contact_id,)
        asked = PeopleAsked(organisation_ids=letter.organisation_ids, person_ids=contact)
        return [person.person_id for person in await self.people.reached(asked)]


def _line(cause: OfRequest) -> str:
    return f"cooperation_request/{cause.cooperation_request_id}"


def _ids(cause: OfRequest) -> tuple[str, ...]:
    if isinstance(cause, CooperationRequestMatched):
        return (cause.cooperation_request_id, cause.matched_request_id)
    return (cause.cooperation_request_id,)


def _holds(cause: OfRequest, letters: Mapping[str, CooperationLetter]) -> bool:
    """Whether it is still so: nobody is sent to what is closed, or told that what was extended ends."""
    match cause:
        case CooperationRequestMatched():
            return len(letters) == 2 and all(letter.open for letter in letters.values())
        case CooperationRequestExpiring():
            return all(letter.open and letter.expires_on == cause.expires_on for letter in letters.values())
        case CooperationRequestClosed():
            return cause.outcome == "expired"


def _card(
    claimed: Claimed, told: Told, letters: Mapping[str, CooperationLetter], addresses: Mapping[str, str]
) -> RequestCard | None:
    own = (claimed.standing or {}).get("own", "")
    email = addresses.get(claimed.person_id)
    if email is None or own not in letters or not _holds(told.cause, letters):
        return None
    others = [letter for request_id, letter in letters.items() if request_id != own]
    return RequestCard(email, letters[own], others[0] if others else None)
