"""Names of organisations for a form, while the catalogue is slow."""

import asyncio
from typing import Any, cast

import pytest

from services.gateway.portal import directory
from services.gateway.portal.directory import Directory
from services.gateway.portal.reading import Body, Listed
from services.gateway.portal.services import Services


class Catalogue:
    """One municipality, as soon as the gate is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked = asyncio.Event()

    async def read(self, *_: object) -> Listed[Body]:
        self.asked.set()
        await self.open.wait()
        return Listed[Body].model_validate({"items": [{"id": "1", "name": "Musterstadt"}], "next": None, "total": 1})


async def test_nobody_waits_while_the_names_are_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "FRESH", 0.0)
    catalogue = Catalogue()
    names = Directory(cast("Services", cast("Any", catalogue)))
    catalogue.open.set()
    assert await names.names() == ["Musterstadt"]
    catalogue.open.clear()
    catalogue.asked.clear()
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(names.names())
        await catalogue.asked.wait()
        async with asyncio.timeout(directory.PATIENCE / 2):
            assert await names.names() == ["Musterstadt"]
        assert not looking.done()
        catalogue.open.set()
