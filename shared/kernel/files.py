"""Files, kept in NATS' object store under the SHA-256 of what they contain.

Whoever refers to a file puts it first and commits the reference after. What nobody refers to is deleted a day later
(`delete`), never sooner: a reference to it may just be on its way. Putting a file again renews its day.

The format is the object store's own (NATS ADR-20), so that `nats object` reads it, too. nats-py's client of it waits
for ever on a connection that is lost, and needs consumers of its own; here every wait ends and a message is got by its
subject. A put, a renewal and a deletion that meet exclude each other by the sequence of the object's meta message.

That message also says which sequences the chunks have (in the format's own `metadata`), so that a download is resumed
without reading what the client has. Where it does not, or the stream was filled anew, the chunks are counted.
"""

import asyncio
import base64
import hashlib
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson
import structlog

from shared.kernel.bus import ANSWER, TROUBLE, ApiError, Bus, Connection
from shared.kernel.ids import new_id
from shared.kernel.recorded import Unavailable
from shared.kernel.streams import NO_SUCH_MESSAGE, bucket_of, bucket_stream_of

CHUNK = 128 * 1024
ATTEMPTS = 5
WRONG_SEQUENCE = (10071, 10164)
LEFT_FOR = 3600.0
MOMENT = timedelta(minutes=1)  # many who put the same file at once renew it once
LONG_AGO = datetime.min.replace(tzinfo=UTC)
DIGEST = re.compile(r"[0-9a-f]{64}")

log = structlog.get_logger()


class FilesUnavailable(Unavailable):
    """The store could not be reached in time, or is full (503). What was put halfway is tidied up later."""


class FileMissing(Exception):
    """The store does not have this file, or not as it was put."""


class Content(Protocol):
    """What is to be kept, wherever it lies: its size, its SHA-256, and any part of it."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    @property
    def sha256(self) -> str:
        """What it will be found by."""
        ...

    async def part(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on."""
        ...


@dataclass(frozen=True, slots=True)
class _InMemory:
    content: bytes
    sha256: str

    @property
    def size(self) -> int:
        return len(self.content)

    async def part(self, start: int, length: int) -> bytes:
        return self.content[start : start + length]


type Run = tuple[int, int]
"""The first of some chunks whose sequences follow each other, and how many there are."""


@dataclass(frozen=True, slots=True)
class _Meta:
    """An object's meta message: which chunks it has (none when another client removed it), and when it was last put."""

    sequence: int
    nuid: str
    size: int
    chunks: int
    put_at: datetime
    chunk_size: int = CHUNK
    runs: tuple[Run, ...] = ()

    def sequence_of(self, number: int) -> int | None:
        """That of a chunk, counted from 0, if it was noted."""
        for first, count in self.runs:
            if number < count:
                return first + number
            number -= count
        return None


class Files:
    """The files of one service. `bus` is its standing connection."""

    def __init__(self, bus: Bus, service: str) -> None:
        self._bus = bus
        self._bucket = bucket_of(service)
        self._stream = bucket_stream_of(service)

    async def put(self, content: bytes, at: datetime) -> str:
        """Keeps a file and gives its SHA-256; on disk when it returns. The same file again costs nothing."""
        digest = (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
        await self.put_content(_InMemory(content, digest), at)
        return digest

    async def put_content(self, content: Content, at: datetime) -> None:
        """Keeps a file that need not be in memory; on disk when it returns."""
        with _unavailable("put"):
            connection = await self._bus.connection(ANSWER)
            for _ in range(ATTEMPTS):
                found = await self._meta(connection, content.sha256)
                if await self._put(connection, content, found, at):
                    return
        raise FilesUnavailable("others put and delete the same file")

    async def get(self, digest: str, offset: int = 0) -> AsyncGenerator[bytes]:
        """A file's parts, in order, from the byte `offset` on. Raises `FileMissing`.

        Of one that is damaged at the latest before its last part, when it is read from the beginning.
        """
        with _unavailable("get"):
            connection = await self._bus.connection(ANSWER)
            meta = await self._meta(connection, digest)
            if meta is None or not meta.chunks:
                raise FileMissing(digest)
            first, skipped = divmod(offset, meta.chunk_size)
            sequence, seen = await self._before(connection, meta, first), hashlib.sha256()
            for left in reversed(range(meta.chunks - first)):
                sequence, part = await self._chunk(connection, meta, sequence, digest)
                seen.update(part)
                if not left and not first and seen.hexdigest() != digest:
                    log.error("file_damaged", sha256=digest)
                    raise FileMissing(digest)
                yield part[skipped:]
                skipped = 0

    async def delete(self, digest: str, put_before: datetime) -> bool:
        """Whether the file was deleted: not one that was put again at `put_before` or later, to the minute."""
        with _unavailable("delete"):
            connection = await self._bus.connection(ANSWER)
            meta = await self._meta(connection, digest)
            if meta is None or meta.put_at >= put_before:
                return False
            # Only the message that was seen goes: one that was put again has another sequence.
            if not await self._purge(connection, self._about(digest), upto=meta.sequence):
                return False
            await self._purge(connection, self._chunks(meta.nuid))
            return True

    async def known(self) -> list[str]:
        """The SHA-256 of every file there is, and of what another client removed; nothing that has another name."""
        with _unavailable("list"):
            connection = await self._bus.connection(ANSWER)
            named = map(_named, await self._subjects(connection, "M"))
            return [name for name in named if DIGEST.fullmatch(name)]

    async def tidy(self) -> int:
        """Deletes what puts that never ended have left behind for an hour; gives how many there were."""
        with _unavailable("tidy"):
            connection = await self._bus.connection(ANSWER)
            chunks = [each for each in await self._subjects(connection, "C") if DIGEST.fullmatch(_of(each))]
            known = set(map(_named, await self._subjects(connection, "M")))
            puts = Counter(map(_of, chunks))
            doubtful = [subject for subject in chunks if puts[_of(subject)] > 1 or _of(subject) not in known]
            return sum([await self._purge_left(connection, subject) for subject in doubtful])

    async def _before(self, connection: Connection, meta: _Meta, number: int) -> int:
        """A sequence behind which the chunk of this number, counted from 0, is the next."""
        noted = meta.sequence_of(number) if number else None
        if noted is not None and await self._as_noted(connection, meta):
            return noted - 1
        sequence = 0
        for _ in range(number):
            sequence, _ = await self._chunk(connection, meta, sequence, meta.nuid)
        return sequence

    async def _as_noted(self, connection: Connection, meta: _Meta) -> bool:
        """Whether the chunks lie where they were put: in a stream that was filled anew, first or last would not."""
        subject = self._chunks(meta.nuid)
        first = await self._message(connection, {"seq": 1, "next_by_subj": subject})
        last = await self._message(connection, {"last_by_subj": subject})
        ends = [meta.sequence_of(0), meta.sequence_of(meta.chunks - 1)]
        return [message and message["seq"] for message in (first, last)] == ends

    async def _chunk(self, connection: Connection, meta: _Meta, after: int, digest: str) -> tuple[int, bytes]:
        """The next chunk behind a sequence, and its own."""
        asked = {"seq": after + 1, "next_by_subj": self._chunks(meta.nuid)}
        message = await self._message(connection, asked)
        if message is None:
            raise FileMissing(digest)
        return message["seq"], base64.b64decode(message.get("data", ""))

    async def _put(self, connection: Connection, content: Content, found: _Meta | None, at: datetime) -> bool:
        """Whether the file is there now; False when somebody else put or deleted it meanwhile."""
        digest = content.sha256
        if found and found.chunks and await self._whole(connection, found):
            just_put = found.put_at > at - MOMENT
            return just_put or await self._tell(connection, digest, replace(found, put_at=at))
        nuid = f"{digest}_{new_id().hex}"
        runs = await self._write(connection, self._chunks(nuid), content)
        chunks = sum(count for _, count in runs)
        meta = _Meta(found.sequence if found else 0, nuid, content.size, chunks, at, runs=runs)
        told = await self._tell(connection, digest, meta)
        useless = nuid if not told else found and found.nuid
        if useless:
            await self._purge(connection, self._chunks(useless))
        return told

    async def _write(self, connection: Connection, subject: str, content: Content) -> tuple[Run, ...]:
        runs: list[Run] = []
        for start in range(0, content.size, CHUNK):
            part = await content.part(start, CHUNK)
            sequence = await self._publish(connection, subject, part, {})
            first, count = runs[-1] if runs else (sequence, 0)
            if first + count == sequence:
                runs[-1:] = [(first, count + 1)]
            else:
                runs.append((sequence, 1))
        return tuple(runs)

    async def _tell(self, connection: Connection, digest: str, meta: _Meta) -> bool:
        """Whether the meta message could take the place of the one with `meta.sequence` (0: of none)."""
        told = {
            "name": digest,
            "bucket": self._bucket,
            "nuid": meta.nuid,
            "size": meta.size,
            "chunks": meta.chunks,
            "mtime": meta.put_at.isoformat(),
            "digest": f"SHA-256={base64.urlsafe_b64encode(bytes.fromhex(digest)).decode()}",
            "options": {"max_chunk_size": meta.chunk_size},
            "metadata": {"sequences": ",".join(f"{first}+{count}" for first, count in meta.runs)},
        }
        guard = {"Nats-Rollup": "sub", "Nats-Expected-Last-Subject-Sequence": str(meta.sequence)}
        try:
            await self._publish(connection, self._about(digest), orjson.dumps(told), guard)
        except ApiError as error:
            if error.err_code in WRONG_SEQUENCE:
                return False
            raise
        return True

    async def _publish(self, connection: Connection, subject: str, body: bytes, headers: dict[str, str]) -> int:
        """The sequence that the message got."""
        expected = {"Nats-Expected-Stream": self._stream}
        answer = orjson.loads((await connection.request(subject, body, headers=headers | expected)).data)
        if error := answer.get("error"):
            raise ApiError(error.get("code", 0), error.get("err_code", 0), error.get("description", ""))
        return int(answer["seq"])

    async def _meta(self, connection: Connection, digest: str) -> _Meta | None:
        message = await self._message(connection, {"last_by_subj": self._about(digest)})
        if message is None:
            return None
        told = orjson.loads(base64.b64decode(message["data"]))
        if told.get("deleted"):
            return _Meta(message["seq"], told["nuid"], 0, 0, LONG_AGO)
        return _Meta(
            message["seq"],
            told["nuid"],
            told["size"],
            told["chunks"],
            datetime.fromisoformat(told["mtime"]),
            (told.get("options") or {}).get("max_chunk_size") or CHUNK,
            _runs((told.get("metadata") or {}).get("sequences", "")),
        )

    async def _message(self, connection: Connection, wanted: dict[str, Any]) -> dict[str, Any] | None:
        try:
            found = await connection.api(f"STREAM.MSG.GET.{self._stream}", wanted)
        except ApiError as error:
            if error.err_code == NO_SUCH_MESSAGE:
                return None
            raise
        message: dict[str, Any] = found["message"]
        return message

    async def _whole(self, connection: Connection, meta: _Meta) -> bool:
        """Whether every chunk is still there: a stream that was cut back keeps the meta message, which is the last."""
        subject = self._chunks(meta.nuid)
        found = await connection.api(f"STREAM.INFO.{self._stream}", {"subjects_filter": subject})
        return bool(found["state"].get("subjects", {}).get(subject, 0) == meta.chunks)

    async def _subjects(self, connection: Connection, kind: str) -> list[str]:
        found: list[str] = []
        while True:
            asked = {"subjects_filter": f"$O.{self._bucket}.{kind}.>", "offset": len(found)}
            answer = await connection.api(f"STREAM.INFO.{self._stream}", asked)
            here = answer["state"].get("subjects") or {}
            found += here
            if not here or len(found) >= answer.get("total", 0):
                return found

    async def _purge(self, connection: Connection, subject: str, upto: int | None = None) -> int:
        asked: dict[str, Any] = {"filter": subject} | ({} if upto is None else {"seq": upto + 1})
        return int((await connection.api(f"STREAM.PURGE.{self._stream}", asked))["purged"])

    async def _purge_left(self, connection: Connection, subject: str) -> bool:
        """Whether these chunks were nobody's, and old enough to be sure of it by the server's own clock."""
        newest = await self._message(connection, {"last_by_subj": subject})
        meta = await self._meta(connection, _of(subject))
        now = (await connection.api(f"STREAM.INFO.{self._stream}"))["ts"]
        if newest is None or (meta and self._chunks(meta.nuid) == subject):
            return False
        if (_moment(now) - _moment(newest["time"])).total_seconds() < LEFT_FOR:
            return False
        return bool(await self._purge(connection, subject))

    def _about(self, digest: str) -> str:
        if DIGEST.fullmatch(digest) is None:
            raise FileMissing(digest)
        return f"$O.{self._bucket}.M.{base64.urlsafe_b64encode(digest.encode()).decode()}"

    def _chunks(self, nuid: str) -> str:
        return f"$O.{self._bucket}.C.{nuid}"


@contextmanager
def _unavailable(doing: str) -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        log.warning("files_unavailable", doing=doing, reason=str(error))
        raise FilesUnavailable(str(error)) from error


def _named(subject: str) -> str:
    """The name in a meta message's subject; empty when it is none."""
    try:
        return base64.urlsafe_b64decode(subject.rpartition(".")[2]).decode()
    except ValueError:
        return ""


def _of(subject: str) -> str:
    """The SHA-256 that a chunk's subject begins with."""
    return subject.rpartition(".")[2].partition("_")[0]


def _runs(text: str) -> tuple[Run, ...]:
    """What a meta message says of its chunks' sequences; nothing when another client wrote it."""
    pairs = [run.partition("+") for run in text.split(",") if run]
    return tuple((int(first), int(count)) for first, _, count in pairs)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
