"""What time brings to undertakings: reminders of dates that are near, and drafts that a crash kept from being made."""

from datetime import datetime, timedelta

from services.catalog import undertaking_page
from services.catalog.due import by_itself, told
from services.catalog.undertaking import UNDERTAKING, LetTimePass
from services.catalog.undertaking_draft import draft
from services.catalog.undertaking_plan import german_day
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

RECENTLY = timedelta(days=7)


async def remind(journal: Journal, pool: Pool, at: datetime) -> int:
    """Lets every undertaking with a date that is near say so; gives how many did."""
    found = await undertaking_page.due(pool, german_day(at))
    heard = [await told(journal, UNDERTAKING, each, LetTimePass(), by_itself(at)) for each in found]
    return sum(heard)


async def draft_what_is_finished(journal: Journal, pool: Pool, at: datetime) -> int:
    """Makes the project drafts of undertakings that were finished and have none; gives how many there were."""
    found = await undertaking_page.undrafted(pool, at - RECENTLY)
    for undertaking_id in found:
        await draft(journal, pool, undertaking_id, by_itself(at))
    return len(found)
