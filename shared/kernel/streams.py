"""The JetStream streams: one for each service that publishes, made by an operator, checked by everyone who uses them.

A service that keeps files has an object store beside, whose stream is made here, too.

A server silently drops what it does not know of a configuration (atomic batches before 2.12, `sync_interval: always`
before 2.10), and an acknowledged message is only on disk when every write is synced. So what the server echoes is
compared with what was asked for, and its version and durability are read from its monitoring port.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from shared.kernel.bus import ApiError, Connection, open_connection

PUBLISHERS = ("catalog", "events", "notify", "gateway")
FILE_KEEPERS = ("catalog", "events")
OLDEST_SERVER = (2, 12)
NO_SUCH_STREAM, NO_SUCH_MESSAGE, NO_STORE = 10059, 10037, 10049
NANOSECONDS = 1_000_000_000
MONITOR_TIMEOUT = 3.0
MONITOR_ATTEMPTS, MONITOR_RETRY = 4, 0.5
MAX_PAYLOAD = 1024 * 1024
STORE_ATTEMPTS, STORE_RETRY = 20, 0.25


class Unfit(Exception):
    """NATS is not as it must be; the message says what to change. Trying again does not help."""


class NoStream(Exception):
    """The stream is not there (yet): `ikz bootstrap` makes it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the past a stream keeps. Whoever falls behind it is served from the journal again."""

    max_age: timedelta = timedelta(days=90)
    max_bytes: int = 1024**3
    max_message: int = 256 * 1024
    max_file_bytes: int = 4 * 1024**3
    """Of all files of a service together; past it no more are taken, and none is dropped."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream at a moment `at` of the server's clock. Of an empty one the next message is the first, from now on.

    `largest` is the size in bytes of the largest message it takes.
    """

    created: str
    at: str
    messages: int
    first_seq: int
    first_at: str
    last_seq: int
    last_at: str
    size: int
    largest: int
    max_age: int
    max_bytes: int

    @property
    def aged_out(self) -> bool:
        """Whether it is empty because its last message grew too old."""
        return self.last_seq > 0 and not self.messages and self._too_old(self.last_at)

    def lost_its_beginning(self, first_seq: int, first_at: str) -> bool:
        """Whether messages went since `first_seq` of `first_at` was the first, and neither age nor size explains it."""
        if self.first_seq <= first_seq:
            return False
        by_size = self.max_bytes > 0 and self.size > 0.9 * self.max_bytes
        return not by_size and not self._too_old(first_at)

    def _too_old(self, then: str) -> bool:
        age = datetime.fromisoformat(self.at) - datetime.fromisoformat(then)
        return 0 < self.max_age < age.total_seconds() * NANOSECONDS


def stream_of(service: str) -> str:
    """The name of a service's stream."""
    return f"IKZ_{service.upper()}"


def subjects_of(service: str) -> str:
    """All subjects a service publishes to."""
    return f"ikz.{service}.>"


def bucket_of(service: str) -> str:
    """The name of the object store with a service's files."""
    return f"{stream_of(service)}_FILES"


def bucket_stream_of(service: str) -> str:
    """The stream behind it, named as every client of object stores expects."""
    return f"OBJ_{bucket_of(service)}"


def _essential(service: str) -> dict[str, Any]:
    """What publishing and consuming rely on."""
    return {
        "name": stream_of(service),
        "subjects": [subjects_of(service)],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "allow_atomic": True,
        "no_ack": False,
        "sealed": False,
        "mirror": None,
        "sources": None,
        "republish": None,
        "subject_transform": None,
        "allow_rollup_hdrs": False,
    }


def configuration(service: str, replicas: int, limits: Limits) -> dict[str, Any]:
    """What the operator asks for."""
    wanted = {key: value for key, value in _essential(service).items() if value is not None}
    return wanted | {
        "max_age": int(limits.max_age.total_seconds()) * NANOSECONDS,
        "max_bytes": limits.max_bytes,
        "max_msg_size": limits.max_message,
        "num_replicas": replicas,
        "allow_direct": True,
    }


def bucket_configuration(service: str, replicas: int, limits: Limits) -> dict[str, Any]:
    """What the operator asks for where files are kept: nothing in it ends by itself (NATS ADR-20)."""
    return {
        "name": bucket_stream_of(service),
        "subjects": [f"$O.{bucket_of(service)}.{part}.>" for part in ("C", "M")],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_age": 0,
        "max_bytes": limits.max_file_bytes,
        "max_msgs": -1,
        "num_replicas": replicas,
        "allow_rollup_hdrs": True,
        "allow_direct": True,
    }


def differences(wanted: Mapping[str, Any], echoed: Mapping[str, Any]) -> list[str]:
    """Sentences naming each field whose echoed value is not the wanted one; an absent field counts as off."""
    found = {key: (value, echoed.get(key)) for key, value in wanted.items()}
    return [
        f"{key} is {now!r} instead of {want!r}" for key, (want, now) in found.items() if now != want and (now or want)
    ]


async def bootstrap_streams(
    operator_url: str, replicas: int = 1, *, limits: Limits | None = None, monitor_url: str | None = None
) -> list[str]:
    """Makes every stream, or brings it to its configuration, and gives the names of those it touched.

    Safe to run again at any time: a stream that is as it should be is left alone. Raises `Unfit` when the server cannot
    or does not do what was asked; `Lost` or `Denied` when it cannot be reached.
    """
    if monitor_url is not None:
        await verify_server(monitor_url)
    connection = await open_connection(operator_url, "ikz bootstrap")
    try:
        limits = limits or Limits()
        wanted = [configuration(service, replicas, limits) for service in PUBLISHERS]
        wanted += [bucket_configuration(service, replicas, limits) for service in FILE_KEEPERS]
        return [config["name"] for config in wanted if await _ensure(connection, config)]
    finally:
        await connection.close()


async def _ensure(connection: Connection, config: dict[str, Any]) -> bool:
    name = config["name"]
    try:
        found = await connection.api(f"STREAM.INFO.{name}")
        if not differences(config, found["config"]):
            return False
        call = "UPDATE"
    except ApiError as error:
        if error.err_code != NO_SUCH_STREAM:
            raise
        call = "CREATE"
    made = await _make(connection, f"STREAM.{call}.{name}", config)
    _compare(name, config, made["config"])
    return True


async def _make(connection: Connection, call: str, config: dict[str, Any]) -> dict[str, Any]:
    """The server's answer. Where a stream of this name was deleted just now, its files may still be in the way."""
    for attempt in range(1, STORE_ATTEMPTS + 1):
        try:
            return await connection.api(call, config)
        except ApiError as error:
            if error.err_code != NO_STORE or attempt == STORE_ATTEMPTS:
                raise Unfit(f"NATS refuses the stream {config['name']}: {error}") from error
        await asyncio.sleep(STORE_RETRY)
    raise AssertionError


async def stream_state(connection: Connection, service: str) -> StreamState:
    """The stream as it is, if its configuration can be relied on: else `Unfit`, or `NoStream`."""
    name = stream_of(service)
    try:
        found = await connection.api(f"STREAM.INFO.{name}")
    except ApiError as error:
        if error.err_code == NO_SUCH_STREAM:
            raise NoStream(f"the stream {name} is missing") from error
        raise
    config, state = found["config"], found["state"]
    _compare(name, _essential(service), config)
    return StreamState(
        created=found["created"],
        at=found["ts"],
        messages=state["messages"],
        first_seq=state["first_seq"] if state["messages"] else state["last_seq"] + 1,
        first_at=state["first_ts"] if state["messages"] else found["ts"],
        last_seq=state["last_seq"],
        last_at=state["last_ts"],
        size=state["bytes"],
        largest=config["max_msg_size"] if config["max_msg_size"] > 0 else MAX_PAYLOAD,
        max_age=config["max_age"],
        max_bytes=config["max_bytes"],
    )


async def last_message(connection: Connection, service: str) -> dict[str, Any] | None:
    """The newest message still in the stream, as the API gives it, or None."""
    try:
        found = await connection.api(f"STREAM.MSG.GET.{stream_of(service)}", {"last_by_subj": subjects_of(service)})
    except ApiError as error:
        if error.err_code == NO_SUCH_MESSAGE:
            return None
        raise
    message: dict[str, Any] = found["message"]
    return message


async def verify_server(monitor_url: str) -> None:
    """Raises `Unfit` unless every server (addresses separated by commas) is new enough and syncs before it answers."""
    timeout = aiohttp.ClientTimeout(total=MONITOR_TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for address in monitor_url.split(","):
            server = await _varz(http, f"{address.strip().rstrip('/')}/varz")
            if complaints := unfitness(server):
                raise Unfit(f"the NATS server {server.get('server_name', '')}: {'; '.join(complaints)}")


async def _varz(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    for attempt in range(1, MONITOR_ATTEMPTS + 1):
        try:
            async with http.get(url) as answer:
                answer.raise_for_status()
                found: dict[str, Any] = await answer.json()
                return found
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if attempt == MONITOR_ATTEMPTS:
                raise Unfit(f"NATS' monitoring port does not answer: {type(error).__name__}") from error
        await asyncio.sleep(MONITOR_RETRY)
    raise AssertionError


def unfitness(varz: Mapping[str, Any]) -> list[str]:
    """What is wrong with a server, by its `/varz`."""
    complaints = []
    version = str(varz.get("version", ""))
    numbers = re.match(r"(\d+)\.(\d+)\.", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_SERVER:
        complaints.append(f"version {version or 'unknown'} is older than {'.'.join(map(str, OLDEST_SERVER))}")
    jetstream = varz.get("jetstream") or {}
    if not jetstream.get("config"):
        complaints.append("JetStream is off")
    elif not jetstream["config"].get("sync_always"):
        complaints.append("jetstream.sync_interval is not 'always': acknowledged messages could be lost")
    return complaints


def _compare(name: str, wanted: Mapping[str, Any], echoed: Mapping[str, Any]) -> None:
    if found := differences(wanted, echoed):
        raise Unfit(f"the stream {name} is not as it must be: {'; '.join(found)}. Run `ikz bootstrap`")
