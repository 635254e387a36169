"""`ikz import content`: the portal's own content, loaded as history; what is there already is left alone."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from shared.cli.programs import lines_of
from shared.cli.target import AsJson, Data, Target, check_service, find

WITH_CONTENT = ("catalog", "events", "notify")
imports = typer.Typer(help="Loads content.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(imports, name="import")


@imports.callback()
def group() -> None:
    """Loads content into a running system."""


@imports.command()
def content(
    services: Annotated[list[str] | None, typer.Argument(help="Services; all by default.")] = None,
    data: Data = None,
    folder: Annotated[Path | None, typer.Option("--content", help="Another folder with content.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Loads the portal's content as history: with its own times, and mailing nobody."""
    target = find(data)
    loaded: dict[str, int] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for service in [check_service(name) for name in services or WITH_CONTENT]:
            loaded |= _load(target, service, folder, progress)
    if as_json:
        typer.echo(json.dumps({"loaded": loaded}))
    else:
        typer.echo("Loaded: " + (", ".join(f"{what}: {count}" for what, count in loaded.items()) or "nothing"))


def _load(target: Target, service: str, folder: Path | None, progress: Progress) -> dict[str, int]:
    options = [] if folder is None else ["--content", str(folder.absolute())]
    loaded: dict[str, int] = {}
    task = progress.add_task(service, total=None)
    for line in lines_of(f"services.{service}.load_content", options, target.environment(service)):
        match line:
            case {"progress": [int(done), int(total), str(what)]}:
                progress.update(task, description=f"{service}: {what}", completed=done, total=total)
            case {"loaded": dict(counts)}:
                loaded |= counts
            case other:
                typer.echo(json.dumps(other), err=True)
    return loaded
