"""Whose contact has nobody confirmed for a year? The clock asks once."""

import asyncio
from datetime import datetime

from services.catalog import project_page
from services.catalog.due import by_itself, told
from services.catalog.project import PROJECT, LetTimePass
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Unavailable


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
