"""The SHA-256 of what is sent, as headers say it (RFC 9530)."""

import base64
import binascii
import re

from multidict import MultiMapping

from shared.kernel.problems import FieldError, Problem

NAMES = ("Content-Digest", "Repr-Digest")
SHA_256 = re.compile(r"(?:^|,)\s*sha-256\s*=\s*([^,]*)", re.IGNORECASE)


def said(sha256: str) -> str:
    """The value of a digest's header."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def stated(headers: MultiMapping[str]) -> str | None:
    """The SHA-256 that a client states of what it sends; `bad_request` when it is none. Other digests are not read."""
    found = [(name, value) for name in NAMES for line in headers.getall(name, ()) for value in SHA_256.findall(line)]
    digests = {_hex(name, value.strip()) for name, value in found}
    if len(digests) > 1:
        raise Problem("digest_mismatch")
    return digests.pop() if digests else None


def _hex(name: str, value: str) -> str:
    try:
        raw = base64.b64decode(value.strip(":"), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32 or not (value.startswith(":") and value.endswith(":")):
        wrong = FieldError(name, "invalid_header", "Erwartet wird sha-256=:…: mit der Prüfsumme in Base64.")
        raise Problem("bad_request", errors=[wrong])
    return raw.hex()
