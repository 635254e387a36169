"""The link of who is asked for feedback: it proves that its holder was asked, and names nobody.

`ballot` follows from the registration by a key that exists for this session's feedback only. Nothing is kept of it but
the mark of one that was used, and with the key goes the last way from a mark, or from a mail that somebody kept, to a
registration.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.kernel.ids import parse_id
from shared.kernel.vault import Vault

BALLOT = 16
SEAL = 8


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is in order, of a session's feedback that is open; `mark` is what is kept when it is used."""

    session_id: str
    mark: str


def key_of(session_id: str) -> str:
    """The key of a session's tokens, by its name in the vault."""
    return f"feedback/{session_id}/tokens"


async def tokens(vault: Vault, session_id: str, registration_ids: Sequence[str]) -> list[str] | None:
    """One for each registration, the same each time; None when the key is gone."""
    mark, session = await vault.marker(key_of(session_id)), parse_id(session_id)
    if mark is None or session is None:
        return None
    ballots = [mark(f"ballot {registration_id}")[:BALLOT] for registration_id in registration_ids]
    return [_written(session.bytes + ballot + mark(f"seal {ballot.hex()}")[:SEAL]) for ballot in ballots]


def session_of(token: str) -> str | None:
    """The session that a token speaks of, whether in order or not."""
    raw = _read(token)
    return str(UUID(bytes=raw[:16])) if raw else None


async def read(vault: Vault, token: str) -> Token | None:
    """The token if we gave it out, and its key is still there."""
    raw, session_id = _read(token), session_of(token)
    if raw is None or session_id is None:
        return None
    mark = await vault.marker(key_of(session_id))
    ballot, seal = raw[16 : 16 + BALLOT], raw[16 + BALLOT :]
    if mark is None or not hmac.compare_digest(seal, mark(f"seal {ballot.hex()}")[:SEAL]):
        return None
    return Token(session_id, mark(f"spent {ballot.hex()}").hex())


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(token: str) -> bytes | None:
    """Its bytes; only as we write them, so that a token has one form and is spent in each."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == 16 + BALLOT + SEAL and _written(raw) == token else None
