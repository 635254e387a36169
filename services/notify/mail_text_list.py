"""What do the mails say? Every text as it is sent now, what the portal comes with, and who changed it when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.notify.mail_text import MailTextChanged, MailTextReset
from services.notify.placeholders import PLACEHOLDERS
from services.notify.texts import Text, Tone, Words
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO mail_text (name, version, words, changed_at)
SELECT m.name, m.version, m.words, m.at
FROM jsonb_to_recordset($1::jsonb) AS m(name text, version bigint, words jsonb, at timestamptz)
ON CONFLICT (name) DO UPDATE SET version = excluded.version, words = excluded.words, changed_at = excluded.changed_at
WHERE mail_text.version < excluded.version
"""
KEEP_VERSIONS = """
INSERT INTO mail_text_version (name, version, words, at, actor)
SELECT m.name, m.version, m.words, m.at, m.actor
FROM jsonb_to_recordset($1::jsonb) AS m(name text, version bigint, words jsonb, at timestamptz, actor text)
ON CONFLICT DO NOTHING
"""
ALL = "SELECT name, version, words, changed_at FROM mail_text"
# Versions only grow, so that another sum is another state of the texts.
STATE = "SELECT coalesce(sum(version), 0)::bigint FROM mail_text"
VERSIONS = """
SELECT t.total, v.version, v.words, v.at, v.actor
FROM (SELECT count(*) AS total FROM mail_text_version WHERE name = $1) t LEFT JOIN LATERAL (
    SELECT version, words, at, actor FROM mail_text_version
    WHERE name = $1 AND ($2::bigint IS NULL OR version < $2) ORDER BY version DESC LIMIT $3
) v ON true
"""

# What the portal comes with is a text's first version, and the first change of it makes the second.
FIRST = 1
NAMED: TypeAdapter[tuple[str]] = TypeAdapter(tuple[str])
NUMBERED: TypeAdapter[tuple[int]] = TypeAdapter(tuple[int])


class MailTextQuery(Paging):
    """What the texts can be narrowed to."""

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = Field(
        default=None, description="A part of a text or of what it is called."
    )
    changed: bool | None = Field(default=None, description="Only those that editors have changed, or only the others.")


class PlaceholderShown(BaseModel):
    """A `{name}` that may be used in a text, what it stands for and what that may look like."""

    name: str
    meaning: str
    example: str


class MailTextItem(BaseModel):
    """A text in a list: what editors know it by, its subject, and whether they have changed it.

    `placeholders` are those that may be used in it.
    """

    name: str
    version: int
    label: str
    tag: str
    tone: Tone
    subject: str
    changed: bool
    changed_at: datetime | None
    placeholders: tuple[PlaceholderShown, ...]


class MailTextShown(MailTextItem):
    """A text as it is sent now. `button` is null where it depends on the recipient and cannot be changed.

    `standard` is what the portal comes with.
    """

    heading: str
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    button: str | None
    standard: Words


class MailTextVersion(BaseModel):
    """How a text read from then on; `words` is null where it went back to what the portal comes with."""

    model_config = ConfigDict(frozen=True)

    version: int
    at: datetime
    actor: str
    words: Words | None


@dataclass(frozen=True, slots=True)
class Edited:
    """What is kept of a text that was ever changed."""

    version: int
    words: Words | None
    changed_at: datetime


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps every text as its last event left it, and each of its versions."""
    ours = [each for each in recorded if isinstance(each.event, MailTextChanged | MailTextReset)]
    if ours:
        rows = list(map(_row, ours))
        await connection.execute(KEEP_VERSIONS, rows)
        await connection.execute(KEEP, list({row["name"]: row for row in rows}.values()))


def _row(recorded: Recorded[MailTextChanged | MailTextReset]) -> dict[str, Any]:
    event = recorded.event
    return {
        "name": event.name,
        "version": recorded.version,
        "words": event.words.model_dump(mode="json") if isinstance(event, MailTextChanged) else None,
        "at": event.at,
        "actor": recorded.actor,
    }


MAIL_TEXTS = Projection("mail_texts", ("mail_text", "mail_text_version"), project)


async def state(pool: Pool) -> int:
    """Another number whenever a text was changed."""
    found: int = await pool.fetchval(STATE)
    return found


async def edited(pool: Pool) -> dict[str, Edited]:
    """All texts that were ever changed."""
    return {
        row["name"]: Edited(
            row["version"], None if row["words"] is None else Words.model_validate(row["words"]), row["changed_at"]
        )
        for row in await pool.fetch(ALL)
    }


def listed(standards: Mapping[str, Text], changes: Mapping[str, Edited], query: MailTextQuery) -> Page[MailTextItem]:
    """One page of the texts, in the order of their names."""
    (after,) = decode_cursor(query.cursor, NAMED) if query.cursor else ("",)
    shown = [shown_as(name, standards[name], changes.get(name)) for name in sorted(standards)]
    fitting = [each for each in shown if _fits(each, query)]
    found = [each.model_dump() for each in fitting if each.name > after][: query.limit + 1]
    return Page(
        items=[MailTextItem.model_validate(each) for each in found[: query.limit]],
        next=next_after(found, query.limit, "name"),
        total=len(fitting),
    )


def _fits(shown: MailTextShown, query: MailTextQuery) -> bool:
    if query.changed is not None and shown.changed != query.changed:
        return False
    said = "\n".join((shown.name, shown.label, shown.tag, shown.subject, shown.heading, *shown.opening, *shown.closing))
    return query.q is None or query.q.casefold() in said.casefold()


def shown_as(name: str, standard: Text, change: Edited | None) -> MailTextShown:
    """A text as it is sent now."""
    words = change.words if change else None
    return MailTextShown(
        **(words or standard.words()).model_dump(),
        name=name,
        version=(change.version if change else 0) + FIRST,
        label=standard.label or standard.tag,
        tag=standard.tag,
        tone=standard.tone,
        changed=words is not None,
        changed_at=change.changed_at if change else None,
        standard=standard.words(),
        placeholders=tuple(PlaceholderShown(name=each, **PLACEHOLDERS[each]._asdict()) for each in standard.offers),
    )


async def history(pool: Pool, name: str, query: Paging) -> Page[MailTextVersion]:
    """How a text came to read as it does, the newest first."""
    (after,) = decode_cursor(query.cursor, NUMBERED) if query.cursor else (None,)
    rows = await pool.fetch(VERSIONS, name, after, query.limit + 1)
    found = [row for row in rows if row["version"] is not None]
    return Page(
        items=[
            MailTextVersion.model_validate({**row, "version": row["version"] + FIRST}) for row in found[: query.limit]
        ],
        next=next_after(found, query.limit, "version"),
        total=rows[0]["total"],
    )
