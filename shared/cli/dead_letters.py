"""`ikz dead-letters`: messages that a service could not apply, and those that wait behind them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared.cli.target import AsJson, Data, Target, check_service, fail, find, run
from shared.kernel.bootstrap import SERVICES

if TYPE_CHECKING:
    from shared.kernel.dead_letters import DeadLetter
    from shared.kernel.postgres import OwnConnection

letters = typer.Typer(help="Messages that could not be applied.", no_args_is_help=True)
Service = Annotated[str, typer.Argument(help="The service that could not apply it.")]
Number = Annotated[int, typer.Argument(help="The number that `list` shows.", min=1)]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(letters, name="dead-letters")


@letters.command("list")
def list_(
    services: Annotated[list[str] | None, typer.Argument(help="Services; all by default.")] = None,
    data: Data = None,
    *,
    discarded: Annotated[bool, typer.Option("--discarded", help="Also those that were given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists what waits, line by line: each aggregate's messages in their order."""
    target = find(data)
    found = run(_listed(target, _chosen(target, services), discarded=discarded))
    if as_json:
        typer.echo(json.dumps([_for_programs(service, letter) for service, letter in found], ensure_ascii=False))
        return
    for service, letter in found:
        typer.echo(f"{service} {letter.id}  {letter.state:<9}  {letter.type}  {letter.aggregate}  {_when(letter)}")
        if letter.error:
            typer.echo(f"    {letter.error}")
    if not found:
        typer.echo("No message waits.")


@letters.command()
def show(service: Service, number: Number, data: Data = None, *, as_json: AsJson = False) -> None:
    """Shows one with its error, its attempts and the whole message."""
    from shared.kernel.dead_letters import get  # noqa: PLC0415 - loads the NATS client

    letter = _do(service, data, lambda connection: get(connection, number))
    if as_json:
        typer.echo(json.dumps(_for_programs(service, letter), ensure_ascii=False))
        return
    for name, value in asdict(letter).items():
        if name != "message" and value is not None:
            typer.echo(f"{name:<12} {value}")
    typer.echo(_message(letter, indent=2))


@letters.command()
def retry(service: Service, number: Number, data: Data = None) -> None:
    """Has it tried again now; if it waits behind another one, that one first."""
    from shared.kernel.dead_letters import retry as ask  # noqa: PLC0415

    head = _do(service, data, lambda connection: ask(connection, number))
    typer.echo(f"{service} tries {head} now; what waits behind it follows when it gets through.")


@letters.command()
def discard(
    service: Service,
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why this is right; it is kept.")],
    data: Data = None,
) -> None:
    """Gives up the first of a line: what it says never happens here. What waits behind it follows."""
    from shared.kernel.dead_letters import discard as give_up  # noqa: PLC0415

    if not reason.strip():
        fail("A reason is needed.")
    _do(service, data, lambda connection: give_up(connection, number, reason.strip()))
    typer.echo(f"{service} {number} is discarded.")


def _chosen(target: Target, services: list[str] | None) -> list[str]:
    if services:
        return [check_service(service) for service in services]
    if target.shares_one_database_url():
        fail("IKZ_DATABASE_URL is one service's address: name that service.")
    return list(SERVICES)


async def _listed(target: Target, services: list[str], *, discarded: bool) -> "list[tuple[str, DeadLetter]]":
    from shared.kernel.dead_letters import find as waiting  # noqa: PLC0415

    found = []
    for service in services:
        letters = await _with(target.database_url(service), lambda connection: waiting(connection, discarded=discarded))
        found += [(service, letter) for letter in letters]
    return found


def _do[T](service: str, data: Any, work: "Callable[[OwnConnection], Awaitable[T]]") -> T:
    from shared.kernel.dead_letters import NoDeadLetter, NotTheOldest  # noqa: PLC0415

    try:
        return run(_with(find(data).database_url(check_service(service)), work))
    except (NoDeadLetter, NotTheOldest) as error:
        fail(f"{service}: {error}")


async def _with[T](dsn: str, work: "Callable[[OwnConnection], Awaitable[T]]") -> T:
    from shared.kernel.postgres import connect  # noqa: PLC0415

    connection = await connect(dsn, name="dead letters")
    try:
        return await work(connection)
    finally:
        await connection.close()


def _when(letter: "DeadLetter") -> str:
    match letter.state:
        case "blocked":
            return "waits behind the one before"
        case "discarded":
            return f"given up: {letter.reason}"
        case _ if letter.next_at is None:
            return f"{letter.attempts} attempts, waits until asked for"
        case _:
            return f"{letter.attempts} attempts, next {letter.next_at.astimezone():%Y-%m-%d %H:%M:%S}"


def _for_programs(service: str, letter: "DeadLetter") -> dict[str, Any]:
    plain = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(letter).items()
    }
    return {"service": service} | plain | {"message": json.loads(_message(letter))}


def _message(letter: "DeadLetter", indent: int | None = None) -> str:
    return json.dumps(json.loads(letter.message), indent=indent, ensure_ascii=False)
