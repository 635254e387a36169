"""What time brings to undertakings: reminders of dates that are near, and drafts that a crash kept from being made."""

from datetime import datetime, timedelta

import structlog

from services.catalog import undertaking_page
from services.catalog.due import by_itself, told
from services.catalog.german_time import german_day
from services.catalog.undertaking import UNDERTAKING, LetTimePass
from services.catalog.undertaking_draft import draft
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import Refused
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool

RECENTLY = timedelta(days=7)
A_MOMENT = timedelta(seconds=10)  # for whoever finished it to make the draft themselves

log = structlog.get_logger()


async def remind(journal: Journal, pool: Pool, at: datetime) -> int:
    """Lets every undertaking with a date that is near say so; gives how many did."""
    found = await undertaking_page.due(pool, german_day(at))
    heard = [await told(journal, UNDERTAKING, each, LetTimePass(), by_itself(at)) for each in found]
    return sum(heard)


async def draft_what_is_finished(journal: Journal, pool: Pool, at: datetime) -> int:
    """Makes the project drafts of undertakings that were finished and have none; gives how many it made."""
    found = await undertaking_page.undrafted(pool, at - RECENTLY, at - A_MOMENT)
    return sum([await _drafted(journal, pool, undertaking_id, at) for undertaking_id in found])


async def _drafted(journal: Journal, pool: Pool, undertaking_id: str, at: datetime) -> bool:
    """Whether it is a draft now; what cannot become one is said, and keeps no other waiting."""
    try:
        await draft(journal, pool, undertaking_id, by_itself(at))
    except (Refused, UnknownEvent) as reason:
        log.warning("not_drafted", undertaking_id=undertaking_id, reason=str(reason))
        return False
    return True
