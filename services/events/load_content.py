"""Loads the portal's own series and sessions, as history: `python -m services.events.load_content`.

Every command has an id that follows from what it loads, so loading again changes nothing; nobody is told of anything.
Beside the history each series has one session to come, marked „Beispieltermin“: when the last one is over, loading
again makes the next.

Prints lines of JSON: `{"progress": [done, total, what]}`, at the end `{"loaded": {what: how many}}`.
"""

import argparse
import asyncio
import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import series, session
from services.events.life_commands import AnnounceSession, DraftSession, PostponeSession, RecordHeld
from services.events.programme import Attendance, Content, Documentation, Talk
from services.events.records import DECIDERS, PROJECTIONS
from services.events.series import SeriesContent, StartSeries
from services.events.session import Command
from services.events.settings import EventsSettings
from services.events.talk_ids import identified
from services.events.times import BERLIN, WEEKDAYS, WallTime, Weekday, When
from shared.kernel.clock import Clock
from shared.kernel.ids import named_id
from shared.kernel.journal import Journal
from shared.kernel.logs import configure
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.recorded import Context
from shared.kernel.wakeup import Wakeup

CONTENT = Path(__file__).resolve().parents[2] / "content"
NOON = dt.time(12, tzinfo=BERLIN)
AHEAD = """
SELECT EXISTS (
    SELECT FROM session_view JOIN session_page USING (session_id)
    WHERE series_id = $1 AND stage IN ('announced', 'postponed') AND coalesce(over > $2, true)
      AND words LIKE '%(beispieltermin)%'
)
"""

type Tell = Callable[[dict[str, Any]], None]


class Entry(BaseModel):
    """A part of a content file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SeriesEntry(Entry):
    """A series of `series.json`."""

    key: str
    content: SeriesContent


class _Dated(Entry):
    on: dt.date
    weekday: Weekday | None = None
    starts_at: WallTime | None = None
    ends_at: WallTime | None = None
    date: dt.date | None = None

    @property
    def when(self) -> When:
        """The date that was named."""
        return When(starts_at=self.starts_at, ends_at=self.ends_at, date=self.date)


class Announced(_Dated):
    """The session became known."""

    step: Literal["announced"]


class Postponed(_Dated):
    """It was postponed."""

    step: Literal["postponed"]
    reason: str


class Held(Entry):
    """It took place."""

    step: Literal["held"]
    on: dt.date
    talks: tuple[dict[str, Any], ...] = ()
    attendance: Attendance | None = None
    recap: str | None = None


class SessionEntry(Entry):
    """A session and what became of it; `on` is the day a step became known, or where it is placed when none is."""

    key: str
    content: dict[str, Any]
    life: tuple[Annotated[Announced | Postponed | Held, Field(discriminator="step")], ...]


class Example(Entry):
    """A session to come, dated from the day it is loaded."""

    key: str
    content: dict[str, Any]
    weeks_ahead: int
    weekday: Weekday
    begins: dt.time
    ends: dt.time | None


class Sessions(Entry):
    """`sessions.json`."""

    sessions: tuple[SessionEntry, ...]
    examples: tuple[Example, ...]


def series_id(key: str) -> str:
    """The id of a loaded series."""
    return str(named_id("series", key))


def session_id(key: str) -> str:
    """The id of a loaded session."""
    return str(named_id("session", key))


def _content(fields: dict[str, Any], known: str) -> Content:
    """Of the session with that id."""
    agenda = _talks(fields.get("agenda", ()), known)
    rest = {name: value for name, value in fields.items() if name not in ("series", "agenda")}
    return Content(series_id=series_id(fields["series"]), agenda=agenda, **rest)


def _talks(talks: Iterable[dict[str, Any]], known: str) -> tuple[Talk, ...]:
    return identified([_talk(talk) for talk in talks], known, None, "agenda")


def _talk(fields: dict[str, Any]) -> Talk:
    rest = {name: value for name, value in fields.items() if name != "project"}
    project = fields.get("project")
    return Talk(project_id=str(named_id("project", project)) if project else None, **rest)


def commands(entry: SessionEntry) -> list[tuple[Command, dt.date]]:
    """The life of a loaded session as commands with their days."""
    first = entry.life[0]
    assert isinstance(first, Announced)
    known = session_id(entry.key)
    drafted = DraftSession(
        session_id=known, content=_content(entry.content, known), when=first.when, weekday=first.weekday
    )
    return [(drafted, first.on), *((_command(step, known), step.on) for step in entry.life)]


def _command(step: Announced | Postponed | Held, known: str) -> Command:
    match step:
        case Announced():
            return AnnounceSession(history=True)
        case Postponed():
            return PostponeSession(when=step.when, reason=step.reason, weekday=step.weekday, history=True)
        case Held():
            talks = _talks(step.talks, known)
            documentation = Documentation(talks=talks, attendance=step.attendance, recap=step.recap)
            return RecordHeld(documentation=documentation)


def example_date(example: Example, at: dt.datetime, *, later: int = 0) -> When:
    """The example's weekday, some weeks from now, at its time on the wall; `later` weeks more, but not at Christmas."""
    start = at.astimezone(BERLIN).date() + dt.timedelta(weeks=example.weeks_ahead + later)
    day = start + dt.timedelta(days=(WEEKDAYS.index(example.weekday) - start.weekday()) % 7)
    while (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 6):
        day += dt.timedelta(weeks=1)
    return When(
        starts_at=dt.datetime.combine(day, example.begins, BERLIN),
        ends_at=dt.datetime.combine(day, example.ends, BERLIN) if example.ends else None,
    )


async def load(journal: Journal, pool: Pool, folder: Path, at: dt.datetime, tell: Tell) -> dict[str, int]:
    """Brings a content folder into the journal; gives how many of each kind there are."""
    all_series = TypeAdapter(tuple[SeriesEntry, ...]).validate_json((folder / "series.json").read_bytes())
    sessions = Sessions.model_validate_json((folder / "sessions.json").read_bytes())
    for entry in all_series:
        await _start(journal, entry, at)
    tell({"progress": [len(all_series), len(all_series), "Veranstaltungsreihen"]})
    await asyncio.gather(*(_live(journal, entry) for entry in sessions.sessions))
    tell({"progress": [len(sessions.sessions), len(sessions.sessions), "Veranstaltungen"]})
    for example in sessions.examples:
        await _keep_ahead(journal, pool, example, at)
    tell({"progress": [len(sessions.examples), len(sessions.examples), "Beispieltermine"]})
    return {"series": len(all_series), "sessions": len(sessions.sessions), "examples": len(sessions.examples)}


async def _start(journal: Journal, entry: SeriesEntry, at: dt.datetime) -> None:
    known = series_id(entry.key)
    command = StartSeries(series_id=known, content=entry.content)
    await journal.transact(series.DECIDER, known, command, _context(f"series/{known}/started", at))


async def _live(journal: Journal, entry: SessionEntry) -> None:
    steps = ((command, dt.datetime.combine(day, NOON).astimezone(dt.UTC)) for command, day in commands(entry))
    await _follow(journal, session_id(entry.key), steps)


async def _keep_ahead(journal: Journal, pool: Pool, example: Example, at: dt.datetime) -> None:
    """Sees to it that the example lies ahead; one that is over, cancelled or gone is followed by another."""
    if await pool.fetchval(AHEAD, series_id(example.content["series"]), at):
        return
    for later in range(52):
        when = example_date(example, at, later=later)
        known = session_id(f"example/{example.key}/{when.day}")
        life = (await journal.load(session.DECIDER, known)).state.life
        if life is None or life.stage == "drafted":  # a draft is what a loading that was cut short leaves
            break
    else:
        return
    assert when.starts_at is not None
    closes_at = dt.datetime.combine(when.starts_at.date() - dt.timedelta(days=1), dt.time(12), BERLIN)
    content = _content(example.content, known)
    windowed = content.model_copy(update={"registration_opens_at": at, "registration_closes_at": closes_at})
    drafted = DraftSession(session_id=known, content=windowed, when=when, weekday=example.weekday)
    await _follow(journal, known, [(drafted, at), (AnnounceSession(), at)])


async def _follow(journal: Journal, known: str, steps: Iterable[tuple[Command, dt.datetime]]) -> None:
    for number, (command, at) in enumerate(steps):
        name = f"session/{known}/{number}-{type(command).__name__}"
        await journal.transact(session.DECIDER, known, command, _context(name, at))


def _context(name: str, at: dt.datetime) -> Context:
    return Context(command_id=named_id("command", name), actor="content", at=at, correlation_id="content", history=True)


async def run(folder: Path, tell: Tell) -> None:
    """Loads a folder with the settings of the environment."""
    settings = EventsSettings()
    configure(settings.service, settings.log_level, settings.log_format)
    async with await connect_pool(settings.database_url, name="events content") as pool:
        journal = Journal(settings.database_url, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
        async with journal.running():
            tell({"loaded": await load(journal, pool, folder, Clock(settings.clock_offset).now(), tell)})


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: `--content` names another folder."""
    parser = argparse.ArgumentParser(description="Loads the portal's series and sessions.")
    parser.add_argument("--content", type=Path, default=CONTENT)
    folder = parser.parse_args(arguments).content
    asyncio.run(run(folder, lambda line: print(json.dumps(line, ensure_ascii=False), flush=True)))  # noqa: T201 -- its answer


if __name__ == "__main__":
    main()
