"""What becomes of webhooks by itself: they end when nobody listens, and what is kept of them for a while is deleted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.notify import webhook_queue, webhook_secrets
from services.notify.faults import TRY_AGAIN
from services.notify.webhook import WEBHOOK, DisableWebhook, Ended
from shared.kernel.clock import Clock
from shared.kernel.decider import NotThere
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Context, StaleVersion
from shared.kernel.vault import Vault

ACTOR = "notify"
EVERY = 60.0

log = structlog.get_logger()


async def disable(journal: Journal, clock: Clock, webhook_id: str, version: int, reason: Ended) -> None:
    """Ends a webhook by itself, unless its owner has just changed it."""
    command_id = new_id()
    context = Context(command_id, ACTOR, clock.now(), correlation_id=command_id.hex, fresh=True)
    command = DisableWebhook(reason=reason)
    with suppress(StaleVersion, NotThere):
        await journal.transact(WEBHOOK, webhook_id, command, context, expected_version=version)
        log.warning("webhook_disabled", webhook=webhook_id, reason=reason)


@dataclass(frozen=True, slots=True)
class WebhookUpkeep:
    """Deletes what need not be kept: the log after `kept`, everything of removed webhooks."""

    pool: Pool
    vault: Vault
    clock: Clock
    kept: timedelta

    async def run(self) -> None:
        """Works for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._step_for_ever())
            tasks.create_task(keep_forgetting("webhook log", self.forget))

    async def step(self) -> None:
        """Gives up what has waited too long and forgets what was removed."""
        await webhook_queue.expire(self.pool, self.clock.now())
        removed = await webhook_queue.forget_removed(self.pool)
        await self.vault.destroy([webhook_secrets.subject(webhook_id) for webhook_id in removed])

    async def forget(self, limit: int) -> int:
        """Deletes from the log what is too old, so much at most; gives how much."""
        return await webhook_queue.forget(self.pool, self.clock.now() - self.kept, limit)

    async def _step_for_ever(self) -> None:
        while True:
            with suppress(*TRY_AGAIN):
                await self.step()
            await asyncio.sleep(EVERY)
