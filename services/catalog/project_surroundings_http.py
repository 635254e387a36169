"""Around a project over HTTP: updates, documents, best-practice marks, the contact's confirmation."""

import asyncio
from dataclasses import dataclass
from datetime import date

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from services.catalog import organisation_directory, project_files, project_page
from services.catalog.answers import API, EDITORS
from services.catalog.german_time import german_day
from services.catalog.membership import bodies_of
from services.catalog.plain_text import PlainLine, PlainText
from services.catalog.project import (
    PROJECT,
    AttachDocument,
    AwardBestPractice,
    ConfirmContact,
    PostUpdate,
    ProjectCommand,
    RemoveDocument,
    WithdrawBestPractice,
    WithdrawUpdate,
)
from services.catalog.project_http import meant_for
from services.catalog.search_http import sees_drafts
from services.catalog.vocabulary import AwardCategory, ResourceKind
from shared.kernel.downloads import attachment
from shared.kernel.file_kinds import UPLOAD, UPLOAD_CODES, StoredFile, kind_of, safe_name
from shared.kernel.files import Files
from shared.kernel.http import Answer, Call, Committed, Endpoint, Role, committed
from shared.kernel.ids import named_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

WHO_CONFIRMS: frozenset[Role] = frozenset({"editor", "member"})
ONLY_PUBLISHED = ("not_found", "project_archived", "project_not_published")


class Body(BaseModel):
    """What is sent."""

    model_config = ConfigDict(frozen=True)


class AwardBody(Body):
    """Where and when a project was honoured as best practice."""

    occasion: PlainLine
    awarded_on: date
    category: AwardCategory | None = None


class MarkWithdrawalBody(Body):
    """Which mark was given by mistake, and why that is so."""

    occasion: PlainLine
    awarded_on: date
    reason: PlainText


class UpdateBody(Body):
    """What is new in a project; without a day, as of today."""

    text: PlainText
    on: date | None = None


class DocumentQuery(Body):
    """What a file is: the address says it, since the body is the file itself."""

    title: PlainLine = Field(description="What readers see.")
    kind: ResourceKind = Field(description="What kind of paper it is.")
    filename: str = Field(min_length=1, max_length=300, description="As it is called on the sender's machine.")


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    files: Files

    async def award(self, call: Call) -> Answer:
        """A best-practice mark."""
        return await self._committed(
            call,
            AwardBestPractice(
                occasion=call.body.occasion, awarded_on=call.body.awarded_on, category=call.body.category
            ),
        )

    async def withdraw_award(self, call: Call) -> Answer:
        """A mark taken back."""
        command = WithdrawBestPractice(
            occasion=call.body.occasion, awarded_on=call.body.awarded_on, reason=call.body.reason
        )
        return await self._committed(call, command)

    async def post_update(self, call: Call) -> Answer:
        """An update under an id of its own, or the one that the same request made before."""
        context, project_id = call.context(), call.path_id()
        update_id = context.id_of_new("updates")
        on = call.body.on or german_day(call.at)
        command = PostUpdate(update_id=update_id, text=call.body.text, on=on)
        outcome = await self.journal.transact(
            PROJECT, project_id, command, context, expected_version=call.expected_version
        )
        return committed(outcome, 201, f"{API}/projects/{project_id}/updates/{update_id}")

    async def withdraw_update(self, call: Call) -> Answer:
        """An update off the page."""
        return await self._committed(call, WithdrawUpdate(update_id=call.path_id("update_id")))

    async def attach(self, call: Call) -> Answer:
        """A file beside the project: its bytes are kept first, then the project refers to them."""
        project_id = call.path_id()
        async with self.pool.acquire() as connection:
            if not await project_page.known(connection, project_id):
                raise Problem("not_found")
        media_type = await asyncio.to_thread(kind_of, call.raw, call.request.content_type)
        digest = await self.files.put(call.raw, call.at)
        document_id = str(named_id("project document", f"{project_id}/{digest}"))
        name = safe_name(call.query.filename, media_type)
        command = AttachDocument(
            document_id=document_id,
            title=call.query.title,
            kind=call.query.kind,
            file=StoredFile(name=name, media_type=media_type, size=len(call.raw), sha256=digest),
        )
        outcome = await self.journal.transact(
            PROJECT, project_id, command, call.context(), expected_version=call.expected_version
        )
        return committed(outcome, 201, f"{API}/projects/{project_id}/documents/{document_id}")

    async def document(self, call: Call) -> web.StreamResponse:
        """The file, to be saved, for whoever sees the project's page."""
        editor, own = sees_drafts(call), await bodies_of(self.pool, call.identity)
        document_id = call.path_id("document_id")
        file = await project_files.file(self.pool, call.path_id(), document_id, editor=editor, own=own)
        if file is None:
            raise Problem("not_found")
        return await attachment(call, self.files, file)

    async def remove(self, call: Call) -> Answer:
        """A file taken away."""
        return await self._committed(call, RemoveDocument(document_id=call.path_id("document_id")))

    async def confirm_contact(self, call: Call) -> Answer:
        """A contact that is still the right one, by an editor's word or that of an organisation that takes part."""
        if "editor" in call.identity.roles:
            return await self._committed(call, ConfirmContact())
        own = call.identity.organisation_id
        if own is None:
            raise Problem("not_participating")
        async with self.pool.acquire() as connection:
            known_as = frozenset(await organisation_directory.same_bodies(connection, [own]))
        return await self._committed(call, ConfirmContact(organisation_id=own, known_as=known_as))

    async def _committed(self, call: Call, command: ProjectCommand) -> Answer:
        project_id = call.path_id()
        upon = await meant_for(self.journal, call, project_id)
        return committed(
            await self.journal.transact(PROJECT, project_id, command, call.context(), expected_version=upon)
        )


def endpoints(journal: Journal, pool: Pool, files: Files) -> list[Endpoint]:
    """Everything around a project."""
    do = Handlers(journal, pool, files)
    project = f"{API}/projects/{{id}}"
    return [
        Endpoint(
            "POST",
            f"{project}/best-practice-awards",
            do.award,
            "Mark a project as best practice",
            body=AwardBody,
            answer=Committed,
            roles=EDITORS,
            codes=ONLY_PUBLISHED,
        ),
        Endpoint(
            "POST",
            f"{project}/best-practice-withdrawals",
            do.withdraw_award,
            "Take back a best-practice mark that was given by mistake",
            body=MarkWithdrawalBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "project_archived", "no_such_award"),
        ),
        Endpoint(
            "POST",
            f"{project}/updates",
            do.post_update,
            "Say what is new in a project",
            body=UpdateBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=(*ONLY_PUBLISHED, "update_in_future", "too_many_updates"),
        ),
        Endpoint(
            "DELETE",
            f"{project}/updates/{{update_id}}",
            do.withdraw_update,
            "Take an update off the page",
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "project_archived"),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{project}/documents",
            do.attach,
            "Put a file beside a project; the body is the file",
            query=DocumentQuery,
            upload=UPLOAD,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=(
                "not_found",
                "project_archived",
                "project_under_review",
                "document_exists",
                "too_many_documents",
                *UPLOAD_CODES,
            ),
            description="Its type is told by its content. The same file again is the same document.",
        ),
        Endpoint(
            "GET",
            f"{project}/documents/{{document_id}}",
            do.document,
            "Download a file of a project",
            codes=("not_found", "file_missing"),
            media_type="application/octet-stream",
            description="Answered as an attachment, with the media type of the file.",
        ),
        Endpoint(
            "DELETE",
            f"{project}/documents/{{document_id}}",
            do.remove,
            "Take a file away from a project",
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "project_archived", "project_under_review"),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{project}/contact-confirmations",
            do.confirm_contact,
            "Confirm that a project's contact is still the right one",
            answer=Committed,
            roles=WHO_CONFIRMS,
            codes=(*ONLY_PUBLISHED, "not_participating"),
            description="Editors may, and members of an organisation that takes part.",
        ),
    ]
