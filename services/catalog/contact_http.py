"""Writing to a contact over HTTP. The gateway takes texts and addresses in, knows the people, and passes both on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.catalog import contact_list, contact_sealing, cooperation_list, project_page
from services.catalog.answers import API, EDITORS
from services.catalog.contact_address import CONTACT_ADDRESS, RemoveContactAddress, SetContactAddress
from services.catalog.contact_letter import title_of
from services.catalog.contact_request import (
    CONTACT_REQUEST,
    About,
    ConfirmContactRequest,
    ForgetContactText,
    ReceiveContactRequest,
    Status,
)
from services.catalog.contact_sealing import Address, Letter
from services.catalog.cooperation_rights import MAY_OPEN, require_own
from services.catalog.due import by_itself
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.ids import named_id, new_id
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.texts import Id, Line
from shared.kernel.vault import Erased, Vault

LONGEST = 5000
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
STATUS_LABELS: dict[Status, str] = {
    "received": "Noch nicht bestätigt",
    "confirmed": "Bestätigt, wird weitergeleitet",
    "passed_on": "Weitergeleitet",
    "undeliverable": "Nicht zustellbar",
    "lapsed": "Verfallen",
}
ACCEPTED = "Wir haben eine E-Mail an die angegebene Adresse gesendet. Bitte folgen Sie dem Link darin."

type Email = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$")]
type Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]


class Body(BaseModel):
    """A request's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ContactRequestBody(Body):
    """Somebody whom the gateway knows writes to a contact."""

    person_id: Id
    email: Email
    name: Line
    organisation_name: Line | None = None
    subject: Line | None = None
    message: Message


class ContactAddressBody(Body):
    """Where a contact is reached, and whose mailbox that is."""

    person_id: Id
    email: Email


class Accepted(BaseModel):
    """What everybody is answered who writes: the mail says the rest."""

    model_config = ConfigDict(frozen=True)

    status: str = Field(default="accepted")
    detail: str = ACCEPTED


class ContactRequestAnswer(BaseModel):
    """One's own request. Name, subject and text are null once they are forgotten."""

    model_config = ConfigDict(frozen=True)

    id: str
    about_kind: About
    about_id: str
    about: str | None
    status: Status
    status_label: str
    confirm_by: datetime
    can_confirm: bool
    name: str | None
    subject: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    vault: Vault

    async def write_to_project(self, call: Call) -> Answer:
        """A text for a project's contact."""
        return await self._write(call, "project")

    async def write_to_request(self, call: Call) -> Answer:
        """A text for who opened a cooperation request."""
        return await self._write(call, "cooperation_request")

    async def set_of_project(self, call: Call) -> Answer:
        """A project's contact can be written to."""
        if not await self._known_project(call.path_id()):
            raise Problem("not_found")
        async with self.pool.acquire() as connection:
            if await project_page.is_archived(connection, call.path_id()):
                raise Problem("project_archived")
        return await self._set(call, "project")

    async def set_of_request(self, call: Call) -> Answer:
        """Who opened a cooperation request can be written to."""
        await self._require_own(call)
        async with self.pool.acquire() as connection:
            if not await cooperation_list.is_open(connection, call.path_id()):
                raise Problem("cooperation_request_closed")
        return await self._set(call, "cooperation_request")

    async def remove_of_project(self, call: Call) -> Answer:
        """Nobody can write to a project's contact any more."""
        if not await self._known_project(call.path_id()):
            raise Problem("not_found")
        return await self._remove(call)

    async def remove_of_request(self, call: Call) -> Answer:
        """Nobody can write to who opened a cooperation request any more."""
        await self._require_own(call)
        return await self._remove(call)

    async def show(self, call: Call) -> Answer:
        """One's own request, by the link's token."""
        row = await self._by_token(call)
        opened = await contact_sealing.opened(self.vault, row["person_id"], row["vault_subject"], row["sealed"], Letter)
        about = await title_of(self.pool, row["about"], row["about_id"])
        reachable = await contact_list.address_of(self.pool, row["about"], row["about_id"])
        status = _status(row, call.at, readable=opened is not None, reachable=reachable is not None)
        shown = ContactRequestAnswer(
            id=row["id"],
            about_kind=row["about"],
            about_id=row["about_id"],
            about=about,
            status=status,
            status_label=STATUS_LABELS[status],
            confirm_by=row["confirm_by"],
            can_confirm=status == "received" and reachable is not None and about is not None,
            name=opened.name if opened else None,
            subject=opened.subject if opened else None,
            message=opened.text if opened else None,
        )
        return Answer(shown, headers=PRIVATE)

    async def confirm(self, call: Call) -> Answer:
        """The sender's address is proven, and the text goes to the contact."""
        row = await self._by_token(call)
        if row["status"] == "received":
            await self._refuse_unreachable(row["about"], row["about_id"])
        outcome = await self.journal.transact(CONTACT_REQUEST, row["id"], ConfirmContactRequest(), call.context())
        return committed(outcome)

    async def _write(self, call: Call, about: About) -> Answer:
        about_id, context = call.path_id(), call.context()
        if await self.journal.outcome(context):
            return Answer(Accepted())
        if await title_of(self.pool, about, about_id) is None:
            raise Problem("not_found")
        await self._refuse_unreachable(about, about_id)
        try:
            command = await self._sealed(call, about, about_id, str(context.command_id))
        except Erased:  # whoever is forgotten is answered like everybody else
            return Answer(Accepted())
        await self.journal.transact(CONTACT_REQUEST, command.contact_request_id, command, context)
        await self._forget_erased(command, call)
        return Answer(Accepted())

    async def _forget_erased(self, command: ReceiveContactRequest, call: Call) -> None:
        """Nothing is left of who was erased while the text was taken: that erasure looked for it too early."""
        sealed = (command.person_id, command.vault_subject, command.sealed)
        if await contact_sealing.opened(self.vault, *sealed, Letter) is None:
            gone, context = ForgetContactText(cause="erasure"), by_itself(call.at)
            await self.journal.transact(CONTACT_REQUEST, command.contact_request_id, gone, context)

    async def _sealed(self, call: Call, about: About, about_id: str, attempt: str) -> ReceiveContactRequest:
        """The command; the same text of the same person on the same day is the same request, under the same key."""
        body: ContactRequestBody = call.body
        said = (body.name, body.organisation_name or "", body.subject or "", body.message)
        day = call.at.date().isoformat()
        name = contact_sealing.fingerprint(call.fingerprint_key, body.person_id, about, about_id, day, *said)
        token, contact_request_id = contact_sealing.new_token(), str(named_id("contact-requests", name))
        letter = Letter(
            name=body.name,
            email=body.email,
            organisation_name=body.organisation_name,
            subject=body.subject,
            text=body.message,
            token=token,
        )
        return ReceiveContactRequest(
            contact_request_id=contact_request_id,
            request=attempt,
            about=about,
            about_id=about_id,
            person_id=body.person_id,
            token_hash=contact_sealing.token_hash(token),
            vault_subject=contact_request_id,
            sealed=await contact_sealing.seal(self.vault, body.person_id, contact_request_id, letter),
        )

    async def _refuse_unreachable(self, about: About, about_id: str) -> None:
        async with self.pool.acquire() as connection:
            if about == "project":
                possible = await project_page.contact_possible(connection, about_id)
            else:
                possible = await cooperation_list.contact_possible(connection, about_id)
        if not possible:
            raise Problem("contact_not_possible")

    async def _set(self, call: Call, about: About) -> Answer:
        about_id = call.path_id()
        try:
            command = await self._address(call.body, about, about_id)
        except Erased as erased:
            raise Problem("person_erased") from erased
        outcome = await self.journal.transact(CONTACT_ADDRESS, about_id, command, call.context())
        await self._refuse_forgotten(about, about_id, call)
        return committed(outcome)

    async def _address(self, body: ContactAddressBody, about: About, about_id: str) -> SetContactAddress:
        """The command, with the key of the address that is kept already if that reads the same."""
        kept: Any = await contact_list.address_of(self.pool, about, about_id)
        known = kept and await self._opened(kept)
        same = known == Address(email=body.email) and kept["person_id"] == body.person_id
        vault_subject = str(new_id())
        return SetContactAddress(
            about=about,
            about_id=about_id,
            person_id=body.person_id,
            vault_subject=vault_subject,
            sealed=await contact_sealing.seal(self.vault, body.person_id, vault_subject, Address(email=body.email)),
            same_as=kept["vault_subject"] if same else None,
        )

    async def _refuse_forgotten(self, about: About, about_id: str, call: Call) -> None:
        """Whoever was erased while the address was set would have come back with it: nobody could be written to."""
        kept: Any = await contact_list.address_of(self.pool, about, about_id)
        if kept is None or await self._opened(kept) is not None:
            return
        gone, context = RemoveContactAddress(cause="erasure", person_id=kept["person_id"]), by_itself(call.at)
        await self.journal.transact(CONTACT_ADDRESS, about_id, gone, context)
        raise Problem("person_erased")

    async def _opened(self, kept: Any) -> Address | None:
        return await contact_sealing.opened(
            self.vault, kept["person_id"], kept["vault_subject"], kept["sealed"], Address
        )

    async def _remove(self, call: Call) -> Answer:
        command = RemoveContactAddress(cause="editor")
        return committed(await self.journal.transact(CONTACT_ADDRESS, call.path_id(), command, call.context()))

    async def _known_project(self, project_id: str) -> bool:
        async with self.pool.acquire() as connection:
            return await project_page.known(connection, project_id)

    async def _require_own(self, call: Call) -> None:
        async with self.pool.acquire() as connection:
            organisation_id = await cooperation_list.organisation_of(connection, call.path_id())
            if organisation_id is None:
                raise Problem("not_found")
            await require_own(connection, call.identity, organisation_id)

    async def _by_token(self, call: Call) -> Any:
        token_hash = contact_sealing.token_hash(call.request.match_info["token"])
        row = await contact_list.by_token_hash(self.pool, token_hash)
        if row is None:
            raise Problem("not_found")
        return row


def _status(row: Any, at: datetime, *, readable: bool, reachable: bool) -> Status:
    """How a request stands, what will not happen any more included."""
    status: Status = row["status"]
    if status == "received" and (row["confirm_by"] <= at or not readable):
        return "lapsed"
    if status == "confirmed" and not (readable and reachable):
        return "undeliverable"
    return status


def endpoints(journal: Journal, pool: Pool, vault: Vault) -> list[Endpoint]:
    """Everything about contacts. `/internal/…` is for the gateway alone."""
    do = Handlers(journal, pool, vault)
    return [*_writing(do), *_addressing(do)]


def _writing(do: Handlers) -> list[Endpoint]:
    handlers = {"projects": do.write_to_project, "cooperation-requests": do.write_to_request}
    return [
        *(
            Endpoint(
                "POST",
                f"/internal/{kind}/{{id}}/contact-requests",
                handler,
                "Takes a text for a contact from a person whom the gateway knows",
                body=ContactRequestBody,
                answer=Accepted,
                status=202,
                codes=("not_found", "contact_not_possible"),
            )
            for kind, handler in handlers.items()
        ),
        Endpoint(
            "GET",
            f"{API}/contact-requests/{{token}}",
            do.show,
            "One's own text for a contact, by the link in the mail",
            answer=ContactRequestAnswer,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{API}/contact-requests/{{token}}/confirmations",
            do.confirm,
            "Confirms one's own address, and has the text passed on",
            answer=Committed,
            codes=("not_found", "contact_request_lapsed", "contact_not_possible"),
        ),
    ]


def _addressing(do: Handlers) -> list[Endpoint]:
    settings = (
        ("projects", do.set_of_project, do.remove_of_project, EDITORS, "project_archived"),
        ("cooperation-requests", do.set_of_request, do.remove_of_request, MAY_OPEN, "cooperation_request_closed"),
    )
    return [
        endpoint
        for kind, put, delete, roles, ended in settings
        for endpoint in (
            Endpoint(
                "PUT",
                f"/internal/{kind}/{{id}}/contact-address",
                put,
                "Keeps where a contact is reached; nothing ever answers it",
                body=ContactAddressBody,
                answer=Committed,
                roles=roles,
                codes=("not_found", "forbidden", "person_erased", ended),
            ),
            Endpoint(
                "DELETE",
                f"{API}/{kind}/{{id}}/contact-address",
                delete,
                "Forgets where a contact is reached",
                answer=Committed,
                roles=roles,
                codes=("not_found", "forbidden"),
                description="What was confirmed a moment ago may be on its way already; nothing later is passed on.",
            ),
        )
    ]
