"""`ikz import`: the portal's own content, loaded as history, and official files of populations."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from shared.cli.programs import lines_of
from shared.cli.target import AsJson, Data, Target, check_service, fail, find

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


@imports.command()
def population(
    file: Annotated[Path, typer.Argument(help="GV100AD of the statistical offices, or a CSV table.", exists=True)],
    data: Data = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day of the count, as 2024-12-31.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Records how many people live in each municipality, all lines of the file or none."""
    target = find(data)
    options = [str(file.absolute()), *(["--as-of", f"{as_of:%Y-%m-%d}"] if as_of else [])]
    report: dict[str, Any] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("catalog", total=None)
        options += ["--dry-run"] if dry_run else []
        for line in lines_of("services.catalog.load_population", options, target.environment("catalog")):
            match line:
                case {"progress": [int(done), int(total), str(what)]}:
                    progress.update(task, description=f"catalog: {what}", completed=done, total=total)
                case {"report": dict(said)}:
                    report = said
                case {"unreadable": str(why)}:
                    fail(why)
                case other:
                    typer.echo(json.dumps(other), err=True)
    typer.echo(json.dumps(report) if as_json else _told(report))
    if report["wrong"]:
        raise typer.Exit(1)


def _told(report: dict[str, Any]) -> str:
    """A report in words; lines that cannot be used are named."""
    lines = [f"line {each['line']}, {each['column']}: {each['reason']}" for each in report["wrong_lines"]]
    outcome = "Recorded" if report["recorded"] else "Nothing recorded"
    counts = ("changed", "unchanged", "newer", "elsewhere", "missing", "wrong")
    return "\n".join((*lines, f"{outcome}: " + ", ".join(f"{report[name]} {name}" for name in counts)))
