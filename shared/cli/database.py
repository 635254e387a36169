"""`ikz bootstrap`, `ikz migrate`: what an operator does to Postgres and NATS before services start."""

from typing import Annotated

import typer

from shared.cli.target import Data, Target, check_service, fail, find, run
from shared.kernel.bootstrap import SERVICES


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(bootstrap)
    app.command()(migrate)


def bootstrap(
    data: Data = None,
    *,
    database: Annotated[bool, typer.Option(help="Roles, schemas and extensions in Postgres.")] = True,
    streams: Annotated[bool, typer.Option(help="Streams in NATS.")] = True,
) -> None:
    """Makes roles, schemas, extensions and streams, as the operator. Can be run again at any time."""
    run(_bootstrap(find(data), database=database, streams=streams))


def migrate(
    services: Annotated[list[str] | None, typer.Argument(help="Services; all by default.")] = None,
    data: Data = None,
    *,
    contract: Annotated[
        bool, typer.Option("--contract", help="Also what takes away: no process of an older version runs any more.")
    ] = False,
) -> None:
    """Applies what is missing of the services' migrations, each with the service's own role."""
    target = find(data)
    names = [check_service(name) for name in services or SERVICES]
    if len(names) > 1 and target.shares_one_database_url():
        fail("IKZ_DATABASE_URL is one service's address: name that service (ikz migrate SERVICE).")
    run(_migrate(target, names, contract=contract))


async def _bootstrap(target: Target, *, database: bool, streams: bool) -> None:
    from shared.kernel.bootstrap import bootstrap_database  # noqa: PLC0415
    from shared.kernel.streams import Limits, bootstrap_streams  # noqa: PLC0415

    if database:
        missing = [service for service in SERVICES if service not in target.passwords]
        if missing:
            fail("Not set: " + ", ".join(f"IKZ_{service.upper()}_DATABASE_PASSWORD" for service in missing))
        await bootstrap_database(target.operator_database_url(), target.passwords)
        typer.echo("Postgres: roles, schemas and extensions are there.")
    if streams:
        settings = target.operator
        touched = await bootstrap_streams(
            target.operator_nats_url(),
            settings.stream_replicas,
            limits=Limits(max_file_bytes=settings.files_max_bytes),
            monitor_url=settings.nats_monitor_url,
        )
        typer.echo(f"NATS: {', '.join(touched)} made or changed." if touched else "NATS: all streams are there.")


async def _migrate(target: Target, services: list[str], *, contract: bool) -> None:
    from shared.kernel.migrations import MigrationBlocked, MigrationChanged  # noqa: PLC0415
    from shared.kernel.migrations import migrate as apply  # noqa: PLC0415

    for service in services:
        try:
            done = await apply(target.database_url(service), service, contract=contract)
        except MigrationBlocked as blocked:
            fail(f"{service}: {blocked}")
        except MigrationChanged as changed:
            fail(f"{service}: {changed} was changed after it was applied: this database belongs to another edition.")
        typer.echo(f"{service}: {', '.join(done.applied) if done.applied else 'nothing to do'}")
        if done.waiting:
            typer.echo(f"{service}: {', '.join(done.waiting)} once no older version runs: ikz migrate --contract")
