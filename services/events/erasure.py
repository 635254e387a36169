"""A person is forgotten: key and rows at once, places and calendar addresses given back right after."""

from collections.abc import Sequence
from datetime import datetime

from services.events import calendar_address
from services.events.calendar_address import RevokeCalendarAddress
from services.events.registration_commands import EraseParticipant
from services.events.session import DECIDER
from shared.contracts.gateway import PersonErased
from shared.kernel.codec import UnknownEvent
from shared.kernel.decider import NotThere
from shared.kernel.ids import new_id
from shared.kernel.inbox import Effect, Received
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool
from shared.kernel.recorded import Context
from shared.kernel.vault import Vault

FORGET = """
WITH places AS (
    INSERT INTO erasure (person_id, session_id)
    SELECT DISTINCT person_id, session_id FROM registration WHERE person_id = ANY($1::text[])
    ON CONFLICT DO NOTHING
), questions AS (
    INSERT INTO question_erasure (question_id) SELECT question_id FROM question WHERE person_id = ANY($1::text[])
    ON CONFLICT DO NOTHING
), asked AS (
    DELETE FROM question WHERE person_id = ANY($1::text[])
), came AS (
    DELETE FROM attendance WHERE person_id = ANY($1::text[])
), certified AS (
    DELETE FROM certificate_sheet WHERE person_id = ANY($1::text[])
), calendars AS (
    DELETE FROM calendar_address WHERE person_id = ANY($1) RETURNING person_id
), addresses AS (
    INSERT INTO calendar_erasure (person_id) SELECT person_id FROM calendars ON CONFLICT DO NOTHING
), keys AS (
    INSERT INTO registration_leftover (registration_id)
    SELECT registration_id FROM registration WHERE person_id = ANY($1::text[])
    ON CONFLICT DO NOTHING
), left_ones AS (
    DELETE FROM registration_left WHERE person_id = ANY($1::text[])
)
DELETE FROM registration WHERE person_id = ANY($1::text[])
"""
PENDING = "SELECT person_id, session_id FROM erasure ORDER BY person_id, session_id LIMIT 100"
DONE = "DELETE FROM erasure WHERE person_id = $1 AND session_id = $2"
PENDING_ADDRESSES = "SELECT person_id FROM calendar_erasure ORDER BY person_id LIMIT 100"
ADDRESS_DONE = "DELETE FROM calendar_erasure WHERE person_id = $1"
ACTOR = "erasure"


def effect(vault: Vault) -> Effect:
    """What this service does when a person is erased: nothing readable is left of them, loaded history included."""

    async def forget(connection: Connection, erased: Sequence[Received[PersonErased]]) -> None:
        people = [received.data.person_id for received in erased]
        for person_id in people:
            await vault.erase(person_id)
        await connection.execute(FORGET, people)

    return Effect(PersonErased, forget)


async def free_places(journal: Journal, pool: Pool, at: datetime) -> None:
    """Gives back the places of the erased; a place that is back already stays so."""
    for row in await pool.fetch(PENDING):
        command = EraseParticipant(person_id=row["person_id"])
        try:
            await journal.transact(DECIDER, row["session_id"], command, _by_itself(at))
        except NotThere:  # the journal may have been restored to a time before the session
            pass
        except UnknownEvent:  # written by newer code: a replica that runs it will do this
            continue
        await pool.execute(DONE, row["person_id"], row["session_id"])


async def revoke_addresses(journal: Journal, pool: Pool, at: datetime) -> None:
    """Takes back the calendar addresses of the erased: no read model that is built anew has them again."""
    for row in await pool.fetch(PENDING_ADDRESSES):
        try:
            await journal.transact(calendar_address.DECIDER, row["person_id"], RevokeCalendarAddress(), _by_itself(at))
        except UnknownEvent:  # written by newer code: a replica that runs it will do this
            continue
        await pool.execute(ADDRESS_DONE, row["person_id"])


def _by_itself(at: datetime) -> Context:
    command_id = new_id()
    return Context(command_id=command_id, actor=ACTOR, at=at, correlation_id=command_id.hex, fresh=True)
