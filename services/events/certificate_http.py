"""Certificates over HTTP: one's own by the link in one's mail, and all of a session's for its organisers."""

import asyncio
import datetime as dt
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import IO, Literal, cast

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict

from services.events import attendance_list, certificate, certificate_batch, participant, registration_list
from services.events.certificate import HEADING, Certificate
from services.events.own_registration_http import PRIVATE
from services.events.rights import EDITORS
from services.events.session_list import session_row
from services.events.session_shown import SessionRow
from services.events.times import BERLIN
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.sending import send
from shared.kernel.typesetting import NotSet, typesetter
from shared.kernel.vault import Vault
from shared.kernel.xlsx_stream import Sink

PDF, ZIP = "application/pdf", "application/zip"
PATIENCE = 15.0

log = structlog.get_logger()


class Batch(BaseModel):
    """How far the certificates have come. `failed` counts those of people who are not known any more, too."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: Literal["running", "done"]
    done: int
    total: int
    failed: int
    requested_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    pool: Pool
    vault: Vault
    press: asyncio.Semaphore

    async def own(self, call: Call) -> Answer:
        """One's own certificate: after the session, if one's attendance was recorded."""
        row = await registration_list.by_token_hash(self.pool, participant.token_hash(call.request.match_info["token"]))
        of = row and await session_row(self.pool, row["session_id"])
        if row is None or not of:
            raise Problem("not_found")
        said = await attendance_list.present_since(self.pool, row["registration_id"], of.life)
        if not certificate.possible(of.life) or said is None or not said["present"]:
            raise Problem("certificate_not_possible")
        (contact,) = await participant.open_contacts(self.vault, [row])
        if contact is None:
            raise Problem("not_found")
        paper = await self._printed(Certificate(of, contact, certificate.today(call.at)))
        name = f'attachment; filename="{HEADING.lower()}.pdf"'
        return Answer(paper, headers=PRIVATE | {"Content-Type": PDF, "Content-Disposition": name})

    async def _printed(self, wanted: Certificate) -> bytes:
        """One at a time: each takes a process of its own."""
        try:
            async with asyncio.timeout(PATIENCE), self.press, typesetter() as setting:
                return await wanted.printed(setting)
        except TimeoutError as late:
            raise Problem("unavailable") from late
        except NotSet as refused:
            log.error("certificate_not_set", session_id=wanted.of.life.session_id, reason=str(refused))  # noqa: TRY400
            raise Problem("internal") from refused

    async def begin(self, call: Call) -> Answer:
        """Begins to make a certificate for everybody who came; while one batch is being made, it is the answer."""
        of, context = await self._session(call), call.context()
        if not certificate.possible(of.life):
            raise Problem("certificate_not_possible")
        wanted = context.id_of_new("certificate batch")
        batch_id = await certificate_batch.begin(self.pool, wanted, of.life, context.actor, call.at)
        if batch_id is None:
            raise Problem("certificate_not_possible")
        shown = await self._batch(call, batch_id)
        return Answer(
            shown, headers={"Location": f"/api/v1/sessions/{of.life.session_id}/certificate-batches/{shown.id}"}
        )

    async def show(self, call: Call) -> Answer:
        await self._session(call)
        return Answer(await self._batch(call, call.path_id("batch_id")), headers={"Cache-Control": "no-store"})

    async def file(self, call: Call) -> web.StreamResponse:
        """All sheets in one archive, written while it is sent."""
        of = await self._session(call)
        batch = await self._batch(call, call.path_id("batch_id"))
        if batch.state != "done":
            raise Problem("certificates_not_ready")
        day = of.life.when.day or call.at.astimezone(BERLIN).date()
        response = web.StreamResponse(
            headers={
                "Cache-Control": "no-store",
                "Content-Type": ZIP,
                "Content-Disposition": f'attachment; filename="{HEADING.lower()}en-{day:%Y-%m-%d}.zip"',
            }
        )
        await response.prepare(call.request)
        if call.request.method != hdrs.METH_HEAD:
            async with aclosing(archive(self.pool, self.vault, batch.id)) as parts:
                await send(call.request, response, parts)
            session_id, actor = of.life.session_id, call.identity.actor
            log.info("certificates_fetched", session_id=session_id, actor=actor, sheets=batch.done)
        return response

    async def _batch(self, call: Call, batch_id: str) -> Batch:
        row = await certificate_batch.progress(self.pool, batch_id, call.at)
        if row is None or row["session_id"] != call.path_id():
            raise Problem("not_found")
        return Batch(
            id=row["batch_id"],
            state=row["state"],
            done=row["done"],
            total=row["total"],
            failed=row["failed"],
            requested_at=row["requested_at"].astimezone(BERLIN),
            expires_at=row["expires_at"].astimezone(BERLIN),
        )

    async def _session(self, call: Call) -> SessionRow:
        found = await session_row(self.pool, call.path_id(), drafts=True)
        if found is None:
            raise Problem("not_found")
        return found


async def archive(pool: Pool, vault: Vault, batch_id: str) -> AsyncGenerator[bytes]:
    """The sheets of a batch as a ZIP archive, some at a time; they are compressed already."""
    sink = Sink()
    packed = zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_STORED)
    after, number = "", 0
    while found := await certificate_batch.sheets(pool, vault, batch_id, after):
        for _, paper in found:
            if paper is not None:
                number += 1
                packed.writestr(f"{HEADING.lower()}-{number:04}.pdf", paper)
        after = found[-1][0]
        yield sink.take()
    packed.close()
    yield sink.take()


def endpoints(pool: Pool, vault: Vault) -> list[Endpoint]:
    """One's own certificate, and those of a session."""
    desk = Desk(pool, vault, asyncio.Semaphore(1))
    here = "/api/v1/sessions/{id}/certificate-batches"
    return [
        Endpoint(
            "GET",
            "/api/v1/registrations/{token}/certificate.pdf",
            desk.own,
            "One's own certificate of attendance (PDF/UA)",
            media_type=PDF,
            codes=("certificate_not_possible", "unavailable"),
        ),
        Endpoint(
            "POST",
            here,
            desk.begin,
            "Begins to make the certificates of everybody who came",
            answer=Batch,
            status=202,
            roles=EDITORS,
            codes=("certificate_not_possible",),
        ),
        Endpoint("GET", f"{here}/{{batch_id}}", desk.show, "How far they have come", answer=Batch, roles=EDITORS),
        Endpoint(
            "GET",
            f"{here}/{{batch_id}}/file",
            desk.file,
            "The certificates in one archive",
            media_type=ZIP,
            roles=EDITORS,
            codes=("certificates_not_ready",),
        ),
    ]
