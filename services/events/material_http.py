"""Materials over HTTP: everybody downloads what is released; editors upload, release and take back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from services.events import material, material_bodies, material_downloads, material_list, session
from services.events.life import Life
from services.events.material import (
    AddMaterial,
    DeleteMaterial,
    MaterialCommand,
    ReleaseMaterials,
    ReplaceFile,
    ReviseMaterial,
    WithdrawMaterial,
)
from services.events.material_bodies import (
    FileQuery,
    MaterialBody,
    NewFileQuery,
    ReleaseBody,
    UploadQuery,
    WithdrawalBody,
)
from services.events.material_downloads import Downloads, DownloadsQuery
from services.events.material_events import Details
from services.events.material_list import MaterialAnswer
from services.events.rights import EDITORS, edits
from services.events.session_list import session_row
from services.events.times import berlin
from shared.kernel.decider import Refused
from shared.kernel.endpoint import Upload
from shared.kernel.file_kinds import KINDS, UPLOAD_CODES, kind_of_file, safe_name
from shared.kernel.files import Files
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, page
from shared.kernel.http import committed as answer_to
from shared.kernel.journal import Journal
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context, Outcome
from shared.kernel.resuming import resumable
from shared.kernel.spooling import SPOOL_CODES, Spooled, spooled
from shared.kernel.stored_file import StoredFile

OF_SESSION = "/api/v1/sessions/{id}/materials"
ONE = f"{OF_SESSION}/{{material_id}}"
PUBLIC = "/api/v1/materials/{id}"
REVALIDATED = "private, no-cache"
FOR_EVER = "private, max-age=31536000, immutable"
"""Of a version that is named. Only in the reader's own cache: what is taken back must not lie in others'."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do, and what they work with."""

    journal: Journal
    pool: Pool
    files: Files
    most: int

    async def materials(self, call: Call) -> Answer:
        """A session's materials."""
        session_id = await self._session_seen(call)
        items = await material_list.materials_of(self.pool, session_id, for_editors=edits(call))
        return page(Page(items=items, next=None, total=len(items)), call)

    async def downloads(self, call: Call) -> Answer:
        """How often a session's materials were downloaded."""
        session_id = await self._session_seen(call)
        return Answer(await material_downloads.of_session(self.pool, session_id, call.query))

    async def show(self, call: Call) -> Answer:
        """One material, wherever its session is by now."""
        found = await self._material_seen(call)
        if not edits(call):
            return Answer(material_list.answer(found, None))
        counted = await material_list.downloads_of(self.pool, found.material_id)
        return Answer(material_list.answer(found, counted), version=found.edited)

    async def file(self, call: Call) -> web.StreamResponse:
        """The file, the present one or of the version that is named; on from where it broke off."""
        found = await self._material_seen(call)
        if found.status == "withdrawn":
            raise _gone(found)
        version = material_list.file_of(found, call.query.version, for_editors=edits(call))
        if version is None:
            raise Problem("not_found")
        number, file = version
        caching = REVALIDATED if call.query.version is None else FOR_EVER
        begun = partial(self._count, call, found, number)
        return await resumable(call, self.files, file, caching=caching, begun=begun)

    async def _count(self, call: Call, found: material.Material, number: int) -> None:
        """A draft that an editor looks at is no download, and neither is what a page shows by itself.

        Whoever downloads gets the file, counted or not.
        """
        if found.status != "released" or call.request.headers.get("Sec-Fetch-Dest") == "image":
            return
        try:
            await material_downloads.count(self.pool, found.material_id, number, berlin(call.at).date())
        except CONNECTION_LOST as error:
            log.warning("download_not_counted", material_id=found.material_id, reason=type(error).__name__)

    async def add(self, call: Call) -> Answer:
        """A draft with its file, all of it or nothing."""
        session_id, query = call.path_id(), call.query
        try:
            details = query.details(material_bodies.programme(await self._life(session_id)))
            material.check(details, call.request.content_type)
        except (Problem, Refused):
            if before := await self._before(call):
                return _answered(before, call.context().id_of_new("materials"), 201)
            raise
        async with self._received(call, query.filename) as (file, context):
            material_id = context.id_of_new("materials")
            command = AddMaterial(session_id=session_id, material_id=material_id, details=details, file=file)
            outcome = await self._transact(session_id, command, context)
        return _answered(outcome, material_id, 201)

    async def replace_file(self, call: Call) -> Answer:
        """Another version of the file."""
        session_id, material_id = call.path_id(), call.path_id("material_id")
        try:
            await self._details(session_id, material_id)
        except Problem:
            if before := await self._before(call):
                return _answered(before, material_id)
            raise
        async with self._received(call, call.query.filename) as (file, context):
            command = ReplaceFile(material_id=material_id, file=file)
            outcome = await self._transact(session_id, command, context)
        return _answered(outcome, material_id)

    async def revise(self, call: Call) -> Answer:
        """Other words about it."""
        session_id, material_id = call.path_id(), call.path_id("material_id")
        before = await self.journal.outcome(call.context())
        if before is None:
            present = await self._details(session_id, material_id)
            programme = material_bodies.programme(await self._life(session_id))
            details = call.body.details(programme, present)
            command = ReviseMaterial(material_id=material_id, details=details, seen=call.expected_version)
            before = await self._transact(session_id, command, call.context())
        return _answered(before, material_id)

    async def delete(self, call: Call) -> Answer:
        """A draft is gone."""
        material_id = call.path_id("material_id")
        outcome = await self._transact(call.path_id(), DeleteMaterial(material_id=material_id), call.context())
        return _answered(outcome, material_id)

    async def withdraw(self, call: Call) -> Answer:
        """What was released is taken back."""
        material_id = call.path_id("material_id")
        command = WithdrawMaterial(material_id=material_id, reason=call.body.reason)
        return _answered(await self._transact(call.path_id(), command, call.context()), material_id)

    async def release(self, call: Call) -> Answer:
        """Drafts become public, together."""
        context = call.context()
        session_id, release_id = call.path_id(), context.id_of_new("material-releases")
        life = await self._life(session_id)
        if life.stage == "drafted":
            raise Problem("session_not_announced")
        command = ReleaseMaterials(
            release_id=release_id,
            series_id=life.content.series_id,
            title=life.content.title,
            material_ids=call.body and call.body.material_ids,
        )
        return _answered(await self._transact(session_id, command, context), release_id, 201)

    @asynccontextmanager
    async def _received(self, call: Call, filename: str) -> AsyncIterator[tuple[StoredFile, Context]]:
        """The uploaded file, kept; and the command's circumstances, to which its content belongs."""
        async with spooled(call.request, self.most) as content:
            media_type = await asyncio.to_thread(kind_of_file, content.file, call.request.content_type)
            context = _context(call, content)
            await self.files.put_content(content, call.at)
        name = safe_name(filename, media_type)
        yield StoredFile(name=name, media_type=media_type, size=content.size, sha256=content.sha256), context

    async def _before(self, call: Call) -> Outcome | None:
        """What became of the same upload when it was sent before, though it would be refused now."""
        if call.context().fresh:
            return None
        async with spooled(call.request, self.most) as content:
            return await self.journal.outcome(_context(call, content))

    async def _transact(self, session_id: str, command: MaterialCommand, context: Context) -> Outcome:
        return await self.journal.transact(material.DECIDER, session_id, command, context)

    async def _life(self, session_id: str) -> Life:
        life = (await self.journal.load(session.DECIDER, session_id)).state.life
        if life is None:
            raise Problem("not_found")
        return life

    async def _details(self, session_id: str, material_id: str) -> Details:
        """What is said of a material now."""
        shelf = (await self.journal.load(material.DECIDER, session_id)).state
        found = shelf.materials.get(material_id)
        if found is None or found.status == "deleted":
            raise Problem("not_found")
        return found.details

    async def _session_seen(self, call: Call) -> str:
        session_id = call.path_id()
        if await session_row(self.pool, session_id, drafts=edits(call)) is None:
            raise Problem("not_found")
        return session_id

    async def _material_seen(self, call: Call) -> material.Material:
        """The material, for whoever may see it; readers of one that was taken back are told so."""
        found = await material_list.find_material(self.pool, call.path_id())
        if found is None or (found.status == "draft" and not edits(call)):
            raise Problem("not_found")
        if found.status == "withdrawn" and not edits(call):
            raise _gone(found)
        return found


def _context(call: Call, content: Spooled) -> Context:
    """An upload's circumstances: what was sent belongs to them."""
    return replace(call, raw=content.sha256.encode()).context()


def _gone(found: material.Material) -> Problem:
    return Problem("material_gone", details={"reason": found.withdrawn_for or ""})


def _answered(outcome: Outcome, new_id: str, status: int | None = None) -> Answer:
    """The answer names what was made or changed, and not the shelf it is on."""
    location = f"/api/v1/materials/{new_id}" if status == 201 else None
    return answer_to(replace(outcome, aggregate_id=new_id), status, location)


def endpoints(journal: Journal, pool: Pool, files: Files, most: int) -> list[Endpoint]:
    """Everything about materials."""
    do = Handlers(journal, pool, files, most)
    return [*_readings(do), *_uploads(do), *_commands(do)]


def _readings(do: Handlers) -> list[Endpoint]:
    return [
        Endpoint(
            "GET",
            OF_SESSION,
            do.materials,
            "List the materials of a session",
            answer=Page[MaterialAnswer],
            codes=("not_found",),
            description="Readers see what is released; editors see drafts and what was taken back, too.",
        ),
        Endpoint(
            "GET",
            f"{OF_SESSION}/downloads",
            do.downloads,
            "Count the downloads of a session's materials by version and day",
            query=DownloadsQuery,
            answer=Downloads,
            roles=EDITORS,
            codes=("not_found",),
        ),
        Endpoint(
            "GET",
            PUBLIC,
            do.show,
            "Read a material",
            answer=MaterialAnswer,
            codes=("not_found", "material_gone"),
            description="Its address stays, whatever becomes of its file, its title or the session's date.",
        ),
        Endpoint(
            "GET",
            f"{PUBLIC}/file",
            do.file,
            "Download a material",
            query=FileQuery,
            media_type="application/octet-stream",
            codes=("not_found", "material_gone", "file_missing"),
            description="A `Range` is answered with 206, or 416 where the file ends before it; `If-Range` and the ETag,"
            " which is the SHA-256, tell whether it is still the same file. `Repr-Digest` holds the SHA-256, too. Each "
            "download is counted by version and day when it begins; nothing is kept of who asked.",
        ),
    ]


def _uploads(do: Handlers) -> list[Endpoint]:
    upload = Upload(tuple(KINDS), do.most, streamed=True)
    codes = (*UPLOAD_CODES, *SPOOL_CODES, "unknown_talk", *material_bodies.PHOTO_CODES)
    told = "`Content-Digest` or `Repr-Digest` with a sha-256 (RFC 9530) is compared with what arrives."
    return [
        _command(
            "POST",
            OF_SESSION,
            do.add,
            "Upload a material as a draft",
            *codes,
            "too_many_materials",
            query=UploadQuery,
            upload=upload,
            status=201,
            description=told,
        ),
        _command(
            "POST",
            f"{ONE}/files",
            do.replace_file,
            "Upload another version of a material's file; one that was taken back becomes a draft again",
            *codes,
            query=NewFileQuery,
            upload=upload,
            description=told,
        ),
    ]


def _commands(do: Handlers) -> list[Endpoint]:
    return [
        _command(
            "PUT",
            ONE,
            do.revise,
            "Say something else of a material",
            "unknown_talk",
            "material_withdrawn",
            *material_bodies.PHOTO_CODES,
            body=MaterialBody,
            if_match=True,
        ),
        _command("DELETE", ONE, do.delete, "Delete a draft", "material_released"),
        _command(
            "POST",
            f"{ONE}/withdrawals",
            do.withdraw,
            "Take back a material; its address says why, and its file is deleted",
            "material_withdrawn",
            "material_not_released",
            body=WithdrawalBody,
        ),
        _command(
            "POST",
            "/api/v1/sessions/{id}/material-releases",
            do.release,
            "Release drafts together: those that are named, or all",
            "session_not_announced",
            "unknown_material",
            "material_withdrawn",
            "nothing_to_release",
            body=ReleaseBody,
            body_required=False,
            status=201,
        ),
    ]


def _command(method: str, path: str, handler: Any, summary: str, *codes: str, **more: Any) -> Endpoint:
    return Endpoint(
        method, path, handler, summary, answer=Committed, roles=EDITORS, codes=("not_found", *codes), **more
    )
