"""Questions as the asker, moderators and everybody see them."""

import datetime as dt
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from services.events.question import CHANGEABLE, OPEN, Question
from services.events.question_events import QuestionStatus, Way
from services.events.question_form import keyword_of
from services.events.question_sealing import Opened, Publication
from services.events.session_shown import SessionRow, SessionSummary, summary
from services.events.times import BERLIN, when_label

ERASED = "gelöscht"
STATUS_LABELS: dict[QuestionStatus, str] = {
    "received": "Eingegangen, noch nicht bestätigt",
    "submitted": "Wird geprüft",
    "accepted": "Angenommen",
    "merged": "Mit einer ähnlichen Frage zusammengefasst",
    "declined": "Nicht angenommen",
    "answered": "Beantwortet",
    "withdrawn": "Zurückgezogen",
    "lapsed": "Verfallen",
}
WAY_LABELS: dict[Way, str] = {"in_session": "In der Veranstaltung beantwortet", "in_writing": "Schriftlich beantwortet"}


class OwnQuestion(BaseModel):
    """One's own question. Texts are null once they are destroyed; `reason` is why it was declined."""

    model_config = ConfigDict(frozen=True)

    id: str
    session: SessionSummary
    keyword: str | None
    status: QuestionStatus
    status_label: str
    text: str | None
    name: str | None
    organisation_name: str | None
    may_publish: bool
    may_name_organisation: bool
    asked_at: dt.datetime
    confirm_by: dt.datetime | None
    reason: str | None
    way: Way | None
    way_label: str | None
    answer: str | None
    answered_at: dt.datetime | None
    published: Publication | None
    can_confirm: bool
    can_change: bool
    can_withdraw: bool
    version: int


class SessionRef(BaseModel):
    """The session a question is for."""

    model_config = ConfigDict(frozen=True)

    id: str
    series_id: str
    title: str
    when_label: str


class ModeratedQuestion(BaseModel):
    """A question as moderators see it; the address is for editors alone. Who was erased shows as such."""

    model_config = ConfigDict(frozen=True)

    id: str
    session: SessionRef
    status: QuestionStatus
    status_label: str
    text: str
    name: str
    email: str | None
    organisation_id: str | None
    organisation_name: str | None
    may_publish: bool
    may_name_organisation: bool
    asked_at: dt.datetime
    merged_into: str | None
    reason: str | None
    way: Way | None
    answer: str | None
    answered_at: dt.datetime | None
    published: Publication | None
    version: int


class PublishedQuestion(BaseModel):
    """A question that everybody may read, never with a person. `answer` is null where it was given in the session."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    organisation: str | None
    way: Way
    way_label: str
    answer: str | None
    answered_at: dt.datetime


def own(question: Question, found: SessionRow, opened: Opened, at: dt.datetime) -> OwnQuestion:
    """What the bearer of the link sees."""
    late = question.confirm_by is not None and question.confirm_by <= at
    status: QuestionStatus = "lapsed" if question.status == "received" and late else question.status
    asker = opened.asker
    return OwnQuestion(
        id=question.question_id,
        session=summary(found, at),
        keyword=keyword_of(found.series),
        status=status,
        status_label=STATUS_LABELS[status],
        text=opened.text,
        name=asker.name if asker else None,
        organisation_name=asker.organisation_name if asker else None,
        may_publish=question.may_publish,
        may_name_organisation=question.may_name_organisation,
        asked_at=question.asked_at.astimezone(BERLIN),
        confirm_by=question.confirm_by and question.confirm_by.astimezone(BERLIN),
        reason=opened.reason,
        way=question.way,
        way_label=WAY_LABELS[question.way] if question.way else None,
        answer=opened.answer,
        answered_at=question.answered_at and question.answered_at.astimezone(BERLIN),
        published=opened.publication,
        can_confirm=status == "received",
        can_change=status in CHANGEABLE and not question.forgotten,
        can_withdraw=status in {"received", *OPEN, "merged", "declined"} and not question.forgotten,
        version=question.version,
    )


def moderated(
    question: Question, opened: Opened, sessions: Mapping[str, SessionRef], *, for_editors: bool
) -> ModeratedQuestion:
    """What moderators see."""
    asker = opened.asker
    return ModeratedQuestion(
        id=question.question_id,
        session=sessions[question.session_id],
        status=question.status,
        status_label=STATUS_LABELS[question.status],
        text=opened.text or ERASED,
        name=asker.name if asker else ERASED,
        email=asker.email if asker and for_editors else None,
        organisation_id=question.organisation_id,
        organisation_name=asker.organisation_name if asker else None,
        may_publish=question.may_publish,
        may_name_organisation=question.may_name_organisation,
        asked_at=question.asked_at.astimezone(BERLIN),
        merged_into=question.merged_into,
        reason=opened.reason,
        way=question.way,
        answer=opened.answer,
        answered_at=question.answered_at and question.answered_at.astimezone(BERLIN),
        published=opened.publication,
        version=question.version,
    )


def public(question: Question, publication: Publication | None) -> PublishedQuestion | None:
    """What everybody sees; None of a question whose asker was erased."""
    if publication is None or question.way is None or question.answered_at is None:
        return None
    return PublishedQuestion(
        id=question.question_id,
        text=publication.text,
        organisation=publication.organisation,
        way=question.way,
        way_label=WAY_LABELS[question.way],
        answer=publication.answer,
        answered_at=question.answered_at.astimezone(BERLIN),
    )


def reference(found: SessionRow) -> SessionRef:
    """A session as a question names it."""
    life = found.life
    return SessionRef(
        id=life.session_id,
        series_id=life.content.series_id,
        title=life.content.title,
        when_label=when_label(life.when),
    )
