"""A session's participants over HTTP, for its organisers: the list, files of it, and writing somebody in."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Self

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.events import attendance, participant, participants, session
from services.events.attendance import How, Mark, RecordAttendance
from services.events.attendance_list import sitting_of
from services.events.bodies import Body, Email, Name
from services.events.life import Life
from services.events.participant import Contact
from services.events.participant_export import Export
from services.events.participants import ParticipantFilter, ParticipantQuery
from services.events.registration import Status
from services.events.registration_answer import shown_answers
from services.events.registration_commands import RegisterParticipant
from services.events.registration_events import Entry
from services.events.registration_http import STATUS_LABELS, ParticipantAnswer, participant_answer
from services.events.rights import EDITORS
from services.events.session_list import session_row
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Endpoint, Page, page
from shared.kernel.ids import named_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context
from shared.kernel.sending import send
from shared.kernel.texts import Id, Line
from shared.kernel.vault import Erased, Vault

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TOGETHER = 2
"""Exports at a time: each holds one of the pool's connections."""
PATIENCE = 2.0

log = structlog.get_logger()


class AttendanceShown(BaseModel):
    """What was recorded of somebody on the present date."""

    model_config = ConfigDict(frozen=True)

    present: bool
    walk_in: bool
    how: How
    recorded_at: dt.datetime


class ParticipantShown(ParticipantAnswer):
    """A registration as organisers see it, with what was recorded at the session; null while nothing was."""

    attendance: AttendanceShown | None


class CsvQuery(ParticipantFilter):
    """Which participants, and how the file begins."""

    bom: bool = Field(default=True, description="Whether a byte order mark tells spreadsheets that it is UTF-8.")


class EntryBody(Body):
    """Somebody whom an organiser writes in; the gateway knows who that is.

    `confirm`: the person has to confirm by mail; else the organiser vouches for the address. `walk_in`: the person is
    there already.
    """

    person_id: Id
    email: Email
    name: Name
    organisation_id: Id | None = None
    organisation_name: Line | None = None
    confirm: bool = False
    walk_in: bool = False

    @property
    def entry(self) -> Entry:
        """How the person comes in."""
        return "door" if self.walk_in else "organiser"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.confirm and self.walk_in:
            raise PydanticCustomError("confirm_at_the_door", "Wer schon da ist, muss nichts mehr bestätigen.")
        return self


class Entered(BaseModel):
    """What became of it. `existing`: the person was registered before, and stays so; nobody is registered twice."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: Status
    status_label: str
    existing: bool
    attended: bool
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    exports: asyncio.Semaphore

    async def list_participants(self, call: Call) -> Answer:
        life = await self._life(call)
        found = await participants.find(self.pool, self.vault, life, call.query)
        contacts = await participant.open_contacts(self.vault, found.rows)
        answers = await participant.open_answers(self.vault, found.rows)
        given = (shown_answers(each, life.content.registration_questions) for each in answers)
        items = [_shown(*one) for one in zip(found.rows, contacts, given, strict=True)]
        return page(Page(items=items, next=found.next, total=found.total), call)

    async def csv(self, call: Call) -> web.StreamResponse:
        export = Export(self.pool, self.vault, await self._life(call), call.query)
        parts = export.csv(bom=call.query.bom)
        return await self._sent(call, export, "csv", "text/csv; charset=utf-8; header=present", parts)

    async def xlsx(self, call: Call) -> web.StreamResponse:
        export = Export(self.pool, self.vault, await self._life(call), call.query)
        return await self._sent(call, export, "xlsx", XLSX, export.xlsx())

    async def _sent(
        self, call: Call, export: Export, ending: str, media_type: str, parts: AsyncGenerator[bytes]
    ) -> web.StreamResponse:
        """The parts as they come; who goes away ends it. The log says who took how much out, whatever came of it."""
        name = f"teilnehmende-{call.at.astimezone(BERLIN):%Y-%m-%d}.{ending}"
        about = {
            "Cache-Control": "no-store",
            "Content-Type": media_type,
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        response = web.StreamResponse(headers=about)
        if call.request.method == hdrs.METH_HEAD:
            await response.prepare(call.request)
            return response
        await self._take_turn()
        whole = False
        try:
            async with aclosing(parts):
                begin = await anext(parts) + await anext(parts, b"")
                await response.prepare(call.request)  # a problem is answered as one, not as half a file
                await send(call.request, response, parts, begin)
            whole = True
        finally:
            self.exports.release()
            session_id, actor = export.life.session_id, call.identity.actor
            log.info("participants_exported", session_id=session_id, actor=actor, rows=export.rows, whole=whole)
        return response

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self.exports.acquire()
        except TimeoutError as late:
            raise Problem("unavailable") from late

    async def enter(self, call: Call) -> Answer:
        """Writes somebody in, or finds them written in. A seat if there is one, else a place in the queue."""
        body: EntryBody = call.body
        context, session_id = call.context(), call.path_id()
        registration_id = context.id_of_new("registration")
        command = await self._command(body, registration_id)
        outcome = await self.journal.transact(session.DECIDER, session_id, command, context)
        row = await participants.of_person(self.pool, session_id, body.person_id)
        if row is None:
            raise Problem("person_erased")
        if body.walk_in:
            await self._record(session_id, row, context, walk_in=row["registration_id"] == registration_id)
        entered = Entered(
            id=row["registration_id"],
            status=row["status"],
            status_label=STATUS_LABELS[row["status"]],
            existing=row["registration_id"] != registration_id,
            attended=body.walk_in,
            version=outcome.version,
            position=outcome.position,
        )
        return Answer(entered, status=200 if entered.existing else 201)

    async def _command(self, body: EntryBody, registration_id: str) -> RegisterParticipant:
        contact = Contact(
            email=body.email,
            name=body.name,
            organisation_name=body.organisation_name,
            token=participant.new_token(),
        )
        try:
            sealed = await participant.seal(
                self.vault,
                registration_id=registration_id,
                person_id=body.person_id,
                contact=contact,
                answers=(),
            )
        except Erased as erased:
            raise Problem("person_erased") from erased
        return RegisterParticipant(
            registration_id=registration_id,
            person_id=body.person_id,
            member=not body.confirm,
            organisation_id=body.organisation_id,
            token_hash=participant.token_hash(contact.token),
            entry=body.entry,
            **sealed.fields,
        )

    async def _record(self, session_id: str, row: Any, context: Context, *, walk_in: bool) -> None:
        found = await session_row(self.pool, session_id, drafts=True)
        assert found is not None, "somebody was registered for it"
        command_id = named_id("attendance", str(context.command_id))
        mark = Mark(registration_id=row["registration_id"], person_id=row["person_id"], walk_in=walk_in)
        command = RecordAttendance(
            session_id=session_id,
            sitting=sitting_of(found.life),
            marks=(mark,),
            present=True,
            how="list",
            entry=str(command_id),
        )
        await self.journal.transact(
            attendance.DECIDER, session_id, command, replace(context, command_id=command_id, fresh=False)
        )

    async def _life(self, call: Call) -> Life:
        found = await session_row(self.pool, call.path_id(), drafts=True)
        if found is None:
            raise Problem("not_found")
        return found.life


def _shown(row: Any, contact: Contact | None, answers: Any) -> ParticipantShown:
    attended = None
    if row["present"] is not None:
        at = row["recorded_at"].astimezone(BERLIN)
        attended = AttendanceShown(present=row["present"], walk_in=row["walk_in"], how=row["how"], recorded_at=at)
    return ParticipantShown(**dict(participant_answer(row, contact, answers)), attendance=attended)


def endpoints(journal: Journal, pool: Pool, vault: Vault) -> list[Endpoint]:
    """The list, files of it, and writing somebody in."""
    desk = Desk(journal, pool, vault, asyncio.Semaphore(TOGETHER))
    here = "/api/v1/sessions/{id}/registrations"
    return [
        Endpoint(
            "GET",
            here,
            desk.list_participants,
            "Who takes part, in the order of registering or by name",
            query=ParticipantQuery,
            answer=Page[ParticipantShown],
            roles=EDITORS,
        ),
        Endpoint(
            "GET",
            f"{here}/export.csv",
            desk.csv,
            "Participants as CSV",
            query=CsvQuery,
            roles=EDITORS,
            codes=("unavailable",),
            media_type="text/csv",
            description="UTF-8, semicolons, formula-safe; all rows of one moment, in the order of registering.",
        ),
        Endpoint(
            "GET",
            f"{here}/export.xlsx",
            desk.xlsx,
            "Participants as a workbook",
            query=ParticipantFilter,
            roles=EDITORS,
            codes=("unavailable", "too_many_rows"),
            media_type=XLSX,
        ),
        Endpoint(
            "POST",
            "/internal/sessions/{id}/participants",
            desk.enter,
            "Writes in a person whom the gateway knows",
            body=EntryBody,
            answer=Entered,
            status=201,
            roles=EDITORS,
            codes=(
                "person_erased",
                "session_not_announced",
                "session_cancelled",
                "session_over",
                "session_without_time",
                "attendance_too_early",
            ),
        ),
    ]
