"""pretix beside us: installed from the package index, on the same PostgreSQL, as its handbook has it run.

Its database is made once and kept as a dump in its virtual environment, since its migrations take minutes.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel
from yarl import URL

from bench.servers import Servers
from shared.embedded.postgres import installation
from shared.embedded.probe import ask
from shared.embedded.process import end, free_ports, spawn, tail
from shared.kernel.bootstrap import create_database

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".venv-pretix"
PYTHON = HOME / "bin" / "python"
DUMP, SITE = HOME / "site.dump", HOME / "site.json"
SETTING_UP = Path(__file__).parent / "peers" / "pretix_site.py"
DATABASE = "pretix"
WORKERS = 2
PATIENCE = 120.0
SETTINGS = """\
[pretix]
url=http://127.0.0.1:{port}
datadir={folder}
[database]
backend=postgresql
name={database}
user={user}
password={password}
host=127.0.0.1
port={postgres}
[locale]
default=de
timezone=Europe/Berlin
[mail]
host=127.0.0.1
port=9
[django]
debug=off
secret={secret}
"""


class NotInstalled(Exception):
    """pretix is not there, or did not start; the message says what it said."""


class Site(BaseModel):
    """Where orders go, for what, and whose they are."""

    path: str
    item: int
    token: str


@dataclass(frozen=True, slots=True)
class Pretix:
    """A running pretix: its port, its first process, and an event that takes orders."""

    port: int
    pid: int
    site: Site

    @property
    def headers(self) -> dict[str, str]:
        """What lets an order in."""
        return {"Authorization": f"Token {self.site.token}"}

    def order(self, email: str) -> str:
        """The body of an order of one free ticket, paid and without a mail."""
        position = {
            "positionid": 1,
            "item": self.site.item,
            "price": "0.00",
            "attendee_name_parts": {"_scheme": "full", "full_name": "Erika Muster"},
            "attendee_email": email,
            "answers": [],
        }
        order = {"email": email, "locale": "de", "status": "p", "payment_provider": "free", "send_email": False}
        return orjson.dumps({**order, "positions": [position]}).decode()


@asynccontextmanager
async def pretix(servers: Servers) -> AsyncIterator[Pretix]:
    """gunicorn with as many workers as there are cores here, ready for orders; ended when left."""
    if not PYTHON.exists():
        raise NotInstalled("run `make bench`, which installs it")
    (port,) = free_ports(1)
    environment = _settings(servers, port)
    site = await _database(servers, environment)
    log = servers.folder / "logs" / "pretix.log"
    command = [str(PYTHON), "-m", "gunicorn", "pretix.wsgi", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}"]
    process = await servers.supervision.do(
        spawn(command, record=servers.folder / "pretix.json", log=log, environment=environment)
    )
    try:
        await _until_ready(process, port, site, log)
        yield Pretix(port, process.pid, site)
    finally:
        await servers.supervision.do(end(process))


def _settings(servers: Servers, port: int) -> dict[str, str]:
    folder = servers.folder / "pretix"
    folder.mkdir()
    dsn = URL(servers.postgres.superuser_dsn_for(DATABASE, tcp=True))
    file = folder / "pretix.cfg"
    file.write_text(
        SETTINGS.format(
            port=port,
            folder=folder,
            database=DATABASE,
            user=dsn.user,
            password=dsn.password,
            postgres=dsn.port,
            secret=secrets.token_hex(),
        )
    )
    return {**os.environ, "PRETIX_CONFIG_FILE": str(file)}


async def _database(servers: Servers, environment: Mapping[str, str]) -> Site:
    """The database as it was dumped; made and dumped by the first run."""
    await create_database(servers.postgres.superuser_dsn, DATABASE)
    dsn = servers.postgres.superuser_dsn_for(DATABASE, tcp=True)
    if SITE.exists():
        await _run(str(installation(None) / "pg_restore"), "--dbname", dsn, str(DUMP))
    else:
        await _run(str(PYTHON), "-m", "pretix", "migrate", environment=environment)
        said = await _run(str(PYTHON), str(SETTING_UP), environment=environment)
        await _run(str(installation(None) / "pg_dump"), "--format", "custom", "--file", str(DUMP), dsn)
        SITE.write_bytes(said)
    return Site.model_validate_json(SITE.read_bytes())


async def _run(*command: str, environment: Mapping[str, str] | None = None) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaints = await process.communicate()
    if process.returncode:
        raise NotInstalled(f"{command[-1]}: {complaints.decode()[-2000:]}")
    return said


async def _until_ready(process: asyncio.subprocess.Process, port: int, site: Site, log: Path) -> None:
    started = time.perf_counter()
    while (await ask(port, site.path))[0] not in {200, 401}:  # 401: it answers, and wants to know who asks
        if process.returncode is not None or time.perf_counter() - started > PATIENCE:
            raise NotInstalled(tail(log))
        await asyncio.sleep(0.1)
