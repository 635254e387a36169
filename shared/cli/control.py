"""`ikz status`, `ikz token`, `ikz run`: a running system, and one service of it."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.programs import text_of
from shared.cli.target import DEFAULT_DATA, AsJson, Data, check_service, fail, find, running_in
from shared.kernel.bootstrap import SERVICES

MODULES = (*SERVICES, "mailbox")


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(status)
    app.command()(token)
    app.command()(run)


def status(data: Data = None, *, as_json: AsJson = False) -> None:
    """Shows every address of a running embedded system, and whether its services are ready."""
    found = _status(data or DEFAULT_DATA)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    readiness = asyncio.run(_readiness(found))
    rows = [(name, f"{found[name]}  {readiness.get(name, '')}") for name in (*SERVICES, "mailbox")]
    rows.append(("nats", f"{found['nats']['url']}  user {found['nats']['user']}, password {found['nats']['password']}"))
    rows.append(("postgres", f"{found['postgres'].partition('@')[2]}  (with credentials: ikz status --json)"))
    rows.append(("pids", "  ".join(f"{name} {pid}" for name, pid in found["pids"].items())))
    for name, text in rows:
        typer.echo(f"{typer.style(f'{name:<10}', bold=True)}{text.rstrip()}")


def token(
    data: Data = None,
    member: Annotated[
        str | None,
        typer.Option("--member", help="Make a token for a member of this organisation: official key (AGS) or id."),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(
            "--email",
            help="Whose it is: this person's registrations need no link to confirm them, and mails for members and "
            "editors reach them. Without --member a new one for an editor.",
        ),
    ] = None,
) -> None:
    """Prints the editors' bearer token, or a new one of a member or of one person, and nothing else."""
    found = (
        _status(data or DEFAULT_DATA)["tokens"]["editor"]
        if member is None and email is None
        else _new_token(member, email, data or DEFAULT_DATA)
    )
    if found is None:
        fail("The token is not made yet.")
    typer.echo(found)


def _new_token(member: str | None, email: str | None, data: Path) -> str:
    """A new token under the organisation's label, or one of the person's own; one made before under a label ends."""
    role = ["editor"] if member is None else ["member", "--organisation", member]
    bearer = ["--label", f"member-{member}"] if email is None else ["--email", email]
    arguments = ["create", "--role", *role, *bearer]
    return text_of("services.gateway.tokens", arguments, find(data).environment("gateway")).strip()


def run(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(MODULES)}.")],
) -> None:
    """Runs one service from its environment (IKZ_…): executes `python -m services.SERVICE`."""
    module = "shared.mailbox" if service == "mailbox" else f"services.{check_service(service)}"
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606


def _status(data: Any) -> dict[str, Any]:
    from shared.embedded.folder import local_url  # noqa: PLC0415

    folder, running = running_in(data)
    if not running.ready:
        fail(f"The system in {data} is starting.")
    kept = folder.secrets()
    return {
        "gateway": local_url(running.ports["gateway"]),
        **{name: local_url(running.ports[name]) for name in ("catalog", "events", "notify", "mailbox")},
        "nats": {
            "url": f"nats://127.0.0.1:{running.ports['nats']}",
            "user": "reader",
            "password": kept.nats["reader"],
        },
        "postgres": running.superuser_dsn,
        "tokens": {"editor": kept.editor_token},
        "pids": running.pids,
    }


async def _readiness(found: dict[str, Any]) -> dict[str, str]:
    from shared.embedded.probe import ask  # noqa: PLC0415

    async def one(name: str) -> str:
        code, body = await ask(int(found[name].rpartition(":")[2]), "/health/ready")
        try:
            checks = json.loads(body)["checks"]
        except (ValueError, KeyError):
            return "ready" if code == 200 else "does not answer"
        wrong = [f"{check}: {state.get('why', '')}" for check, state in checks.items() if not state.get("ok")]
        return "; ".join(["ready", *wrong] if code == 200 else wrong)

    names = ("gateway", "catalog", "events", "notify")
    return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))
