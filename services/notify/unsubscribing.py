"""Links that end what they name at one click (RFC 8058): made without asking anybody, found true by their signature.

Every mail that is not strictly transactional carries one. It names a person by id and what is to end: a subscription,
all of them, or a kind of message. It opens no page with anything personal, and it holds as long as the vault's key.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from services.notify.subscriber_sealing import derived
from services.notify.wished_kinds import WISHED

PATH = "/abbestellen/"
SIGNATURE = 15
PERSON = 16


@dataclass(frozen=True, slots=True)
class Naming:
    """Whose mail it was and what is to end; neither a subscription nor a kind: every subscription."""

    person_id: str
    subscription_id: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """Makes the links, and reads them."""

    portal: str
    key: bytes

    @classmethod
    def of(cls, public_url: str, vault_key: bytes) -> "Unsubscribing":
        """With a key that nothing else is signed with."""
        return cls(public_url.rstrip("/"), derived(vault_key, "unsubscribing"))

    def unsubscribe_url(self, person_id: str, subscription_id: str | None = None, *, kind: str | None = None) -> str:
        """Where one click ends a subscription, all of them (neither named), or a kind of message to this person."""
        return f"{self.portal}{PATH}{self.token(Naming(person_id, subscription_id, kind))}"

    def of_kind(self, person_id: str, kind: str) -> str:
        """The link for mail that comes without a subscription: it ends the kind."""
        return self.unsubscribe_url(person_id, kind=kind)

    def token(self, naming: Naming) -> str:
        """What stands in the link."""
        what = b"a"
        if naming.subscription_id is not None:
            what = b"s" + UUID(naming.subscription_id).bytes
        elif naming.kind is not None:
            what = b"k" + naming.kind.encode("ascii")
        said = UUID(naming.person_id).bytes + what
        return base64.urlsafe_b64encode(said + self._signature(said)).rstrip(b"=").decode()

    def read(self, token: str) -> Naming | None:
        """What a link names; None of one that we did not make."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        said, signature = raw[:-SIGNATURE], raw[-SIGNATURE:]
        if len(said) <= PERSON or not hmac.compare_digest(signature, self._signature(said)):
            return None
        return _named(str(UUID(bytes=said[:PERSON])), said[PERSON:])

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self.key, said, hashlib.sha256)[:SIGNATURE]


def _named(person_id: str, what: bytes) -> Naming | None:
    if what[:1] == b"s":
        return Naming(person_id, subscription_id=str(UUID(bytes=what[1:])))
    if what[:1] == b"k":
        kind = what[1:].decode("ascii")
        return Naming(person_id, kind=kind) if kind in WISHED else None
    return Naming(person_id)
