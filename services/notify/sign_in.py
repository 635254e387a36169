"""The mail with the link to sign in: asked for by the gateway, which makes the token and lets it be used once.

The token is kept sealed until it is no longer valid; what was asked for is one mail, however often it is asked.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson
from pydantic import AwareDatetime

from services.notify import mailing, sign_in_letter
from services.notify.faults import TRY_AGAIN
from services.notify.kind import Kind, Occasion, Priority
from services.notify.mailing import Occurred
from services.notify.matter import About, Claimed, Draft, Mailing, Matter, Page, Row, Told
from services.notify.reached import People
from services.notify.texts import Text
from shared.contracts.rpc import SignInAnswered, SignInAsked
from shared.kernel.clock import Clock
from shared.kernel.logs import current_trace
from shared.kernel.postgres import Connection, Pool
from shared.kernel.vault import Erased, Vault

PURPOSE = "sign_in"
ONCE = datetime(2025, 1, 1, tzinfo=UTC)  # a request's id says it all: no later one is another
KEEP = """
INSERT INTO sign_in (request_id, person_id, sealed, valid_until) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING true
"""
TOKENS = "SELECT request_id::text, person_id, sealed FROM sign_in WHERE request_id = ANY($1::uuid[])"
FORGET = "DELETE FROM sign_in WHERE valid_until <= $1"
FORGET_PEOPLE = "DELETE FROM sign_in WHERE person_id = ANY($1::text[])"
FORGET_EVERY = 60.0


class SignInLinkAsked(Occasion):
    """Somebody is to be sent a link to sign in."""

    type: ClassVar[str] = "ikz.notify.sign_in.link_asked.v1"

    request_id: str
    person_id: str
    valid_until: AwareDatetime


KINDS: dict[type[Any], Kind] = {
    SignInLinkAsked: Kind("sign_in_link", Priority.PERSONAL, until=lambda cause: cause.valid_until)
}


@dataclass(frozen=True, slots=True)
class SignInCard:
    """The token, and where it goes."""

    email: str
    token: str


@dataclass(frozen=True, slots=True)
class SignInMatter:
    """Links to sign in: nobody's name, and no link that is no longer valid."""

    pool: Pool
    vault: Vault
    texts: Mapping[str, Text]
    portal: str
    people: People
    name: str = "sign_in"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: SignInLinkAsked) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: SignInLinkAsked, _cause_id: str) -> About:
        """One person, who waits for it."""
        return About(person_id=cause.person_id)

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """Who asked."""
        return Page((Row(mailing.what.person_id, expires_at=mailing.what.valid_until),))

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[SignInCard | None]:
        """The tokens, opened, and where they go."""
        rows = await self.pool.fetch(TOKENS, [UUID(told.cause.request_id) for _, told in messages])
        opened = await self.vault.open_many([(row["person_id"], PURPOSE, row["sealed"]) for row in rows])
        tokens = {row["request_id"]: known for row, known in zip(rows, opened, strict=True)}
        addresses = await self.people.addresses(claimed.person_id for claimed, _ in messages)
        return [
            _card(tokens.get(told.cause.request_id), addresses.get(claimed.person_id)) for claimed, told in messages
        ]

    def letter(self, _claimed: Claimed, told: Told, card: SignInCard, _now: datetime) -> Draft:
        """The link, and until when it can be used."""
        return Draft(sign_in_letter.compose(card.token, told.cause.valid_until, self.texts, self.portal))


def _card(known: bytes | None, email: str | None) -> SignInCard | None:
    return SignInCard(email, orjson.loads(known)["token"]) if known and email else None


@dataclass(frozen=True, slots=True)
class SignIn:
    """Takes requests; `noted` is called when there is a new mail to write."""

    pool: Pool
    vault: Vault
    clock: Clock
    matter: Matter[Any]
    noted: Callable[[], None]

    async def ask(self, asked: SignInAsked) -> SignInAnswered:
        """Written down when this answers; asked again, nothing more happens."""
        now = self.clock.now()
        if asked.valid_until <= now:
            return SignInAnswered(accepted=False)
        try:
            await self.vault.ensure(asked.person_id)
            sealed = await self.vault.seal(asked.person_id, PURPOSE, {"token": asked.token})
        except Erased:
            return SignInAnswered(accepted=False)
        cause = SignInLinkAsked(request_id=asked.request_id, person_id=asked.person_id, valid_until=asked.valid_until)
        occurred = Occurred(cause, f"sign_in-{asked.request_id}@1", ONCE, now, current_trace().trace_id)
        async with self.pool.acquire() as connection, connection.transaction():
            kept = (UUID(asked.request_id), asked.person_id, sealed, asked.valid_until)
            if await connection.fetchval(KEEP, *kept):
                await mailing.note(connection, self.matter, [occurred], now)
        self.noted()
        return SignInAnswered(accepted=True)

    async def forget(self) -> None:
        """Deletes tokens that are no longer valid, for ever."""
        while True:
            with suppress(*TRY_AGAIN):
                await self.pool.execute(FORGET, self.clock.now())
            await asyncio.sleep(FORGET_EVERY)


async def forget_people(connection: Connection, person_ids: Sequence[str]) -> None:
    """Deletes what waits for erased people."""
    await connection.execute(FORGET_PEOPLE, person_ids)
