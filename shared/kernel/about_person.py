"""What a service keeps about one person, told by its owner: from sources in order, in pages that fit into an answer.

Every table with people in it is named by a source, or in `TOLD_ELSEWHERE` of the service with the reason why not.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shared.contracts.rpc import AboutPersonAnswered, AboutPersonAsked, Detail, KeptRecord
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault

AT_ONCE = 50
LARGEST = 256 * 1024  # characters: with the longest record on top it still fits into a message of a megabyte
BERLIN = ZoneInfo("Europe/Berlin")
NOTHING = "keine Angabe"

type Value = str | bool | int | dt.datetime | Sequence[str] | None
type Read = Callable[[AboutPersonAsked, str, int], Awaitable[Sequence[tuple[str, KeptRecord]]]]


@dataclass(frozen=True, slots=True)
class Source:
    """What is kept in some `tables`.

    `read(asked, after, limit)` gives the records behind the key `after` with their keys, in the order of the keys as
    texts of bytes; the first page comes after the empty key.
    """

    tables: tuple[str, ...]
    read: Read


@dataclass(frozen=True, slots=True)
class AboutPerson:
    """Answers `rpc.<service>.about_person`."""

    vault: Vault
    sources: Sequence[Source]

    async def page(self, asked: AboutPersonAsked) -> AboutPersonAnswered:
        """The records that come next; `invalid_query` for a place where no page ended."""
        number, key = _place(asked.after, len(self.sources))
        erased = await self.vault.is_erased(asked.person_id)
        records: list[KeptRecord] = []
        size = 0
        while number < len(self.sources):
            found = await self.sources[number].read(asked, key, AT_ONCE)
            for own, record in found:
                key = own
                records.append(record)
                size += len(record.model_dump_json())
                if size >= LARGEST:
                    return AboutPersonAnswered(records=tuple(records), erased=erased, next=f"{number}:{key}")
            if len(found) < AT_ONCE:
                number, key = number + 1, ""
        return AboutPersonAnswered(records=tuple(records), erased=erased)


def detail(name: str, label: str, value: Value, shown: str | None = None) -> Detail:
    """One thing that is known; `shown` where the value alone does not say it to people."""
    return Detail(name=name, label=label, value=_plain(value), shown=readable(value) if shown is None else shown)


def details_of(known: object | None, **labels: str) -> tuple[Detail, ...]:
    """Fields of what was opened, under their labels; without values where the key to it is gone."""
    return tuple(detail(name, label, getattr(known, name) if known else None) for name, label in labels.items())


def _place(after: str | None, sources: int) -> tuple[int, str]:
    if after is None:
        return 0, ""
    number, separator, key = after.partition(":")
    if not separator or not number.isascii() or not number.isdecimal() or int(number) >= sources:
        raise Problem("invalid_query")
    return int(number), key


def _plain(value: Value) -> str | bool | int | tuple[str, ...] | None:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value if value is None or isinstance(value, str | int) else tuple(value)


def readable(value: Value) -> str:
    """A value as people read it."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "ja" if value else "nein"
        case dt.datetime():
            return f"{value.astimezone(BERLIN):%d.%m.%Y, %H:%M} Uhr"
        case str() | int():
            return str(value)
        case _:  # several texts
            return ", ".join(value) or NOTHING
