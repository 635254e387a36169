"""`ikz tail`: domain events as they pass on NATS, read like any third party reads them."""

import asyncio
import json
import os
import re
import sys
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.target import AsJson, Data, fail, find
from shared.kernel.bootstrap import SERVICES

SUBJECT = re.compile(r"(?:(?:\*|[^\s.*>]+)\.)*(?:\*|>|[^\s.*>]+)")


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(tail)


def tail(
    subject: Annotated[
        str, typer.Argument(help="Which: a NATS subject such as 'ikz.events.session.>' (* and > are wildcards).")
    ] = "ikz.>",
    data: Data = None,
    *,
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="From the beginning, not only what comes.")] = False,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after so many.")] = None,
) -> None:
    """Shows domain events live, until Ctrl-C."""
    filters = filters_of(subject)
    if not filters:
        fail(f"{subject} is no subject of ours: they begin with ikz. and one of {', '.join(SERVICES)}")
    from shared.cli.following import Enough, Unreadable, follow  # noqa: PLC0415 - loads the NATS client

    def lost(reason: str) -> None:
        typer.echo(f"Interrupted ({reason}); trying again.", err=True)

    printer = Printer(as_json=as_json, count=count, enough=Enough)
    url = find(data).reader_nats_url()
    try:
        typer.echo(f"Reading {subject}; Ctrl-C ends it.", err=True)
        asyncio.run(follow(url, filters, printer.show, lost, everything=everything))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except Unreadable as error:
        fail(f"NATS: {error}")


def filters_of(subject: str) -> dict[str, str]:
    """By service, the part of `subject` that its stream holds; none for what is no subject of ours."""
    if not SUBJECT.fullmatch(subject):
        return {}
    first, *rest = subject.split(".")
    if first == ">" or (first in {"ikz", "*"} and rest[:1] == [">"]):
        return {service: f"ikz.{service}.>" for service in SERVICES}
    if first not in {"ikz", "*"} or not rest:
        return {}
    ending = ".".join(rest[1:]) or ">"
    return {service: f"ikz.{service}.{ending}" for service in SERVICES if rest[0] in {service, "*"}}


class Printer:
    """Writes one line for each event; raises `enough` after the last one wanted."""

    def __init__(self, *, as_json: bool, count: int | None, enough: type[Exception]) -> None:
        self._as_json = as_json
        self._left = count
        self._enough = enough
        self._console = Console(soft_wrap=True, highlight=False)

    def show(self, envelope: dict[str, Any]) -> None:
        """Shows one CloudEvent, if it is still wanted: other streams may bring more before they are ended."""
        if self._left == 0:
            raise self._enough
        try:
            typer.echo(self._line(envelope))
        except BrokenPipeError:  # whoever read it, `head` for one, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise self._enough from None
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                raise self._enough

    def _line(self, envelope: dict[str, Any]) -> str:
        if self._as_json:
            return json.dumps(envelope, ensure_ascii=False)
        with self._console.capture() as captured:
            self._console.print(line_of(envelope), end="")
        return captured.get()


def line_of(envelope: dict[str, Any]) -> Text:
    """One event for people: when, what, to which aggregate, with which data."""
    when = datetime.fromisoformat(envelope["time"]).astimezone()
    line = Text.assemble(
        (f"{when:%Y-%m-%d %H:%M:%S}", "dim"),
        "  ",
        (str(envelope["type"]).removeprefix("ikz."), "bold cyan"),
        "  ",
        (str(envelope.get("subject", "")), "green"),
        "  ",
        (f"#{envelope.get('position', '')}", "dim"),
    )
    shown_already = str(envelope.get("subject", "")).partition("/")[2]
    for name, value in envelope["data"].items():
        if value != shown_already and value not in (None, [], {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            line.append(f"  {name}=", "dim").append(_shown(text))
    if envelope.get("history"):
        line.append("  (history)", "yellow")
    return line


def _shown(text: str) -> str:
    """At most a hundred characters in one line; no control sequence reaches the terminal."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= 100 else plain[:99] + "…"
