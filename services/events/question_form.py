"""Who may ask a question about a session, and until when? What the form of questions has to say."""

import datetime as dt

from pydantic import BaseModel, ConfigDict

from services.events.life import Life
from services.events.series import SeriesContent
from services.events.session_shown import SessionRow

LONGEST = 5000


class QuestionForm(BaseModel):
    """Whether questions are taken now, and what is said beside the form. `published` counts what everybody may read."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    title: str
    takes_questions: bool
    open: bool
    code: str | None
    closes_at: dt.datetime | None
    keyword: str | None
    hint: str | None
    longest: int
    published: int


def takes_questions(life: Life, series: SeriesContent | None) -> bool:
    """As the session says, else as its series does; consultation hours do unless told otherwise."""
    for said in (life.content.questions_open, series.questions_open if series else None):
        if said is not None:
            return said
    return series is not None and series.format == "consultation_hour"


def obstacle(life: Life, series: SeriesContent | None, at: dt.datetime) -> str | None:
    """Why nobody may ask now, the same for everybody. With the date open people may."""
    if life.stage in {"drafted", "cancelled"}:
        return life.obstacle(at)
    if not takes_questions(life, series):
        return "questions_closed"
    if not life.ahead or (life.when.over is not None and life.when.over <= at):
        return "session_over"
    closes_at = life.content.questions_close_at
    return "questions_closed" if closes_at is not None and closes_at <= at else None


def keyword_of(series: SeriesContent | None) -> str | None:
    """What questions are sent under."""
    return series.keyword if series else None


def question_form(found: SessionRow, published: int, at: dt.datetime) -> QuestionForm:
    """The form of a session."""
    life, keyword = found.life, keyword_of(found.series)
    code = obstacle(life, found.series, at)
    return QuestionForm(
        session_id=life.session_id,
        title=life.content.title,
        takes_questions=takes_questions(life, found.series),
        open=code is None,
        code=code,
        closes_at=life.content.questions_close_at,
        keyword=keyword,
        hint=f"Stichwort „{keyword}“" if keyword else None,
        longest=LONGEST,
        published=published,
    )
