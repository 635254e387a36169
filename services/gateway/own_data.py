"""Everything that is kept about a person, put together from all services; and how far an erasure has come.

A service that does not answer is named as missing: nobody is told that there is nothing where nobody knows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal, get_args

import structlog
from pydantic import BaseModel, ConfigDict, Field

from services.gateway import about_person
from services.gateway.people import People
from services.gateway.upstream import Service
from shared.contracts.rpc import AboutPersonAnswered, AboutPersonAsked, KeptRecord
from shared.kernel.about_person import AboutPerson
from shared.kernel.problems import Problem

type Part = Literal["gateway", "catalog", "events", "notify"]
type Ask = Callable[[Service, AboutPersonAsked], Awaitable[AboutPersonAnswered]]

LABELS: Final[Mapping[Part, str]] = {
    "gateway": "E-Mail-Adresse und Zugänge",
    "events": "Veranstaltungen und Fragen",
    "catalog": "Nachrichten an Ansprechstellen",
    "notify": "Nachrichten an Sie",
}
IS_ERASED = "SELECT EXISTS (SELECT FROM erased_person WHERE person_id = $1)"
MOST = 100_000  # records of one service; more than anybody has, and a guard against a service that never ends

log = structlog.get_logger()


class PartOfData(BaseModel):
    """What one service keeps; `complete` is false where it did not answer."""

    model_config = ConfigDict(frozen=True)

    service: Part
    label: str
    complete: bool = True
    records: tuple[KeptRecord, ...] = ()


class OwnData(BaseModel):
    """Everything that is kept about a person. `missing` are the services that did not answer."""

    model_config = ConfigDict(frozen=True)

    person_id: str | None = Field(description="How the services call the person; null where none was ever made.")
    at: datetime
    complete: bool
    missing: tuple[Part, ...]
    parts: tuple[PartOfData, ...]


class ErasureOfPart(BaseModel):
    """Whether a service has forgotten the person; null where it did not answer."""

    model_config = ConfigDict(frozen=True)

    service: Part
    label: str
    done: bool | None


class Erasure(BaseModel):
    """How far an erasure has come."""

    model_config = ConfigDict(frozen=True)

    done: bool
    services: tuple[ErasureOfPart, ...]


@dataclass(frozen=True, slots=True)
class OwnDataDesk:
    """Asks the services about persons; `ask` is request/reply with one of them."""

    people: People
    ask: Ask

    async def everything(self, person_id: str | None, at: datetime, lookup: bytes | None = None) -> OwnData:
        """All parts, asked at once. Who never gave an address may still have tokens made for it (`lookup`)."""
        parts: list[PartOfData] = [await self._own(person_id, lookup)]
        if person_id is not None:
            asked = AboutPersonAsked(person_id=person_id, email=await self.people.address_of(person_id))
            parts += await asyncio.gather(*(self._of(service, asked) for service in get_args(Service.__value__)))
        missing = tuple(part.service for part in parts if not part.complete)
        ordered = sorted(parts, key=lambda part: list(LABELS).index(part.service))
        return OwnData(person_id=person_id, at=at, complete=not missing, missing=missing, parts=tuple(ordered))

    async def erasure(self, person_id: str) -> Erasure | None:
        """How far it has come; None where nobody of this id was erased."""
        if not await self.people.pool.fetchval(IS_ERASED, person_id):
            return None
        here = not await self.people.pool.fetchval(about_person.IS_KEPT, person_id)
        others = await asyncio.gather(*(self._erased(service, person_id) for service in get_args(Service.__value__)))
        found = (ErasureOfPart(service="gateway", label=LABELS["gateway"], done=here), *others)
        return Erasure(done=all(part.done for part in found), services=found)

    async def _own(self, person_id: str | None, lookup: bytes | None) -> PartOfData:
        lookup = lookup or (person_id and await self.people.lookup_of(person_id)) or None
        about = AboutPerson(self.people.vault, about_person.sources(self.people, lookup))
        records = await _collected(about.page, AboutPersonAsked(person_id=person_id or about_person.NOBODY))
        return PartOfData(service="gateway", label=LABELS["gateway"], records=tuple(records))

    async def _of(self, service: Service, asked: AboutPersonAsked) -> PartOfData:
        try:
            records = await _collected(partial(self.ask, service), asked)
        except Problem as problem:
            log.warning("own_data_missing", part=service, code=problem.code)
            return PartOfData(service=service, label=LABELS[service], complete=False)
        return PartOfData(service=service, label=LABELS[service], records=tuple(records))

    async def _erased(self, service: Service, person_id: str) -> ErasureOfPart:
        """Done once the key is destroyed and nothing is left but what says why it stays."""
        done: bool | None
        try:
            answer = await self.ask(service, AboutPersonAsked(person_id=person_id))
        except Problem as problem:
            log.warning("erasure_unknown", part=service, code=problem.code)
            done = None
        else:
            done = answer.erased and answer.next is None and all(record.stays for record in answer.records)
        return ErasureOfPart(service=service, label=LABELS[service], done=done)


async def _collected(
    page: Callable[[AboutPersonAsked], Awaitable[AboutPersonAnswered]], asked: AboutPersonAsked
) -> Sequence[KeptRecord]:
    records: list[KeptRecord] = []
    while True:
        answer = await page(asked)
        records += answer.records
        if answer.next is None:
            return records
        asked = asked.model_copy(update={"after": answer.next})
        if len(records) > MOST:
            raise Problem("internal")
