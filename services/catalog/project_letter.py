"""What has to be written about something that happened to a project? The answer to `rpc.catalog.project_letter`.

A letter is written only as long as it is true: who has handed a project in again is not asked to work on it.
"""

from collections.abc import Sequence
from typing import Literal

from services.catalog import contact_list, project_page, project_steps
from services.catalog.project_content import FieldReason
from services.catalog.project_fields import FIELD_LABELS
from services.catalog.project_shown import StepShown
from services.catalog.project_state import Project
from services.catalog.vocabulary import ProjectStatus
from shared.contracts.rpc import ProjectLetter, ProjectLetterAnswered, ProjectLetterAsked, ReturnedField
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool

type About = Literal["published", "returned", "review_due"]

TOLD: dict[str, About] = {
    "published": "published",
    "revised": "published",
    "returned": "returned",
    "revision_returned": "returned",
    "contact_review_due": "review_due",
}
OF_REVISION = frozenset({"revised", "revision_returned"})
# What may come after such a step so that it is no longer true.
OVERTAKEN_BY = {
    "returned": {"submitted", "published", "returned", "archived"},
    "revision_returned": {"revision_proposed", "revised", "archived"},
    "contact_review_due": {"contact_confirmed", "contact_review_due", "archived"},
}
HANDED_IN = frozenset({"submitted", "revision_proposed"})
DECIDED = frozenset({"published", "revised", "returned", "revision_returned"})


async def project_letter(pool: Pool, asked: ProjectLetterAsked) -> ProjectLetterAnswered:
    """The letter about one step of a project; none about a step that is not told, or not true any more."""
    if parse_id(asked.project_id) is None:
        return ProjectLetterAnswered()
    async with pool.acquire() as connection:
        entry = (await project_page.entries(connection, [asked.project_id])).get(asked.project_id)
        steps = await project_steps.told(connection, asked.project_id)
        contact = await contact_list.address_of(connection, "project", asked.project_id)
    step = next((each for each in steps if each.version == asked.version), None)
    if entry is None or step is None or step.step not in TOLD or not _holds(entry.project, step, steps):
        return ProjectLetterAnswered()
    about, review = TOLD[step.step], step.step == "contact_review_due"
    letter = ProjectLetter(
        project_id=entry.project.id,
        about=about,
        title=_title(entry.project, step.step),
        of_revision=step.step in OF_REVISION,
        reason=step.reason if about == "returned" else None,
        reasons=tuple(map(_field, step.reasons)),
        submitted_by=None if review else _submitter(steps, step),
        contact_id=contact["person_id"] if review and contact else None,
        unconfirmed_since=entry.project.confirmed_at if review else None,
    )
    return ProjectLetterAnswered(letter=letter)


def _holds(project: Project, step: StepShown, steps: Sequence[StepShown]) -> bool:
    """Whether it is still so, whatever has happened since."""
    match TOLD[step.step]:
        case "published":
            return project.status is ProjectStatus.PUBLISHED
        case "review_due" if not project.review_due:
            return False
        case "returned" | "review_due":
            return not any(each.version > step.version and each.step in OVERTAKEN_BY[step.step] for each in steps)


def _title(project: Project, step: str) -> str:
    """That of what was decided on: a returned proposal has its own."""
    proposed = project.revision if step == "revision_returned" else None
    return (proposed.content if proposed else project.content).title


def _submitter(steps: Sequence[StepShown], decision: StepShown) -> str | None:
    """Who handed in what was decided on; nobody where an editor published without, or decided on the own."""
    for step in reversed([each for each in steps if each.version < decision.version]):
        if step.step in HANDED_IN:
            return step.actor if step.actor != decision.actor else None
        if step.step in DECIDED:
            return None
    return None


def _field(reason: FieldReason) -> ReturnedField:
    """A field under the name that it has on the page; within a list, with its place in it."""
    name, *within = reason.field.split("/")[1:]
    place = next((int(part) + 1 for part in within if part.isdecimal()), None)
    label = FIELD_LABELS.get(name, name)
    return ReturnedField(field=label if place is None else f"{label}, {place}.", reason=reason.text)
