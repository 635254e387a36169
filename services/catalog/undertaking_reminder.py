"""Whom to remind of a step that is due, and of what? The answer to `rpc.catalog.step`."""

from services.catalog import undertaking_page
from shared.contracts.rpc import StepAnswered, StepAsked
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool


async def step_reminder(pool: Pool, asked: StepAsked) -> StepAnswered:
    """The reminder, as long as the date that was asked for holds."""
    if parse_id(asked.undertaking_id) is None:
        return StepAnswered()
    return StepAnswered(
        reminder=await undertaking_page.reminder(pool, asked.undertaking_id, asked.step_id, asked.due_on)
    )
