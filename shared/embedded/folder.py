"""A system's data folder: its secrets, what runs in it now, and who may run it.

secrets.json   made once: passwords, keys, the editor's token
run.json       addresses and processes of the running system, or of the last one
lock           held by the `ikz up` that runs it
processes/     one file for each child, to find it after a kill
logs/ postgres/ nats/ mailbox/ erasures/
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from shared.embedded.process import identity, write_atomically
from shared.kernel.bootstrap import SERVICES, role_of

DATABASE = "ikz"


class NotUsable(Exception):
    """The folder cannot be made, read or written to; the message says why."""


class AlreadyRunning(Exception):
    """Another `ikz up` runs this data folder."""


class NotRunning(Exception):
    """No system runs in this data folder."""


class Secrets(BaseModel):
    """Everything secret of one embedded system."""

    model_config = ConfigDict(frozen=True)

    postgres: dict[str, str]
    nats: dict[str, str]
    vault_keys: dict[str, str]
    identity_private_key: str
    identity_public_key: str
    address_key: str
    editor_token: str | None = None


class Running(BaseModel):
    """What `ikz up` says of itself to other programs."""

    model_config = ConfigDict(frozen=True)

    pid: int
    identity: str | None
    since: datetime
    ready: bool
    public_url: str
    ports: dict[str, int]
    socket_dir: Path
    superuser_dsn: str
    pids: dict[str, int]


class DataFolder:
    """The folder of one system."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Nobody else runs a system here meanwhile, else `AlreadyRunning`. The kernel frees it however we end."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NotUsable(error.strerror) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(str(self.path)) from None
            yield
        finally:
            os.close(descriptor)

    def secrets(self) -> Secrets:
        """The secrets of this system, made on first use."""
        try:
            return Secrets.model_validate_json((self / "secrets.json").read_bytes())
        except FileNotFoundError:
            made = _new_secrets()
            self.keep(made)
            return made
        except ValueError:  # told without its text, which may hold secrets
            raise NotUsable("its secrets.json is damaged") from None

    def keep(self, changed: Secrets) -> None:
        """Stores the secrets, readable to their owner alone."""
        write_atomically(self / "secrets.json", changed.model_dump_json(indent=2) + "\n")

    def note(self, running: Running) -> None:
        """Tells other programs what runs."""
        write_atomically(self / "run.json", running.model_dump_json(indent=2) + "\n")

    def last(self) -> Running | None:
        """What was noted last, whether it still runs or not; `NotUsable` if that must not be read."""
        try:
            return Running.model_validate_json((self / "run.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        except OSError as error:
            raise NotUsable(error.strerror) from error

    def running(self) -> Running:
        """The system that runs here now, else `NotRunning`."""
        last = self.last()
        if last is None or last.identity is None or identity(last.pid) != last.identity:
            raise NotRunning(str(self.path))
        return last


def environment_of(service: str, running: Running, kept: Secrets, folder: DataFolder) -> dict[str, str]:
    """The settings of one service of an embedded system, as its environment."""
    ports = running.ports
    ours = {
        "DATABASE_URL": _socket_dsn(running, role_of(service), kept.postgres[service]),
        "NATS_URL": nats_url(running, kept, service),
        "NATS_MONITOR_URL": f"http://127.0.0.1:{ports['nats_monitor']}",
        "PUBLIC_URL": running.public_url,
        "HOST": "127.0.0.1",
        "PORT": str(ports[service]),
        "VAULT_KEY": kept.vault_keys[service],
        "IDENTITY_PUBLIC_KEY": kept.identity_public_key,
        "ERASURE_LEDGER": str(folder / "erasures" / f"{service}.jsonl"),
    }
    if service == "gateway":
        ours |= {f"{other.upper()}_URL": local_url(ports[other]) for other in SERVICES if other != "gateway"}
        ours |= {"IDENTITY_PRIVATE_KEY": kept.identity_private_key, "ADDRESS_KEY": kept.address_key}
    if service == "notify":
        ours |= {"SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}"}
    set_here = {f"IKZ_{name}": value for name, value in ours.items()}
    return inherited(set_here) | set_here


def inherited(replaced: dict[str, str]) -> dict[str, str]:
    """Our own environment without what is replaced, in either form (`IKZ_X`, `IKZ_X_FILE`)."""
    hidden = {*replaced, *(f"{name}_FILE" for name in replaced)}
    return {name: value for name, value in os.environ.items() if name not in hidden} | {"PYTHONUNBUFFERED": "1"}


def local_url(port: int) -> str:
    """An HTTP address on this machine."""
    return f"http://127.0.0.1:{port}"


def nats_url(running: Running, kept: Secrets, user: str) -> str:
    """The NATS address with a user's credentials."""
    password = quote(kept.nats[user], safe="")
    return f"nats://{user}:{password}@127.0.0.1:{running.ports['nats']}"


def _socket_dsn(running: Running, role: str, password: str) -> str:
    host = quote(str(running.socket_dir), safe="")
    return f"postgresql://{role}:{quote(password, safe='')}@/{DATABASE}?host={host}&port={running.ports['postgres']}"


def _new_secrets() -> Secrets:
    # For the first start only: the first loads cryptography, the second a NATS client.
    from shared.kernel.identity import generate_keys  # noqa: PLC0415
    from shared.kernel.nats_access import USERS  # noqa: PLC0415

    keys = generate_keys()
    return Secrets(
        postgres={service: secrets.token_urlsafe(24) for service in SERVICES},
        nats={user: secrets.token_urlsafe(24) for user in USERS},
        vault_keys={service: _key() for service in SERVICES},
        identity_private_key=keys.private,
        identity_public_key=keys.public,
        address_key=_key(),
    )


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
