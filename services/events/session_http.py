"""Sessions over HTTP: read by everybody, led by editors."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from services.events import agenda_list, session
from services.events.agenda_list import AgendaHistory, AgendaQuery
from services.events.bodies import (
    CancellationBody,
    DateBody,
    PostponementBody,
    ScheduledAnnouncementBody,
    SessionBody,
)
from services.events.date_warnings import DateWarning, warnings
from services.events.life import Life
from services.events.life_commands import (
    AnnounceSession,
    CancelSession,
    CloseRegistration,
    DocumentSession,
    DraftSession,
    OpenRegistration,
    PostponeSession,
    ReinstateSession,
    ReviseSession,
    ScheduleAnnouncement,
)
from services.events.material_list import with_slides
from services.events.programme import Content, Documentation
from services.events.references import refuse_unknown, refuse_unknown_talks
from services.events.rights import EDITORS, edits
from services.events.series_list import series_exists
from services.events.session import Command
from services.events.session_list import (
    SessionAnswer,
    SessionQuery,
    find_session,
    list_sessions,
    session_row,
)
from services.events.session_shown import Dated, SessionSummary, agenda, dated
from services.events.talk_ids import identified, known_talks
from services.events.times import check
from shared.kernel.bus import Bus
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, page
from shared.kernel.http import committed as answer_to
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Outcome


class DateChecked(Dated):
    """A date as it would show, and what speaks against it."""

    warnings: tuple[DateWarning, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    bus: Bus

    async def list_sessions(self, call: Call) -> Answer:
        items, after, total = await list_sessions(self.pool, call.query, call.at, drafts=edits(call))
        return page(Page(items=items, next=after, total=total), call)

    async def show_session(self, call: Call) -> Answer:
        """A session; its version is the ETag for those who may change it, and who see more of it than others."""
        found = await self._session(call)
        return Answer(found, version=found.version if edits(call) else None)

    async def show_agenda(self, call: Call) -> Answer:
        """The programme as it is planned, or was in a version that was published; and as held."""
        query: AgendaQuery = call.query
        found = await session_row(self.pool, call.path_id(), drafts=edits(call))
        if found is None:
            raise Problem("not_found")
        planned = None
        if query.version is not None:
            planned = await agenda_list.planned(self.pool, found.life.session_id, query.version)
            if planned is None:
                raise Problem("not_found")
        versions = await agenda_list.versions(self.pool, found.life.session_id)
        shown = await with_slides(self.pool, found.life.session_id, agenda(found.life, query.version, planned))
        return Answer(AgendaHistory(**dict(shown), versions=versions))

    async def check_date(self, call: Call) -> Answer:
        """What speaks against a date before it is chosen; what would be refused is refused."""
        body: DateBody = call.body
        check(body.when, body.weekday)
        against = await warnings(self.pool, body.when, call.at, body.session_id)
        return Answer(DateChecked(**dated(body.when), warnings=against))

    async def draft_session(self, call: Call) -> Answer:
        body: SessionBody = call.body
        context = call.context()
        outcome = await self.journal.outcome(context)
        if outcome is None:
            await self._refuse_unknown(body)
            session_id = str(new_id())
            content = _identified(body.content, session_id, None)
            command = DraftSession(session_id=session_id, content=content, when=body.when, weekday=body.weekday)
            outcome = await self.journal.transact(session.DECIDER, session_id, command, context)
        return answer_to(outcome, 201, f"/api/v1/sessions/{outcome.aggregate_id}")

    async def revise_session(self, call: Call) -> Answer:
        body: SessionBody = call.body
        if before := await self.journal.outcome(call.context()):
            return answer_to(before)
        present = (await self.journal.load(session.DECIDER, call.path_id())).state.life
        content = body.content
        if present is not None:
            await self._refuse_unknown(body, present)
            content = _identified(content, present.session_id, present)
        command = ReviseSession(content=content, when=body.when, weekday=body.weekday, seen=call.expected_version)
        return answer_to(await self._transact(call, command))

    async def announce(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, AnnounceSession()))

    async def schedule_announcement(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, ScheduleAnnouncement(announce_at=call.body.announce_at)))

    async def open_registration(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, OpenRegistration()))

    async def close_registration(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, CloseRegistration()))

    async def postpone(self, call: Call) -> Answer:
        body: PostponementBody = call.body
        command = PostponeSession(
            when=body.when,
            reason=body.reason,
            weekday=body.weekday,
            keep_length=body.keep_length,
            answer_by=body.answer_by,
            unanswered=body.unanswered or "stay",
            keep_asking=body.keep_asking,
        )
        return answer_to(await self._transact(call, command))

    async def cancel(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, CancelSession(reason=call.body.reason)))

    async def reinstate(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, ReinstateSession()))

    async def document(self, call: Call) -> Answer:
        documentation: Documentation = call.body
        if before := await self.journal.outcome(call.context()):
            return answer_to(before)
        present = (await self.journal.load(session.DECIDER, call.path_id())).state.life
        if present is not None:
            await refuse_unknown_talks(self.bus, documentation.talks, known_talks(present))
            talks = identified(documentation.talks, present.session_id, present, "talks")
            documentation = documentation.model_copy(update={"talks": talks})
        return answer_to(await self._transact(call, DocumentSession(documentation=documentation)))

    async def _session(self, call: Call) -> SessionAnswer:
        found = await find_session(self.pool, call.path_id(), call.at, for_editors=edits(call))
        if found is None:
            raise Problem("not_found")
        return found

    async def _refuse_unknown(self, body: SessionBody, present: Life | None = None) -> None:
        if not await series_exists(self.pool, body.series_id):
            raise Problem("unknown_series")
        await refuse_unknown(self.bus, body.content, present.content if present else None, known_talks(present))

    async def _transact(self, call: Call, command: Command) -> Outcome:
        return await self.journal.transact(session.DECIDER, call.path_id(), command, call.context())


def _identified(content: Content, session_id: str, present: Life | None) -> Content:
    talks = identified(content.agenda, session_id, present, "agenda")
    return content.model_copy(update={"agenda": talks})


def endpoints(journal: Journal, pool: Pool, bus: Bus) -> list[Endpoint]:
    """Reading sessions, and leading them for those who may."""
    desk = Desk(journal, pool, bus)
    return [*_reading(desk), *_editing(desk)]


def _reading(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            "/api/v1/sessions",
            desk.list_sessions,
            "Sessions, upcoming or past",
            query=SessionQuery,
            answer=Page[SessionSummary],
        ),
        Endpoint("GET", "/api/v1/sessions/{id}", desk.show_session, "A session", answer=SessionAnswer),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/agenda",
            desk.show_agenda,
            "The programme as planned, with its versions, and as held",
            query=AgendaQuery,
            answer=AgendaHistory,
        ),
    ]


def _editing(desk: Desk) -> list[Endpoint]:
    def action(name: str, handler: Any, summary: str, *codes: str, body: type[BaseModel] | None = None) -> Endpoint:
        return Endpoint(
            "POST",
            f"/api/v1/sessions/{{id}}/{name}",
            handler,
            summary,
            body=body,
            answer=Committed,
            roles=EDITORS,
            codes=codes,
        )

    stages = ("session_not_announced", "session_cancelled", "session_over")
    dates = ("weekday_mismatch", "ends_before_start", "date_in_past")
    unknown = ("unknown_series", "unknown_topic", "unknown_organisation", "unknown_project", "unknown_talk")
    return [
        Endpoint(
            "POST",
            "/api/v1/sessions",
            desk.draft_session,
            "Drafts a session",
            body=SessionBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=("weekday_mismatch", "ends_before_start", *unknown),
        ),
        Endpoint(
            "PUT",
            "/api/v1/sessions/{id}",
            desk.revise_session,
            "Revises a session; a known date is changed by postponing",
            body=SessionBody,
            answer=Committed,
            roles=EDITORS,
            codes=(*dates, *unknown, "postponement_required", "session_cancelled", "session_over"),
            if_match=True,
        ),
        Endpoint(
            "POST",
            "/api/v1/sessions/checks",
            desk.check_date,
            "What speaks against a date: holidays, weekends, other sessions",
            body=DateBody,
            answer=DateChecked,
            roles=EDITORS,
            codes=("weekday_mismatch", "ends_before_start"),
        ),
        action("announcements", desk.announce, "Makes a draft public", "date_in_past", *stages[1:]),
        action(
            "scheduled-announcements",
            desk.schedule_announcement,
            "Makes a draft public by itself at a chosen time, or takes that back",
            "session_announced",
            "announcement_in_past",
            "announcement_too_late",
            body=ScheduledAnnouncementBody,
        ),
        action(
            "registration-openings",
            desk.open_registration,
            "Opens registration",
            *stages,
            "session_without_time",
            "registration_window_over",
        ),
        action("registration-closings", desk.close_registration, "Closes registration", *stages),
        action(
            "postponements",
            desk.postpone,
            "Postpones to another date, or with the date open",
            *stages,
            *dates,
            "date_unchanged",
            "answer_by_without_date",
            "answer_by_in_past",
            "answer_by_too_late",
            body=PostponementBody,
        ),
        action("cancellations", desk.cancel, "Cancels", *stages, body=CancellationBody),
        action("reinstatements", desk.reinstate, "Takes place after all", *stages, "date_in_past"),
        action(
            "documentations",
            desk.document,
            "Documents what was held",
            *stages,
            "session_not_over",
            "unknown_project",
            "unknown_talk",
            body=Documentation,
        ),
    ]
