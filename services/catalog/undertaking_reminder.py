"""Whom to remind of a step that is due, and of what? The answer to `rpc.catalog.step`."""

from services.catalog import organisation_directory, undertaking_page
from services.catalog.undertaking_state import Undertaking
from services.catalog.undertaking_step import Step
from services.catalog.vocabulary import UndertakingStatus
from shared.contracts.rpc import StepAnswered, StepAsked, StepReminder
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool


async def step_reminder(pool: Pool, asked: StepAsked) -> StepAnswered:
    """What is to be said of a step, and to whose members, as long as the date that was asked for holds."""
    if parse_id(asked.undertaking_id) is None:
        return StepAnswered()
    async with pool.acquire() as connection:
        undertaking = await undertaking_page.kept(connection, asked.undertaking_id)
        if undertaking is None or (step := _due(undertaking, asked)) is None:
            return StepAnswered()
        names = await organisation_directory.named(connection, [undertaking.organisation_id])
        meaning = await organisation_directory.ids_meaning(connection, undertaking.organisation_id)
    body = names[undertaking.organisation_id]
    return StepAnswered(
        reminder=StepReminder(
            organisation_id=body.id,
            organisation_ids=tuple(sorted(meaning)),
            organisation=body.name,
            undertaking=undertaking.plan.title,
            step=step.planned.title,
            owner=step.owner,
        )
    )


def _due(undertaking: Undertaking, asked: StepAsked) -> Step | None:
    """The step, if it is still to be done, on the day that was asked for."""
    step = undertaking.steps.get(asked.step_id)
    if undertaking.status is not UndertakingStatus.PREPARING or step is None or not step.open:
        return None
    return step if step.due_on == asked.due_on else None
