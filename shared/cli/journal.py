"""`ikz rebuild`, `ikz republish`: what follows from a journal is made anew."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from shared.cli.programs import lines_of
from shared.cli.target import AsJson, Data, check_service, fail, find, run

Service = Annotated[str, typer.Argument(help="The service whose journal it is.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(rebuild)
    app.command()(republish)


def rebuild(
    service: Service,
    projections: Annotated[list[str] | None, typer.Argument(help="Read models; none: they are listed.")] = None,
    data: Data = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All read models of the service.")] = False,
    as_json: AsJson = False,
) -> None:
    """Builds read models anew beside the live ones and swaps them in. Nobody is mailed, nothing stands still."""
    arguments = [*(projections or ()), *(["--all"] if everything else [])]
    environment = find(data).environment(check_service(service))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        tasks = {}
        for line in lines_of(f"services.{service}.rebuild", arguments, environment):
            match line:
                case {"progress": [int(done), int(total), str(name)]}:
                    if name not in tasks:
                        tasks[name] = progress.add_task(name)
                    progress.update(tasks[name], completed=done, total=total)
                case _ if as_json:
                    typer.echo(json.dumps(line))
                case {"projections": list(names)}:
                    if not arguments:
                        typer.echo("\n".join(names))
                case {"rebuilt": {"projection": str(name), "events": int(events), "different": list(different)}}:
                    verdict = f"different before: {', '.join(different)}" if different else "as it was before"
                    typer.echo(f"{name}: rebuilt from {events} events, {verdict}")
                case _:
                    typer.echo(json.dumps(line))


def republish(service: Service, data: Data = None) -> None:
    """Has a service publish its whole journal again, with the same ids: whoever has seen an event skips it."""
    if not run(_republish(find(data).database_url(check_service(service)))):
        fail(f"{service} has published nothing yet.")
    typer.echo(f"{service} publishes its journal again from now on: `ikz tail 'ikz.{service}.>'` shows it.")


async def _republish(dsn: str) -> bool:
    from shared.kernel.postgres import connect  # noqa: PLC0415 - loads the Postgres client
    from shared.kernel.reconcile import request_republishing  # noqa: PLC0415

    connection = await connect(dsn, name="republish")
    try:
        return await request_republishing(connection)
    finally:
        await connection.close()
