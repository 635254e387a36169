"""Forms that anyone may send: a stamp proves that we rendered the form, and when, without any cookie."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.problems import Problem

SHORTEST = timedelta(seconds=2)
LONGEST = timedelta(hours=24)


def refuse_pages_of_others(headers: Mapping[str, str]) -> None:
    """`forbidden` when a browser says that a form was sent from another site's page."""
    if headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Problem("forbidden")


class Untrusted(Exception):
    """A form was not ours, is too old, or was filled faster than a person can. The code says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class FormGuard:
    """Stamps forms and checks the stamps; `key` stays with the gateway."""

    key: bytes

    def stamp(self, form: str, at: datetime) -> str:
        """A stamp for the form named `form`, rendered at `at`."""
        second = int(at.timestamp()).to_bytes(8)
        return base64.urlsafe_b64encode(second + self._mac(form, second)).decode()

    def check(self, form: str, stamp: str, at: datetime) -> None:
        """Raises `Untrusted` unless `stamp` is ours for this form and of a believable age."""
        try:
            raw = base64.urlsafe_b64decode(stamp.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError) as error:
            raise Untrusted("form_unknown") from error
        second, mac = raw[:8], raw[8:]
        if not hmac.compare_digest(mac, self._mac(form, second)):
            raise Untrusted("form_unknown")
        age = timedelta(seconds=int(at.timestamp()) - int.from_bytes(second))
        if age > LONGEST:
            raise Untrusted("form_expired")
        if age < SHORTEST:
            raise Untrusted("form_too_fast")

    def _mac(self, form: str, second: bytes) -> bytes:
        return hmac.digest(self.key, form.encode() + b"\0" + second, hashlib.sha256)[:16]


def form_key(address_key: bytes) -> bytes:
    """The guard's key, derived so that a stamp tells nothing about how addresses are looked up."""
    return hmac.digest(address_key, b"forms", hashlib.sha256)
