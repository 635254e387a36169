"""What people type about themselves, parsed strictly: mail addresses and names."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

MAX_LOCAL = 64
MAX_DOMAIN = 189  # together 254, the longest that SMTP can carry
MAX_NAME = 200

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LINK = re.compile(r"://|www\.|<[a-z/!]", re.IGNORECASE)


class Malformed(ValueError):
    """A typed value is no address or no name; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address that mail can be sent to (`mailbox`, its domain in ASCII), and the form two spellings of it share."""

    mailbox: str

    @property
    def canonical(self) -> str:
        """Lower case throughout: no provider of municipalities tells mailboxes apart by case."""
        return self.mailbox.lower()


def parse_address(text: str) -> MailAddress:
    """The address typed as `text`; raises `Malformed` for whatever a mail server or a header could stumble over.

    A dot-atom of ASCII before the @ (RFC 5321), a domain with at least two labels after it, which may be international
    (RFC 5891). Quoted local parts, comments and IP literals are refused, and so are other letters before the @: mail
    servers on the way need not take them (RFC 6531).
    """
    local, at, domain = text.strip().rpartition("@")
    if not at:
        raise Malformed("address_without_at")
    if len(local) > MAX_LOCAL:
        raise Malformed("address_malformed")
    if not _LOCAL.fullmatch(local):
        international = _LOCAL.fullmatch("".join(c if c.isascii() or not c.isalnum() else "x" for c in local))
        raise Malformed("address_not_ascii" if international else "address_malformed")
    return MailAddress(f"{local}@{_ascii_domain(domain)}")


@lru_cache(maxsize=4096)
def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise Malformed("address_malformed") from error
    labels = ascii_domain.split(".")
    if len(ascii_domain) > MAX_DOMAIN or len(labels) < 2 or labels[-1].isdigit() or not labels[-1]:
        raise Malformed("address_malformed")
    return ascii_domain


def parse_name(text: str) -> str:
    """A person's or an office's name in one line, spaces collapsed, invisible marks dropped.

    Raises `Malformed` if it is empty, too long, or carries a link or control characters.
    """
    visible = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    name = " ".join(visible.split())
    if not name:
        raise Malformed("name_missing")
    if len(name) > MAX_NAME:
        raise Malformed("name_too_long")
    if _LINK.search(name) or any(unicodedata.category(c) in {"Cc", "Cn", "Co", "Cs"} for c in name):
        raise Malformed("name_not_plain")
    return name


def lookup_key(address: MailAddress, key: bytes) -> bytes:
    """The keyed hash under which an address is found again; without the key it says nothing about the address."""
    return hmac.digest(key, b"address\0" + address.canonical.encode(), hashlib.sha256)
