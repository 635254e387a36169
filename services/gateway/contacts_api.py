"""Writing to contacts over the public API: what the gateway answers itself, because it alone knows people."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from services.gateway.contacts import ContactDesk, Kind, NewAddress, Writing, checked
from services.gateway.limits import network_asking
from services.gateway.registrations import Accepted
from services.gateway.upstream import passed_on
from shared.kernel.endpoint import Answer, Call, Committed, Endpoint
from shared.kernel.identity import Role

MAY_SET: dict[Kind, frozenset[Role]] = {
    "projects": frozenset({"editor"}),
    "cooperation-requests": frozenset({"editor", "member"}),
}
WHOM: dict[Kind, str] = {"projects": "a project's contact", "cooperation-requests": "who opened a cooperation request"}


@dataclass(frozen=True, slots=True)
class Contacts:
    """The endpoints' handlers."""

    desk: ContactDesk
    trusted_proxies: int

    async def write(self, kind: Kind, call: Call) -> Answer:
        """Takes a text; the answer tells nothing of anybody."""
        about_id, request = call.path_id(), call.request
        limits = self.desk.admit(network_asking(request, self.trusted_proxies))
        key = request.headers.get("Idempotency-Key")
        return passed_on(await self.desk.write(kind, about_id, checked(call.body), call.context(), key), limits)

    async def set_address(self, kind: Kind, call: Call) -> Answer:
        """Keeps where a contact is reached."""
        return passed_on(await self.desk.set_address(kind, call), {})


def endpoints(contacts: Contacts) -> Sequence[Endpoint]:
    """For projects and cooperation requests alike."""
    kinds: tuple[Kind, ...] = get_args(Kind.__value__)
    return [*map(partial(_writing, contacts), kinds), *map(partial(_addressing, contacts), kinds)]


def _writing(contacts: Contacts, kind: Kind) -> Endpoint:
    return Endpoint(
        "POST",
        f"/api/v1/{kind}/{{id}}/contact-requests",
        partial(contacts.write, kind),
        f"Writes to {WHOM[kind]}; the answer is the same for everyone",
        body=Writing,
        answer=Accepted,
        status=202,
        codes=("not_found", "contact_not_possible", "too_many_requests"),
        description="The sender gets a link; once it is confirmed the text is passed on, and answers go to the sender.",
    )


def _addressing(contacts: Contacts, kind: Kind) -> Endpoint:
    return Endpoint(
        "PUT",
        f"/api/v1/{kind}/{{id}}/contact-address",
        partial(contacts.set_address, kind),
        f"Says where {WHOM[kind]} is reached; no answer ever holds the address",
        body=NewAddress,
        answer=Committed,
        roles=MAY_SET[kind],
        codes=("not_found", "forbidden", "person_erased"),
        description="There is nothing to read, so no version to name: the last one said counts.",
    )
