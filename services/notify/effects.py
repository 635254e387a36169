"""What happens here when another service publishes something. Only rows are written, in the inbox's transaction.

People are told only of what is live: nothing is noted for loaded history, for what a refilled stream or a rebuilt inbox
brings again, or for what was recorded before this service was installed or too long ago. An erasure counts whenever it
comes.
"""

from collections.abc import Awaitable, Callable, Sequence

from services.notify import mailing, queue
from services.notify.cause import CONTACT_KINDS, KINDS, QUESTION_KINDS, AnyCause
from shared.contracts.gateway import PersonErased
from shared.kernel.clock import Clock
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection
from shared.kernel.vault import Vault


def of_events(clock: Clock) -> list[Effect]:
    """What registered people are told of sessions and of their registrations, and askers of their questions."""

    return [Effect(contract, _remember(clock)) for contract in (*KINDS, *QUESTION_KINDS)]


def of_catalog(clock: Clock) -> list[Effect]:
    """Texts for contacts: who wrote one confirms it, who is written to gets it."""
    return [Effect(contract, _remember(clock)) for contract in CONTACT_KINDS]


def _remember(clock: Clock) -> Callable[[Connection, Sequence[Received[AnyCause]]], Awaitable[None]]:
    async def remember(connection: Connection, received: Sequence[Received[AnyCause]]) -> None:
        await mailing.remember(connection, [each for each in received if each.live], clock.now())

    return remember


def of_gateway(vault: Vault) -> list[Effect]:
    """An erased person: the key is destroyed and every message is deleted, sent or not."""

    async def forget(connection: Connection, received: Sequence[Received[PersonErased]]) -> None:
        people = [each.data.person_id for each in received]
        for person_id in people:
            await vault.erase(person_id)
        await queue.forget(connection, people)

    return [Effect(PersonErased, forget)]
