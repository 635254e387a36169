"""The link to one's own data: to the address it is about and nowhere else. The gateway knows both.

Who asked for it is not known, so the letter repeats nothing that anybody typed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notify import german
from services.notify.kind import Kind, Priority
from services.notify.letter import Button, Fact, Letter, subject
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.texts import Text, fill, paragraphs
from shared.contracts.gateway import DataLinkRequested
from shared.contracts.rpc import DataLinkAnswered, DataLinkAsked

KIND = Kind("data_link", Priority.PERSONAL, until=lambda cause: cause.expires_at)
WHY = "Sie erhalten diese Nachricht, weil jemand für diese E-Mail-Adresse danach gefragt hat."


class DataLink(BaseModel):
    """Where the link goes, and to what."""

    model_config = ConfigDict(frozen=True)

    email: str
    token: str
    expires_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class DataLinkMatter:
    """What is told of one's own data."""

    texts: Mapping[str, Text]
    portal: str
    link: Callable[[DataLinkAsked], Awaitable[DataLinkAnswered]]
    name: str = "own_data"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: {DataLinkRequested: KIND})

    def kind(self, _cause: DataLinkRequested) -> Kind:
        """There is one."""
        return KIND

    def about(self, cause: DataLinkRequested, _cause_id: str) -> About:
        """One person, for whom it waits for nothing."""
        return About(person_id=cause.person_id)

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """The person."""
        person_id = mailing.what.person_id
        return Page((Row(person_id=person_id, lane=f"own_data/{person_id}"),))

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[DataLink | None]:
        """Address and token of each; None once the link has expired or the person was erased."""
        return await asyncio.gather(*(self._card(told.cause) for _, told in messages))

    def letter(self, _claimed: Claimed, _told: Told, card: DataLink, now: datetime) -> Draft | None:
        """The link, and until when it holds."""
        return None if card.expires_at <= now else Draft(compose(card, self.texts, self.portal))

    async def _card(self, cause: DataLinkRequested) -> DataLink | None:
        answer = await self.link(DataLinkAsked(person_id=cause.person_id, link_id=cause.link_id))
        if answer.email is None or answer.token is None or answer.expires_at is None:
            return None
        return DataLink(email=answer.email, token=answer.token, expires_at=answer.expires_at)


def compose(card: DataLink, texts: Mapping[str, Text], portal: str) -> Letter:
    """The letter with the link."""
    text = texts[KIND.name]
    until = german.moment(card.expires_at)
    values: dict[str, str | None] = {"confirm_by": until}
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=(Fact("Der Link gilt bis", until, main=True),),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or "Ihre Daten ansehen", f"{portal}/meine-daten/{card.token}"),
        footnote=WHY,
    )
