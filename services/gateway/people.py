"""Finds or makes the person behind an address, and forgets persons.

The address is kept here alone: sealed with the person's key, found by a keyed hash. The journal holds only that a
person exists. `erased_person` is projected from it, and what is still kept of an erased person is deleted by
`forget_erased`, after each erasure and at every start (of a restored backup, too).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.gateway.addresses import MailAddress, lookup_key
from services.gateway.person import PERSON, ErasePerson, Person, PersonErased, RegisterPerson
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Context, Recorded
from shared.kernel.vault import Vault

FIND = "SELECT person_id::text FROM person WHERE lookup = $1"
ADD = """
INSERT INTO person (person_id, lookup, address, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (lookup) DO NOTHING
RETURNING person_id::text
"""
STILL_KEPT = """
SELECT p.person_id::text FROM person p
WHERE p.person_id IN (SELECT person_id FROM erased_person)
    OR EXISTS (SELECT FROM vault v WHERE v.person_id = p.person_id::text AND v.erased_at IS NOT NULL)
"""
DELETE = "DELETE FROM person WHERE person_id = $1"
ERASED = """
INSERT INTO erased_person (person_id, erased_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class People:
    """The persons the gateway knows."""

    pool: Pool
    journal: Journal
    vault: Vault
    key: bytes

    async def known(self, address: MailAddress) -> str | None:
        """The id of the person with this address, if there is one."""
        person_id: str | None = await self.pool.fetchval(FIND, lookup_key(address, self.key))
        return person_id

    async def find_or_make(self, address: MailAddress, context: Context) -> str:
        """The id of the person with this address; the same one for all who ask at once."""
        person_id = await self.known(address) or await self._make(address, context)
        if (await self._recorded(person_id, context)).erased:
            await self.forget_erased()
            return await self.find_or_make(address, context)
        return person_id

    async def _make(self, address: MailAddress, context: Context) -> str:
        candidate = str(new_id())
        await self.vault.ensure(candidate)
        sealed = await self.vault.seal(candidate, "address", {"address": address.mailbox})
        lookup = lookup_key(address, self.key)
        made: str | None = await self.pool.fetchval(ADD, UUID(candidate), lookup, sealed, context.at)
        if made is not None:
            return made
        await self.vault.erase(candidate)
        return await self.known(address) or await self._make(address, context)

    async def _recorded(self, person_id: str, context: Context) -> Person:
        """The person in the journal, entered now if a crash came between its row and its first event."""
        folded = await self.journal.load(PERSON, person_id)
        if folded.state.registered:
            return folded.state
        entering = replace(context, command_id=new_id(), fingerprint=None, fresh=True)
        await self.journal.transact(PERSON, person_id, RegisterPerson(), entering)
        return Person(registered=True)

    async def erase(self, address: MailAddress, context: Context) -> None:
        """Forgets the person with this address everywhere; an address that nobody has is forgotten already."""
        person_id = await self.known(address)
        if person_id is not None:
            await self._recorded(person_id, context)
            await self.journal.transact(PERSON, person_id, ErasePerson(person_id=person_id), context)
            await self.forget_erased()

    async def forget_erased(self) -> None:
        """Destroys the key and the row of everyone whose erasure is recorded in the journal or the vault's ledger."""
        for row in await self.pool.fetch(STILL_KEPT):
            await self.vault.erase(row["person_id"])
            await self.pool.execute(DELETE, UUID(row["person_id"]))


async def project_erased(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the ledger of erasures: ids and times, nothing of the person."""
    erased = [entry.event for entry in recorded if isinstance(entry.event, PersonErased)]
    if erased:
        await connection.execute(ERASED, [UUID(event.person_id) for event in erased], [event.at for event in erased])


ERASURES = Projection(name="erasures", tables=("erased_person",), project=project_erased)
