"""The portal's own content as readers find it, with the traps of its sources."""

from tests.integration.catalog.conftest import Client


async def test_everything_is_there(reader: Client) -> None:
    assert (await reader.get("/projects")).body["total"] == 10
    assert (await reader.get("/organisations")).body["total"] == 396 + 53 + 9
    assert (await reader.get("/topics")).body["total"] == 45
    assert (await reader.get("/resources")).body["total"] == 1
    assert (await reader.get("/key-figures")).body["total"] == 3
