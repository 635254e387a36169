"""What is personal about a subscriber, sealed with two keys: the person's, and one of this thing alone.

The person's key goes when the person is erased, the other when the thing was kept long enough: a card with where to
write to, a search that somebody typed. Marks of searches tell nothing without a key of this service's.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from services.notify.subscriber_events import Card
from shared.kernel.ids import new_id
from shared.kernel.vault import Vault

TOKEN_BYTES = 32


class Address(BaseModel):
    """Where to write to, and the token of the page that only mails to there lead to."""

    model_config = ConfigDict(frozen=True)

    email: str
    token: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something that is sealed: whose it is, and the name of its own key (`a/b`)."""

    person_id: str
    thing: str
    text: str


def card_key(card_id: str) -> str:
    """The name of a card's key."""
    return f"subscriber/{card_id}"


def search_key(subscription_id: str) -> str:
    """The name of a search's key."""
    return f"search/{subscription_id}"


def digest(token: str) -> bytes:
    """What is kept of a token: nobody finds the page by it."""
    return hashlib.sha256(token.encode()).digest()


async def new_card(vault: Vault, person_id: str, email: str) -> Card:
    """A card with a token of its own; `Erased` when the person was forgotten."""
    card_id, token = str(new_id()), secrets.token_urlsafe(TOKEN_BYTES)
    sealed = await seal(vault, person_id, card_key(card_id), Address(email=email, token=token))
    return Card(card_id=card_id, sealed=sealed, token_digest=digest(token).hex())


async def seal(vault: Vault, person_id: str, thing: str, plain: BaseModel | Mapping[str, object]) -> str:
    """`plain` behind both keys, made if there are none; `Erased` when the person was forgotten."""
    await vault.ensure_all([person_id, thing])
    inner = await vault.seal(person_id, thing, plain)
    return await vault.seal(thing, thing, {"sealed": inner})


async def open_all(vault: Vault, sealed: Sequence[Sealed]) -> list[bytes | None]:
    """What was sealed, in its order, by two questions to the database; None where a key is gone."""
    outer = await vault.open_many([(one.thing, one.thing, one.text) for one in sealed])
    there = [
        (one.person_id, one.thing, str(orjson.loads(plain)["sealed"]))
        for one, plain in zip(sealed, outer, strict=True)
        if plain is not None
    ]
    inner = iter(await vault.open_many(there))
    return [None if plain is None else next(inner) for plain in outer]


async def addresses(vault: Vault, rows: Sequence[Any]) -> list[Address | None]:
    """Where to write to, of rows with `person_id`, `card_id` and `address`; None of whom we cannot write to."""
    known = [row for row in rows if row["address"] is not None]
    sealed = [Sealed(row["person_id"], card_key(row["card_id"]), row["address"]) for row in known]
    found = {
        row["person_id"]: Address.model_validate_json(plain)
        for row, plain in zip(known, await open_all(vault, sealed), strict=True)
        if plain is not None
    }
    return [found.get(row["person_id"]) for row in rows]


async def queries(vault: Vault, rows: Sequence[Any], person_id: str | None = None) -> dict[str, dict[str, Any]]:
    """What saved searches look for, by subscription, of rows with `id` and `sealed_query`; nothing of the forgotten."""
    known = [row for row in rows if row["sealed_query"] is not None]
    sealed = [Sealed(person_id or row["person_id"], search_key(row["id"]), row["sealed_query"]) for row in known]
    opened = zip(known, await open_all(vault, sealed), strict=True)
    return {row["id"]: orjson.loads(plain) for row, plain in opened if plain is not None}


def search_mark(key: bytes, query: Mapping[str, object]) -> str:
    """The same for the same search in canonical form, whoever saves it."""
    return hmac.digest(key, orjson.dumps(query, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hex()[:40]


def derived(vault_key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, from the one that is configured."""
    return hmac.digest(vault_key, f"notify/{purpose}".encode(), hashlib.sha256)
