"""Ids: new ones that sort by time, and ones that follow from a name."""

import re
from uuid import NAMESPACE_URL, UUID, uuid5

from uuid_utils.compat import uuid7

CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
ROOT = "https://interkommunal.example/"


def new_id() -> UUID:
    """A fresh UUIDv7. Made at the edge only, never by a decider."""
    return uuid7()


def named_id(kind: str, key: str) -> UUID:
    """The same UUIDv5 for the same kind and key, on every machine: ids of loaded content and of its commands."""
    return uuid5(NAMESPACE_URL, f"{ROOT}{kind}/{key}")


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` is in its canonical form of 36 characters, or None."""
    return UUID(text) if CANONICAL.fullmatch(text) else None
