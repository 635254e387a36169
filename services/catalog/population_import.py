"""What an official file of populations changes in the directory: looked up, reported, and recorded as a whole."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pydantic import BaseModel, ConfigDict

from services.catalog.organisation import ORGANISATION, RecordPopulation
from services.catalog.population_file import Count, Encoding, Format, PopulationFile, Wrong
from shared.kernel.journal import Context, Journal
from shared.kernel.postgres import Pool

KNOWN = """
SELECT ags, id::text, (profile->>'population')::int AS population, (profile->>'population_as_of')::date AS as_of,
       profile->>'dissolved_on' IS NOT NULL AS dissolved
FROM organisation WHERE ags IS NOT NULL
"""
OUR_LAND = "05"
MOST_SHOWN = 200


class WrongLine(BaseModel):
    """A line that cannot be used."""

    model_config = ConfigDict(frozen=True)

    line: int
    column: str
    reason: str
    value: str


class PopulationReport(BaseModel):
    """What a file says and what came of it.

    `changed` entries get another number, `unchanged` have it, `newer` keep a later count; `elsewhere` counts keys
    outside North Rhine-Westphalia, `missing` municipalities that the file does not name. `wrong_lines` shows the first
    200.
    """

    model_config = ConfigDict(frozen=True)

    format: Format
    encoding: Encoding
    lines: int
    changed: int
    unchanged: int
    newer: int
    elsewhere: int
    missing: int
    wrong: int
    wrong_lines: tuple[WrongLine, ...]
    recorded: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory knows so far."""

    id: str
    population: int | None
    as_of: date | None
    dissolved: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be recorded, by the entry's id, and the report on it."""

    commands: Mapping[str, RecordPopulation]
    report: PopulationReport


async def directory(pool: Pool) -> dict[str, Entry]:
    """What is known of each official key."""
    rows = await pool.fetch(KNOWN)
    return {row["ags"]: Entry(row["id"], row["population"], row["as_of"], row["dissolved"]) for row in rows}


def plan(
    file: PopulationFile,
    as_of: date | None,
    today: date,
    known: Mapping[str, Entry],
    before: Collection[str] = frozenset(),
) -> Plan:
    """What a file comes to, given what the directory knows. Districts that it leaves out are the sum of their parts.

    `before` are the entries that the same request has changed already: it is told the same again.
    """
    ours = [each for each in file.counts if each.ags.startswith(OUR_LAND)]
    wrong = [*file.wrong, *_unusable(ours, as_of, today, known)]
    usable = [replace(each, as_of=each.as_of or as_of) for each in ours if each.ags in known]
    counts = [*usable, *_districts(usable, known)]
    commands: dict[str, RecordPopulation] = {}
    newer = again = 0
    for each in counts:
        entry = known[each.ags]
        if each.as_of is None or (entry.population, entry.as_of) == (each.population, each.as_of):
            again += entry.id in before
            continue
        if entry.as_of and each.as_of < entry.as_of:
            newer += 1
        else:
            commands[entry.id] = RecordPopulation(population=each.population, as_of=each.as_of)
    named = {each.ags for each in usable}
    report = PopulationReport(
        format=file.format,
        encoding=file.encoding,
        lines=file.lines,
        changed=len(commands) + again,
        unchanged=len(counts) - len(commands) - again - newer,
        newer=newer,
        elsewhere=len(file.counts) - len(ours),
        missing=sum(len(ags) == 8 and not entry.dissolved and ags not in named for ags, entry in known.items()),
        wrong=len(wrong),
        wrong_lines=tuple(_shown(each) for each in sorted(wrong, key=lambda each: each.line)[:MOST_SHOWN]),
        recorded=False,
    )
    return Plan(commands, report)


def _unusable(counts: Sequence[Count], as_of: date | None, today: date, known: Mapping[str, Entry]) -> Iterable[Wrong]:
    """Keys of North Rhine-Westphalia that nobody has; counts of no day, or of one to come that none could follow."""
    for each in counts:
        day = each.as_of or as_of
        if each.ags not in known:
            yield Wrong(each.line, "Schlüssel", "Dieser Schlüssel steht nicht im Verzeichnis.", each.ags)
        elif day is None:
            yield Wrong(each.line, "Stand", "Der Tag der Zählung ist nicht angegeben (as_of).", "")
        elif day > today:
            yield Wrong(each.line, "Stand", "Der Tag der Zählung liegt in der Zukunft.", f"{day:%d.%m.%Y}")


def _districts(counts: Sequence[Count], known: Mapping[str, Entry]) -> Iterable[Count]:
    """The sum of each district whose municipalities are all counted on one day, unless the file counts it itself."""
    named = {each.ags for each in counts}
    living: dict[str, set[str]] = defaultdict(set)
    for ags, entry in known.items():
        if len(ags) == 8 and not entry.dissolved:
            living[ags[:5]].add(ags)
    parts: dict[str, list[Count]] = defaultdict(list)
    for each in counts:
        parts[each.ags[:5]].append(each)
    for district, municipalities in living.items():
        own = [each for each in parts[district] if each.ags in municipalities]
        one_day = len({each.as_of for each in own}) == 1
        if district in known and district not in named and one_day and len(own) == len(municipalities):
            yield replace(own[0], ags=district, population=sum(each.population for each in own))


def _shown(wrong: Wrong) -> WrongLine:
    return WrongLine(line=wrong.line, column=wrong.column, reason=wrong.reason, value=wrong.value)


async def record(journal: Journal, commands: Mapping[str, RecordPopulation], context: Context) -> None:
    """Records everything in one transaction, or nothing."""
    await journal.transact_all(ORGANISATION, commands, context)
