"""From what waits for webhooks to their receivers.

A dispatcher takes the lines that have something due, so many at a time, and gives each a task: one delivery after the
other, while it goes well and not for long, so that nobody waits behind a busy one. Receivers that are slow or fail have
places of their own and can fill only those.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog

from services.notify import webhook_queue, webhook_secrets
from services.notify.faults import TRY_AGAIN
from services.notify.webhook import Ended
from services.notify.webhook_client import HookClient, signed
from services.notify.webhook_queue import Delivery, Line, Verdict
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id
from shared.kernel.postgres import Pool
from shared.kernel.recorded import Conflict, Unavailable
from shared.kernel.vault import Unreadable, Vault
from shared.kernel.wakeup import Waiter

PROMPT, SLOW = 32, 32
LEASE = timedelta(seconds=60)
TURN = 15.0
POLL = 1.0
RETRY = 1.0
LATER = timedelta(minutes=5)

log = structlog.get_logger()

type Disable = Callable[[str, int, Ended], Awaitable[None]]
"""Ends a webhook that is at this version."""


@dataclass(slots=True)
class Places:
    """How many lines are served now."""

    prompt: int = 0
    slow: int = 0

    def take(self, line: Line, by: int) -> None:
        """One more, or one less."""
        if line.slow:
            self.slow += by
        else:
            self.prompt += by


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Tells webhooks what waits for them."""

    pool: Pool
    vault: Vault
    client: HookClient
    clock: Clock
    disable: Disable
    bell: Waiter
    places: Places = field(default_factory=Places)

    async def run(self) -> None:
        """Sends for ever; what is under way when it is cancelled is sent again later, with the same id."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    taken = await self.take(tasks)
                except TRY_AGAIN as error:
                    log.warning("webhooks_wait", reason=type(error).__name__)
                    await asyncio.sleep(RETRY)
                else:
                    if not taken:
                        await self.bell.wait(POLL)

    async def take(self, tasks: asyncio.TaskGroup) -> int:
        """Begins to serve what is due, as far as there are places; gives how many lines."""
        holder, now = new_id(), self.clock.now()
        prompt, slow = PROMPT - self.places.prompt, SLOW - self.places.slow
        if not prompt and not slow:
            return 0
        lines = await webhook_queue.claim(self.pool, holder, now, now + LEASE, prompt=prompt, slow=slow)
        for line in lines:
            self.places.take(line, 1)
            tasks.create_task(self._serve(line, holder))
        return len(lines)

    async def _serve(self, line: Line, holder: UUID) -> None:
        """One turn of a line. Whatever goes wrong concerns this line alone."""
        later = None
        try:
            await self._turn(line, holder)
        except TRY_AGAIN as error:
            log.warning("webhook_waits", webhook=line.webhook_id, reason=type(error).__name__)
        except (Unreadable, Conflict, Unavailable) as error:
            log.error("webhook_not_served", webhook=line.webhook_id, reason=type(error).__name__)  # noqa: TRY400
            later = self.clock.now() + LATER
        finally:
            self.places.take(line, -1)
            with suppress(*TRY_AGAIN):
                await webhook_queue.free(self.pool, line, holder, later)
            self.bell.ring()

    async def _turn(self, line: Line, holder: UUID) -> None:
        """Every delivery asks anew where to and with what secrets: a change counts at once."""
        until = time.monotonic() + TURN
        while time.monotonic() < until:
            now = self.clock.now()
            delivery = await webhook_queue.following(self.pool, line, holder, now)
            if delivery is None:
                return
            kept = webhook_secrets.valid(delivery.secrets, now)
            secrets = await webhook_secrets.opened(self.vault, line.webhook_id, kept)
            if not secrets:
                raise Unreadable("its key is gone")
            headers = signed(delivery.event_id, delivery.body, secrets, now)
            verdict = await self.client.tell(delivery.url, headers, delivery.body)
            if not await self._finish(line, holder, delivery, verdict):
                return

    async def _finish(self, line: Line, holder: UUID, delivery: Delivery, verdict: Verdict) -> bool:
        """Notes the end of an attempt; whether the line goes on."""
        now = self.clock.now()
        jitter = random.random()  # noqa: S311 -- spreads load
        account = await webhook_queue.record(
            self.pool, line, holder, delivery, verdict, at=now, until=now + LEASE, jitter=jitter
        )
        log.info(
            "webhook_attempted",
            webhook=line.webhook_id,
            cause=delivery.event_id,
            outcome=verdict.outcome,
            status=verdict.status,
            number=delivery.attempts + 1,
            took_ms=verdict.took_ms,
        )
        if verdict.outcome == "gone":
            await self.disable(line.webhook_id, delivery.version, "gone")
        elif account is not None and account.hopeless:
            await self.disable(line.webhook_id, delivery.version, "failing")
        return account is not None and verdict.outcome == "delivered"
