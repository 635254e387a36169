"""`ikz import projects`, `ikz export projects`: the catalogue's files, by the API that everybody uses."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from shared.cli.content import imports
from shared.cli.target import AsJson, Data, api_of, fail

if TYPE_CHECKING:
    from aiohttp import ClientSession

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PATIENCE = 300.0  # for the file to be sent and looked through, and for the next part of an export
LOOK_AGAIN = 0.3
AWAY = 60.0  # seconds for which a portal may be away while an import is asked for and watched
NOT_THERE = (502, 503, 504)
SHOWN = 20
PART = 1 << 16

type Send = Callable[["ClientSession"], Awaitable[tuple[dict[str, Any], str | None]]]
"""Sends a file: what is answered, and the import's address if there is one."""

exports = typer.Typer(help="Writes files.", no_args_is_help=True)


class Mode(StrEnum):
    """What is to be done with a file."""

    dry_run = "dry_run"
    all_or_none = "all_or_none"
    good_rows = "good_rows"


class Status(StrEnum):
    """What becomes of imported projects."""

    drafted = "drafted"
    submitted = "submitted"
    published = "published"


class Format(StrEnum):
    """How a list is written."""

    csv = "csv"
    xlsx = "xlsx"
    json = "json"
    geojson = "geojson"
    ttl = "ttl"
    jsonld = "jsonld"
    atom = "atom"


def add_to(app: typer.Typer) -> None:
    """Adds the commands; `import` is there already."""
    imports.command("projects")(take)
    exports.command("projects")(give)
    app.add_typer(exports, name="export")


@exports.callback()
def group() -> None:
    """Writes what is in a running system into files."""


def take(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV or XLSX file.")],
    *,
    mode: Annotated[Mode, typer.Option(help="Only look; all rows or none; the good rows.")] = Mode.all_or_none,
    status: Annotated[Status, typer.Option(help="What becomes of the projects.")] = Status.drafted,
    source: Annotated[str, typer.Option(help="Where the file comes from: keeps its external ids apart.")] = "",
    report: Annotated[Path | None, typer.Option(help="Write the whole report there, as CSV.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: asked again with the same one, it is the same import.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Imports projects: with a progress bar, and a line for every row that is not good. Exit code 1 if there is any."""
    url, token = api_of(data)
    asked = {"mode": mode.value, "status": status.value, "source": source, "filename": file.name}
    kind = XLSX if file.suffix.lower() == ".xlsx" else "text/csv"
    headers = {"Content-Type": kind, "Idempotency-Key": key or str(uuid4())}
    found: dict[str, Any] = _run(_take(url, token, partial(_sent, asked, file.read_bytes(), headers), report))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _say(found)
    if found["status"] == "refused" or found["failed"] or (found["status"] == "checked" and found["bad"]):
        raise typer.Exit(1)


def give(
    *,
    form: Annotated[Format, typer.Option("--format", help="How the list is written.")] = Format.csv,
    out: Annotated[Path | None, typer.Option(help="The file to write; standard output without it.")] = None,
    q: Annotated[str | None, typer.Option(help="Words, as in the search.")] = None,
    sort: Annotated[str | None, typer.Option(help="The order, as in the search.")] = None,
    narrowed: Annotated[
        list[str] | None, typer.Option("--filter", help="A filter of the search, NAME=VALUE; again for more.")
    ] = None,
    data: Data = None,
) -> None:
    """Exports projects that are narrowed and sorted as `GET /api/v1/projects` does it."""
    url, token = api_of(data)
    query = [*([("q", q)] if q else []), *([("sort", sort)] if sort else []), *map(_pair, narrowed or ())]
    _run(_give(url, token, form.value, query, out))


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text}: NAME=VALUE")
    return name, value


def _run[T](work: Coroutine[Any, Any, T]) -> T:
    import aiohttp  # noqa: PLC0415 -- loads the HTTP client

    try:
        return asyncio.run(work)
    except (aiohttp.ClientError, TimeoutError) as error:
        fail(f"The portal does not answer: {str(error) or 'not in time'}")


@asynccontextmanager
async def _session(url: str, token: str | None) -> "AsyncIterator[ClientSession]":
    from aiohttp import ClientSession, ClientTimeout  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession(url, headers=headers, timeout=ClientTimeout(total=None, sock_read=PATIENCE)) as session:
        yield session


async def _take(url: str, token: str | None, send: Send, report: Path | None) -> dict[str, Any]:
    async with _session(url, token) as session:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("looking through", total=None)
            found, address = await send(session)
            if address is None:
                fail(f"{found.get('title')}: {found.get('detail')}")
            shown = await _watch(session, address, progress, task)
        lines = found.get("lines") or [
            {"row": error["field"].split("/")[1], "detail": error["detail"]} for error in found.get("errors", ())
        ]
        if report is not None:
            await _write(session, shown["report"], [], report)
        return {**shown, "lines": lines if shown["status"] != "finished" else await _lines(session, address)}


async def _sent(
    asked: dict[str, str], content: bytes, headers: dict[str, str], session: "ClientSession"
) -> tuple[dict[str, Any], str | None]:
    """What is answered to the file, and the import's address if there is one."""

    async def ask() -> tuple[dict[str, Any], str | None]:
        async with session.post("/api/v1/projects/imports", params=asked, data=content, headers=headers) as answer:
            if answer.status in NOT_THERE:
                answer.raise_for_status()
            return await answer.json(content_type=None), answer.headers.get("Location")

    return await _until_there(ask)


async def _watch(session: "ClientSession", address: str, progress: Progress, task: TaskID) -> dict[str, Any]:
    """The import when it is over. Whoever stops watching does not stop it."""

    async def look() -> dict[str, Any]:
        async with session.get(address) as answer:
            answer.raise_for_status()
            shown: dict[str, Any] = await answer.json()
            return shown

    while True:
        shown = await _until_there(look)
        done = shown["done"] + shown["failed"]
        progress.update(task, description="projects", completed=done, total=shown["total"])
        if shown["status"] != "running":
            return shown
        await asyncio.sleep(LOOK_AGAIN)


async def _until_there[T](ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, asked for again while the portal is away for a while; not when it never was there."""
    from aiohttp import ClientConnectorError, ClientError, ClientResponseError  # noqa: PLC0415

    clock = asyncio.get_running_loop().time
    until, first = clock() + AWAY, True
    while True:
        try:
            return await ask()
        except (ClientError, TimeoutError) as error:
            answered = isinstance(error, ClientResponseError) and error.status not in NOT_THERE
            never = first and isinstance(error, ClientConnectorError)
            if answered or never or clock() > until:
                raise
        first = False
        await asyncio.sleep(LOOK_AGAIN)


async def _lines(session: "ClientSession", address: str) -> list[dict[str, Any]]:
    async with session.get(f"{address}/lines", params={"limit": "100"}) as answer:
        answer.raise_for_status()
        found: list[dict[str, Any]] = (await answer.json())["items"]
        return found


async def _give(url: str, token: str | None, form: str, query: list[tuple[str, str]], out: Path | None) -> None:
    async with _session(url, token) as session:
        await _write(session, f"/api/v1/projects/export.{form}", query, out)


async def _write(session: "ClientSession", address: str, query: list[tuple[str, str]], out: Path | None) -> None:
    """The answer into a file that is there whole, or not at all."""
    async with session.get(address, params=query) as answer:
        if answer.status != 200:
            problem = await answer.json(content_type=None)
            fail(f"{problem['title']}: {problem['detail']} {' '.join(each['field'] for each in problem['errors'])}")
        if out is None:
            async for part in answer.content.iter_chunked(PART):
                sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            return
        beside = out.with_name(f".{out.name}.part")
        try:
            with beside.open("wb") as file:
                async for part in answer.content.iter_chunked(PART):
                    file.write(part)
            beside.replace(out)
        finally:
            beside.unlink(missing_ok=True)


def _say(found: dict[str, Any]) -> None:
    counts = ", ".join(f"{name} {found[name]}" for name in ("new", "changed", "unchanged", "bad"))
    over = f"; done {found['done']}, failed {found['failed']}" if found["status"] == "finished" else ""
    typer.echo(f"{found['status']}: {found['total']} rows ({counts}){over}")
    if ignored := found["file"]["ignored_columns"]:
        typer.echo(f"Columns that were not read: {', '.join(ignored)}")
    for line in found["lines"][:SHOWN]:
        where = f", {line['column']}" if line.get("column") else ""
        said = (
            line["detail"] if line["detail"].startswith("Zeile ") else f"Zeile {line['row']}{where}: {line['detail']}"
        )
        typer.echo(said)
    if len(found["lines"]) > SHOWN:
        typer.echo(f"… the whole report: {found['report']}, or --report FILE")
