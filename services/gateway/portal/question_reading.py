"""What the portal reads about questions."""

import datetime as dt

from services.gateway.portal.reading import Read, SessionShort


class QuestionForm(Read):
    """Whether a session takes questions now."""

    session_id: str
    title: str
    takes_questions: bool = False
    open: bool = False
    code: str | None = None
    closes_at: dt.datetime | None = None
    keyword: str | None = None
    hint: str | None = None
    published: int = 0

    @property
    def href(self) -> str:
        """The page of the session."""
        return f"/veranstaltungen/{self.session_id}"


class PublishedQuestion(Read):
    """A question that everybody may read."""

    id: str
    text: str
    organisation: str | None = None
    way_label: str
    answer: str | None = None
    answered_at: dt.datetime


class Publication(Read):
    """How one's own question reads for everybody."""

    text: str
    answer: str | None = None
    organisation: str | None = None


class OwnQuestion(Read):
    """What the bearer of a link may see of a question."""

    status: str
    status_label: str
    session: SessionShort
    keyword: str | None = None
    text: str | None = None
    name: str | None = None
    organisation_name: str | None = None
    may_publish: bool = False
    may_name_organisation: bool = False
    confirm_by: dt.datetime | None = None
    reason: str | None = None
    way_label: str | None = None
    answer: str | None = None
    published: Publication | None = None
    can_confirm: bool = False
    can_change: bool = False
    can_withdraw: bool = False
    version: int

    @property
    def gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.status in {"withdrawn", "lapsed"} or self.text is None
