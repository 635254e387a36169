"""The catalogue's organisations for a form: names to choose from, and what somebody means who typed one.

A form works without: while the catalogue is away there are no suggestions, and what is typed stays a name.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.gateway.portal.reading import Body, Listed
from services.gateway.portal.services import Missing, Refusal, Services
from services.gateway.upstream import Down

PATH: Final = "/api/v1/organisations"
FRESH: Final = 600.0
AGAIN: Final = 30.0
PATIENCE: Final = 1.5
MOST_PAGES: Final = 10
LEVELS: Final = ("municipality", "district")


class Directory:
    """Municipalities and districts as they were within the last minutes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._names: Sequence[str] = ()
        self._until = 0.0
        self._turn = asyncio.Lock()

    async def names(self) -> Sequence[str]:
        """What people are offered while they type, in alphabetical order; nobody waits while somebody else looks."""
        if self._turn.locked() and self._names:
            return self._names
        clock = asyncio.get_running_loop().time
        async with self._turn:
            if clock() >= self._until:
                found = await self._read_all()
                self._until = clock() + (FRESH if found else AGAIN)
                self._names = found or self._names
        return self._names

    async def meant(self, name: str) -> str | None:
        """The one organisation with exactly this name, or known by it; None if there is none, or several."""
        body = await self._called(name)
        return None if body is None else body.id

    async def key_of(self, name: str) -> str | None:
        """The official key (AGS) of the one municipality or district with exactly this name; None if there is none."""
        body = await self._called(name)
        return None if body is None else body.ags

    async def _called(self, name: str) -> Body | None:
        if not name.strip():
            return None
        found = await self._read({"q": name.strip()[:200], "limit": 20})
        same = [body for body in found.items if body.is_called(name)] if found else []
        return same[0] if len(same) == 1 else None

    async def _read_all(self) -> list[str]:
        names: set[str] = set()
        for level in LEVELS:
            query: dict[str, str | int] = {"level": level, "limit": 100}
            for _ in range(MOST_PAGES):
                page = await self._read(query)
                if page is None:
                    return []
                names |= {body.name for body in page.items}
                if page.next is None:
                    break
                query["cursor"] = page.next
        return sorted(names, key=str.casefold)

    async def _read(self, query: dict[str, str | int]) -> Listed[Body] | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._services.read("catalog", PATH, Listed[Body], query)
        except (Down, Missing, Refusal, TimeoutError):
            return None
