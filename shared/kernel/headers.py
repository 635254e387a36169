"""The headers that make a request conditional or repeatable, read strictly."""

import hashlib
import re
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.kernel.ids import ROOT, parse_id
from shared.kernel.problems import FieldError, Language, Problem

TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
TAGS = re.compile(rf"\s*{TAG.pattern}\s*(?:,\s*{TAG.pattern}\s*)*,?")
VERSION = re.compile(r"(\d{1,19})(?::[0-9a-f]{24})?", re.ASCII)
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
BIGGEST = 2**63 - 1


def expected_version(if_match: str | None, *, required: bool) -> int | None:
    """The version that `If-Match` names: `"3"`, `W/"3"`, `3` or a `tag_of` it; None for `*` or when there is none.

    `precondition_required` when it is required and missing, `stale_version` when it is a tag that no version has,
    `bad_request` when it is no tag at all.
    """
    if if_match is None:
        if required:
            raise Problem("precondition_required")
        return None
    text = if_match.strip()
    if text == "*":
        return None
    version = VERSION.fullmatch(text if text.isdecimal() else _only_tag(text))
    if version is None or not 0 < int(version[1]) <= BIGGEST:
        raise Problem("stale_version")
    return int(version[1])


def tag_of(version: int, content: bytes) -> str:
    """The tag of a version that is shown with what changes without it: another one as soon as either is."""
    return f"{version}:{hashlib.blake2b(content, digest_size=12).hexdigest()}"


def _only_tag(text: str) -> str:
    match = TAG.fullmatch(text)
    if match is None:
        raise Problem("bad_request", "If-Match muss genau einen Stand nennen.", [_header_error("If-Match")])
    return match[1]


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether `If-None-Match` lists the tag (weak comparison, RFC 9110) or is `*`; what is no list is ignored."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return TAGS.fullmatch(if_none_match) is not None and etag.removeprefix("W/")[1:-1] in TAG.findall(if_none_match)


def command_id(idempotency_key: str | None, actor: str) -> UUID | None:
    """The command id that `Idempotency-Key` stands for: a UUID as it is, other text (of this actor) as a UUIDv5.

    A UUIDv5 is text, too: as it is it could be the id that our own commands derive from a cause, and take its place.
    """
    if idempotency_key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        detail = "Der Idempotency-Key darf 1 bis 255 druckbare ASCII-Zeichen haben."
        raise Problem("invalid_request", detail, [_header_error("Idempotency-Key")])
    given = parse_id(idempotency_key)
    if given is not None and given.version != 5:
        return given
    return uuid5(NAMESPACE_URL, f"{ROOT}idempotency-key/{actor}/{given or idempotency_key}")


def _header_error(name: str) -> FieldError:
    return FieldError(name, "invalid_header", "Diese Kopfzeile hat nicht die erwartete Form.")


def language(accept_language: str | None) -> Language:
    """German, unless the reader prefers English."""
    wishes = [_wish(part) for part in (accept_language or "").split(",")]
    german = max((weight for name, weight in wishes if name in ("de", "*")), default=0.0)
    english = max((weight for name, weight in wishes if name == "en"), default=0.0)
    return "en" if english > german else "de"


def _wish(part: str) -> tuple[str, float]:
    name, _, weight = part.partition(";")
    quality = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", weight)
    return name.strip().lower().partition("-")[0], float(quality[1]) if quality else 1.0
