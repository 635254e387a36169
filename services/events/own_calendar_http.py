"""One's own sessions as a calendar over HTTP: at an address that only who asked for it knows."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.events import calendar_address, own_calendar, participant, registration_list
from services.events.calendar import calendar
from services.events.calendar_address import GiveCalendarAddress, RevokeCalendarAddress
from services.events.calendar_http import shown
from services.events.participant import new_token, token_hash
from shared.kernel.http import Answer, Call, Committed, Endpoint
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Erased, Vault

NAME = "Meine Veranstaltungen"
FILE = "meine-veranstaltungen.ics"
# Programs keep it and ask whether it has changed; nobody in between keeps anything.
PRIVATE = {"Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
UNTOLD = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class CalendarAddress(BaseModel):
    """Where calendar programs find one's own sessions. Whoever knows the address sees them."""

    model_config = ConfigDict(frozen=True)

    address: str


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    public_url: str

    async def give(self, call: Call) -> Answer:
        """Who asks again is answered the same address: programs that follow it go on."""
        person_id = (await self._registration(call))["person_id"]
        try:
            await self.vault.ensure(person_id)
            token = new_token()
            sealed = await own_calendar.seal(self.vault, person_id, token)
        except Erased as erased:
            raise Problem("not_found") from erased
        command = GiveCalendarAddress(person_id=person_id, token_hash=token_hash(token), sealed=sealed)
        await self.journal.transact(calendar_address.DECIDER, person_id, command, call.context())
        present = await own_calendar.token_of(self.pool, self.vault, person_id)
        if present is None:
            raise Problem("calendar_address_revoked")
        address = f"{self.public_url}/api/v1/calendars/{present}.ics"
        return Answer(CalendarAddress(address=address), headers={**UNTOLD, "Location": address})

    async def revoke(self, call: Call) -> Answer:
        row = await self._registration(call)
        command = RevokeCalendarAddress()
        outcome = await self.journal.transact(calendar_address.DECIDER, row["person_id"], command, call.context())
        return Answer(Committed(id=row["registration_id"], version=outcome.version, position=outcome.position))

    async def show(self, call: Call) -> Answer:
        person_id = await own_calendar.owner(self.pool, self.vault, token_hash(call.request.match_info["token"]))
        if person_id is None:
            raise Problem("not_found")
        found = calendar(await own_calendar.entries(self.pool, person_id, self.public_url), NAME)
        answer = shown(found, FILE)
        return Answer(found, headers={**answer.headers, **PRIVATE})

    async def _registration(self, call: Call) -> Any:
        row = await registration_list.by_token_hash(self.pool, token_hash(call.request.match_info["token"]))
        if row is None or (await participant.open_contacts(self.vault, [row]))[0] is None:
            raise Problem("not_found")
        return row


def endpoints(journal: Journal, pool: Pool, vault: Vault, public_url: str) -> list[Endpoint]:
    """Asking for an address, taking it back, and what is found there."""
    desk = Desk(journal, pool, vault, public_url)
    return [
        Endpoint(
            "GET",
            "/api/v1/calendars/{token}.ics",
            desk.show,
            "The calendar of one's own registrations",
            media_type="text/calendar",
        ),
        Endpoint(
            "POST",
            "/api/v1/registrations/{token}/calendar-addresses",
            desk.give,
            "Gives the person an address for a calendar of all their registrations, or tells the one they have",
            answer=CalendarAddress,
            status=201,
            codes=("calendar_address_revoked",),
        ),
        Endpoint(
            "DELETE",
            "/api/v1/registrations/{token}/calendar-addresses",
            desk.revoke,
            "Takes the person's calendar address back: it leads nowhere any more",
            answer=Committed,
        ),
    ]
