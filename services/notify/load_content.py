"""Loads the portal's own news, as history: `python -m services.notify.load_content`.

Every command has an id that follows from the key of what it loads, so loading again changes nothing: an announcement is
loaded once and then belongs to its editors. Nobody is told of what is loaded.

Prints lines of JSON: `{"progress": [done, total, what]}`, at the end `{"loaded": {what: how many}}`.
"""

import argparse
import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_commands import Command, DraftAnnouncement, PublishAnnouncement
from services.notify.announcement_content import BERLIN, Action, Content, Dating
from services.notify.records import DECIDERS, PROJECTIONS
from services.notify.settings import NotifySettings
from shared.contracts.notify import AnnouncementKind
from shared.kernel.clock import Clock
from shared.kernel.ids import named_id
from shared.kernel.journal import Context, Journal
from shared.kernel.logs import configure
from shared.kernel.postgres import connect_pool
from shared.kernel.wakeup import Wakeup

CONTENT = Path(__file__).resolve().parents[2] / "content"
NOON = time(12, tzinfo=BERLIN)

type Tell = Callable[[dict[str, Any]], None]


class Entry(BaseModel):
    """One announcement of `announcements.json`; other content is named by its key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    kind: AnnouncementKind
    title: str
    teaser: str
    body: str
    session: str | None = None
    project: str | None = None
    resource: str | None = None
    actions: tuple[Action, ...] = ()
    dating: Dating

    @property
    def content(self) -> Content:
        """What is read, with ids in place of keys."""
        return Content(
            kind=self.kind,
            title=self.title,
            teaser=self.teaser,
            body=self.body,
            session_id=_id("session", self.session),
            project_id=_id("project", self.project),
            resource_id=_id("resource", self.resource),
            actions=self.actions,
        )

    @property
    def day(self) -> date | None:
        """The day it is recorded for, if any is known or derived."""
        return self.dating.on or self.dating.placed_on


def _id(kind: str, key: str | None) -> str | None:
    return str(named_id(kind, key)) if key else None


def entries(folder: Path) -> tuple[Entry, ...]:
    """The announcements of a content folder."""
    return TypeAdapter(tuple[Entry, ...]).validate_json((folder / "announcements.json").read_bytes())


async def load(journal: Journal, folder: Path, at: datetime, tell: Tell) -> dict[str, int]:
    """Brings the news into the journal; gives how many there are. `at` stands for days that are not known."""
    found = entries(folder)
    for done, entry in enumerate(found, 1):
        await _load_one(journal, entry, at)
        tell({"progress": [done, len(found), "Meldungen"]})
    return {"announcements": len(found)}


async def _load_one(journal: Journal, entry: Entry, at: datetime) -> None:
    announcement_id = str(named_id("announcement", entry.key))
    steps: tuple[tuple[str, Command], ...] = (
        ("drafted", DraftAnnouncement(announcement_id=announcement_id, content=entry.content)),
        ("published", PublishAnnouncement(dating=entry.dating)),
    )
    for name, command in steps:
        context = Context(
            command_id=_command_id(announcement_id, name),
            actor="content",
            at=datetime.combine(entry.day, NOON).astimezone(UTC) if entry.day else at,
            correlation_id="content",
            history=True,
        )
        await journal.transact(ANNOUNCEMENT, announcement_id, command, context)


def _command_id(announcement_id: str, name: str) -> UUID:
    return named_id("command", f"announcement/{announcement_id}/{name}")


async def run(folder: Path, tell: Tell) -> None:
    """Loads a folder with the settings of the environment."""
    settings = NotifySettings()
    configure(settings.service, settings.log_level, settings.log_format)
    pool = await connect_pool(settings.database_url, name="notify content")
    async with pool:
        journal = Journal(settings.database_url, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
        async with journal.running():
            tell({"loaded": await load(journal, folder, Clock(settings.clock_offset).now(), tell)})


def main() -> None:
    """The command line: `--content` names another folder."""
    parser = argparse.ArgumentParser(description="Loads the portal's news.")
    parser.add_argument("--content", type=Path, default=CONTENT)
    asyncio.run(run(parser.parse_args().content, lambda line: print(json.dumps(line, ensure_ascii=False), flush=True)))  # noqa: T201 -- its answer


if __name__ == "__main__":
    main()
