"""Messages about projects: to who handed one in, what became of it; to its contact, whether it is still right."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.notify import catalog_letter
from services.notify.kind import Kind, Priority
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.reached import People
from services.notify.texts import Text
from shared.contracts.catalog import ContactReviewDue, ProjectPublished, ProjectReturned, ProjectRevised
from shared.contracts.rpc import PeopleAsked, ProjectLetter, ProjectLetterAnswered, ProjectLetterAsked

type OfProject = ProjectReturned | ProjectPublished | ProjectRevised | ContactReviewDue

KINDS: dict[type[Any], Kind] = {
    ProjectReturned: Kind("project_returned", Priority.PERSONAL),
    ProjectPublished: Kind("project_accepted", Priority.PERSONAL),
    ProjectRevised: Kind("project_accepted", Priority.PERSONAL),
    ContactReviewDue: Kind("project_review_due", Priority.LATER),
}


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """What is to be said, and where to."""

    email: str
    letter: ProjectLetter


@dataclass(frozen=True, slots=True)
class ProjectMatter:
    """What is told of projects to those who wrote them. Followers of topics are another matter."""

    texts: Mapping[str, Text]
    portal: str
    project: Callable[[ProjectLetterAsked], Awaitable[ProjectLetterAnswered]]
    people: People
    name: str = "projects"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: OfProject) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: OfProject, _cause_id: str) -> About:
        """What is told of one project keeps its order."""
        return About(line=_line(cause))

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """Who handed in what was decided on, or the contact; nobody who cannot be reached, or of what is no more so."""
        letter = (await self.project(_question(mailing.what, mailing.cause))).letter
        if letter is None:
            return Page(())
        if letter.contact_id is not None:
            return Page((_row(mailing, letter.contact_id),))
        if letter.submitted_by is None:
            return Page(())
        found = await self.people.reached(PeopleAsked(actors=(letter.submitted_by,)))
        return Page([_row(mailing, person.person_id) for person in found])

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[ProjectCard | None]:
        """What the catalogue says now, and where they are reached."""
        questions = dict.fromkeys((told.cause_id, _question(told.cause, told.cause_id)) for _, told in messages)
        answers = await asyncio.gather(*(self.project(asked) for _, asked in questions))
        letters = {cause: answer.letter for (cause, _), answer in zip(questions, answers, strict=True)}
        addresses = await self.people.addresses(claimed.person_id for claimed, _ in messages)
        return [_card(letters[told.cause_id], addresses.get(claimed.person_id), claimed) for claimed, told in messages]

    def letter(self, _claimed: Claimed, _told: Told, card: ProjectCard, _now: datetime) -> Draft:
        """The letter that the catalogue asks for."""
        return Draft(catalog_letter.project(card.letter, self.texts, self.portal))


def _line(cause: OfProject) -> str:
    return f"project/{cause.project_id}"


def _row(mailing: Mailing, person_id: str) -> Row:
    return Row(person_id, lane=f"{_line(mailing.what)}/{person_id}")


def _question(cause: OfProject, cause_id: str) -> ProjectLetterAsked:
    return ProjectLetterAsked(project_id=cause.project_id, version=int(cause_id.rpartition("@")[2]))


def _card(letter: ProjectLetter | None, email: str | None, claimed: Claimed) -> ProjectCard | None:
    """None of who is no longer the contact, too."""
    if letter is None or email is None or letter.contact_id not in (None, claimed.person_id):
        return None
    if letter.about == "review_due" and letter.contact_id is None:
        return None
    return ProjectCard(email, letter)
