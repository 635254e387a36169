"""Mails on disk: one `.eml` file each, exactly as received, and one line each in `index.jsonl`."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError


class Entry(BaseModel):
    """One mail in a list. `recipients` are those of the envelope: whom the mail really went to."""

    model_config = ConfigDict(frozen=True)

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    received_at: AwareDatetime

    @property
    def to(self) -> str:
        """The recipients in one line."""
        return ", ".join(self.recipients)


class Store:
    """All mails, oldest first; what was accepted survives a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._index = folder / "index.jsonl"
        self._entries = {entry.id: entry for entry in _read(self._index)}

    def add(self, raw: bytes, sender: str, recipients: Sequence[str]) -> Entry:
        """Keeps a mail; when this returns it is in the list and in its file."""
        received = datetime.now(UTC)
        entry = Entry(
            id=f"{received:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}",
            sender=sender,
            recipients=tuple(recipients),
            subject=subject_of(raw),
            received_at=received,
        )
        self._file(entry.id).write_bytes(raw)
        with self._index.open("a", encoding="utf-8") as index:
            index.write(f"\n{entry.model_dump_json()}\n")  # a line of its own even after one that a kill left half
        self._entries[entry.id] = entry
        return entry

    def entries(self, to: str | None = None) -> list[Entry]:
        """All mails, or those to one address."""
        found = self._entries.values()
        wanted = None if to is None else to.strip().casefold()
        return [entry for entry in found if wanted is None or wanted in map(str.casefold, entry.recipients)]

    def entry(self, mail_id: str) -> Entry | None:
        """One mail, None if there is none."""
        return self._entries.get(mail_id)

    def raw(self, mail_id: str) -> bytes | None:
        """A mail as it was received."""
        return self._file(mail_id).read_bytes() if mail_id in self._entries else None

    def _file(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"


def subject_of(raw: bytes) -> str:
    """The decoded subject in one line; as it stands where it cannot be decoded."""
    found = str(BytesHeaderParser(policy=compat32).parsebytes(raw, headersonly=True).get("Subject", ""))
    with suppress(LookupError, ValueError, MessageError):  # a broken encoding: a reader's program shows it raw as well
        found = str(make_header(decode_header(found)))
    return " ".join(found.split())


def _read(index: Path) -> list[Entry]:
    """Every whole line; one may be half written where the mailbox was killed."""
    if not index.exists():
        return []
    found = []
    for line in index.read_bytes().splitlines():
        try:
            found.append(Entry.model_validate_json(line))
        except ValidationError:
            continue
    return found
