"""Second processes of services beside those of a running system."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.embedded.folder import DataFolder, environment_of, local_url
from shared.embedded.process import free_ports
from shared.embedded.supervisor import Program, keep
from tests.conftest import UNLIMITED


@dataclass(slots=True)
class Replica:
    """A second process of a service; `name` is `events-2` and the like."""

    program: Program
    url: str

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self.program.process is not None
        return self.program.process.pid


@asynccontextmanager
async def running_beside(path: Path, services: Sequence[str]) -> AsyncIterator[dict[str, Replica]]:
    """Second processes, kept running; the gateway's second one asks the second ones of events and the catalogue."""
    folder = DataFolder(path)
    running, kept = folder.running(), folder.secrets()
    ports = dict(zip(services, free_ports(len(services)), strict=True))
    replicas: dict[str, Replica] = {}
    for service, port in ports.items():
        name = f"{service}-2"
        environment = environment_of(service, running, kept, folder) | {"IKZ_PORT": str(port)}
        if service == "gateway":
            environment |= {f"IKZ_{each.upper()}_URL": local_url(ports[each]) for each in ("catalog", "events")}
        program = Program(
            [sys.executable, "-m", f"services.{service}"],
            environment | UNLIMITED,
            record=path / "processes" / f"{name}.json",
            log=path / "logs" / f"{name}.log",
        )
        replicas[name] = Replica(program, local_url(port))
    async with asyncio.TaskGroup() as tasks:
        for replica in replicas.values():
            await replica.program.start()
        keepers = [tasks.create_task(keep(each.program, _nothing, _nothing)) for each in replicas.values()]
        try:
            yield replicas
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*(each.program.stop() for each in replicas.values()))


def _nothing(*_: str) -> None:
    """Nobody has to be told."""
