"""What stands for a mail address where no address may be kept: a keyed hash, the same for every spelling of it."""

import hashlib
import hmac
from dataclasses import dataclass, field
from uuid import UUID

SIZE = 16


def derived(vault_key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose; none of them tells anything about another, or about `IKZ_VAULT_KEY`."""
    return hmac.digest(vault_key, f"ikz notify {purpose}".encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class AddressMarks:
    """Makes marks. Without the key a mark says nothing about its address, and cannot be made of a guessed one."""

    key: bytes = field(repr=False)

    @classmethod
    def of_vault(cls, vault_key: bytes) -> "AddressMarks":
        """Those of this installation."""
        return cls(derived(vault_key, "address marks"))

    def of(self, address: str) -> UUID:
        """The mark, as the id that a suppression has."""
        return UUID(bytes=hashlib.blake2b(canonical(address).encode(), key=self.key, digest_size=SIZE).digest())


def canonical(address: str) -> str:
    """Lower case throughout, as the gateway takes addresses: no provider of municipalities tells case apart."""
    return address.strip().lower()


def host_of(address: str) -> str:
    """The part behind the @, where the mail goes."""
    return canonical(address).rpartition("@")[2]
