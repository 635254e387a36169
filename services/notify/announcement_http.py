"""Announcements over HTTP: news for everyone, their making for editors."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from services.notify import announcement_mailing_http, invited_http, news, news_feed_http
from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_commands import (
    Command,
    CorrectAnnouncement,
    DraftAnnouncement,
    PublishAnnouncement,
    ReviseAnnouncement,
    WithdrawAnnouncement,
)
from services.notify.announcement_content import Content
from services.notify.announcement_mailing_http import COUNT_CODES, Announcing, PublicationBody
from services.notify.news import NewsArticle, NewsItem, NewsQuery
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Role, committed, page, require
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

API = "/api/v1"
EDITORS: frozenset[Role] = frozenset({"editor"})
SEE_ALL: frozenset[Role] = frozenset({"editor", "operator"})
TEXT_CODES = ("weekday_mismatch", "no_such_day")

type Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class CorrectionBody(Content):
    """How a published announcement is to read, and what its readers are told about the change.

    With `mail` those who got it by mail are told by mail.
    """

    note: Reason
    mail: bool = False


class WithdrawalBody(BaseModel):
    """Why an announcement is no longer shown."""

    model_config = ConfigDict(frozen=True)

    reason: Reason


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    announcing: Announcing

    async def announcements(self, call: Call) -> Answer:
        """One page of the news; drafts and what was withdrawn are for editors."""
        if call.query.status != "published":
            require(SEE_ALL, call.identity)
        found = await news.listed(self.pool, call.query)
        return page(found, call)

    async def announcement(self, call: Call) -> Answer:
        """One announcement; its version is the ETag for those who may change it."""
        editor = _sees_all(call)
        found = await news.one(self.pool, call.path_id())
        if found is None or (found.status != "published" and not editor):
            raise Problem("not_found")
        return Answer(found, version=found.version if editor else None)

    async def draft(self, call: Call) -> Answer:
        """A new draft under a new id, or the one that the same request made before."""
        context = call.context()
        announcement_id = context.id_of_new("announcements")
        command = DraftAnnouncement(announcement_id=announcement_id, content=_content(call.body))
        outcome = await self.journal.transact(ANNOUNCEMENT, announcement_id, command, context)
        return committed(outcome, 201, f"{API}/announcements/{announcement_id}")

    async def revise(self, call: Call) -> Answer:
        """A changed draft."""
        return await self._committed(call, ReviseAnnouncement(content=_content(call.body)))

    async def publish(self, call: Call) -> Answer:
        """A draft shown on the portal, from today, and mailed as it is planned."""
        seen = call.body.recipients if call.body else None
        counted = await self.announcing.counted(call.path_id(), seen)
        return await self._committed(call, PublishAnnouncement(recipients=counted))

    async def correct(self, call: Call) -> Answer:
        """A published announcement put right in the open."""
        body: CorrectionBody = call.body
        return await self._committed(
            call, CorrectAnnouncement(content=_content(body), note=body.note, mailed=body.mail)
        )

    async def withdraw(self, call: Call) -> Answer:
        """An announcement taken away."""
        return await self._committed(call, WithdrawAnnouncement(reason=call.body.reason))

    async def _committed(self, call: Call, command: Command) -> Answer:
        outcome = await self.journal.transact(
            ANNOUNCEMENT, call.path_id(), command, call.context(), expected_version=call.expected_version
        )
        self.announcing.noted()
        return committed(outcome)


def _content(body: Content) -> Content:
    """The content alone, whatever else was sent with it."""
    return Content(**{name: getattr(body, name) for name in Content.model_fields})


def _sees_all(call: Call) -> bool:
    return bool(SEE_ALL & call.identity.roles)


def endpoints(journal: Journal, pool: Pool, announcing: Announcing) -> list[Endpoint]:
    """Everything about announcements."""
    do = Handlers(journal, pool, announcing)
    announcement = f"{API}/announcements/{{id}}"
    return [
        *news_feed_http.endpoints(pool, announcing.portal, announcing.layout),
        *announcement_mailing_http.endpoints(announcing),
        *invited_http.endpoints(journal, pool),
        Endpoint(
            "GET", f"{API}/announcements", do.announcements, "List the news", query=NewsQuery, answer=Page[NewsItem]
        ),
        Endpoint(
            "GET", announcement, do.announcement, "Read an announcement", answer=NewsArticle, codes=("not_found",)
        ),
        Endpoint(
            "POST",
            f"{API}/announcements",
            do.draft,
            "Draft an announcement",
            body=Content,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=TEXT_CODES,
        ),
        Endpoint(
            "PUT",
            announcement,
            do.revise,
            "Change a draft",
            body=Content,
            answer=Committed,
            roles=EDITORS,
            codes=(
                "not_found",
                "announcement_published",
                "announcement_withdrawn",
                "invitation_without_session",
                *TEXT_CODES,
            ),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{announcement}/publications",
            do.publish,
            "Publish a draft, and mail it as planned",
            body=PublicationBody,
            body_required=False,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "announcement_withdrawn", *COUNT_CODES),
        ),
        Endpoint(
            "POST",
            f"{announcement}/corrections",
            do.correct,
            "Correct a published announcement, and tell its readers what was wrong",
            body=CorrectionBody,
            answer=Committed,
            roles=EDITORS,
            codes=(
                "not_found",
                "announcement_not_published",
                "announcement_withdrawn",
                "announcement_not_mailed",
                "invitation_without_session",
                *TEXT_CODES,
            ),
        ),
        Endpoint(
            "POST",
            f"{announcement}/withdrawals",
            do.withdraw,
            "Show an announcement no longer",
            body=WithdrawalBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
        ),
    ]
