"""What is personal about contacts, sealed with two keys, a person's and its own: either end makes it unreadable.

The person's key goes when the person is erased; its own goes when this one thing has been kept long enough.
"""

import hashlib
import hmac
import secrets

import orjson
from pydantic import BaseModel, ConfigDict

from shared.kernel.vault import Vault


class Letter(BaseModel):
    """What somebody wrote, and the token of the link that only the mail knows."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str
    organisation_name: str | None = None
    subject: str | None = None
    text: str
    token: str


class Address(BaseModel):
    """Where a contact is reached."""

    model_config = ConfigDict(frozen=True)

    email: str


def new_token() -> str:
    """A random token of 128 bits."""
    return secrets.token_urlsafe(16)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def fingerprint(key: bytes, *parts: str) -> str:
    """Names the same parts the same way; without the key it says nothing about them."""
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()


async def seal(vault: Vault, person_id: str, vault_subject: str, plain: BaseModel) -> str:
    """`plain` behind both keys. `Erased` when the person has been forgotten."""
    await vault.ensure(person_id)
    await vault.ensure(vault_subject)
    inner = await vault.seal(person_id, f"contact/{vault_subject}", plain)
    return await vault.seal(vault_subject, "contact", {"sealed": inner})


async def opened[M: BaseModel](
    vault: Vault, person_id: str, vault_subject: str, sealed: str | None, shape: type[M]
) -> M | None:
    """What was sealed; None when either key is gone."""
    outer = await vault.open(vault_subject, "contact", sealed) if sealed else None
    if outer is None:
        return None
    plain = await vault.open(person_id, f"contact/{vault_subject}", orjson.loads(outer)["sealed"])
    return shape.model_validate_json(plain) if plain else None
