"""Messages about a text for a contact: to who wrote it, and to who is written to. The catalogue knows both."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.notify import contact
from services.notify.cause import CONTACT_KINDS, OfContact
from services.notify.kind import Kind
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.texts import Text
from shared.contracts.catalog import ContactRequestReceived
from shared.contracts.rpc import ContactAnswered, ContactAsked, ContactLetter
from shared.kernel.problems import Problem


@dataclass(frozen=True, slots=True)
class ContactMatter:
    """What is told of texts for contacts. It is gone when its recipient or its sender is erased."""

    texts: Mapping[str, Text]
    portal: str
    contact: Callable[[ContactAsked], Awaitable[ContactAnswered]]
    name: str = "contacts"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: CONTACT_KINDS)

    def kind(self, cause: OfContact) -> Kind:
        """As its type is."""
        return CONTACT_KINDS[type(cause)]

    def about(self, cause: OfContact, _cause_id: str) -> About:
        """One request, which waits for nobody."""
        return About(contact_request_id=cause.contact_request_id, person_id=cause.person_id)

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """Who wrote, or who is written to; nobody when it is too late."""
        letter = (await self.contact(_question(mailing.what))).letter
        if letter is None:
            return Page(())
        lane = f"{mailing.contact_request_id}/{letter.person_id}"
        return Page((Row(person_id=letter.person_id, lane=lane, sealed_for=letter.sender_id),))

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[ContactLetter | None]:
        """What is to be written to each now."""
        return await asyncio.gather(*(self._card(claimed, told.cause) for claimed, told in messages))

    def letter(self, _claimed: Claimed, _told: Told, card: ContactLetter, _now: datetime) -> Draft:
        """The letter that the card asks for; the contact answers to who wrote."""
        return Draft(contact.compose(card, self.texts, self.portal), card.message.email if card.message else None)

    async def _card(self, claimed: Claimed, cause: OfContact) -> ContactLetter | None:
        try:
            letter = (await self.contact(_question(cause))).letter
        except Problem as problem:
            if problem.code == "not_found":
                return None
            raise
        return letter if letter and letter.person_id == claimed.person_id else None


def _question(cause: OfContact) -> ContactAsked:
    confirmed = not isinstance(cause, ContactRequestReceived)
    return ContactAsked(contact_request_id=cause.contact_request_id, confirmed=confirmed)
