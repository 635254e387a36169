"""Announcements by mail, over HTTP: whom to, counted, previewed, tested, at a moment, stopped. For editors."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.notify import announcement_mailings, invited_list, mailing, news
from services.notify.announcement import ANNOUNCEMENT
from services.notify.announcement_audience import AudienceCount
from services.notify.announcement_commands import (
    CancelSchedule,
    Command,
    Counted,
    PlanMailing,
    RemindInvited,
    ScheduleAnnouncement,
    StopMailing,
)
from services.notify.announcement_content import BERLIN, Audience, MailPlan
from services.notify.announcement_letter import Notice, compose
from services.notify.announcement_mailings import Purpose
from services.notify.announcement_matter import SAMPLE_TOKEN, AnnouncementMatter, AnnouncementTested
from services.notify.layout import Layout
from services.notify.letter import Letter
from services.notify.mailing import Occurred
from services.notify.news import Planned
from shared.contracts.rpc import PeopleAsked
from shared.kernel.decider import Refused
from shared.kernel.http import Answer, Call, Committed, Endpoint, Role, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

PATH = "/api/v1/announcements/{id}"
EDITORS: frozenset[Role] = frozenset({"editor"})
SEE_ALL: frozenset[Role] = frozenset({"editor", "operator"})
COUNT_CODES = ("recipients_not_counted", "audience_changed")
UNKNOWN = (
    "unknown_kind",
    "unknown_topic",
    "unknown_municipality",
    "unknown_district",
    "unknown_series",
    "unknown_organisation_type",
    "unknown_session",
)
PLAN_CODES = (
    "announcement_published",
    "announcement_withdrawn",
    "announcement_scheduled",
    "audience_missing",
    "invitation_without_session",
    *UNKNOWN,
    "weekday_mismatch",
    "no_such_day",
)
EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)
TOO_FAR = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

type Recipients = Annotated[int, Field(ge=0, le=10_000_000, description="How many people were counted.")]
type MailingState = Literal["ordered", "spreading", "sending", "paused", "done", "stopped", "abandoned", "past"]


class PublicationBody(BaseModel):
    """What is known of the audience by who publishes; needed where a mailing is planned."""

    model_config = ConfigDict(frozen=True)

    recipients: Recipients | None = None


class ScheduleBody(PublicationBody):
    """The moment to publish at, or day and time on the clock in Germany, whatever its offset is then."""

    publish_at: AwareDatetime | None = Field(default=None, ge=EPOCH, lt=TOO_FAR, examples=["2027-03-29T08:00:00+02:00"])
    day: dt.date | None = Field(default=None, ge=EPOCH.date(), lt=TOO_FAR.date(), examples=["2027-03-29"])
    time: dt.time | None = Field(default=None, examples=["08:00"])

    @model_validator(mode="after")
    def one_moment(self) -> Self:
        """Either a moment or a day with its time."""
        on_the_wall = self.day is not None and self.time is not None and self.time.tzinfo is None
        if (self.publish_at is None) is not on_the_wall or (self.publish_at and (self.day or self.time)):
            text = "Erwartet wird entweder publish_at, oder day und time (ohne Zeitzone)."
            raise PydanticCustomError("one_moment", text)
        return self

    @property
    def moment(self) -> dt.datetime:
        """The moment; one that the clock skips is refused, of two the first is meant."""
        if self.publish_at is not None:
            return self.publish_at.astimezone(dt.UTC)
        assert self.day is not None
        assert self.time is not None
        return at_the_wall(self.day, self.time)


class StopBody(BaseModel):
    """Why nobody more gets it."""

    model_config = ConfigDict(frozen=True)

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class AudienceBody(BaseModel):
    """Whom to count, if not whom it is planned for."""

    model_config = ConfigDict(frozen=True)

    audience: Audience | None = None


class AnnouncementPreview(BaseModel):
    """An announcement as a mail."""

    subject: str
    text: str
    html: str


class TestMailAccepted(BaseModel):
    """A test mail is on its way to one's own address."""

    status: Literal["accepted"] = "accepted"


class SendingShown(BaseModel):
    """How one mailing of an announcement stands; `mailing_id` names it among all mailings once it is under way.

    `not_delivered` counts what came back, or was not sent on purpose. Of one that is `past` nothing is known any more:
    the log goes back so far, and nothing of it is sent.
    """

    purpose: Purpose
    mailing_id: int | None
    state: MailingState
    ordered_at: dt.datetime
    stopped_at: dt.datetime | None
    note: str | None
    problem: str | None
    waiting: int
    delivered: int
    not_delivered: int


class InvitedShown(BaseModel):
    """How many were invited, and what they answered."""

    invited: int
    accepted: int
    declined: int


class PlanShown(BaseModel):
    """What is planned for an announcement, and what has become of it."""

    plan: MailPlan | None
    publish_at: dt.datetime | None
    mailings: tuple[SendingShown, ...]
    invitations: InvitedShown | None


def at_the_wall(day: dt.date, time: dt.time) -> dt.datetime:
    """What the clock in Germany shows, as a moment; `no_such_time` where it skips an hour, the first of two."""
    local = dt.datetime.combine(day, time, BERLIN)
    moment = local.astimezone(dt.UTC)
    if moment.astimezone(BERLIN).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Refused("no_such_time", field="/time")
    return moment


@dataclass(frozen=True, slots=True)
class Announcing:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    matter: AnnouncementMatter
    layout: Layout
    noted: Callable[[], None]
    portal: str
    max_age: dt.timedelta

    async def counted(self, announcement_id: str, seen: int | None) -> Counted | None:
        """How many people a planned mailing would reach now, beside how many somebody saw."""
        found = await news.planned(self.pool, announcement_id)
        if seen is None or found is None or found.plan is None or found.status != "drafted":
            return None
        audience = found.plan.audience
        return Counted(audience=audience, seen=seen, now=(await self._count(found, audience)).total)

    async def shown(self, call: Call) -> Answer:
        """The plan and what became of it."""
        found = await self._found(call)
        rows = await announcement_mailings.of_one(self.pool, found.id)
        invited = None
        if found.content.kind == "invitation":
            invited = InvitedShown(**dict(await invited_list.count(self.pool, found.id)))
        mailings = tuple(_mailing(row, call.at - self.max_age) for row in rows)
        body = PlanShown(plan=found.plan, publish_at=found.publish_at, mailings=mailings, invitations=invited)
        return Answer(body, version=found.version)

    async def plan(self, call: Call) -> Answer:
        """Whom it is mailed to, and in which words."""
        plan: MailPlan = call.body
        found = await self._found(call)
        await self.matter.audiences.refuse_unknown(plan.audience)
        session_id = found.content.session_id
        if found.content.kind == "invitation" and session_id and await self.matter.session(session_id) is None:
            raise Refused("unknown_session", field="/session_id")
        return await self._committed(call, PlanMailing(plan=plan))

    async def no_plan(self, call: Call) -> Answer:
        """It is not mailed."""
        return await self._committed(call, PlanMailing(plan=None))

    async def count(self, call: Call) -> Answer:
        """How many people would get it now."""
        found = await self._found(call)
        asked = call.body.audience if call.body else None
        audience = asked or (found.plan.audience if found.plan else Audience())
        if not audience.parts():
            raise Refused("audience_missing", field="/audience")
        if asked:
            await self.matter.audiences.refuse_unknown(audience)
        return Answer(await self._count(found, audience))

    async def schedule(self, call: Call) -> Answer:
        """It is published by itself."""
        body: ScheduleBody = call.body
        moment = body.moment
        counted = await self.counted(call.path_id(), body.recipients)
        return await self._committed(call, ScheduleAnnouncement(publish_at=moment, recipients=counted))

    async def no_schedule(self, call: Call) -> Answer:
        """It stays a draft."""
        return await self._committed(call, CancelSchedule())

    async def preview(self, call: Call) -> Answer:
        """The mail as a sample: an invitation's link leads nowhere."""
        letter = await self._letter(call)
        return Answer(
            AnnouncementPreview(subject=letter.subject, text=self.layout.text(letter), html=self.layout.html(letter))
        )

    async def html(self, call: Call) -> Answer:
        """The mail as a page of its own, which may load and do nothing."""
        content = self.layout.html(await self._letter(call)).encode()
        shown = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": MAIL_POLICY}
        return Answer(content, headers={**shown, "Cache-Control": "no-store"})

    async def test(self, call: Call) -> Answer:
        """The mail, to who asks for it and nobody else."""
        found, context = await self._found(call), call.context()
        answer = await self.matter.audiences.owners.people(PeopleAsked(actors=(call.identity.actor,), limit=1))
        if not answer.people:
            raise Problem("own_address_unknown")
        cause = AnnouncementTested(draft_id=found.id, person_id=answer.people[0].person_id)
        asked = Occurred(cause, f"announcement_test-{context.command_id}@1", EPOCH, call.at, context.correlation_id)
        async with self.pool.acquire() as connection, connection.transaction():
            await mailing.note(connection, self.matter, [asked], call.at)
        self.noted()
        return Answer(TestMailAccepted())

    async def remind(self, call: Call) -> Answer:
        """Asks those once more who have not answered."""
        return await self._committed(call, RemindInvited())

    async def stop(self, call: Call) -> Answer:
        """Sends it to nobody more."""
        return await self._committed(call, StopMailing(reason=call.body.reason))

    async def _found(self, call: Call) -> Planned:
        found = await news.planned(self.pool, call.path_id())
        if found is None:
            raise Problem("not_found")
        return found

    async def _count(self, found: Planned, audience: Audience) -> AudienceCount:
        kind = "invitation" if found.content.kind == "invitation" else "announcement"
        return await self.matter.audiences.count(audience, kind)

    async def _letter(self, call: Call) -> Letter:
        found = await self._found(call)
        session_id = found.content.session_id
        notice = Notice(
            announcement_id=found.id,
            content=found.content,
            plan=found.plan,
            portal=self.portal,
            published_on=call.at.astimezone(BERLIN).date(),
            session=await self.matter.session(session_id) if session_id else None,
            token=SAMPLE_TOKEN if found.content.kind == "invitation" else None,
        )
        return compose(notice, self.matter.texts)

    async def _committed(self, call: Call, command: Command) -> Answer:
        outcome = await self.journal.transact(
            ANNOUNCEMENT, call.path_id(), command, call.context(), expected_version=call.expected_version
        )
        self.noted()
        return committed(outcome)


def _mailing(row: Any, oldest: dt.datetime) -> SendingShown:
    return SendingShown(
        purpose=row["purpose"],
        mailing_id=row["mailing_id"],
        state=_state(row, oldest),
        ordered_at=row["ordered_at"],
        stopped_at=row["stopped_at"],
        note=row["note"],
        problem=row["problem"],
        waiting=row["waiting"],
        delivered=row["delivered"],
        not_delivered=row["other"],
    )


def _state(row: Any, oldest: dt.datetime) -> MailingState:
    if row["stopped_at"] is not None or row["halt"] in ("stopping", "stopped"):
        return "stopped"
    if row["halt"] == "paused":
        return "paused"
    if row["mailing_id"] is None:
        return "ordered" if row["ordered_at"] > oldest else "past"
    if row["expansion"] == "abandoned":
        return "abandoned"
    if row["expansion"] == "open":
        return "spreading"
    return "sending" if row["waiting"] else "done"


def endpoints(announcing: Announcing) -> Sequence[Endpoint]:
    """Everything about announcements as mails."""
    do = announcing
    return [
        Endpoint("GET", f"{PATH}/mailing", do.shown, "See whom an announcement is mailed to, and how far that is",
                 answer=PlanShown, roles=SEE_ALL, codes=("not_found",)),
        Endpoint("PUT", f"{PATH}/mailing", do.plan, "Plan to mail an announcement when it is published",
                 body=MailPlan, answer=Committed, roles=EDITORS, codes=("not_found", *PLAN_CODES), if_match=True),
        Endpoint("DELETE", f"{PATH}/mailing", do.no_plan, "Plan not to mail an announcement",
                 answer=Committed, roles=EDITORS, if_match=True,
                 codes=("not_found", "announcement_published", "announcement_withdrawn", "announcement_scheduled")),
        Endpoint("POST", f"{PATH}/audience-counts", do.count, "Count the people whom a mail would go to now",
                 body=AudienceBody, body_required=False, answer=AudienceCount, roles=EDITORS,
                 codes=("not_found", "audience_missing", *UNKNOWN)),
        Endpoint("POST", f"{PATH}/previews", do.preview, "See an announcement as a mail",
                 answer=AnnouncementPreview, roles=EDITORS, codes=("not_found",)),
        Endpoint("GET", f"{PATH}/mail.html", do.html, "See an announcement as a mail, in a browser",
                 roles=EDITORS, codes=("not_found",), media_type="text/html"),
        Endpoint("POST", f"{PATH}/test-mails", do.test, "Have an announcement sent to one's own address",
                 answer=TestMailAccepted, status=202, roles=EDITORS, codes=("not_found", "own_address_unknown")),
        Endpoint("PUT", f"{PATH}/schedule", do.schedule, "Have a draft published at a moment, or at another one",
                 body=ScheduleBody, answer=Committed, roles=EDITORS, if_match=True,
                 codes=("not_found", "announcement_published", "announcement_withdrawn", "schedule_in_past",
                        "no_such_time", *COUNT_CODES)),
        Endpoint("DELETE", f"{PATH}/schedule", do.no_schedule, "Leave a draft until somebody publishes it",
                 answer=Committed, roles=EDITORS, if_match=True,
                 codes=("not_found", "announcement_published", "announcement_withdrawn")),
        Endpoint("POST", f"{PATH}/reminders", do.remind, "Remind those who were invited and have not answered",
                 answer=Committed, roles=EDITORS,
                 codes=("not_found", "announcement_withdrawn", "not_an_invitation", "mailing_stopped")),
        Endpoint("POST", f"{PATH}/mailing-stops", do.stop, "Send an announcement to nobody more",
                 body=StopBody, answer=Committed, roles=EDITORS, codes=("not_found", "announcement_not_mailed")),
    ]  # fmt: skip
