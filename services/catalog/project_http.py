"""Projects over HTTP: readers see what is published, members the drafts of their organisation, editors everything.

Editors alone change projects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.catalog import project_page
from services.catalog.answers import API, EDITORS, written_upon
from services.catalog.membership import bodies_of
from services.catalog.plain_text import PlainNote, PlainText
from services.catalog.presently import presently
from services.catalog.project import (
    PROJECT,
    AcceptRevision,
    ArchiveProject,
    DraftProject,
    EditProject,
    Project,
    ProjectCommand,
    PublishProject,
    RestoreProject,
    ReturnProject,
    ReviseProject,
    Revision,
    SubmitProject,
)
from services.catalog.project_body import ProjectBody, refuse_circle, resolved
from services.catalog.project_content import Content, FieldReason, Presently
from services.catalog.project_shown import ProjectPage
from services.catalog.search_http import sees_drafts
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Context, Journal, Outcome
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import Problem

CONTENT_CODES = (
    "unknown_topic",
    "unknown_organisation",
    "unknown_predecessor",
    "circular_predecessor",
    "too_many_topics",
    "topic_twice",
    "participation_twice",
    "address_in_contact",
)
NONE_WAITING = 0  # no revision has this number
PUBLISHING_CODES = ("summary_missing", "topic_missing", "participations_missing")

type Reason = PlainText


class FieldReasonBody(FieldReason):
    """Why a field is to be worked on: a JSON pointer into the content, and what to do about it."""

    text: PlainNote


class ReturnBody(BaseModel):
    """Why a submission, or a proposed version, is given back: in general, and field by field."""

    model_config = ConfigDict(frozen=True)

    reason: Reason
    reasons: Annotated[tuple[FieldReasonBody, ...], Field(max_length=50)] = ()


class ArchivalBody(BaseModel):
    """Why a project leaves the catalogue, if there is more to say."""

    model_config = ConfigDict(frozen=True)

    reason: Reason | None = None


class RestorationBody(BaseModel):
    """Why a project comes back."""

    model_config = ConfigDict(frozen=True)

    reason: Reason


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def project(self, call: Call) -> Answer:
        """A project's page; its version is the ETag for those who may change it."""
        editor, own = sees_drafts(call), await bodies_of(self.pool, call.identity)
        found = await project_page.one(self.pool, call.path_id(), call.at, editor=editor, own=own)
        if found is None:
            raise Problem("not_found")
        return Answer(found, version=found.version if editor else None)

    async def draft(self, call: Call) -> Answer:
        """A new draft under a new id, or the one that the same request made before."""
        context = call.context()
        project_id = context.id_of_new("projects")

        def draft(content: Content, _: Presently) -> ProjectCommand:
            return DraftProject(project_id=project_id, content=content)

        outcome = await self._written(call, context, project_id, draft, None)
        return committed(outcome, 201, f"{API}/projects/{project_id}")

    async def edit(self, call: Call) -> Answer:
        """A changed draft, or a proposal beside the live version."""
        return await self._rewritten(call, EditProject)

    async def submit(self, call: Call) -> Answer:
        """A draft handed in."""
        return await self._committed(call, SubmitProject())

    async def give_back(self, call: Call) -> Answer:
        """A submission or proposal given back."""
        reasons = tuple(FieldReason(field=each.field, text=each.text) for each in call.body.reasons)
        return await self._committed(call, ReturnProject(reason=call.body.reason, reasons=reasons))

    async def publish(self, call: Call) -> Answer:
        """A submission published, or the proposal accepted."""
        waiting, presently = await self._waiting(call), await self._presently(call.path_id())
        command = (
            AcceptRevision(revision=waiting.number, presently=presently)
            if waiting
            else PublishProject(presently=presently)
        )
        return await self._accepted(call, command, waiting)

    async def revise(self, call: Call) -> Answer:
        """With content: the live version replaced by it. Without: the proposal that waits is accepted."""
        if call.body is not None:
            return await self._rewritten(call, ReviseProject)
        waiting = await self._waiting(call)
        number = waiting.number if waiting else NONE_WAITING
        command = AcceptRevision(revision=number, presently=await self._presently(call.path_id()))
        return await self._accepted(call, command, waiting)

    async def archive(self, call: Call) -> Answer:
        """A project's end."""
        return await self._committed(call, ArchiveProject(reason=call.body.reason if call.body else None))

    async def restore(self, call: Call) -> Answer:
        """A project that comes back."""
        presently = await self._presently(call.path_id())
        return await self._committed(call, RestoreProject(reason=call.body.reason, presently=presently))

    async def _written(
        self,
        call: Call,
        context: Context,
        project_id: str,
        command: Callable[[Content, Presently], ProjectCommand],
        project: Project | None,
    ) -> Outcome:
        """A command with content. One that was sent before answers as it did, whatever became of what it refers to."""
        if before := await self.journal.outcome(context):
            return before
        upon = await meant_for(self.journal, call, project_id)

        async def asked(connection: Connection) -> ProjectCommand:
            content = await resolved(connection, call.body, project_id)
            return command(content, await presently(connection, _contents(project)))

        async def decided(asked: ProjectCommand) -> Outcome:
            return await self.journal.transact(PROJECT, project_id, asked, context, expected_version=upon)

        if call.body.predecessor is None:
            async with self.pool.acquire() as connection:
                written = await asked(connection)
            return await decided(written)
        # The transaction holds the lock on predecessors until this one is decided.
        async with self.pool.acquire() as connection, connection.transaction():
            return await decided(await asked(connection))

    async def _rewritten(self, call: Call, command: Callable[..., ProjectCommand]) -> Answer:
        """Another content of a project that is there."""
        project_id = call.path_id()
        project = (await self.journal.load(PROJECT, project_id)).state

        def rewrite(content: Content, presently: Presently) -> ProjectCommand:
            return command(content=content, presently=presently)

        return committed(await self._written(call, call.context(), project_id, rewrite, project))

    async def _waiting(self, call: Call) -> Revision | None:
        project = (await self.journal.load(PROJECT, call.path_id())).state
        return project.pending if project else None

    async def _accepted(self, call: Call, command: ProjectCommand, waiting: Revision | None) -> Answer:
        """A decision on what waits: what its predecessor has become since it was proposed is looked at again."""
        if waiting is None or waiting.content.predecessor is None:
            return await self._committed(call, command)
        if before := await self.journal.outcome(call.context()):
            return committed(before)
        upon = await meant_for(self.journal, call, call.path_id())
        async with self.pool.acquire() as connection, connection.transaction():
            await refuse_circle(connection, waiting.content.predecessor, call.path_id())
            return await self._decided(call, command, upon)

    async def _presently(self, project_id: str) -> Presently:
        """Where the topics and organisations lead that a project was written with."""
        project = (await self.journal.load(PROJECT, project_id)).state
        async with self.pool.acquire() as connection:
            return await presently(connection, _contents(project))

    async def _committed(self, call: Call, command: ProjectCommand) -> Answer:
        return await self._decided(call, command, await meant_for(self.journal, call, call.path_id()))

    async def _decided(self, call: Call, command: ProjectCommand, upon: int | None) -> Answer:
        outcome = await self.journal.transact(PROJECT, call.path_id(), command, call.context(), expected_version=upon)
        return committed(outcome)


async def meant_for(journal: Journal, call: Call, project_id: str) -> int | None:
    """The version to write upon: that a contact is to be confirmed makes none that was read before stale."""
    if call.expected_version is None:
        return None
    now = await journal.load(PROJECT, project_id)
    return written_upon(call, now.version, int(now.state is not None and now.state.reminded))


def _contents(project: Project | None) -> list[Content]:
    """Every content that a project has."""
    if project is None:
        return []
    return [project.content, *([project.revision.content] if project.revision else [])]


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about a project. Fixed paths in the place of an id come before these: those of search_http."""
    do = Handlers(journal, pool)
    project = f"{API}/projects/{{id}}"
    return [
        Endpoint(
            "GET",
            project,
            do.project,
            "Read a project",
            answer=ProjectPage,
            codes=("not_found",),
            description="Archived projects that had been published stay readable. Drafts are for editors, who alone "
            "change, hand in and publish them, and for members of an organisation that takes part to read.",
        ),
        Endpoint(
            "POST",
            f"{API}/projects",
            do.draft,
            "Draft a project",
            body=ProjectBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=CONTENT_CODES,
        ),
        Endpoint(
            "PUT",
            project,
            do.edit,
            "Change a draft, or propose a new version of a published project",
            body=ProjectBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "project_archived", "project_under_review", *CONTENT_CODES),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{project}/submissions",
            do.submit,
            "Hand a draft in",
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "project_archived", "project_published"),
        ),
        Endpoint(
            "POST",
            f"{project}/returns",
            do.give_back,
            "Give a submission, or a proposed version, back",
            body=ReturnBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "project_archived", "project_not_submitted", "no_pending_revision", "unknown_field"),
        ),
        Endpoint(
            "POST",
            f"{project}/publications",
            do.publish,
            "Publish a submission, or accept the proposed version",
            answer=Committed,
            roles=EDITORS,
            codes=(
                "not_found",
                "project_archived",
                "project_not_submitted",
                "circular_predecessor",
                *PUBLISHING_CODES,
            ),
        ),
        Endpoint(
            "POST",
            f"{project}/revisions",
            do.revise,
            "Replace the live version by the content sent; without content, accept the proposed version",
            body=ProjectBody,
            body_required=False,
            answer=Committed,
            roles=EDITORS,
            codes=(
                "not_found",
                "project_archived",
                "project_not_published",
                "no_pending_revision",
                *PUBLISHING_CODES,
                *CONTENT_CODES,
            ),
        ),
        Endpoint(
            "POST",
            f"{project}/archivals",
            do.archive,
            "Archive a project",
            body=ArchivalBody,
            body_required=False,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{project}/restorations",
            do.restore,
            "Bring an archived project back: public again if it was, a draft if not",
            body=RestorationBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
        ),
    ]
