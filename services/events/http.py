"""What the events service offers over HTTP. Paths are the public ones; `/internal/…` is for the gateway alone."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.events import participant, registration_list, series, session
from services.events.bodies import CancellationBody, PostponementBody, RegistrationBody, SessionBody
from services.events.participant import Answers, Contact
from services.events.programme import Content, Documentation
from services.events.references import refuse_unknown
from services.events.registration import (
    ConfirmRegistration,
    RegisterParticipant,
    RegistrationCommand,
    Status,
    WithdrawRegistration,
)
from services.events.series import ReviseSeries, SeriesContent, StartSeries
from services.events.series_list import SeriesAnswer, SeriesQuery, find_series, list_series, series_exists
from services.events.session import (
    AnnounceSession,
    CancelSession,
    CloseRegistration,
    Command,
    DocumentSession,
    DraftSession,
    Life,
    OpenRegistration,
    PostponeSession,
    ReinstateSession,
    ReviseSession,
)
from services.events.session_list import (
    AgendaAnswer,
    SessionAnswer,
    SessionFilter,
    SessionQuery,
    SessionRow,
    SessionSummary,
    feed_rows,
    find_session,
    list_sessions,
    session_row,
    summary,
)
from services.events.times import BERLIN
from shared.kernel.bus import Bus
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Paging, Role, decode_cursor, encode_cursor, page
from shared.kernel.http import committed as answer_to
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Outcome
from shared.kernel.vault import Erased, Vault

EDITORS: frozenset[Role] = frozenset({"editor", "operator"})
CALENDAR = "text/calendar; charset=utf-8"
ERASED = "gelöscht"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
STATUS_LABELS: dict[Status, str] = {
    "received": "Eingegangen, noch nicht bestätigt",
    "confirmed": "Bestätigt",
    "waitlisted": "Auf der Warteliste",
    "lapsed": "Verfallen",
    "withdrawn": "Abgemeldet",
}
_VERSION = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=2**62)]])


class ParticipantQuery(Paging):
    """The parameters of the organiser's list."""

    status: list[Status] | None = None


class RegistrationAnswer(BaseModel):
    """One's own registration. The access link is there once it is confirmed; a waiting position counts from 1."""

    model_config = ConfigDict(frozen=True)

    id: str
    session: SessionSummary
    status: Status
    status_label: str
    name: str
    email: str
    organisation_name: str | None
    received_at: dt.datetime
    confirm_by: dt.datetime | None
    waiting_position: int | None
    access_link: str | None
    can_confirm: bool
    can_withdraw: bool


class ParticipantAnswer(BaseModel):
    """A registration as organisers see it. Who was erased shows as such."""

    model_config = ConfigDict(frozen=True)

    id: str
    person_id: str
    status: Status
    status_label: str
    name: str
    email: str | None
    organisation_id: str | None
    organisation_name: str | None
    answers: Answers
    received_at: dt.datetime
    confirm_by: dt.datetime | None
    waiting_position: int | None


class Accepted(BaseModel):
    """What everybody is answered who asks for a place: the mail says the rest."""

    model_config = ConfigDict(frozen=True)

    status: Literal["accepted"] = "accepted"
    detail: str = "Wir haben eine E-Mail an die angegebene Adresse gesendet. Bitte folgen Sie dem Link darin."


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    bus: Bus
    public_url: str

    async def list_series(self, call: Call) -> Answer:
        found = await list_series(self.pool, call.query)
        return page(found, call)

    async def show_series(self, call: Call) -> Answer:
        """A series; its version is the ETag for those who may change it."""
        found = await find_series(self.pool, call.path_id())
        if found is None:
            raise Problem("not_found")
        return Answer(found, version=found.version if _edits(call) else None)

    async def start_series(self, call: Call) -> Answer:
        series_id = str(new_id())
        command = StartSeries(series_id=series_id, content=call.body)
        outcome = await self.journal.transact(series.DECIDER, series_id, command, call.context())
        return answer_to(outcome, 201, f"/api/v1/series/{outcome.aggregate_id}")

    async def revise_series(self, call: Call) -> Answer:
        outcome = await self.journal.transact(
            series.DECIDER,
            call.path_id(),
            ReviseSeries(content=call.body),
            call.context(),
            expected_version=call.expected_version,
        )
        return answer_to(outcome)

    async def list_sessions(self, call: Call) -> Answer:
        items, after, total = await list_sessions(self.pool, call.query, call.at, drafts=_edits(call))
        return page(Page(items=items, next=after, total=total), call)

    async def show_session(self, call: Call) -> Answer:
        """A session; its version is the ETag for those who may change it, and who see more of it than others."""
        found = await self._session(call)
        return Answer(found, version=found.version if _edits(call) else None)

    async def show_agenda(self, call: Call) -> Answer:
        return Answer((await self._session(call)).agenda)

    async def draft_session(self, call: Call) -> Answer:
        body: SessionBody = call.body
        context = call.context()
        outcome = await self.journal.outcome(context)
        if outcome is None:
            await self._refuse_unknown(body)
            session_id = str(new_id())
            command = DraftSession(session_id=session_id, content=body.content, when=body.when, weekday=body.weekday)
            outcome = await self.journal.transact(session.DECIDER, session_id, command, context)
        return answer_to(outcome, 201, f"/api/v1/sessions/{outcome.aggregate_id}")

    async def revise_session(self, call: Call) -> Answer:
        body: SessionBody = call.body
        if before := await self.journal.outcome(call.context()):
            return answer_to(before)
        present = (await self.journal.load(session.DECIDER, call.path_id())).state.life
        if present is not None:
            await self._refuse_unknown(body, present.content)
        command = ReviseSession(content=body.content, when=body.when, weekday=body.weekday, seen=call.expected_version)
        return answer_to(await self._transact(call, command))

    async def announce(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, AnnounceSession()))

    async def open_registration(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, OpenRegistration()))

    async def close_registration(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, CloseRegistration()))

    async def postpone(self, call: Call) -> Answer:
        body: PostponementBody = call.body
        command = PostponeSession(
            when=body.when, reason=body.reason, weekday=body.weekday, keep_length=body.keep_length
        )
        return answer_to(await self._transact(call, command))

    async def cancel(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, CancelSession(reason=call.body.reason)))

    async def reinstate(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, ReinstateSession()))

    async def document(self, call: Call) -> Answer:
        return answer_to(await self._transact(call, DocumentSession(documentation=call.body)))

    async def feed(self, call: Call) -> Answer:
        wanted: SessionFilter = call.query
        found = await feed_rows(self.pool, wanted)
        text = self._calendar(found, "Veranstaltungen zur interkommunalen Zusammenarbeit")
        return _calendar(text, "veranstaltungen.ics")

    async def session_calendar(self, call: Call) -> Answer:
        found = await session_row(self.pool, call.path_id())
        if found is None:
            raise Problem("not_found")
        if found.life.when.day is None:
            raise Problem("session_without_date")
        text = self._calendar([(found.life, found.changed_at)], found.life.content.title)
        return _calendar(text, f"veranstaltung-{found.life.session_id}.ics")

    def _calendar(self, sessions: Sequence[tuple[Life, dt.datetime]], name: str) -> bytes:
        # Not before somebody asks for one: icalendar takes 4 MB, and time at the start.
        from services.events.calendar import calendar  # noqa: PLC0415

        return calendar(sessions, name, self.public_url)

    async def list_participants(self, call: Call) -> Answer:
        session_id, query = (await self._session(call)).id, call.query
        after = decode_cursor(query.cursor, _VERSION)[0] if query.cursor else 0
        rows = await registration_list.of_session(
            self.pool, session_id, after=after, limit=query.limit + 1, statuses=query.status
        )
        shown = rows[: query.limit]
        contacts = await participant.open_contacts(self.vault, shown)
        answers = await participant.open_answers(self.vault, shown)
        items = list(map(_participant, shown, contacts, answers))
        more = encode_cursor((shown[-1]["received_version"],)) if len(rows) > query.limit else None
        total = await registration_list.count_of_session(self.pool, session_id, query.status)
        return page(Page(items=items, next=more, total=total), call)

    async def withdraw_participant(self, call: Call) -> Answer:
        registration_id = call.path_id("registration_id")
        command = WithdrawRegistration(registration_id=registration_id, cause="organiser")
        return _of(registration_id, await self._transact(call, command))

    async def register(self, call: Call) -> Answer:
        body: RegistrationBody = call.body
        try:
            command = await self._sealed(body)
        except Erased:  # whoever is forgotten is answered like everybody else
            return Answer(Accepted())
        await self._transact(call, command)
        return Answer(Accepted())

    async def _sealed(self, body: RegistrationBody) -> RegisterParticipant:
        return await participant.seal(
            self.vault,
            registration_id=str(new_id()),
            person_id=body.person_id,
            member=body.member,
            organisation_id=body.organisation_id,
            contact=Contact(
                email=body.email,
                name=body.name,
                organisation_name=body.organisation_name,
                token=participant.new_token(),
            ),
            answers=body.given,
        )

    async def show_registration(self, call: Call) -> Answer:
        row = await self._registration(call)
        found = await session_row(self.pool, row["session_id"])
        (contact,) = await participant.open_contacts(self.vault, [row])
        if found is None or contact is None:
            raise Problem("not_found")
        return Answer(_registration(row, found, contact, call.at), headers=PRIVATE)

    async def confirm(self, call: Call) -> Answer:
        row = await self._registration(call)
        return await self._of_registration(call, row, ConfirmRegistration(registration_id=row["registration_id"]))

    async def withdraw(self, call: Call) -> Answer:
        row = await self._registration(call)
        return await self._of_registration(call, row, WithdrawRegistration(registration_id=row["registration_id"]))

    async def _session(self, call: Call) -> SessionAnswer:
        found = await find_session(self.pool, call.path_id(), call.at, for_editors=_edits(call))
        if found is None:
            raise Problem("not_found")
        return found

    async def _refuse_unknown(self, body: SessionBody, present: Content | None = None) -> None:
        if not await series_exists(self.pool, body.series_id):
            raise Problem("unknown_series")
        await refuse_unknown(self.bus, body.content, present)

    async def _transact(self, call: Call, command: Command) -> Outcome:
        return await self.journal.transact(session.DECIDER, call.path_id(), command, call.context())

    async def _registration(self, call: Call) -> Any:
        row = await registration_list.by_token_hash(self.pool, participant.token_hash(call.request.match_info["token"]))
        if row is None:
            raise Problem("not_found")
        return row

    async def _of_registration(self, call: Call, row: Any, command: RegistrationCommand) -> Answer:
        outcome = await self.journal.transact(session.DECIDER, row["session_id"], command, call.context())
        return _of(row["registration_id"], outcome)


def _edits(call: Call) -> bool:
    return bool(EDITORS & call.identity.roles)


def _of(registration_id: str, outcome: Outcome) -> Answer:
    """The answer to a command about one registration: its id, and the version of its session."""
    body = Committed(id=registration_id, version=outcome.version, position=outcome.position)
    return Answer(body, version=outcome.version)


def _calendar(text: bytes, name: str) -> Answer:
    headers = {"Content-Type": CALENDAR, "Content-Disposition": f'inline; filename="{name}"'}
    return Answer(text, headers=headers)


def _participant(row: Any, contact: Contact | None, answers: Answers) -> ParticipantAnswer:
    return ParticipantAnswer(
        id=row["registration_id"],
        person_id=row["person_id"],
        status=row["status"],
        status_label=STATUS_LABELS[row["status"]],
        name=contact.name if contact else ERASED,
        email=contact.email if contact else None,
        organisation_id=row["organisation_id"],
        organisation_name=contact.organisation_name if contact else None,
        answers=answers,
        received_at=row["received_at"].astimezone(BERLIN),
        confirm_by=row["confirm_by"] and row["confirm_by"].astimezone(BERLIN),
        waiting_position=row["waiting_position"],
    )


def _registration(row: Any, of: SessionRow, contact: Contact, at: dt.datetime) -> RegistrationAnswer:
    status: Status = row["status"]
    standing = status in registration_list.STANDING
    return RegistrationAnswer(
        id=row["registration_id"],
        session=summary(of, at),
        status=status,
        status_label=STATUS_LABELS[status],
        name=contact.name,
        email=contact.email,
        organisation_name=contact.organisation_name,
        received_at=row["received_at"].astimezone(BERLIN),
        confirm_by=row["confirm_by"] and row["confirm_by"].astimezone(BERLIN),
        waiting_position=row["waiting_position"] if status == "waitlisted" else None,
        access_link=of.life.content.access_link if status == "confirmed" else None,
        can_confirm=standing and row["confirm_by"] is not None and of.life.obstacle(at) is None,
        can_withdraw=standing,
    )


def endpoints(journal: Journal, pool: Pool, vault: Vault, bus: Bus, public_url: str) -> list[Endpoint]:
    """Everything that can be asked of this service."""
    desk = Desk(journal, pool, vault, bus, public_url)
    return [*_reading(desk), *_editing(desk), *_registering(desk)]


def _reading(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "GET", "/api/v1/series", desk.list_series, "List series", query=SeriesQuery, answer=Page[SeriesAnswer]
        ),
        Endpoint("GET", "/api/v1/series/{id}", desk.show_series, "A series", answer=SeriesAnswer),
        Endpoint(
            "GET",
            "/api/v1/sessions.ics",
            desk.feed,
            "The calendar of all sessions, or of some series and topics",
            query=SessionFilter,
            media_type="text/calendar",
        ),
        Endpoint(  # before the one it would match, too
            "GET",
            "/api/v1/sessions/{id}.ics",
            desk.session_calendar,
            "The calendar entry of a session",
            codes=("session_without_date",),
            media_type="text/calendar",
        ),
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
            "The programme as planned and as held",
            answer=AgendaAnswer,
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
    unknown = ("unknown_series", "unknown_topic", "unknown_organisation")
    return [
        Endpoint(
            "POST",
            "/api/v1/series",
            desk.start_series,
            "Starts a series",
            body=SeriesContent,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=("slug_taken",),
        ),
        Endpoint(
            "PUT",
            "/api/v1/series/{id}",
            desk.revise_series,
            "Revises a series",
            body=SeriesContent,
            answer=Committed,
            roles=EDITORS,
            codes=("slug_taken",),
            if_match=True,
        ),
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
        action("announcements", desk.announce, "Makes a draft public", "date_in_past", *stages[1:]),
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
            body=Documentation,
        ),
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/registrations",
            desk.list_participants,
            "Who takes part, in the order of registering",
            query=ParticipantQuery,
            answer=Page[ParticipantAnswer],
            roles=EDITORS,
        ),
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/registrations/{registration_id}/withdrawals",
            desk.withdraw_participant,
            "Gives a participant's place back",
            answer=Committed,
            roles=EDITORS,
        ),
    ]


def _registering(desk: Desk) -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/internal/sessions/{id}/registrations",
            desk.register,
            "Registers a person whom the gateway knows; the answer tells nothing",
            body=RegistrationBody,
            answer=Accepted,
            status=202,
            codes=("registration_closed", "session_without_time", "session_cancelled", "session_over"),
        ),
        Endpoint(
            "GET",
            "/api/v1/registrations/{token}",
            desk.show_registration,
            "One's own registration",
            answer=RegistrationAnswer,
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/confirmations",
            desk.confirm,
            "Confirms one's own registration",
            answer=Committed,
            codes=("registration_lapsed", "registration_withdrawn", "session_cancelled", "session_over"),
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/withdrawals",
            desk.withdraw,
            "Gives one's own place back",
            answer=Committed,
        ),
    ]
