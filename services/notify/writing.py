"""From claimed messages to mails: who is written to is looked up, and the letter that the cause asks for is written."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from services.notify import mailing, sealing
from services.notify.faults import TRY_AGAIN, described
from services.notify.kind import Priority
from services.notify.letter import Letter
from services.notify.live_texts import LiveTexts
from services.notify.mail import Composer, Envelope
from services.notify.matter import Card, Claimed, Draft, Matter, Matters, Printable, Told
from services.notify.press import Press, Printed
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Unreadable, Vault

AWAY = frozenset({"unavailable", "too_many_requests", "forbidden"})

log = structlog.get_logger()


class TooLate(Exception):
    """The message has become pointless while it waited."""


class Outdated(Exception):
    """The message would be wrong by now, or there is nobody any more whom it is for."""


class Away(Exception):
    """Who knows the recipients does not answer now."""

    def __init__(self, matter: str) -> None:
        super().__init__(matter)
        self.matter = matter


class Unanswered(Exception):
    """Who knows the recipient fails at this message."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A message whose recipient was looked up; `card` is None of nobody."""

    claimed: Claimed
    matter: Matter[Any]
    told: Told
    card: Card | None

    @property
    def address(self) -> str | None:
        """Where the mail goes."""
        return None if self.card is None else self.card.email


@dataclass(frozen=True, slots=True)
class Mail:
    """What is handed over, and to whom; `as_sent` when nothing in it has to be looked at again."""

    recipient: str
    content: bytes
    as_sent: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What mails are written with. `texts` are those that editors change while mails wait."""

    composer: Composer
    matters: Matters
    pool: Pool
    vault: Vault
    texts: LiveTexts | None = None
    press: Press = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "press", Press(self.composer))

    async def look_up(self, claimed: Sequence[Claimed]) -> list[Ready | Exception]:
        """Who is written to, asked for in batches; in the order of `claimed`, with what went wrong in its place."""
        if self.texts is not None:
            await self.texts.refresh()
        rows = await mailing.told(self.pool, list({each.mailing_id for each in claimed}))
        read = {id_: self._read(row) for id_, row in rows.items()}
        found: dict[UUID, Ready | Exception] = {}
        parts: dict[str, tuple[Matter[Any], list[tuple[Claimed, Told]]]] = {}
        for each in claimed:
            about = read.get(each.mailing_id) or LookupError("no mailing")
            if isinstance(about, Exception):
                found[each.id] = about
            elif each.sealed is not None:
                found[each.id] = await self._unsealed(each, *about)
            else:
                parts.setdefault(about[1].matter, (about[0], []))[1].append((each, about[1]))
        for each_part in await asyncio.gather(*(self._cards(*part) for part in parts.values())):
            found |= each_part
        return [found[each.id] for each in claimed]

    def write(self, ready: Ready, now: datetime) -> Mail:
        """The mail; `TooLate` when it is of no use any more, `Outdated` when it would be wrong."""
        claimed, told = ready.claimed, ready.told
        until = claimed.expires_at or ready.matter.kind(told.cause).until(told.cause)
        if until is not None and until <= now:
            raise TooLate
        if ready.card is None:
            raise Outdated
        return self._printed(ready, ready.card, now) or self._composed(ready, ready.card, now)

    def _composed(self, ready: Ready, card: Card, now: datetime) -> Mail:
        draft = ready.matter.letter(ready.claimed, ready.told, card, now)
        if draft is None:
            raise Outdated
        return Mail(card.email, self.composer.compose(_whole(draft), _envelope(ready.claimed, card, draft)))

    def _printed(self, ready: Ready, card: Card, now: datetime) -> Mail | None:
        """One of many that are alike. Old rows, and what single persons wait for, are composed."""
        claimed, told, matter = ready.claimed, ready.told, ready.matter
        if claimed.priority == Priority.PERSONAL or claimed.sealed is not None or not isinstance(matter, Printable):
            return None
        alike = matter.alike(claimed, told, card)
        if alike is None:
            return None

        def make(own: Mapping[str, str]) -> Printed | None:
            draft = matter.letter(claimed, told, alike.called(own), now)
            return None if draft is None else Printed(_whole(draft), draft.reply_to, draft.unsubscribe)

        key = (alike.key, self.texts.revision if self.texts else 0)
        found = self.press.print(key, alike.own, Envelope(claimed.id, card.email, claimed.dated_at), make, now)
        return None if found is None else Mail(card.email, found, as_sent=True)

    def _read(self, row: asyncpg.Record) -> tuple[Matter[Any], Told] | Exception:
        try:
            return mailing.read_told(self.matters, row)
        except (KeyError, ValueError) as error:
            return error

    async def _cards(
        self, matter: Matter[Any], messages: Sequence[tuple[Claimed, Told]]
    ) -> dict[UUID, Ready | Exception]:
        """One answer for all, or one by one when it is one of them that cannot be answered."""
        try:
            cards = await matter.cards(messages)
        except TimeoutError:
            return {claimed.id: Away(matter.name) for claimed, _ in messages}
        except TRY_AGAIN:
            raise
        except Exception as error:  # noqa: BLE001 -- what one matter makes of its messages must not stop all others
            if isinstance(error, Problem) and error.code in AWAY:
                return {claimed.id: Away(matter.name) for claimed, _ in messages}
            if len(messages) == 1:
                return {messages[0][0].id: Unanswered() if isinstance(error, Problem) else error}
            log.warning("cards_not_answered", matter=matter.name, messages=len(messages), reason=described(error))
            answers = [await self._cards(matter, [each]) for each in messages]
            return {id_: ready for answer in answers for id_, ready in answer.items()}
        return {
            claimed.id: Ready(claimed, matter, told, card)
            for (claimed, told), card in zip(messages, cards, strict=True)
        }

    async def _unsealed(self, claimed: Claimed, matter: Matter[Any], told: Told) -> Ready | Exception:
        try:
            return Ready(claimed, matter, told, await sealing.opened(self.vault, claimed, told.matter))
        except (KeyError, ValueError, Unreadable) as error:
            return error


def _whole(draft: Draft) -> Letter:
    """With the reader's own way to unsubscribe, beside that of programs."""
    return replace(draft.letter, unsubscribe=draft.unsubscribe)


def _envelope(claimed: Claimed, card: Card, draft: Draft) -> Envelope:
    return Envelope(claimed.id, card.email, claimed.dated_at, draft.reply_to, draft.unsubscribe)
