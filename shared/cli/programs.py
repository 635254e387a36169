"""Programs of the services, run with a service's environment and heard line by line."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.cli.target import fail


def lines_of(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Runs `python -m module` and yields the JSON objects it prints, each when it comes; ends the command if it fails.

    What the program logs goes to our own standard error.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        fail(f"{module} failed (code {process.returncode}).")


def text_of(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """What `python -m module` prints; ends the command if it fails."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.run(command, env=dict(environment), stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if process.returncode:
        fail(f"{module} failed (code {process.returncode}).")
    return process.stdout
