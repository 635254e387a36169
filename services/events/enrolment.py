"""Does a session take registrations? What has to be known before anything is kept of a person."""

import datetime as dt
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from services.events.programme import WaitingList
from services.events.session_list import session_rows
from services.events.session_shown import SessionRow, SessionStatus, is_full, status_of
from shared.kernel.postgres import Pool


class Enrolment(BaseModel):
    """What a session says to whoever wants to register. `asks`: whether it has questions of its own."""

    model_config = ConfigDict(frozen=True)

    status: SessionStatus
    starts_at: dt.datetime | None
    registration_open: bool
    full: bool
    waiting_list: WaitingList
    asks: bool


async def enrolments(pool: Pool, session_ids: Sequence[str], at: dt.datetime) -> dict[str, Enrolment]:
    """By session; none of drafts and of what is not there."""
    return {each.life.session_id: _enrolment(each, at) for each in await session_rows(pool, session_ids)}


def _enrolment(found: SessionRow, at: dt.datetime) -> Enrolment:
    life, content = found.life, found.life.content
    return Enrolment(
        status=status_of(life, found.seated, found.waiting),
        starts_at=life.starts_at,
        registration_open=life.registration_obstacle(at) is None,
        full=is_full(life, found.seated, found.waiting),
        waiting_list=content.waiting_list,
        asks=bool(content.registration_questions),
    )
