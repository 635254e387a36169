"""What happens here when another service publishes something. Only rows are written, in the inbox's transaction.

People are told only of what is live: nothing is noted for loaded history, for what a refilled stream or a rebuilt inbox
brings again, or for what was recorded before this service was installed or too long ago. An erasure counts whenever it
comes.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.notify import (
    invited_list,
    live,
    mailing,
    matching,
    public_fact,
    queue,
    sign_in,
    subscription_upkeep,
    webhook_queue,
)
from services.notify.matter import Matters
from shared.contracts.contract import Contract
from shared.contracts.gateway import PersonErased
from shared.kernel.clock import Clock
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection
from shared.kernel.vault import Vault


def of_causes(service: str, matters: Matters, clock: Clock) -> list[Effect]:
    """What people are told of what a service publishes."""

    async def remember(connection: Connection, received: Sequence[Received[Any]]) -> None:
        await mailing.remember(connection, matters, [each for each in received if each.live], clock.now())

    contracts = [cause for cause in matters.causes if issubclass(cause, Contract)]
    return [Effect(contract, remember) for contract in contracts if contract.type.startswith(f"ikz.{service}.")]


def of_programs(source: str, clock: Clock, resumable: timedelta) -> list[Effect]:
    """What is public of a service, for webhooks and for the live stream, which can be resumed for so long.

    What was recorded longer ago than either would remember is told to none: it could be for the second time.
    """

    async def tell(connection: Connection, received: Sequence[Received[Contract]]) -> None:
        now = clock.now()
        ages = [(now - each.recorded_at, each) for each in received if each.live]
        await webhook_queue.write(connection, [each for age, each in ages if age < webhook_queue.PATIENCE], now)
        await live.write(connection, [each for age, each in ages if age < resumable], now)

    return [Effect(contract, tell) for contract in public_fact.of_service(source)]


def of_gateway(vault: Vault) -> list[Effect]:
    """An erased person: the key is destroyed and every message is deleted, sent or not."""

    async def forget(connection: Connection, received: Sequence[Received[PersonErased]]) -> None:
        people = [each.data.person_id for each in received]
        for person_id in people:
            await vault.erase(person_id)
        await queue.forget(connection, people)
        await subscription_upkeep.forget_people(connection, people)
        await sign_in.forget_people(connection, people)
        await live.forget(connection, people)
        await invited_list.forget(connection, people)
        await matching.forget(connection, people)

    return [Effect(PersonErased, forget)]
