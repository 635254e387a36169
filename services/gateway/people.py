"""Finds or makes the person behind an address, and forgets persons.

The address is kept here alone: sealed with the person's key, found by a keyed hash. The journal holds only that a
person exists. `erased_person` is projected from it, and what is still kept of an erased person is deleted by
`forget_erased`, after each erasure and at every start (of a restored backup, too).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from services.gateway.addresses import MailAddress, lookup_key
from services.gateway.person import PERSON, ErasePerson, Person, PersonErased, RegisterPerson
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Context, Recorded
from shared.kernel.together import Together
from shared.kernel.vault import Vault

FIND = "SELECT lookup, person_id::text FROM person WHERE lookup = ANY($1)"
# Not waited for on disk: its first event in the journal comes right after, and does not get there before it.
ADD = """
INSERT INTO person (person_id, lookup, address, created_at)
SELECT person_id, lookup, address, created_at
FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::timestamptz[]) AS given (person_id, lookup, address, created_at)
ORDER BY lookup
ON CONFLICT (lookup) DO NOTHING
RETURNING lookup, person_id::text, set_config('synchronous_commit', 'off', true)
"""
STILL_KEPT = """
SELECT p.person_id::text FROM person p
WHERE p.person_id IN (SELECT person_id FROM erased_person)
    OR EXISTS (SELECT FROM vault v WHERE v.person_id = p.person_id::text AND v.erased_at IS NOT NULL)
"""
# Tokens as well: those of a restored backup, too, lead to nobody any more.
DELETE = """
WITH gone AS (
    DELETE FROM person WHERE person_id = $1 RETURNING lookup
)
UPDATE token SET revoked_at = coalesce(revoked_at, now()), lookup = NULL FROM gone WHERE token.lookup = gone.lookup
"""
ADDRESS = """
SELECT address FROM person p
WHERE p.person_id = $1 AND NOT EXISTS (SELECT FROM erased_person e WHERE e.person_id = p.person_id)
"""
LOOKUP = "SELECT lookup FROM person WHERE person_id = $1"
ERASED = """
INSERT INTO erased_person (person_id, erased_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT DO NOTHING
"""


class Asked(NamedTuple):
    """Who is looked for."""

    lookup: bytes
    mailbox: str
    at: datetime


class Found(NamedTuple):
    """Who it is; `made` now, or known before."""

    person_id: str
    made: bool


class People:
    """The persons the gateway knows."""

    def __init__(self, pool: Pool, journal: Journal, vault: Vault, key: bytes) -> None:
        self.pool = pool
        self.journal = journal
        self.vault = vault
        self.key = key
        self._finding = Together(self._found_or_made)

    async def known(self, address: MailAddress) -> str | None:
        """The id of the person with this address, if there is one."""
        lookup = lookup_key(address, self.key)
        return (await self._known([lookup])).get(lookup)

    async def behind(self, lookup: bytes) -> str | None:
        """The id of the person that `lookup` finds, if there is one."""
        return (await self._known([lookup])).get(lookup)

    async def find_or_make(self, address: MailAddress, context: Context) -> str:
        """The id of the person with this address; the same one for all who ask at once."""
        asked = Asked(lookup_key(address, self.key), address.mailbox, context.at)
        found = await self._finding.ask(asked)
        if found.made:
            await self._record(found.person_id, context)
        elif (await self.recorded(found.person_id, context)).erased:
            await self.forget_erased()
            return await self.find_or_make(address, context)
        return found.person_id

    async def _found_or_made(self, asked: Sequence[Asked]) -> list[Found]:
        """Everyone who is asked for, in a few statements; who is asked for several times at once is made once."""
        people: dict[bytes, Found] = {}
        while unknown := {one.lookup: one for one in asked if one.lookup not in people}:
            known = await self._known(list(unknown))
            people |= {lookup: Found(person_id, made=False) for lookup, person_id in known.items()}
            people |= await self._make([one for lookup, one in unknown.items() if lookup not in known])
        return [people[one.lookup] for one in asked]

    async def _known(self, lookups: Sequence[bytes]) -> dict[bytes, str]:
        return {row["lookup"]: row["person_id"] for row in await self.pool.fetch(FIND, lookups)}

    async def _make(self, unknown: Sequence[Asked]) -> dict[bytes, Found]:
        """New persons, without those whom another process made meanwhile."""
        if not unknown:
            return {}
        candidates = [str(new_id()) for _ in unknown]
        await asyncio.gather(*map(self.vault.ensure, candidates))
        sealed = [
            await self.vault.seal(candidate, "address", {"address": one.mailbox})
            for candidate, one in zip(candidates, unknown, strict=True)
        ]
        lookups, times = [one.lookup for one in unknown], [one.at for one in unknown]
        rows = await self.pool.fetch(ADD, candidates, lookups, sealed, times)
        made = {row["lookup"]: row["person_id"] for row in rows}
        for candidate in set(candidates) - set(made.values()):
            await self.vault.erase(candidate)
        return {lookup: Found(person_id, made=True) for lookup, person_id in made.items()}

    async def recorded(self, person_id: str, context: Context) -> Person:
        """The person in the journal, entered now if a crash came between its row and its first event."""
        folded = await self.journal.load(PERSON, person_id)
        if folded.state.registered:
            return folded.state
        await self._record(person_id, context)
        return Person(registered=True)

    async def _record(self, person_id: str, context: Context) -> None:
        entering = replace(context, command_id=new_id(), fingerprint=None, fresh=True)
        await self.journal.transact(PERSON, person_id, RegisterPerson(), entering)

    async def erase(self, address: MailAddress, context: Context) -> None:
        """Forgets the person with this address everywhere; an address that nobody has is forgotten already."""
        person_id = await self.known(address)
        if person_id is not None:
            await self.erase_person(person_id, context)

    async def erase_person(self, person_id: str, context: Context) -> None:
        """Forgets this person everywhere; who is forgotten already stays so."""
        await self.recorded(person_id, context)
        await self.journal.transact(PERSON, person_id, ErasePerson(person_id=person_id), context)
        await self.forget_erased()

    async def address_of(self, person_id: str) -> str | None:
        """The person's address; None once erased."""
        sealed = await self.pool.fetchval(ADDRESS, UUID(person_id))
        plain = sealed and await self.vault.open(person_id, "address", sealed)
        return orjson.loads(plain)["address"] if plain else None

    async def lookup_of(self, person_id: str) -> bytes | None:
        """By what the person's tokens are found."""
        found: bytes | None = await self.pool.fetchval(LOOKUP, UUID(person_id))
        return found

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
