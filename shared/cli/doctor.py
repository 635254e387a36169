"""`ikz doctor`: what could keep a system from running on this machine, or what is wrong with the one that runs."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.target import DEFAULT_DATA
from shared.kernel.bootstrap import SERVICES

FREE_BYTES = 2 * 1024**3

type Finding = tuple[str, str | None]
"""What was looked at, and what is wrong with it, if anything."""


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(
    data: Annotated[Path, typer.Option("--data", help="Data folder of an embedded system.")] = DEFAULT_DATA,
) -> None:
    """Looks for what could keep the embedded system from running. Exit code 1 when something is wrong."""
    wrong = False
    for what, why in _findings(data):
        wrong = wrong or why is not None
        mark = typer.style("ok   ", fg="green") if why is None else typer.style("wrong", fg="red")
        typer.echo(f"{mark}  {what}" + ("" if why is None else f": {why}"))
    if wrong:
        raise typer.Exit(1)


def _findings(data: Path) -> Iterator[Finding]:
    from shared.embedded.folder import DataFolder, NotRunning, NotUsable  # noqa: PLC0415
    from shared.embedded.nats import binary  # noqa: PLC0415
    from shared.embedded.postgres import installation, unprivileged  # noqa: PLC0415
    from shared.embedded.process import is_free  # noqa: PLC0415
    from shared.embedded.system import DEFAULT_PORT, FURTHER_PORTS  # noqa: PLC0415

    yield f"Python {sys.version.split()[0]}", None if sys.version_info >= (3, 12) else "3.12 or newer is needed"
    yield "PostgreSQL can be executed", _trouble(lambda: installation(unprivileged()))
    yield "NATS can be executed", _trouble(binary)
    yield "the portal's styles are installed", _styles()
    place = next(parent for parent in (data.absolute(), *data.absolute().parents) if os.access(parent, os.F_OK))
    yield f"{place} can be written to", None if os.access(place, os.W_OK | os.X_OK) else "it cannot"
    free = shutil.disk_usage(place).free
    yield f"{free // 1024**2} MiB are free there", None if free > FREE_BYTES else "that is little"
    try:
        running = DataFolder(data).running()
    except NotRunning:
        for name, port in {"gateway": DEFAULT_PORT, **FURTHER_PORTS}.items():
            yield f"port {port} ({name}) is free", None if is_free(port) else "another program listens there"
        return
    except NotUsable as error:
        yield f"{data} can be read", str(error)
        return
    yield f"a system runs in {data} since {running.since.astimezone():%Y-%m-%d %H:%M}", None
    for service in SERVICES:
        why, further = asyncio.run(_readiness(running.ports[service]))
        yield f"{service} is ready", why
        for check, wrong in further.items():
            yield f"{service} can use {check}", wrong


def _trouble(look: Callable[[], object]) -> str | None:
    from shared.embedded.process import StartFailed  # noqa: PLC0415

    try:
        look()
    except StartFailed as error:
        return str(error)
    return None


def _styles() -> str | None:
    vendor = Path(__file__).parents[2] / "services" / "gateway" / "portal" / "static" / "vendor"
    return None if any(vendor.glob("*/*.css")) else "they are not: run `make install`"


async def _readiness(port: int) -> tuple[str | None, dict[str, str]]:
    """Why a service is not ready, or what does not work although it is."""
    from shared.embedded.probe import ask  # noqa: PLC0415

    status, body = await ask(port, "/health/ready")
    if status != 200:
        return body.decode(errors="replace") or "it does not answer", {}
    checks = json.loads(body)["checks"]
    return None, {check: state.get("why", "") for check, state in checks.items() if not state["ok"]}
