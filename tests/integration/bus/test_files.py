"""Files in the object store: kept by content, read back whole, and gone only when nobody can want them any more."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from nats.js.object_store import ObjectStore

from shared.embedded.nats import EmbeddedNats
from shared.kernel import files as module
from shared.kernel.bus import Bus, Connection, connect
from shared.kernel.files import CHUNK, FileMissing, Files, FilesUnavailable
from shared.kernel.streams import bucket_of, bucket_stream_of

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
LATER = AT + timedelta(days=1)
STREAM = bucket_stream_of("catalog")


@pytest.fixture
async def bus(nats: EmbeddedNats) -> AsyncIterator[Bus]:
    bus = await connect(nats.url("catalog"), "test files")
    yield bus
    await bus.close()


@pytest.fixture
async def files(bus: Bus, operator: Connection) -> Files:
    """An empty store."""
    await operator.api(f"STREAM.PURGE.{STREAM}")
    return Files(bus, "catalog")


async def read(files: Files, digest: str) -> bytes:
    return b"".join([part async for part in files.get(digest)])


async def messages(operator: Connection) -> int:
    return int((await operator.api(f"STREAM.INFO.{STREAM}"))["state"]["messages"])


@pytest.mark.parametrize("size", [1, CHUNK, 3 * CHUNK + 1])
async def test_a_file_comes_back_as_it_was(files: Files, size: int) -> None:
    content = secrets.token_bytes(size)
    digest = await files.put(content, AT)
    assert digest == hashlib.sha256(content).hexdigest()
    assert await read(files, digest) == content
    assert await files.known() == [digest]


async def test_the_same_file_is_kept_once(files: Files, operator: Connection) -> None:
    content = secrets.token_bytes(2 * CHUNK)
    assert len({await files.put(content, AT) for _ in range(3)}) == 1
    assert await messages(operator) == 3, "two chunks and what is said of them"


async def test_put_at_once_it_is_kept_once(files: Files, operator: Connection) -> None:
    content = secrets.token_bytes(2 * CHUNK)
    digests = await asyncio.gather(*(files.put(content, AT + timedelta(seconds=n)) for n in range(16)))
    assert len(set(digests)) == 1
    assert await read(files, digests[0]) == content
    assert await messages(operator) == 3


async def test_other_clients_of_object_stores_understand_it(files: Files, bus: Bus) -> None:
    digest = await files.put(secrets.token_bytes(CHUNK + 7), AT)
    store = ObjectStore(bucket_of("catalog"), STREAM, (await bus.connection()).client.jetstream())
    info = await store.get_info(digest)
    assert (info.size, info.chunks, info.bucket) == (CHUNK + 7, 2, bucket_of("catalog"))
    assert info.digest == f"SHA-256={base64.urlsafe_b64encode(bytes.fromhex(digest)).decode()}"


async def from_byte(files: Files, digest: str, offset: int) -> bytes:
    return b"".join([part async for part in files.get(digest, offset)])


@pytest.mark.parametrize("noted", [True, False], ids=["sequences are noted", "another client put it"])
async def test_a_file_is_read_on_from_any_byte(
    files: Files, operator: Connection, monkeypatch: pytest.MonkeyPatch, *, noted: bool
) -> None:
    """Two that are put at once lie among each other."""
    if not noted:
        monkeypatch.setattr(module, "_runs", lambda _text: ())
    one, two = secrets.token_bytes(3 * CHUNK + 9), secrets.token_bytes(4 * CHUNK)
    digests = await asyncio.gather(files.put(one, AT), files.put(two, AT))
    for digest, content in zip(digests, (one, two), strict=True):
        for offset in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 5, 3 * CHUNK, len(content) - 1):
            assert await from_byte(files, digest, offset) == content[offset:]
    assert await messages(operator) == 10


async def test_reading_on_skips_what_lies_before(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    content = secrets.token_bytes(20 * CHUNK)
    digest = await files.put(content, AT)
    await files.put(content, LATER)
    asked: list[Any] = []
    look = Files._message

    async def counted(self: Files, connection: Connection, wanted: dict[str, Any]) -> Any:
        asked.append(wanted)
        return await look(self, connection, wanted)

    monkeypatch.setattr(Files, "_message", counted)
    assert await from_byte(files, digest, 19 * CHUNK) == content[19 * CHUNK :]
    assert len(asked) == 4, "what is said of it, its first chunk and its last, the one that is wanted"


async def test_a_store_that_was_filled_anew_is_counted_through(files: Files, operator: Connection) -> None:
    """A restored stream may number its messages anew."""
    content = secrets.token_bytes(3 * CHUNK)
    digest = await files.put(content, AT)
    connection = await files._bus.connection()
    for moved in (-1, 1, 1):
        meta = await files._meta(connection, digest)
        assert meta is not None
        await files._tell(connection, digest, replace(meta, runs=((meta.runs[0][0] + moved, 3),)))
        assert await from_byte(files, digest, 2 * CHUNK) == content[2 * CHUNK :]
    await operator.api(f"STREAM.PURGE.{STREAM}", {"filter": f"$O.{bucket_of('catalog')}.C.>"})
    with pytest.raises(FileMissing):
        await from_byte(files, digest, 2 * CHUNK)


async def test_what_is_not_there(files: Files) -> None:
    with pytest.raises(FileMissing):
        await read(files, "0" * 64)
    with pytest.raises(FileMissing):
        await read(files, "*")
    assert await files.delete("0" * 64, LATER) is False


async def test_a_file_is_deleted_only_when_it_was_put_before(files: Files, operator: Connection) -> None:
    digest = await files.put(b"draft", AT)
    assert await files.delete(digest, AT) is False
    assert await read(files, digest) == b"draft"
    assert await files.delete(digest, LATER) is True
    assert await files.known() == []
    assert await messages(operator) == 0
    with pytest.raises(FileMissing):
        await read(files, digest)


async def test_putting_again_renews_its_day(files: Files) -> None:
    digest = await files.put(b"draft", AT)
    await files.put(b"draft", LATER)
    assert await files.delete(digest, LATER) is False
    assert await read(files, digest) == b"draft"


async def test_a_file_put_again_while_it_is_deleted_stays(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one has looked, and is about to delete."""
    digest = await files.put(b"draft", AT)
    look = Files._meta

    async def interrupted(self: Files, connection: Connection, named: str) -> Any:
        found = await look(self, connection, named)
        monkeypatch.setattr(Files, "_meta", look)
        await files.put(b"draft", LATER)
        return found

    monkeypatch.setattr(Files, "_meta", interrupted)
    assert await files.delete(digest, LATER) is False
    assert await read(files, digest) == b"draft"


async def test_a_file_deleted_while_it_is_put_again_is_there(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    await files.put(b"draft", AT)
    look = Files._meta

    async def interrupted(self: Files, connection: Connection, named: str) -> Any:
        found = await look(self, connection, named)
        monkeypatch.setattr(Files, "_meta", look)
        assert await files.delete(named, LATER) is True
        return found

    monkeypatch.setattr(Files, "_meta", interrupted)
    digest = await files.put(b"draft", LATER)
    assert await read(files, digest) == b"draft"


async def test_damage_is_noticed_and_mended_by_the_same_file(files: Files, operator: Connection) -> None:
    content = secrets.token_bytes(2 * CHUNK)
    digest = await files.put(content, AT)
    await operator.api(f"STREAM.PURGE.{STREAM}", {"filter": f"$O.{bucket_of('catalog')}.C.>", "keep": 1})
    with pytest.raises(FileMissing):
        await read(files, digest)
    await files.put(content, AT)
    assert await read(files, digest) == content
    assert await messages(operator) == 3


@pytest.mark.parametrize("parts", [1, 2])
async def test_other_bytes_are_never_taken_for_the_file(files: Files, bus: Bus, parts: int) -> None:
    digest = await files.put(secrets.token_bytes(parts * CHUNK), AT)
    connection = await bus.connection()
    (subject,) = await files._subjects(connection, "C")
    await connection.api(f"STREAM.PURGE.{STREAM}", {"filter": subject})
    for _ in range(parts):
        await connection.request(subject, secrets.token_bytes(CHUNK))
    coming = files.get(digest)
    for _ in range(parts - 1):
        await anext(coming)
    with pytest.raises(FileMissing):
        await anext(coming)


async def test_what_an_ended_put_left_is_tidied_up(
    files: Files, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await files.put(b"whole", AT)

    async def killed(*_: Any) -> bool:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Files, "_tell", killed)
        with pytest.raises(asyncio.CancelledError):
            await files.put(b"half", AT)
    assert await files.tidy() == 0, "it may be going on"
    monkeypatch.setattr(module, "LEFT_FOR", 0.0)
    assert await files.tidy() == 1
    assert await messages(operator) == 2
    assert await read(files, whole) == b"whole"


async def test_what_others_put_there_is_let_be(
    files: Files, bus: Bus, operator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `nats object put`, under a name and with chunks that we would never give."""
    bucket, connection = bucket_of("catalog"), await bus.connection()
    named = base64.urlsafe_b64encode(b"Sicherung.zip").decode()
    await connection.request(f"$O.{bucket}.C.XJ3kPq", b"part")
    await connection.request(f"$O.{bucket}.M.{named}", orjson.dumps({"name": "Sicherung.zip", "nuid": "XJ3kPq"}))
    await connection.request(f"$O.{bucket}.M.name", b"no name in base64")
    ours = await files.put(b"ours", AT)
    monkeypatch.setattr(module, "LEFT_FOR", 0.0)
    assert await files.known() == [ours]
    assert await files.tidy() == 0
    assert await messages(operator) == 5


async def test_a_file_that_others_removed_comes_back(files: Files, bus: Bus, operator: Connection) -> None:
    """`nats object rm` leaves a meta message that says so."""
    digest = await files.put(b"draft", AT)
    store = ObjectStore(bucket_of("catalog"), STREAM, (await bus.connection()).client.jetstream())
    await store.delete(digest)
    with pytest.raises(FileMissing):
        await read(files, digest)
    await files.put(b"draft", LATER)
    assert await read(files, digest) == b"draft"
    assert await messages(operator) == 2
    await store.delete(digest)
    assert await files.delete(digest, LATER) is True
    assert await messages(operator) == 0


async def test_a_full_store_takes_no_more(files: Files, operator: Connection) -> None:
    config = (await operator.api(f"STREAM.INFO.{STREAM}"))["config"]
    kept = await files.put(b"kept", AT)
    await operator.api(f"STREAM.UPDATE.{STREAM}", config | {"max_bytes": 1024})
    with pytest.raises(FilesUnavailable):
        await files.put(secrets.token_bytes(CHUNK), AT)
    await operator.api(f"STREAM.UPDATE.{STREAM}", config)
    assert await read(files, kept) == b"kept"


async def test_without_a_server_it_says_so(files: Files, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER", 0.05)
    await bus.close()
    with pytest.raises(FilesUnavailable):
        await files.put(b"draft", AT)
    with pytest.raises(FilesUnavailable):
        await read(files, "0" * 64)
