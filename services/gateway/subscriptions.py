"""Subscribing: whoever asks gets the same answer after the same time, whether the address is known here or not."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.gateway.addresses import MailAddress, lookup_key
from services.gateway.limits import Limit
from services.gateway.people import People
from services.gateway.registrations import JSON, Typed, in_beats, take
from services.gateway.upstream import Fetched, Upstream
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.ids import new_id
from shared.kernel.recorded import Context

type Subject = Literal["kind", "topic", "municipality", "district", "series", "project", "search"]
type Rhythm = Literal["immediate", "daily", "weekly"]
type Given = Annotated[str, StringConstraints(max_length=1000)]
type Query = dict[str, Given | list[Given]]


class NewSubscription(BaseModel):
    """One thing to hear of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Subject
    key: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="A kind's name, a topic's code, an AGS (8 digits, a district's 5), a series' or a project's id.",
        examples=["05315000"],
    )
    query: Query | None = Field(
        default=None, description="Of a search: the parameters of `GET /api/v1/projects`, without paging."
    )
    rhythm: Rhythm | None = Field(default=None, description="As preferred for the kind of message when missing.")


class NewSubscriptions(BaseModel):
    """What somebody wants to hear of, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(description="Where the link to confirm is sent.", examples=["erika.muster@stadt.example"])
    subscriptions: Annotated[tuple[NewSubscription, ...], Field(min_length=1, max_length=20)] = Field(
        examples=[[{"subject": "municipality", "key": "05315000"}]]
    )


class LinkWanted(BaseModel):
    """Whose page the link leads to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: Typed = Field(description="Where it is sent, if anything is subscribed to there.")


class SubscriptionDesk:
    """Where wishes come in, by the API and by the portal's forms."""

    def __init__(self, people: People, upstream: Upstream, by_network: Limit | None, by_address: Limit | None) -> None:
        self.people = people
        self.upstream = upstream
        self.by_network = by_network
        self.by_address = by_address

    def admit(self, network: str) -> Mapping[str, str]:
        """Counts one request from a network, and says so in headers; `too_many_requests` when it had its share."""
        return take(self.by_network, network)

    async def subscribe(
        self,
        address: MailAddress,
        wishes: Sequence[NewSubscription],
        context: Context,
        idempotency_key: str | None = None,
        signed_in: bytes | None = None,
    ) -> Fetched:
        """What the notification service says, which is the same for everyone; raises `Down`.

        Who is `signed_in` (as `lookup_key` makes it) with this address has it proven, and learns what goes wrong.
        """
        proven = signed_in == self._counted(address)
        body = [wish.model_dump(exclude_none=True) for wish in wishes]
        async with nullcontext() if proven else in_beats():
            checked = await self._ask("/internal/subscription-checks", {"subscriptions": body}, ANONYMOUS)
            if checked.status != 200:
                return await self._accepted_before(address, body, idempotency_key) or checked
            person_id = await self.people.find_or_make(address, context)
            return await self._forward(person_id, address, body, idempotency_key, proven=proven)

    async def send_link(self, address: MailAddress, idempotency_key: str | None = None) -> Fetched:
        """Has the link to the person's page sent to the person, if there is one; raises `Down`, whoever it is."""
        self._counted(address)
        async with in_beats():
            person_id = await self.people.known(address) or str(new_id())
            return await self._ask(
                "/internal/subscription-links", {"person_id": person_id}, _guest(person_id), idempotency_key
            )

    def _counted(self, address: MailAddress) -> bytes:
        lookup = lookup_key(address, self.people.key)
        take(self.by_address, lookup)
        return lookup

    async def _accepted_before(
        self, address: MailAddress, wishes: Sequence[Mapping[str, object]], idempotency_key: str | None
    ) -> Fetched | None:
        """The answer to a request that is repeated when what it wanted is gone; only the service knows it."""
        if idempotency_key is None or (person_id := await self.people.known(address)) is None:
            return None
        answer = await self._forward(person_id, address, wishes, idempotency_key, proven=False)
        return answer if answer.status == 202 else None

    async def _forward(
        self,
        person_id: str,
        address: MailAddress,
        wishes: Sequence[Mapping[str, object]],
        idempotency_key: str | None,
        *,
        proven: bool,
    ) -> Fetched:
        body = {"person_id": person_id, "email": address.mailbox, "subscriptions": wishes, "proven": proven}
        return await self._ask("/internal/subscriptions", body, _guest(person_id), idempotency_key)

    async def _ask(
        self, path: str, body: Mapping[str, object], identity: Identity, idempotency_key: str | None = None
    ) -> Fetched:
        headers = {"Content-Type": JSON}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return await self.upstream.fetch(
            "notify", "POST", path, identity=identity, headers=headers, body=orjson.dumps(body)
        )


def _guest(person_id: str) -> Identity:
    return Identity(person_id=person_id, roles=frozenset({"reader"}), organisation_id=None, label="guest")
