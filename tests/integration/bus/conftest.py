"""A NATS server with the users and streams of the real system, and one way to break it."""

from collections.abc import AsyncIterator

import pytest

from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import Connection, open_connection
from shared.kernel.nats_access import USERS, render_config
from shared.kernel.streams import bootstrap_streams

NATS_PASSWORDS = {user: f"password/of {user}" for user in USERS}


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedNats]:
    """A server of this module alone, with the streams made."""
    async with EmbeddedNats(tmp_path_factory.mktemp("nats"), render_config, NATS_PASSWORDS) as server:
        await bootstrap_streams(server.url("operator"), monitor_url=server.monitor_url)
        yield server


@pytest.fixture(scope="module")
async def operator(nats: EmbeddedNats) -> AsyncIterator[Connection]:
    connection = await open_connection(nats.url("operator"), "test operator")
    yield connection
    await connection.close()
