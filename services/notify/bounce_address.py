"""The address that a message's bounce comes back to. It says which message it was, and that we wrote it.

`bounces+<message>.<proof>@portal.example`: both in lower-case base32, because servers may change the case of what they
send back. Whoever has not had the message cannot make the proof.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from services.notify.address_mark import derived

PROOF = 10
LONGEST_LOCAL = 64
LONGEST_MAILBOX = LONGEST_LOCAL - len("+.") - 26 - 16


class Forged(ValueError):
    """It looks like one of these addresses, and we did not make it."""


@dataclass(frozen=True, slots=True)
class BounceAddresses:
    """Makes and reads the addresses of one mailbox, whose server delivers `local+anything@domain` to it."""

    mailbox: str
    key: bytes = field(repr=False)

    @classmethod
    def of_vault(cls, mailbox: str, vault_key: bytes) -> "BounceAddresses":
        """Those of this installation."""
        return cls(mailbox, derived(vault_key, "bounce addresses"))

    def of(self, message_id: UUID) -> str:
        """The envelope sender of a message, the same however often it is sent."""
        local, _, domain = self.mailbox.rpartition("@")
        return f"{local}+{_written(message_id.bytes)}.{_written(self._proof(message_id))}@{domain}"

    def read(self, address: str) -> UUID | None:
        """Which message comes back; None for an address of another kind, `Forged` for one that is not ours."""
        local, _, domain = address.strip().lower().rpartition("@")
        own, _, own_domain = self.mailbox.lower().rpartition("@")
        if domain != own_domain or not local.startswith(f"{own}+"):
            return None
        message, _, proof = local.removeprefix(f"{own}+").partition(".")
        raw, given = _read(message), _read(proof)
        if raw is None or given is None or len(raw) != 16:
            raise Forged
        message_id = UUID(bytes=raw)
        if not hmac.compare_digest(given, self._proof(message_id)):
            raise Forged
        return message_id

    def _proof(self, message_id: UUID) -> bytes:
        return hmac.digest(self.key, message_id.bytes, sha256)[:PROOF]


def _written(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _read(text: str) -> bytes | None:
    try:
        return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
