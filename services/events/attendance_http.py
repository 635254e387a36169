"""Attendance over HTTP: by list, by scanning codes at the door, by the people themselves; and how many came."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.events import attendance, attendance_list, check_in, participant, participants, registration_list
from services.events.attendance import MOST, How, Mark, RecordAttendance
from services.events.attendance_list import SELF_UNTIL, AttendanceSummary, said_until, sitting_of
from services.events.bodies import Body
from services.events.life import Life
from services.events.own_registration_http import PRIVATE
from services.events.registration_http import STATUS_LABELS
from services.events.rights import EDITORS
from services.events.session_list import session_row
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem, of_fields
from shared.kernel.recorded import Outcome
from shared.kernel.texts import Id
from shared.kernel.vault import Vault

RULES = ("session_not_announced", "session_cancelled", "session_without_time", "attendance_too_early")


class AttendanceBody(Body):
    """These people were there, or were not. Said again, it corrects what was said before."""

    registration_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST)]
    present: bool


class CheckInBody(Body):
    """What a scanner read."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class CheckedIn(BaseModel):
    """Who was let in. `again`: the code had been read before, at `recorded_at`."""

    model_config = ConfigDict(frozen=True)

    registration_id: str
    name: str
    organisation_name: str | None
    again: bool
    recorded_at: dt.datetime
    detail: str


class SelfCheckedIn(BaseModel):
    """Since when it is known that somebody is there."""

    model_config = ConfigDict(frozen=True)

    recorded_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    self_until: dt.timedelta

    async def summary(self, call: Call) -> Answer:
        return Answer(await attendance_list.summary(self.pool, await self._life(call.path_id()), call.at))

    async def record(self, call: Call) -> Answer:
        """Editors may say it of everybody who was registered: who came without a seat was there all the same."""
        body: AttendanceBody = call.body
        life = await self._life(call.path_id())
        found = await participants.by_ids(self.pool, life.session_id, body.registration_ids)
        if unknown := [n for n, each in enumerate(body.registration_ids) if each not in found]:
            raise of_fields("unknown_registration", [f"/registration_ids/{n}" for n in unknown])
        marks = [_mark(found[each]) for each in body.registration_ids]
        return committed(await self._record(call, life, marks, "list", present=body.present))

    async def check_in(self, call: Call) -> Answer:
        """Lets somebody in; the scanner is told why not, or that the code was read before."""
        life, registration_id = await self._life(call.path_id()), check_in.registration_of(call.body.code)
        row = registration_id and await participants.one(self.pool, registration_id)
        if not row:
            raise Problem("unknown_code")
        if row["session_id"] != life.session_id:
            raise Problem("code_of_other_session")
        if row["status"] != "confirmed":
            raise _not_admitted(row["status"])
        entry = call.context().id_of_new("entry")
        await self._record(call, life, [_mark(row)], "qr", entry=entry)
        recorded = await attendance_list.present_since(self.pool, row["registration_id"], life)
        (contact,) = await participant.open_contacts(self.vault, [row])
        if recorded is None or contact is None:
            raise Problem("unknown_code")
        at = recorded["recorded_at"].astimezone(BERLIN)
        again = recorded["entry"] != entry
        checked = CheckedIn(
            registration_id=row["registration_id"],
            name=contact.name,
            organisation_name=contact.organisation_name,
            again=again,
            recorded_at=at,
            detail=f"Bereits erfasst um {at:%H:%M} Uhr." if again else "Anwesenheit erfasst.",
        )
        return Answer(checked, headers=PRIVATE)

    async def check_in_oneself(self, call: Call) -> Answer:
        row = await self._own(call)
        life = await self._life(row["session_id"])
        if row["status"] != "confirmed":
            raise _not_admitted(row["status"])
        await self._record(call, life, [_mark(row)], "self")
        recorded = await attendance_list.present_since(self.pool, row["registration_id"], life)
        if recorded is None:
            raise Problem("not_found")
        return Answer(SelfCheckedIn(recorded_at=recorded["recorded_at"].astimezone(BERLIN)), headers=PRIVATE)

    async def picture(self, call: Call) -> Answer:
        """The code for the door. Only who has a seat gets in with it, so nobody else gets one."""
        row = await self._own(call)
        if row["status"] != "confirmed":
            raise _not_admitted(row["status"])
        return Answer(check_in.picture(row["registration_id"]), headers=PRIVATE | {"Content-Type": "image/svg+xml"})

    async def _record(
        self, call: Call, life: Life, marks: Sequence[Mark], how: How, *, present: bool = True, entry: str | None = None
    ) -> Outcome:
        context = call.context()
        command = RecordAttendance(
            session_id=life.session_id,
            sitting=sitting_of(life),
            marks=tuple(marks),
            present=present,
            how=how,
            entry=entry or context.id_of_new("entry"),
            until=said_until(life, self.self_until) if how == "self" else None,
        )
        return await self.journal.transact(attendance.DECIDER, life.session_id, command, context)

    async def _life(self, session_id: str) -> Life:
        found = await session_row(self.pool, session_id, drafts=True)
        if found is None:
            raise Problem("not_found")
        return found.life

    async def _own(self, call: Call) -> Any:
        row = await registration_list.by_token_hash(self.pool, participant.token_hash(call.request.match_info["token"]))
        if row is None:
            raise Problem("not_found")
        return row


def _mark(row: Any) -> Mark:
    seated = row["status"] in {"received", "confirmed"}
    return Mark(registration_id=row["registration_id"], person_id=row["person_id"], walk_in=not seated)


def _not_admitted(status: Any) -> Problem:
    return Problem("not_admitted", details={"status": status, "status_label": STATUS_LABELS[status]})


def endpoints(journal: Journal, pool: Pool, vault: Vault, self_until: dt.timedelta = SELF_UNTIL) -> list[Endpoint]:
    """Recording who came, and how many did."""
    desk = Desk(journal, pool, vault, self_until)
    return [
        Endpoint(
            "GET",
            "/api/v1/sessions/{id}/attendance",
            desk.summary,
            "How many came",
            answer=AttendanceSummary,
            roles=EDITORS,
        ),
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/attendance",
            desk.record,
            "Records who was there, or was not",
            body=AttendanceBody,
            answer=Committed,
            roles=EDITORS,
            codes=("unknown_registration", *RULES),
        ),
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/check-ins",
            desk.check_in,
            "Lets somebody in by the code on their page",
            body=CheckInBody,
            answer=CheckedIn,
            roles=EDITORS,
            codes=("unknown_code", "code_of_other_session", "not_admitted", *RULES),
        ),
        Endpoint(
            "GET",
            "/api/v1/registrations/{token}/check-in.svg",
            desk.picture,
            "One's own code for the door, as a picture",
            media_type="image/svg+xml",
            codes=("not_admitted",),
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/check-ins",
            desk.check_in_oneself,
            "Says of oneself that one is there",
            answer=SelfCheckedIn,
            codes=("not_admitted", "attendance_closed", *RULES),
        ),
    ]
