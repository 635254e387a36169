"""Until the gateway is ready: people get a page that says so, programs a problem."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from services.gateway.http import starting
from shared.kernel.health import Health
from tests.integration.gateway.conftest import settings


@pytest.fixture
async def waiting() -> AsyncIterator[ClientSession]:
    """A browser in front of a gateway that still waits for its database."""
    health = Health()
    health.expect("postgres")
    runner = web.AppRunner(starting(settings("http://127.0.0.1:1"), health), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
        yield client
    await runner.cleanup()


@pytest.mark.parametrize("path", ["/", "/projekte", "/veranstaltungen/1/anmeldung", "/gibt-es-nicht"])
async def test_people_get_a_page(waiting: ClientSession, path: str) -> None:
    async with waiting.get(path) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
        assert int(answer.headers["Retry-After"]) > 0
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        html = await answer.text()
    assert "Diese Seite ist gerade nicht erreichbar" in html
    for name in set(re.findall(r'"(/static/[^"]+)"', html)):
        async with waiting.get(name) as file:
            assert file.status == 200, name


async def test_programs_get_a_problem(waiting: ClientSession) -> None:
    async with waiting.get("/api/v1/projects") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert (await answer.json(content_type=None))["code"] == "unavailable"
    async with waiting.get("/health/ready") as health:
        assert (health.status, (await health.json())["ready"]) == (503, False)
