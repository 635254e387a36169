"""Resources (Arbeitshilfen) over HTTP: everybody reads and downloads them, editors publish, revise and retire them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.catalog import resource_downloads, resource_list, topic_list
from services.catalog.answers import API, EDITORS
from services.catalog.german_time import german_day
from services.catalog.plain_text import PlainLine, PlainText
from services.catalog.project_content import Link, Many, TopicCode
from services.catalog.resource import RESOURCE, Details, PublishResource, Resource, RetireResource, ReviseResource
from services.catalog.resource_downloads import Downloads, DownloadsQuery
from services.catalog.resource_list import ResourceQuery, ResourceShown
from services.catalog.vocabulary import ResourceKind
from shared.kernel.downloads import attachment
from shared.kernel.file_kinds import KINDS, UPLOAD, UPLOAD_CODES, kind_of, safe_name
from shared.kernel.files import FileMissing, Files
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, committed, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import CONNECTION_LOST, Pool
from shared.kernel.problems import Problem, of_fields
from shared.kernel.stored_file import StoredFile

RESOURCE_PATH = f"{API}/resources/{{id}}"

log = structlog.get_logger()


class ResourceBody(BaseModel):
    """What a version of a resource says. `file` is what the upload of its file answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ResourceKind
    title: PlainLine
    summary: PlainText
    purposes: Many[PlainLine] = ()
    topics: Annotated[tuple[TopicCode, ...], Field(max_length=20)] = ()
    publisher: PlainLine | None = None
    issued_on: date | None = None
    link: Link | None = None
    file: StoredFile | None = None


class RetirementBody(BaseModel):
    """Why a resource is no longer offered."""

    model_config = ConfigDict(frozen=True)

    reason: PlainLine


class UploadQuery(BaseModel):
    """What the file is called."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=300)] = Field(
        description="Its name; a path, the ending and signs that no system keeps are mended."
    )


class FileQuery(BaseModel):
    """Which version."""

    version: int | None = Field(default=None, ge=1, le=2**31 - 1, description="A version; the newest unless named.")


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    files: Files

    async def resources(self, call: Call) -> Answer:
        """One page of the resources."""
        return page(await resource_list.listed(self.pool, call.query), call)

    async def resource(self, call: Call) -> Answer:
        """A resource in its newest version; the version of its stream is the ETag for those who may change it."""
        found = await resource_list.one(self.pool, call.path_id())
        if found is None:
            raise Problem("not_found")
        shown, version = found
        return Answer(shown, version=version if "editor" in call.identity.roles else None)

    async def file(self, call: Call) -> web.StreamResponse:
        """The file of a version, counted when it begins to be sent."""
        resource_id = call.path_id()
        found = await resource_list.file_of(self.pool, resource_id, call.query.version)
        if found is None:
            raise Problem("not_found")
        version, file = found
        if file is None:
            raise Problem("file_missing")
        return await attachment(call, self.files, file, begun=partial(self._count, call, resource_id, version))

    async def _count(self, call: Call, resource_id: str, version: int) -> None:
        """Whoever downloads gets the file, counted or not."""
        try:
            await resource_downloads.count(self.pool, resource_id, version, german_day(call.at))
        except CONNECTION_LOST as error:
            log.warning("download_not_counted", resource_id=resource_id, reason=type(error).__name__)

    async def downloads(self, call: Call) -> Answer:
        """How often it was downloaded."""
        resource_id = call.path_id()
        if await resource_list.file_of(self.pool, resource_id, None) is None:
            raise Problem("not_found")
        return Answer(await resource_downloads.of(self.pool, resource_id, call.query))

    async def upload(self, call: Call) -> Answer:
        """A file kept, to be named by a resource within a day."""
        media_type = await asyncio.to_thread(kind_of, call.raw, call.request.content_type)
        name = safe_name(call.query.filename, media_type)
        digest = await self.files.put(call.raw, call.at)
        return Answer(StoredFile(name=name, media_type=media_type, size=len(call.raw), sha256=digest))

    async def publish(self, call: Call) -> Answer:
        """A new resource under a new id, or the one that the same request made before."""
        context = call.context()
        outcome = await self.journal.outcome(context)
        if outcome is None:
            resource_id = context.id_of_new("resources")
            details = await self._details(call, None)
            command = PublishResource(resource_id=resource_id, details=details)
            outcome = await self.journal.transact(RESOURCE, resource_id, command, context)
        return committed(outcome, 201, f"{API}/resources/{outcome.aggregate_id}")

    async def revise(self, call: Call) -> Answer:
        """Another version."""
        context = call.context()
        outcome = await self.journal.outcome(context)
        if outcome is None:
            before = (await self.journal.load(RESOURCE, call.path_id())).state
            if before is None:
                raise Problem("not_found")
            command = ReviseResource(details=await self._details(call, before))
            outcome = await self.journal.transact(
                RESOURCE, call.path_id(), command, context, expected_version=call.expected_version
            )
        return committed(outcome)

    async def retire(self, call: Call) -> Answer:
        """No longer offered."""
        command = RetireResource(reason=call.body.reason)
        outcome = await self.journal.transact(
            RESOURCE, call.path_id(), command, call.context(), expected_version=call.expected_version
        )
        return committed(outcome)

    async def _details(self, call: Call, before: Resource | None) -> Details:
        """What a client says, with every reference looked up."""
        body: ResourceBody = call.body
        async with self.pool.acquire() as connection:
            known = await topic_list.present(connection, {*body.topics, *(before.details.topics if before else ())})
        unknown = [f"/topics/{n}" for n, code in enumerate(body.topics) if code not in known]
        if unknown:
            raise of_fields("unknown_topic", unknown)
        kept = before.details.file if before else None
        file = body.file if body.file is None or body.file == kept else await self._looked_at(body.file, call)
        said = {name: getattr(body, name) for name in Details.model_fields}
        return Details(**said | {"file": file, "topics": _topics(body, before, known)})

    async def _looked_at(self, named: StoredFile, call: Call) -> StoredFile:
        """The file that was uploaded, as its content shows it whatever is said of it; it has another day from now."""
        try:
            content = b"".join([part async for part in self.files.get(named.sha256)])
        except FileMissing as missing:
            raise of_fields("unknown_file", ["/file"]) from missing
        if named.media_type not in KINDS:
            raise of_fields("unknown_file", ["/file/media_type"])
        media_type = kind_of(content, named.media_type)
        await self.files.put(content, call.at)
        name = safe_name(named.name, media_type)
        return StoredFile(name=name, media_type=media_type, size=len(content), sha256=named.sha256)


def _topics(body: ResourceBody, before: Resource | None, present: Mapping[str, str]) -> tuple[str, ...]:
    """The topics that are meant today, but in the words of before where those mean the same: that is nothing new."""
    topics = topic_list.meant(body.topics, present)
    if before and topic_list.meant(before.details.topics, present) == topics:
        return before.details.topics
    return topics


def endpoints(journal: Journal, pool: Pool, files: Files) -> list[Endpoint]:
    """Everything about resources."""
    do = Handlers(journal, pool, files)
    return [*_readings(do), *_commands(do)]


def _readings(do: Handlers) -> list[Endpoint]:
    return [
        Endpoint(
            "GET", f"{API}/resources", do.resources, "List resources", query=ResourceQuery, answer=Page[ResourceShown]
        ),
        Endpoint(
            "GET",
            RESOURCE_PATH,
            do.resource,
            "Read a resource",
            answer=ResourceShown,
            codes=("not_found",),
            description="One that is no longer offered stays readable, and its files stay there.",
        ),
        Endpoint(
            "GET",
            f"{RESOURCE_PATH}/file",
            do.file,
            "Download the file of a version",
            query=FileQuery,
            media_type="application/octet-stream",
            codes=("not_found", "file_missing"),
            description="Each GET is counted by version and day (HEAD and 304 are not); nothing is kept of who asked.",
        ),
        Endpoint(
            "GET",
            f"{RESOURCE_PATH}/downloads",
            do.downloads,
            "Count the downloads of a resource by version and day",
            query=DownloadsQuery,
            answer=Downloads,
            roles=EDITORS,
            codes=("not_found",),
        ),
    ]


def _commands(do: Handlers) -> list[Endpoint]:
    codes = ("unknown_topic", "unknown_file", *UPLOAD_CODES)
    return [
        Endpoint(
            "POST",
            f"{API}/resources/files",
            do.upload,
            "Upload a file for a resource",
            query=UploadQuery,
            upload=UPLOAD,
            answer=StoredFile,
            status=201,
            roles=EDITORS,
            codes=UPLOAD_CODES,
            description="What no resource names within a day is deleted.",
        ),
        Endpoint(
            "POST",
            f"{API}/resources",
            do.publish,
            "Publish a resource",
            body=ResourceBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=codes,
        ),
        Endpoint(
            "PUT",
            RESOURCE_PATH,
            do.revise,
            "Publish another version of a resource; one that was retired is offered again",
            body=ResourceBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", *codes),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{RESOURCE_PATH}/retirements",
            do.retire,
            "No longer offer a resource",
            body=RetirementBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "resource_retired"),
        ),
    ]
