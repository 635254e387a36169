"""NATS from the wheel starts wherever its folder lies."""

from pathlib import Path

from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import open_connection
from shared.kernel.nats_access import USERS, render_config


async def test_it_starts_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / 'Äpfel, "Birnen" $HOME'
    async with EmbeddedNats(folder, render_config, dict.fromkeys(USERS, "geheim")) as server:
        connection = await open_connection(server.url("operator"), "test")
        await connection.close()
    assert (folder / "jetstream").is_dir()
