"""What happens here when another service publishes something. Only rows are written, in the inbox's transaction.

People are told only of what is live: nothing is noted for loaded history, for what a refilled stream or a rebuilt inbox
brings again, or for what was recorded before this service was installed or too long ago. An erasure counts whenever it
comes.
"""

from collections.abc import Sequence

from services.notify import mailing, queue
from services.notify.cause import KINDS, Cause
from shared.contracts.gateway import PersonErased
from shared.kernel.clock import Clock
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection
from shared.kernel.vault import Vault


def of_events(clock: Clock) -> list[Effect]:
    """What registered people are told of sessions and of their registrations."""

    async def remember(connection: Connection, received: Sequence[Received[Cause]]) -> None:
        await mailing.remember(connection, [each for each in received if each.live], clock.now())

    return [Effect(contract, remember) for contract in KINDS]


def of_gateway(vault: Vault) -> list[Effect]:
    """An erased person: the key is destroyed and every message is deleted, sent or not."""

    async def forget(connection: Connection, received: Sequence[Received[PersonErased]]) -> None:
        people = [each.data.person_id for each in received]
        for person_id in people:
            await vault.erase(person_id)
        await queue.forget(connection, people)

    return [Effect(PersonErased, forget)]
