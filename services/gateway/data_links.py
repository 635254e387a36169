"""Links to one's own data: mailed to the person's address on request, good for an hour, kept as a hash.

Whoever asks gets the same answer in the same time, whether anybody is known by the address or not. A link lies here
before the journal tells of it; one that nobody was told of expires like any other.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from services.gateway.addresses import MailAddress, lookup_key
from services.gateway.limits import Limit
from services.gateway.people import People
from services.gateway.person import PERSON, RequestDataLink
from services.gateway.registrations import in_beats, take
from shared.contracts.rpc import DataLinkAnswered, DataLinkAsked
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id, parse_id
from shared.kernel.recorded import Context
from shared.kernel.vault import Erased, NoKey

ADD = """
WITH old AS (
    DELETE FROM data_link WHERE expires_at <= $6
)
INSERT INTO data_link (link_id, person_id, digest, sealed, expires_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (link_id) DO NOTHING
"""
LEADS_TO = """
SELECT person_id::text FROM data_link JOIN person USING (person_id) WHERE digest = $1 AND expires_at > $2
"""
ERASED = """
SELECT l.person_id::text FROM data_link l JOIN erased_person USING (person_id) WHERE l.digest = $1 AND l.expires_at > $2
"""
LETTER = """
SELECT l.sealed, l.expires_at, p.address
FROM data_link l JOIN person p USING (person_id)
WHERE l.link_id = $1 AND l.person_id = $2 AND l.expires_at > $3
"""
ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class DataLinks:
    """Makes links, finds who they lead to, and tells notify where to send them."""

    people: People
    clock: Clock
    minutes: int
    by_network: Limit | None
    by_address: Limit | None

    def admit(self, network: str) -> Mapping[str, str]:
        """Counts one request from a network, and says so in headers; `too_many_requests` when it had its share."""
        return take(self.by_network, network)

    async def request(self, address: MailAddress, context: Context) -> None:
        """Has the link mailed to who is known by this address; takes a multiple of `BEAT` in any case."""
        take(self.by_address, lookup_key(address, self.people.key))
        async with in_beats():
            if person_id := await self.people.known(address):
                await self._mail(person_id, context)

    async def open(self, person_id: str, at: datetime) -> str | None:
        """The token of a new link for who has proven to be this person; None once the person was erased."""
        return await self._add(person_id, new_id(), at)

    async def person_of(self, token: str, at: datetime) -> str | None:
        """Whom a link leads to; nobody once it has expired or the person was erased."""
        found: str | None = await self.people.pool.fetchval(LEADS_TO, _digest(token), at)
        return found

    async def erased_by(self, token: str, at: datetime) -> str | None:
        """Whom a link led to before that person was erased, for who presses the button twice."""
        found: str | None = await self.people.pool.fetchval(ERASED, _digest(token), at)
        return found

    async def letter(self, asked: DataLinkAsked) -> DataLinkAnswered:
        """The answer to `rpc.gateway.data_link`."""
        link_id, person_id = parse_id(asked.link_id), parse_id(asked.person_id)
        if link_id is None or person_id is None:
            return DataLinkAnswered()
        row = await self.people.pool.fetchrow(LETTER, link_id, person_id, self.clock.now())
        if row is None:
            return DataLinkAnswered()
        person = str(person_id)
        token, address = await self.people.vault.open_many(
            [(person, _purpose(link_id), row["sealed"]), (person, ADDRESS, row["address"])]
        )
        if token is None or address is None:
            return DataLinkAnswered()
        return DataLinkAnswered(
            email=orjson.loads(address)["address"], token=orjson.loads(token)["token"], expires_at=row["expires_at"]
        )

    async def _mail(self, person_id: str, context: Context) -> None:
        """What is repeated is one link and one mail. It is no command of its own for who asks: that would tell."""
        link_id = uuid5(NAMESPACE_URL, f"ikz:data_link:{person_id}:{context.command_id}")
        if await self._add(person_id, link_id, context.at) is None:
            return
        command = RequestDataLink(
            person_id=person_id, link_id=str(link_id), expires_at=context.at + timedelta(minutes=self.minutes)
        )
        once = replace(context, command_id=new_id(), fingerprint=None, fresh=True)
        await self.people.recorded(person_id, context)
        await self.people.journal.transact(PERSON, person_id, command, once)

    async def _add(self, person_id: str, link_id: UUID, at: datetime) -> str | None:
        token = secrets.token_urlsafe(32)
        try:
            sealed = await self.people.vault.seal(person_id, _purpose(link_id), {"token": token})
        except (Erased, NoKey):
            return None
        expires_at = at + timedelta(minutes=self.minutes)
        await self.people.pool.execute(ADD, link_id, UUID(person_id), _digest(token), sealed, expires_at, at)
        return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _purpose(link_id: UUID) -> str:
    return f"data_link/{link_id}"
