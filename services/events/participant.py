"""What is personal about a registration: sealed before it reaches a command, opened for those who may see it."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from services.events.registration import RegisterParticipant
from shared.kernel.vault import Vault


class Contact(BaseModel):
    """Whom to write to, and the token of the link that only the mail knows."""

    model_config = ConfigDict(frozen=True)

    email: str
    name: str
    organisation_name: str | None = None
    token: str


type Answers = dict[str, str | bool]


def new_token() -> str:
    """A random token of 128 bits."""
    return secrets.token_urlsafe(16)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def seal(
    vault: Vault,
    *,
    registration_id: str,
    person_id: str,
    member: bool,
    organisation_id: str | None,
    contact: Contact,
    answers: Answers,
) -> RegisterParticipant:
    """The command with everything personal sealed under the person's key."""
    await vault.ensure(person_id)
    sealed_answers = await vault.seal(person_id, _answers(registration_id), dict(answers)) if answers else None
    return RegisterParticipant(
        registration_id=registration_id,
        person_id=person_id,
        member=member,
        organisation_id=organisation_id,
        token_hash=token_hash(contact.token),
        sealed=await vault.seal(person_id, _contact(registration_id), contact),
        sealed_answers=sealed_answers,
    )


async def open_contacts(vault: Vault, rows: Sequence[Any]) -> list[Contact | None]:
    """The contacts of rows of registrations, None for the erased."""
    opened = await vault.open_many(
        [(row["person_id"], _contact(row["registration_id"]), row["sealed"]) for row in rows]
    )
    return [Contact.model_validate_json(plain) if plain else None for plain in opened]


async def open_answers(vault: Vault, rows: Sequence[Any]) -> list[Answers]:
    """The answers to the organiser's questions; none where there are none, or no more."""
    asked = [row for row in rows if row["sealed_answers"] is not None]
    opened = await vault.open_many(
        [(row["person_id"], _answers(row["registration_id"]), row["sealed_answers"]) for row in asked]
    )
    found = {row["registration_id"]: orjson.loads(plain) for row, plain in zip(asked, opened, strict=True) if plain}
    return [found.get(row["registration_id"], {}) for row in rows]


def _contact(registration_id: str) -> str:
    return f"registration/{registration_id}/contact"


def _answers(registration_id: str) -> str:
    return f"registration/{registration_id}/answers"
