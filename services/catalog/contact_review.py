"""Whose contact has nobody confirmed for a year? The clock asks once, and lists say so."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from services.catalog import project_page
from services.catalog.due import by_itself, told
from services.catalog.project import PROJECT, LetTimePass
from services.catalog.project_shown import confirmed_on, contact_note
from services.catalog.search_shown import ProjectCard
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Unavailable


class ProjectListed(ProjectCard):
    """A project in a list, with what is to be said of its contact."""

    contact_confirmed_on: date | None = Field(description="When its contact was last known to be right.")
    contact_note: str | None = Field(description="Says so when that is more than a year ago.")


async def listed(pool: Pool, cards: Sequence[ProjectCard], at: datetime) -> list[ProjectListed]:
    """The same cards, in the same order."""
    if not cards:
        return []
    async with pool.acquire() as connection:
        confirmed = await project_page.confirmed(connection, [card.id for card in cards])
    return [_listed(card, confirmed.get(card.id), at) for card in cards]


def _listed(card: ProjectCard, confirmed_at: datetime | None, at: datetime) -> ProjectListed:
    fields = {name: getattr(card, name) for name in ProjectCard.model_fields}
    on = confirmed_on(confirmed_at) if confirmed_at else None
    return ProjectListed(**fields, contact_confirmed_on=on, contact_note=contact_note(card.status, confirmed_at, at))


async def ask_for_review(journal: Journal, pool: Pool, at: datetime) -> int:
    """Lets every project know whose contact has become due; gives how many there were.

    What only loaded history says is asked as history, so that loading it sends nothing to people.
    """
    due = await project_page.contacts_due(pool, at)
    heard = await asyncio.gather(
        *(
            told(journal, PROJECT, project_id, LetTimePass(), by_itself(at, history=of_history))
            for project_id, of_history in due.items()
        ),
        return_exceptions=True,  # whatever one of them meets, none is left on its way
    )
    for each in heard:
        if isinstance(each, BaseException):
            raise each
    if not all(heard):
        raise Unavailable("some projects are written by newer code")
    return len(heard)
