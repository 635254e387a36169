"""Commands that talk to servers say in a sentence what is wrong with them."""

import socket
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.main import app
from shared.cli.target import api_of
from shared.embedded.process import free_ports
from shared.kernel.bootstrap import SERVICES


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> int:
    """An operator's environment that names servers which are not there."""
    (port,) = free_ports(1)
    monkeypatch.setenv("IKZ_OPERATOR_DATABASE_URL", f"postgresql://operator:secret@127.0.0.1:{port}/ikz")
    monkeypatch.setenv("IKZ_OPERATOR_NATS_URL", f"nats://operator:secret@127.0.0.1:{port}")
    monkeypatch.setenv("IKZ_DATABASE_URL", f"postgresql://ikz_catalog:secret@127.0.0.1:{port}/ikz")
    for service in SERVICES:
        monkeypatch.setenv(f"IKZ_{service.upper()}_DATABASE_PASSWORD", "secret")
    return port


@pytest.mark.parametrize(
    ("command", "server"),
    [
        (["bootstrap"], "Postgres: "),
        (["bootstrap", "--no-database"], "NATS: "),
        (["migrate", "catalog"], "Postgres: "),
        (["republish", "catalog"], "Postgres: "),
        (["dead-letters", "list", "catalog"], "Postgres: "),
    ],
    ids=" ".join,
)
def test_a_server_that_is_not_there_is_named(nowhere: int, command: list[str], server: str) -> None:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.startswith(server)
    assert "secret" not in done.output


def test_the_commands_that_are_printed_run_as_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "my folder"
    done = CliRunner().invoke(app, ["status", "--data", str(folder)])
    assert f"`ikz up --data '{folder}'`" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(app, ["up", "--data", str(folder), "--port", port])
    assert done.stderr.endswith(f"ikz up --port 9080 --data '{folder}'\n")


def test_an_api_that_the_environment_names_needs_no_embedded_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images do not carry one."""
    monkeypatch.setitem(sys.modules, "shared.embedded.folder", None)
    monkeypatch.setenv("IKZ_API_URL", "http://gateway:8080/")
    monkeypatch.setenv("IKZ_API_TOKEN", "token")
    assert api_of(None) == ("http://gateway:8080", "token")
