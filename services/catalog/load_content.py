"""Loads the portal's own content into the catalogue, as history: `python -m services.catalog.load_content`.

Every command has an id that follows from what it loads, so loading again changes nothing: a project or a topic is
loaded once and then belongs to its editors; entries of the directory, resources and figures follow a changed file. What
is loaded acts towards nobody.

Prints lines of JSON: `{"progress": [done, total, what]}`, at the end `{"loaded": {what: how many}}`.
"""

import argparse
import asyncio
import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.catalog.funding_programme import FUNDING_PROGRAMME, RecordProgramme, Terms
from services.catalog.key_figure import KEY_FIGURE, Reading, RecordKeyFigure
from services.catalog.organisation import ORGANISATION, Profile, RegisterOrganisation
from services.catalog.project import PROJECT, AwardBestPractice, DraftProject, PublishProject, SubmitProject
from services.catalog.project_content import Contact, Content, Description, Participation
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.resource import RESOURCE, Details, PublishResource
from services.catalog.settings import CatalogSettings
from services.catalog.topic import TOPIC, DefineTopic
from services.catalog.vocabulary import OrganisationType, Role
from shared.kernel.clock import Clock
from shared.kernel.decider import Decider
from shared.kernel.ids import named_id
from shared.kernel.journal import Context, Journal
from shared.kernel.logs import configure
from shared.kernel.postgres import connect_pool
from shared.kernel.wakeup import Wakeup

CONTENT = Path(__file__).resolve().parents[2] / "content"
NOON = time(12, tzinfo=ZoneInfo("Europe/Berlin"))
TOGETHER = 100
DISTRICT_TYPES = {"kreisfreie Stadt": OrganisationType.INDEPENDENT_CITY_DISTRICT}
MUNICIPALITY_TYPES = {
    "kreisfreie Stadt": OrganisationType.INDEPENDENT_CITY,
    "Stadt": OrganisationType.TOWN,
    "Gemeinde": OrganisationType.MUNICIPALITY,
}

type Tell = Callable[[dict[str, Any]], None]


class Entry(BaseModel):
    """A part of a content file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Partner(Entry):
    """Who takes part: an official key, or the key of a body in `organisations.json`."""

    organisation: str
    role: Role = Role.PARTICIPANT
    task: str | None = None


class Office(Entry):
    """Whom to ask."""

    organisation: str
    function: str | None = None
    note: str | None = None


class BestPractice(Entry):
    """A best-practice mark."""

    occasion: str
    awarded_on: date


class ProjectEntry(Entry):
    """A project of `projects.json`."""

    key: str
    entered_on: date | None
    content: Description
    participations: tuple[Partner, ...] = ()
    contacts: tuple[Office, ...] = ()
    predecessor: str | None = None
    best_practice: BestPractice | None = None


class Body(Entry):
    """An organisation that is no municipality or district."""

    key: str
    profile: Profile


class Organisations(Entry):
    """`organisations.json`: bodies, and further names by official key."""

    bodies: tuple[Body, ...]
    aliases: dict[str, tuple[str, ...]]


class ResourceEntry(Entry):
    """A resource of `resources.json`."""

    key: str
    entered_on: date | None
    details: Details


class FigureEntry(Entry):
    """A figure of `key_figures.json`."""

    key: str
    reading: Reading


class ProgrammeEntry(Entry):
    """A programme of `funding_programmes.json`."""

    key: str
    terms: Terms


class Step(NamedTuple):
    """One command to one aggregate; `name` is its place in the aggregate's loaded life."""

    decider: Decider[Any, Any, Any]
    aggregate_id: str
    name: str
    command: Any
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Aggregates of one kind: `word` is what is counted in German, `steps` what each of them goes through in order."""

    kind: str
    word: str
    steps: Sequence[Sequence[Step]]


def batches(folder: Path) -> Iterator[Batch]:
    """Everything in a content folder, in the order it can be loaded in."""
    topics = TypeAdapter(tuple[DefineTopic, ...]).validate_json((folder / "topics.json").read_bytes())
    yield Batch("topics", "Themengebiete", [[Step(TOPIC, each.topic, "defined", each)] for each in topics])
    organisations = Organisations.model_validate_json((folder / "organisations.json").read_bytes())
    rows = _rows(folder / "nrw_municipalities.csv")
    municipalities = [_municipality(row, organisations.aliases) for row in rows]
    yield Batch("municipalities", "Städte und Gemeinden", [_registered(profile) for profile in municipalities])
    districts = [_district(row, organisations.aliases) for row in {row["district_ags"]: row for row in rows}.values()]
    yield Batch("districts", "Kreise und kreisfreie Städte", [_registered(profile) for profile in districts])
    bodies = [_registered(body.profile, body.key) for body in organisations.bodies]
    yield Batch("other_organisations", "weitere Stellen", bodies)
    resources = TypeAdapter(tuple[ResourceEntry, ...]).validate_json((folder / "resources.json").read_bytes())
    yield Batch("resources", "Arbeitshilfen", [_resource(each) for each in resources])
    figures = TypeAdapter(tuple[FigureEntry, ...]).validate_json((folder / "key_figures.json").read_bytes())
    yield Batch("key_figures", "Kennzahlen", [_figure(each) for each in figures])
    programmes = TypeAdapter(tuple[ProgrammeEntry, ...]).validate_json(
        (folder / "funding_programmes.json").read_bytes()
    )
    yield Batch("funding_programmes", "Förderprogramme", [_programme(each) for each in programmes])
    projects = TypeAdapter(tuple[ProjectEntry, ...]).validate_json((folder / "projects.json").read_bytes())
    yield Batch("projects", "Projekte", [_project(each) for each in projects])


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _municipality(row: dict[str, str], aliases: dict[str, tuple[str, ...]]) -> Profile:
    return Profile(
        name=row["name"],
        type=MUNICIPALITY_TYPES[row["type"]],
        ags=row["ags"],
        aliases=aliases.get(row["ags"], ()),
        regierungsbezirk=row["regierungsbezirk"],
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
    )


def _district(row: dict[str, str], aliases: dict[str, tuple[str, ...]]) -> Profile:
    region = "Städteregion" in row["district_name"]
    kind = OrganisationType.CITY_REGION if region else OrganisationType.DISTRICT
    return Profile(
        name=row["district_name"],
        type=DISTRICT_TYPES.get(row["type"], kind),
        ags=row["district_ags"],
        aliases=aliases.get(row["district_ags"], ()),
        regierungsbezirk=row["regierungsbezirk"],
    )


def organisation_id(key: str) -> str:
    """The id of a loaded organisation, by official key or the key of a body."""
    return str(named_id("organisation", key))


def project_id(key: str) -> str:
    """The id of a loaded project."""
    return str(named_id("project", key))


def _registered(profile: Profile, key: str | None = None) -> list[Step]:
    known = organisation_id(key or profile.ags or "")
    command = RegisterOrganisation(organisation_id=known, profile=profile)
    return [Step(ORGANISATION, known, f"registered-{_digest(command)}", command)]


def _digest(command: BaseModel) -> str:
    """What is said, whatever further fields a command may have by now."""
    return hashlib.blake2b(command.model_dump_json(exclude_defaults=True).encode(), digest_size=8).hexdigest()


def _resource(entry: ResourceEntry) -> list[Step]:
    resource_id = str(named_id("resource", entry.key))
    command = PublishResource(resource_id=resource_id, details=entry.details)
    return [Step(RESOURCE, resource_id, f"published-{_digest(command)}", command, entry.entered_on)]


def _figure(entry: FigureEntry) -> list[Step]:
    figure_id = str(named_id("key_figure", entry.key))
    command = RecordKeyFigure(key_figure_id=figure_id, reading=entry.reading, loaded=True)
    return [Step(KEY_FIGURE, figure_id, f"recorded-{_digest(command)}", command, entry.reading.stated_on)]


def _programme(entry: ProgrammeEntry) -> list[Step]:
    programme_id = str(named_id("funding_programme", entry.key))
    command = RecordProgramme(programme_id=programme_id, terms=entry.terms, loaded=True)
    return [Step(FUNDING_PROGRAMME, programme_id, f"recorded-{_digest(command)}", command, entry.terms.dated)]


def _project(entry: ProjectEntry) -> list[Step]:
    """The life of a loaded project, all of it on the day it became known."""
    known, on = project_id(entry.key), entry.entered_on
    steps = [
        Step(PROJECT, known, "drafted", DraftProject(project_id=known, content=_content(entry)), on),
        Step(PROJECT, known, "submitted", SubmitProject(), on),
        Step(PROJECT, known, "published", PublishProject(), on),
    ]
    if entry.best_practice:
        award = AwardBestPractice(occasion=entry.best_practice.occasion, awarded_on=entry.best_practice.awarded_on)
        steps.append(Step(PROJECT, known, "awarded", award, on))
    return steps


def _content(entry: ProjectEntry) -> Content:
    fields = {name: getattr(entry.content, name) for name in Description.model_fields}
    fields["contacts"] = tuple(
        Contact(organisation_id=organisation_id(each.organisation), function=each.function, note=each.note)
        for each in entry.contacts
    )
    fields["predecessor"] = project_id(entry.predecessor) if entry.predecessor else None
    participations = tuple(
        Participation(
            organisation_id=organisation_id(each.organisation),
            ags=each.organisation if each.organisation.isdecimal() else None,
            role=each.role,
            task=each.task,
        )
        for each in entry.participations
    )
    return Content(**fields, participations=participations)


async def load(journal: Journal, folder: Path, at: datetime, tell: Tell) -> dict[str, int]:
    """Brings a content folder into the journal; gives how many of each kind are in it. `at` stands for unknown days."""
    loaded = {}
    for batch in batches(folder):
        for start in range(0, len(batch.steps), TOGETHER):
            lives = batch.steps[start : start + TOGETHER]
            await asyncio.gather(*(_live(journal, steps, at) for steps in lives))
            tell({"progress": [start + len(lives), len(batch.steps), batch.word]})
        loaded[batch.kind] = len(batch.steps)
    return loaded


async def _live(journal: Journal, steps: Iterable[Step], at: datetime) -> None:
    for step in steps:
        context = Context(
            command_id=named_id("command", f"{step.decider.category}/{step.aggregate_id}/{step.name}"),
            actor="content",
            at=datetime.combine(step.on, NOON).astimezone(UTC) if step.on else at,
            correlation_id="content",
            history=True,
        )
        await journal.transact(step.decider, step.aggregate_id, step.command, context)


async def run(folder: Path, tell: Tell) -> None:
    """Loads a folder with the settings of the environment."""
    settings = CatalogSettings()
    configure(settings.service, settings.log_level, settings.log_format)
    pool = await connect_pool(settings.database_url, name="catalog content")
    async with pool:
        journal = Journal(settings.database_url, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
        async with journal.running():
            tell({"loaded": await load(journal, folder, Clock(settings.clock_offset).now(), tell)})


def main() -> None:
    """The command line: `--content` names another folder."""
    parser = argparse.ArgumentParser(description="Loads the portal's content into the catalogue.")
    parser.add_argument("--content", type=Path, default=CONTENT)
    asyncio.run(run(parser.parse_args().content, lambda line: print(json.dumps(line, ensure_ascii=False), flush=True)))  # noqa: T201 -- its answer


if __name__ == "__main__":
    main()
