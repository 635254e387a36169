"""The project that an undertaking becomes: one draft, however often it is asked for."""

from services.catalog import organisation_directory
from services.catalog.organisation_directory import Named
from services.catalog.project import PROJECT, DraftProject
from services.catalog.project_content import Content, Milestone, Participation
from services.catalog.undertaking import UNDERTAKING
from services.catalog.undertaking_state import Undertaking
from services.catalog.vocabulary import Role, Stage
from shared.kernel.decider import NotThere
from shared.kernel.ids import named_id
from shared.kernel.journal import Context, Journal, Outcome
from shared.kernel.postgres import Pool

MOST_MILESTONES = 50


def project_id_of(undertaking_id: str) -> str:
    """The id of the project that an undertaking becomes."""
    return str(named_id("project of undertaking", undertaking_id))


def content_of(undertaking: Undertaking, names: dict[str, Named]) -> Content:
    """The draft's content: the undertaking's own words, its partners, and its done steps as milestones."""
    plan = undertaking.plan
    done = sorted((step.done_on, step.planned.title) for step in undertaking.steps.values() if step.done_on is not None)
    own = names[undertaking.organisation_id]
    partners = {each.id: each for each in map(names.__getitem__, plan.partners) if each.id != own.id}
    roles = [(own, Role.LEAD), *((each, Role.PARTICIPANT) for each in partners.values())]
    return Content(
        title=plan.title,
        summary=plan.summary or None,
        topics=plan.topics,
        stage=Stage.PREPARATION,
        start=undertaking.starts_on.isoformat(),
        participations_complete=bool(partners) and not plan.partners_wanted,
        participations=tuple(Participation(organisation_id=each.id, ags=each.ags, role=role) for each, role in roles),
        milestones=tuple(
            Milestone(text=title, on=day.isoformat(), reached=True) for day, title in done[-MOST_MILESTONES:]
        ),
    )


async def draft(journal: Journal, pool: Pool, undertaking_id: str, cause: Context) -> Outcome:
    """The draft of a finished undertaking. Its command's id follows from the undertaking, so there is one."""
    loaded = await journal.load(UNDERTAKING, undertaking_id)
    undertaking = loaded.state
    if undertaking is None or undertaking.project_id is None:
        raise NotThere
    async with pool.acquire() as connection:
        names = await organisation_directory.named(
            connection, [undertaking.organisation_id, *undertaking.plan.partners]
        )
    context = Context(
        command_id=named_id("command", f"undertaking/{undertaking_id}/drafted"),
        actor=cause.actor,
        at=cause.at,
        correlation_id=cause.correlation_id,
        causation_id=f"{UNDERTAKING.stream(undertaking_id)}@{loaded.version}",
        traceparent=cause.traceparent,
    )
    command = DraftProject(project_id=undertaking.project_id, content=content_of(undertaking, names))
    return await journal.transact(PROJECT, undertaking.project_id, command, context)
