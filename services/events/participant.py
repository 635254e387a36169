"""What is personal about a registration: sealed before it reaches a command, opened for those who may see it."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from services.events import sealing
from services.events.registration_questions import Given
from shared.kernel.vault import Vault


class Contact(BaseModel):
    """Whom to write to, and the token of the link that only the mail knows."""

    model_config = ConfigDict(frozen=True)

    email: str
    name: str
    organisation_name: str | None = None
    token: str


def new_token() -> str:
    """A random token of 128 bits."""
    return secrets.token_urlsafe(16)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Sealed(BaseModel):
    """What somebody says about themselves, sealed: as commands take it."""

    model_config = ConfigDict(frozen=True)

    sealed: str
    sealed_answers: str | None
    sealed_for_days: Mapping[str, str]

    @property
    def fields(self) -> dict[str, Any]:
        """By the names they have in commands."""
        return dict(self)


async def seal(
    vault: Vault, *, registration_id: str, person_id: str, contact: Contact, answers: Sequence[Given]
) -> Sealed:
    """Everything personal sealed under the person's key and one of its own; answers by how long they are kept."""
    terms = sorted({each.keep_days for each in answers}, key=str)
    purposes = {days: _answers(registration_id, None if days is None else str(days)) for days in terms}
    await sealing.make_keys(vault, person_id, [_contact(registration_id), *purposes.values()])
    kept = {
        days: await sealing.seal(vault, person_id, purpose, _kept(answers, days)) for days, purpose in purposes.items()
    }
    return Sealed(
        sealed=await sealing.seal(vault, person_id, _contact(registration_id), contact),
        sealed_answers=kept.get(None),
        sealed_for_days={str(days): text for days, text in kept.items() if days is not None},
    )


def _kept(answers: Iterable[Given], days: int | None) -> dict[str, Any]:
    return {"given": [given.model_dump(mode="json") for given in answers if given.keep_days == days]}


async def open_contacts(vault: Vault, rows: Sequence[Any]) -> list[Contact | None]:
    """The contacts of rows of registrations, None for the erased."""
    opened = await sealing.open_many(
        vault, [(row["person_id"], _contact(row["registration_id"]), row["sealed"]) for row in rows]
    )
    return [Contact.model_validate_json(plain) if plain else None for plain in opened]


async def open_answers(vault: Vault, rows: Sequence[Any]) -> list[tuple[Given, ...]]:
    """The answers to the organiser's questions; none where there are none, or no more."""
    sealed = [
        (row, purpose, text)
        for row in rows
        for purpose, text in (
            (_answers(row["registration_id"]), row["sealed_answers"]),
            *((_answers(row["registration_id"], days), text) for days, text in row["sealed_for_days"].items()),
        )
        if text is not None
    ]
    opened = await sealing.open_many(vault, [(row["person_id"], purpose, text) for row, purpose, text in sealed])
    found: dict[str, list[Given]] = {}
    for (row, _, _), plain in zip(sealed, opened, strict=True):
        if plain:
            found.setdefault(row["registration_id"], []).extend(_read(orjson.loads(plain)))
    return [tuple(found.get(row["registration_id"], ())) for row in rows]


def _read(kept: dict[str, Any]) -> Iterable[Given]:
    """Those that were kept before questions had labels are read as they are."""
    given = kept.get("given")
    if isinstance(given, list):
        return map(Given.model_validate, given)
    return (
        Given(key=key, label=key, kind="yes_no" if isinstance(value, bool) else "text", value=value)
        for key, value in kept.items()
    )


def _contact(registration_id: str) -> str:
    return f"registration/{registration_id}/contact"


def _answers(registration_id: str, days: str | None = None) -> str:
    return f"registration/{registration_id}/answers" + (f"/{days}" if days else "")
