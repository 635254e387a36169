"""What one row of a file comes to: the project's content after it, and the commands that bring the project there.

The commands are tried on the project's present state by the project's own rules, so that an import refuses what the
catalogue would refuse, and nothing else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.catalog.export_cells import Names
from services.catalog.import_sheet import Said, said_again
from services.catalog.lookup import Lookup
from services.catalog.project import (
    PROJECT,
    DraftProject,
    EditProject,
    Project,
    ProjectCommand,
    PublishProject,
    ReviseProject,
    SubmitProject,
)
from services.catalog.project_cells import LOOKED_UP, SPEAKING, speaking_cells
from services.catalog.project_content import Content
from services.catalog.project_import import Target
from services.catalog.vocabulary import ProjectStatus, Role

type Step = Literal["draft", "edit", "revise", "submit", "publish"]
type Outcome = Literal["new", "changed", "unchanged"]

NOTHING = (None, ())
AHEAD: dict[Target, tuple[Step, ...]] = {"drafted": (), "submitted": ("submit",), "published": ("submit", "publish")}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be imported: which project it is, what that says then, and the steps that bring it there.

    `version` is the project's that it was compared with; 0 when there was none.
    """

    number: int
    project_id: str
    outcome: Outcome
    content: Content
    steps: tuple[Step, ...]
    version: int = 0


def row_of(said: Said, project: Project | None, lookup: Lookup, target: Target, at: datetime) -> Row:
    """The row of what was said; `ValidationError` where it has no project's shape, `Refused` where a rule says no."""
    base = _base(project, target)
    content = _merged(said, base, lookup)
    steps = _steps(project, target, changed=content != base)
    happened = _try(project, [command_of(step, said.project_id, content) for step in steps], at)
    outcome: Outcome = "unchanged" if not happened else "new" if project is None else "changed"
    return Row(said.number, said.project_id, outcome, content, steps if happened else ())


def steps_left(project: Project, content: Content, target: Target, at: datetime) -> tuple[Step, ...] | None:
    """What is left to do for a project that somebody else changed meanwhile; None when it says something else now.

    `Refused` when a rule says that it cannot be brought there any more.
    """
    said_so = content == _base(project, target)
    steps = _steps(project, target, changed=not said_so)
    happened = _try(project, [command_of(step, project.id, content) for step in steps], at)
    return None if not said_so else steps if happened else ()


def command_of(step: Step, project_id: str, content: Content) -> ProjectCommand:
    """The command of a step."""
    match step:
        case "draft":
            return DraftProject(project_id=project_id, content=content)
        case "edit":
            return EditProject(content=content)
        case "revise":
            return ReviseProject(content=content)
        case "submit":
            return SubmitProject()
        case "publish":
            return PublishProject()


def _base(project: Project | None, target: Target) -> Content | None:
    """What the row is compared with: the live version if that is to be replaced, else the newest one."""
    if project is None:
        return None
    newest = project.pending if target != "published" else None
    return newest.content if newest else project.content


def _merged(said: Said, base: Content | None, lookup: Lookup) -> Content:
    """The content after the row. Columns that the file does not have stay; so does what the row says in other words."""
    if base is None:
        return Content.model_validate({**_filled(said.fields), "participations": said.partners})
    fields: dict[str, Any] = {name: getattr(base, name) for name in Content.model_fields}
    other = {
        name: value
        for name, value in said.fields.items()
        if value != fields[name] and not (value in NOTHING and fields[name] in NOTHING)
    }
    partners = _by_body(said.partners)
    there = [each for each in base.participations if each.role in said.roles]
    if partners != {(each.organisation_id, each.role): each.task for each in there}:
        other |= dict.fromkeys(said.roles)
    own = said_again(_own_cells(base, lookup, other), lookup)
    fields |= _filled({name: value for name, value in other.items() if own.fields.get(name, ...) != value})
    if said.roles & other.keys() and partners != _by_body(own.partners):
        others = [each for each in base.participations if each.role not in said.roles]
        fields["participations"] = [*others, *said.partners]
    return Content.model_validate(fields)


def _filled(said: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a content; what is empty is what it is by default."""
    ours = ((name, value) for name, value in said.items() if name in Content.model_fields)
    return {name: Content.model_fields[name].get_default() if value is None else value for name, value in ours}


def _own_cells(content: Content, lookup: Lookup, keys: Collection[str]) -> dict[str, str]:
    """Some of the project's own cells, as an export writes them."""
    speaking = [column for name, column in SPEAKING.items() if name in keys]
    cells = dict(zip((column.field for column in speaking), speaking_cells(content, speaking), strict=True))
    if LOOKED_UP.keys() & keys:
        looked_up = zip(LOOKED_UP, Names(lookup).of(content), strict=True)
        cells |= {key: cell for key, cell in looked_up if key in keys}
    return cells


def _by_body(partners: Sequence[dict[str, Any]]) -> dict[tuple[str, Role], str | None]:
    """What each does; the order stays where it is about the same bodies."""
    return {(each["organisation_id"], each["role"]): each["task"] for each in partners}


def _steps(project: Project | None, target: Target, *, changed: bool) -> tuple[Step, ...]:
    """The steps that bring a project to where the import wants it; the rules say whether it may go there."""
    ahead = AHEAD[target]
    edit: tuple[Step, ...] = ("edit",) if changed else ()
    if project is None:
        return ("draft", *ahead)
    match project.status:
        case ProjectStatus.PUBLISHED:
            return ("revise",) if changed and target == "published" else edit
        case ProjectStatus.SUBMITTED:
            return (*edit, "publish") if target == "published" else edit
        case ProjectStatus.ARCHIVED:
            return edit
        case ProjectStatus.DRAFTED | ProjectStatus.RETURNED:
            return (*edit, *ahead)


def _try(project: Project | None, commands: Sequence[ProjectCommand], at: datetime) -> bool:
    """Whether anything would happen; `Refused` when a rule says no."""
    happened = False
    for command in commands:
        for event in PROJECT.decide(command, project, at):
            project = PROJECT.evolve(project, event)
            happened = True
    return happened
