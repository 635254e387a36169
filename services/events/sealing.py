"""What is personal about a registration, sealed with two keys: the person's, and one of this thing alone.

Either end makes it unreadable, in the journal too: the person's key goes when the person is erased, the other one when
this was kept long enough, and the person's other registrations stay. What was sealed before there were two keys opens
with the person's.
"""

from collections.abc import Sequence

import orjson
from pydantic import BaseModel

from shared.kernel.vault import Vault

TWO_KEYS = "2:"


async def make_keys(vault: Vault, person_id: str, purposes: Sequence[str]) -> None:
    """The keys that `seal` needs; `Erased` when the person has been forgotten."""
    await vault.ensure_all([person_id, *purposes])


async def seal(vault: Vault, person_id: str, purpose: str, plain: BaseModel | dict[str, object]) -> str:
    """`plain` behind the person's key and that of the purpose, which names one thing of one person (`a/b/c`)."""
    inner = await vault.seal(person_id, purpose, plain)
    return TWO_KEYS + await vault.seal(purpose, purpose, {"sealed": inner})


async def open_many(vault: Vault, sealed: Sequence[tuple[str, str, str]]) -> list[bytes | None]:
    """Opens (person id, purpose, sealed) in their order, by two questions to the database; None where a key is gone."""
    outer = await vault.open_many(
        [(purpose, purpose, text.removeprefix(TWO_KEYS)) for _, purpose, text in sealed if text.startswith(TWO_KEYS)]
    )
    opened = iter(outer)
    inner = [_inner(next(opened)) if text.startswith(TWO_KEYS) else text for _, _, text in sealed]
    there = [(person_id, purpose, text) for (person_id, purpose, _), text in zip(sealed, inner, strict=True) if text]
    plain = iter(await vault.open_many(there))
    return [next(plain) if text else None for text in inner]


def _inner(outer: bytes | None) -> str | None:
    return str(orjson.loads(outer)["sealed"]) if outer else None
