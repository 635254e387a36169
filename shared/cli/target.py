"""Which system a command works on: the embedded one of a data folder, or the one that `IKZ_*` in the environment names.

`--data DIR` always means the embedded system there. Without it the environment decides if it names a system, else the
embedded system in `.ikz`.
"""

import asyncio
import os
import shlex
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kernel.bootstrap import SERVICES

if TYPE_CHECKING:
    from shared.embedded.folder import DataFolder, Running

DEFAULT_DATA = Path(".ikz")
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder of an embedded system (default: .ikz, or what IKZ_* names)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON.")]


class OperatorSettings(BaseSettings):
    """What an operator's commands take from the environment. Each may come from a file named by `IKZ_<NAME>_FILE`."""

    model_config = SettingsConfigDict(
        env_prefix="IKZ_", frozen=True, extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    operator_database_url: str | None = Field(default=None, repr=False)
    """Postgres with the operator's role, in the portal's database."""
    operator_nats_url: str | None = Field(default=None, repr=False)
    """NATS with the user `operator`."""
    reader_nats_url: str | None = Field(default=None, repr=False)
    """NATS with the user `reader`, for `ikz tail`."""
    nats_monitor_url: str | None = None
    """NATS' monitoring address."""
    api_url: str | None = None
    """The portal's address, for commands that use its API (`ikz import projects`, `ikz export`)."""
    api_token: str | None = Field(default=None, repr=False)
    """An editor's bearer token for them."""
    stream_replicas: int = 1
    """Copies of each stream in a NATS cluster."""
    files_max_bytes: int = Field(default=4 * 1024**3, gt=0)
    """Room for all files of a service together."""
    catalog_database_password: str | None = Field(default=None, repr=False)
    """The password `ikz bootstrap` gives to the catalogue's role."""
    events_database_password: str | None = Field(default=None, repr=False)
    """Likewise for events."""
    notify_database_password: str | None = Field(default=None, repr=False)
    """Likewise for notify."""
    gateway_database_password: str | None = Field(default=None, repr=False)
    """Likewise for the gateway."""


@dataclass(frozen=True, slots=True)
class Target:
    """One system, as far as it is known. What is not known and asked for ends the command with a message."""

    environments: Mapping[str, Mapping[str, str]]
    """The environment of each service's processes."""
    operator: OperatorSettings
    passwords: Mapping[str, str]

    def database_url(self, service: str) -> str:
        """A service's own address of its database."""
        return self._of(service, "IKZ_DATABASE_URL")

    def operator_database_url(self) -> str:
        """The operator's address of the database."""
        return _known(self.operator.operator_database_url, "IKZ_OPERATOR_DATABASE_URL")

    def operator_nats_url(self) -> str:
        """NATS as its operator."""
        return _known(self.operator.operator_nats_url, "IKZ_OPERATOR_NATS_URL")

    def reader_nats_url(self) -> str:
        """NATS as a reader."""
        return _known(self.operator.reader_nats_url, "IKZ_READER_NATS_URL")

    def environment(self, service: str) -> Mapping[str, str]:
        """The environment for a process of that service."""
        return self.environments[service]

    def shares_one_database_url(self) -> bool:
        """Whether only one service's database is known: the one that the environment names."""
        return len({self.environments[service].get("IKZ_DATABASE_URL") for service in SERVICES}) == 1

    def _of(self, service: str, name: str) -> str:
        return _known(self.environments[service].get(name), name)


def find(data: Path | None) -> Target:
    """The system to work on; ends the command when there is none."""
    named = ("IKZ_DATABASE_URL", "IKZ_OPERATOR_DATABASE_URL", "IKZ_OPERATOR_NATS_URL", "IKZ_READER_NATS_URL")
    if data is None and any(name in os.environ or f"{name}_FILE" in os.environ for name in named):
        return _from_environment()
    return _from_folder(data or DEFAULT_DATA)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Runs what talks to the servers; when they cannot be reached or refuse, the command ends with that."""
    import asyncpg  # noqa: PLC0415 - loads the Postgres and NATS clients

    from shared.kernel.bus import TROUBLE  # noqa: PLC0415
    from shared.kernel.streams import Unfit  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        fail(f"Postgres: {str(error) or 'no answer in time'}")
    except (*TROUBLE, Unfit) as error:
        fail(f"NATS: {error}")


def check_service(name: str) -> str:
    """A service's name, for typer."""
    if name not in SERVICES:
        raise typer.BadParameter(f"one of {', '.join(SERVICES)}")
    return name


def fail(message: str) -> NoReturn:
    """Ends the command: exit code 1, the reason on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def naming(data: Path) -> str:
    """The option that leads a command that is printed for people to this folder; nothing where it is the usual one."""
    return "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(data))}"


def api_of(data: Path | None) -> tuple[str, str | None]:
    """The address of the API and an editor's token: what the environment names, else the embedded system's."""
    if data is None and (url := _environment_value("IKZ_API_URL")):
        return url.rstrip("/"), _environment_value("IKZ_API_TOKEN")

    from shared.embedded.folder import local_url  # noqa: PLC0415 - not there in an image

    folder, running = running_in(data or DEFAULT_DATA)
    return local_url(running.ports["gateway"]), folder.secrets().editor_token


def running_in(data: Path) -> tuple["DataFolder", "Running"]:
    """The embedded system of a data folder; ends the command when none runs there."""
    from shared.embedded.folder import DataFolder, NotRunning, NotUsable  # noqa: PLC0415

    folder = DataFolder(data)
    try:
        return folder, folder.running()
    except NotRunning:
        fail(f"No system runs in {data}. Start it with `ikz up{naming(data)}`, or name another one with --data.")
    except NotUsable as error:
        fail(f"The folder {data} cannot be used ({error}).")


def _from_folder(data: Path) -> Target:
    from shared.embedded.folder import environment_of, nats_url  # noqa: PLC0415

    folder, running = running_in(data)
    kept = folder.secrets()
    return Target(
        {service: environment_of(service, running, kept, folder) for service in SERVICES},
        OperatorSettings(
            operator_database_url=running.superuser_dsn,
            operator_nats_url=nats_url(running, kept, "operator"),
            reader_nats_url=nats_url(running, kept, "reader"),
            nats_monitor_url=f"http://127.0.0.1:{running.ports['nats_monitor']}",
        ),
        kept.postgres,
    )


def _from_environment() -> Target:
    values = {name: _environment_value(f"IKZ_{name.upper()}") for name in OperatorSettings.model_fields}
    try:
        settings = OperatorSettings.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        fail(str(error))
    given = {service: getattr(settings, f"{service}_database_password") for service in SERVICES}
    here = dict(os.environ)
    if url := _environment_value("IKZ_DATABASE_URL"):
        here["IKZ_DATABASE_URL"] = url
        here.pop("IKZ_DATABASE_URL_FILE", None)
    return Target(
        dict.fromkeys(SERVICES, here), settings, {service: password for service, password in given.items() if password}
    )


def _environment_value(name: str) -> str | None:
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text("utf-8").strip()
    return os.environ.get(name)


def _known(value: str | None, name: str) -> str:
    return value if value is not None else fail(f"{name} is not set: it tells where to work.")
