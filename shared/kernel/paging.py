"""Lists in pages: the parameters, and the cursor that says where a page ended."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.kernel.parsing import storable
from shared.kernel.problems import FieldError, Problem

BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class Row(Protocol):
    """What a query found, by the names of its columns."""

    def __getitem__(self, column: str, /) -> Any: ...


class Paging(BaseModel):
    """The parameters of every list; a list's own query model builds on it."""

    model_config = ConfigDict(frozen=True)

    limit: int = Field(default=20, ge=1, le=100, description="The most items to answer.")
    cursor: str | None = Field(default=None, min_length=1, max_length=2000, description="`next` of the page before.")


class Page[T](BaseModel):
    """What a list answers. `next` is the cursor of the next page; `total` counts all pages' items."""

    items: list[T]
    next: str | None
    total: int


def encode_cursor(values: Sequence[str | int | float | bool | datetime | None]) -> str:
    """Where a page ended, opaque to the client."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def next_after(found: Sequence[Row], limit: int, *columns: str) -> str | None:
    """The cursor of the page after these rows, of which one more than `limit` was asked for; None after the last page.

    `columns` are what the list is ordered by.
    """
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return encode_cursor([last[column] for column in columns])


def decode_cursor[T: tuple[Any, ...]](cursor: str, shape: TypeAdapter[T]) -> T:
    """What `encode_cursor` was given, as `shape` (of a tuple); `invalid_query` for anything else."""
    try:
        values = shape.validate_json(_decoded(cursor), strict=True)
    except (ValidationError, ValueError) as error:
        raise _not_ours() from error
    if not all(storable(value) for value in values if isinstance(value, str)):
        raise _not_ours()
    return values


def _not_ours() -> Problem:
    wrong = FieldError("cursor", "invalid_cursor", "Diese Angabe stammt nicht aus einer vorigen Seite.")
    return Problem("invalid_query", errors=[wrong])


def _decoded(cursor: str) -> bytes:
    if not BASE64URL.fullmatch(cursor):
        raise ValueError("not base64url")
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
