"""What waits for those who deal with questions, across sessions? Oldest first, with how many there are of each kind."""

import datetime as dt
from collections.abc import Sequence

from pydantic import Field, TypeAdapter

from services.events import question_list, question_sealing
from services.events.question import Question
from services.events.question_events import QuestionStatus
from services.events.question_list import SHOWN, Wanted
from services.events.question_shown import ModeratedQuestion, SessionRef, moderated, reference
from services.events.session_list import session_row
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault

SEARCHED = 2000
"""So many questions a search looks through; each has to be opened."""
PORTION = 200

_PLACE: TypeAdapter[tuple[dt.datetime, str]] = TypeAdapter(tuple[dt.datetime, str])


class InboxQuery(Paging):
    """The parameters of the inbox; a repeated one means one or the other. A series is named by id or slug."""

    status: list[QuestionStatus] | None = None
    series: list[str] | None = Field(default=None, max_length=20)
    session: list[str] | None = Field(default=None, max_length=20)
    q: str | None = Field(default=None, max_length=200, description="A part of the question.")


class Inbox(Page[ModeratedQuestion]):
    """One page of questions. `counts` are those of each status, whichever is asked for."""

    counts: dict[QuestionStatus, int]


async def find(
    pool: Pool, vault: Vault, query: InboxQuery, visible: Sequence[str] | None, *, for_editors: bool
) -> Inbox:
    """The page that a query asks for."""
    wanted = Wanted(visible, query.series, query.session)
    statuses = [status for status in SHOWN if query.status is None or status in query.status]
    counts = await question_list.inbox_counts(pool, wanted)
    after = _after(query.cursor)
    if query.q and query.q.strip():
        if sum(counts[status] for status in statuses) > SEARCHED:
            raise Problem("too_many_to_search")
        found = await _holding(pool, vault, wanted, statuses, query.q.strip().casefold())
        total = len(found)
        found = [one for one in found if after is None or (one.asked_at, one.question_id) > after][: query.limit + 1]
    else:
        found = await question_list.inbox(pool, wanted, statuses, after, query.limit + 1)
        total = sum(counts[status] for status in statuses)
    shown = found[: query.limit]
    last = shown[-1] if len(found) > query.limit else None
    return Inbox(
        items=await as_moderated(pool, vault, shown, for_editors=for_editors),
        next=encode_cursor((last.asked_at, last.question_id)) if last else None,
        total=total,
        counts=counts,
    )


async def as_moderated(
    pool: Pool, vault: Vault, questions: Sequence[Question], *, for_editors: bool
) -> list[ModeratedQuestion]:
    """Questions of any sessions, opened."""
    sessions: dict[str, SessionRef] = {}
    for session_id in {one.session_id for one in questions}:
        if found := await session_row(pool, session_id, drafts=True):
            sessions[session_id] = reference(found)
    opened = await question_sealing.opened(vault, questions)
    return [
        moderated(one, plain, sessions, for_editors=for_editors) for one, plain in zip(questions, opened, strict=True)
    ]


async def _holding(
    pool: Pool, vault: Vault, wanted: Wanted, statuses: Sequence[QuestionStatus], words: str
) -> list[Question]:
    """Those with the words in their text, a portion at a time: nobody waits long for the others' turn."""
    found: list[Question] = []
    after: tuple[dt.datetime, str] | None = None
    while portion := await question_list.inbox(pool, wanted, statuses, after, PORTION):
        texts = await question_sealing.texts(vault, portion)
        found += [one for one, text in zip(portion, texts, strict=True) if text and words in text.casefold()]
        after = (portion[-1].asked_at, portion[-1].question_id)
    return found


def _after(cursor: str | None) -> tuple[dt.datetime, str] | None:
    if cursor is None:
        return None
    asked_at, question_id = decode_cursor(cursor, _PLACE)
    if asked_at.tzinfo is None or asked_at.year < 1900:
        raise Problem("invalid_query")
    return asked_at, question_id
