"""Personal data in a journal that never forgets: sealed with a key per person, forgotten by destroying the key.

Each service has its own `vault` table; its keys are wrapped by `IKZ_VAULT_KEY`. An erased person keeps a row without a
key, so that nobody who comes late brings them back. Erasures are also noted in a ledger outside the database, without
personal data, and applied again after a restore.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import orjson
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from shared.kernel.postgres import Pool
from shared.kernel.together import Together

# Not waited for on disk: what is sealed with a key is committed after it, and what brings that to disk brings the key.
ENSURE = """
WITH made AS (
    INSERT INTO vault (person_id, wrapped)
    SELECT person_id, wrapped FROM unnest($1::text[], $2::bytea[]) AS given (person_id, wrapped) ORDER BY person_id
    ON CONFLICT (person_id) DO NOTHING
    RETURNING person_id, wrapped, set_config('synchronous_commit', 'off', true)
)
SELECT person_id, wrapped FROM made
UNION ALL
SELECT person_id, wrapped FROM vault WHERE person_id = ANY($1)
"""
KEYS = "SELECT person_id, wrapped FROM vault WHERE person_id = ANY($1) AND wrapped IS NOT NULL"
IS_ERASED = "SELECT erased_at IS NOT NULL FROM vault WHERE person_id = $1"
ERASE = """
INSERT INTO vault (person_id, erased_at) SELECT person_id, now() FROM unnest($1::text[]) AS given (person_id)
ON CONFLICT (person_id) DO UPDATE SET wrapped = NULL, erased_at = now() WHERE vault.wrapped IS NOT NULL
RETURNING person_id
"""
DESTROY = "DELETE FROM vault WHERE person_id = ANY($1)"
FORM = b"\x01"
NONCE = 12
KEY_BITS = 256
REMEMBERED = 4096

log = structlog.get_logger()


class Erased(Exception):
    """The person was erased; nothing of theirs is taken any more."""


class NoKey(Exception):
    """A person's data cannot be sealed before `ensure` has made their key."""


class Unreadable(Exception):
    """Sealed text that this vault did not make for this person and purpose, or that was altered."""


class Vault:
    """Seals and opens what is personal. `key` is `IKZ_VAULT_KEY`, 32 bytes."""

    def __init__(self, pool: Pool, key: bytes, ledger: Path | None = None) -> None:
        self._pool = pool
        self._wrapping = AESGCM(key)
        self._ledger = ledger
        self._sealing: OrderedDict[str, AESGCM] = OrderedDict()
        self._ensuring = Together(self._ensured)

    async def ensure(self, person_id: str) -> None:
        """Makes the person's key if there is none; `Erased` once they have been erased.

        It is on disk before anything is that is committed to this database afterwards.
        """
        await self.ensure_all([person_id])

    async def ensure_all(self, subjects: Sequence[str]) -> None:
        """`ensure` for several at once, by one question to the database: people, and things with a key of their own."""
        found = await asyncio.gather(*map(self._ensuring.ask, subjects))
        for subject, wrapped in zip(subjects, found, strict=True):
            if wrapped is None:
                self._sealing.pop(subject, None)
                raise Erased(subject)
            self._remember(subject, self._unwrap(subject, wrapped))

    async def _ensured(self, people: Sequence[str]) -> list[bytes | None]:
        """Everyone's wrapped key, made if there was none; None for the erased."""
        found: dict[str, bytes | None] = {}
        while missing := [person_id for person_id in dict.fromkeys(people) if person_id not in found]:
            # Again only for whom another process made the key between our statement's snapshot and its insert.
            fresh = [self._wrap(person_id, AESGCM.generate_key(KEY_BITS)) for person_id in missing]
            found |= {row["person_id"]: row["wrapped"] for row in await self._pool.fetch(ENSURE, missing, fresh)}
        return [found[person_id] for person_id in people]

    async def seal(self, person_id: str, purpose: str, plain: BaseModel | Mapping[str, object]) -> str:
        """`plain` as text that only this vault can open, for the same person and purpose, until they are erased."""
        key = self._sealing.get(person_id) or await self._key_for_sealing(person_id)
        nonce = os.urandom(NONCE)
        sealed = key.encrypt(nonce, _encoded(plain), _bound_to(person_id, purpose))
        return base64.b64encode(FORM + nonce + sealed).decode()

    async def open(self, person_id: str, purpose: str, sealed: str) -> bytes | None:
        """The JSON that was sealed; None once the person is erased."""
        return (await self.open_many([(person_id, purpose, sealed)]))[0]

    async def open_many(self, sealed: Sequence[tuple[str, str, str]]) -> list[bytes | None]:
        """Opens (person id, purpose, sealed) in one question to the database, in their order."""
        if not sealed:
            return []
        people = list({person_id for person_id, _, _ in sealed})
        rows = await self._pool.fetch(KEYS, people)
        keys = {row["person_id"]: self._unwrap(row["person_id"], row["wrapped"]) for row in rows}
        return [
            _opened(keys[person_id], text, _bound_to(person_id, purpose)) if person_id in keys else None
            for person_id, purpose, text in sealed
        ]

    async def erase(self, person_id: str) -> None:
        """Destroys the person's key for good. Noted in the ledger first; doing it again changes nothing."""
        self._sealing.pop(person_id, None)
        if await self._pool.fetchval(IS_ERASED, person_id):
            return
        if self._ledger is not None:
            await asyncio.to_thread(note_erasure, self._ledger, person_id)
        await self._pool.fetch(ERASE, [person_id])
        self._sealing.pop(person_id, None)

    async def is_erased(self, person_id: str) -> bool:
        """Whether the person's key was destroyed for good."""
        return bool(await self._pool.fetchval(IS_ERASED, person_id))

    async def destroy(self, subjects: Sequence[str]) -> None:
        """Destroys keys of things, whose names hold a `/`; nobody notes it: whoever does it finds them again.

        Of a thing nothing comes late, so nothing of it is left either, unlike of a person.
        """
        if people := [subject for subject in subjects if "/" not in subject]:
            raise ValueError(f"{len(people)} of these may be people, who are erased")
        for subject in subjects:
            self._sealing.pop(subject, None)
        await self._pool.execute(DESTROY, list(subjects))

    async def marker(self, subject: str) -> Callable[[str], bytes] | None:
        """Makes a mark of 32 bytes of a text, the same each time, that nobody can make or check without the key.

        None once the key is destroyed, or when there never was one.
        """
        row = await self._pool.fetchrow(KEYS, [subject])
        if row is None:
            return None
        key = self._key(subject, row["wrapped"])
        return lambda text: hmac.digest(key, text.encode(), hashlib.sha256)

    async def reapply(self, ledger: Path) -> list[str]:
        """Erases again whom a restored database has brought back; gives their ids."""
        people = await asyncio.to_thread(erased_people, ledger)
        for person_id in people:
            self._sealing.pop(person_id, None)
        rows = await self._pool.fetch(ERASE, people) if people else []
        return [row["person_id"] for row in rows]

    async def _key_for_sealing(self, person_id: str) -> AESGCM:
        row = await self._pool.fetchrow(KEYS, [person_id])
        if row is None:
            raise Erased(person_id) if await self._pool.fetchval(IS_ERASED, person_id) else NoKey(person_id)
        key = self._unwrap(person_id, row["wrapped"])
        self._remember(person_id, key)
        return key

    def _remember(self, person_id: str, key: AESGCM) -> None:
        """For sealing only: what is opened asks the database each time, so that an erasure counts at once."""
        self._sealing[person_id] = key
        self._sealing.move_to_end(person_id)
        if len(self._sealing) > REMEMBERED:
            self._sealing.popitem(last=False)

    def _wrap(self, person_id: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return FORM + nonce + self._wrapping.encrypt(nonce, key, _bound_to(person_id, "key"))

    def _unwrap(self, person_id: str, wrapped: bytes) -> AESGCM:
        return AESGCM(self._key(person_id, wrapped))

    def _key(self, person_id: str, wrapped: bytes) -> bytes:
        return _decrypted(self._wrapping, wrapped, _bound_to(person_id, "key"))


def note_erasure(ledger: Path, person_id: str) -> None:
    """Appends one line and sees it on disk. It begins a line of its own even after one that a crash left half."""
    line = b"\n" + orjson.dumps({"person_id": person_id}) + b"\n"
    ledger.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError("the erasure ledger took only a part of a line")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(ledger.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def erased_people(ledger: Path) -> list[str]:
    """Everyone in the ledger, once each. Half a line was never acknowledged and is left out."""
    if not ledger.exists():
        return []
    return list(dict.fromkeys(_noted(ledger.read_bytes().splitlines())))


def _noted(lines: Iterable[bytes]) -> Iterable[str]:
    for line in filter(None, lines):
        try:
            yield str(orjson.loads(line)["person_id"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            log.warning("erasure_ledger_line_unreadable", length=len(line))


def _bound_to(person_id: str, purpose: str) -> bytes:
    return f"{person_id}|{purpose}".encode()


def _encoded(plain: BaseModel | Mapping[str, object]) -> bytes:
    return plain.model_dump_json().encode() if isinstance(plain, BaseModel) else orjson.dumps(plain)


def _opened(key: AESGCM, text: str, bound_to: bytes) -> bytes:
    try:
        return _decrypted(key, base64.b64decode(text, validate=True), bound_to)
    except binascii.Error as error:
        raise Unreadable("not base64") from error


def _decrypted(key: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    if sealed[:1] != FORM:
        raise Unreadable("an unknown form")
    try:
        return key.decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], bound_to)
    except (InvalidTag, ValueError) as error:
        raise Unreadable("another key, another purpose, or altered") from error
