"""The services' short-lived programs: what they print is read by others, line by line."""

import base64
import os
import socket
import subprocess
import sys

import pytest

from shared.kernel.identity import generate_keys


@pytest.mark.parametrize("service", ["catalog", "events", "notify"])
def test_a_program_that_finds_no_database_prints_nothing_but_its_answers(service: str) -> None:
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
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}.load_content"],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert [line for line in done.stdout.splitlines() if not line.startswith("{")] == []
