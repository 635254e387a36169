"""The services' short-lived programs: what they print is read by others, line by line."""

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from shared.kernel.identity import generate_keys

SERVICES = ("catalog", "events", "notify")


@pytest.fixture(scope="module")
def without_database() -> Iterator[Mapping[str, subprocess.Popen[str]]]:
    """The programs, all at work at once: each takes its time to give up."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    environment = os.environ | {
        "IKZ_DATABASE_URL": f"postgresql://nobody:secret@127.0.0.1:{port}/nothing",
        "IKZ_NATS_URL": f"nats://127.0.0.1:{port}",
        "IKZ_VAULT_KEY": base64.b64encode(bytes(32)).decode(),
        "IKZ_IDENTITY_PUBLIC_KEY": generate_keys().public,
        "IKZ_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "IKZ_LOG_FORMAT": "json",
    }
    running = {
        service: subprocess.Popen(
            [sys.executable, "-m", f"services.{service}.load_content"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for service in SERVICES
    }
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
def test_a_program_that_finds_no_database_prints_nothing_but_its_answers(
    without_database: Mapping[str, subprocess.Popen[str]], service: str
) -> None:
    process = without_database[service]
    printed, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert [line for line in printed.splitlines() if not line.startswith("{")] == []
