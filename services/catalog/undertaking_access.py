"""Who may see an undertaking and who may change it: its organisation's members and editors; readers only see it."""

from dataclasses import dataclass

from services.catalog import organisation_directory
from services.catalog.answers import written_upon
from services.catalog.membership import organisation_of
from services.catalog.undertaking import UNDERTAKING
from services.catalog.undertaking_state import Undertaking
from shared.kernel.http import Call, Role
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

CONCERNED: frozenset[Role] = frozenset({"member", "editor"})


@dataclass(frozen=True, slots=True)
class Access:
    """Finds undertakings for those who may."""

    journal: Journal
    pool: Pool

    async def seen_by(self, call: Call) -> frozenset[str] | None:
        """The organisation whose eyes the asker sees with, by every id it has had; None: an editor sees everything."""
        if "editor" in call.identity.roles:
            return None
        found = await organisation_of(self.pool, call.identity)
        if found is None:
            raise Problem("forbidden", "Für Vorhaben müssen Sie Mitglied einer bekannten Kommune oder Stelle sein.")
        async with self.pool.acquire() as connection:
            return await organisation_directory.ids_meaning(connection, found)

    async def to_read(self, call: Call) -> tuple[Undertaking, bool]:
        """The undertaking of the path, and whether the asker may change it. To whoever may not see it there is none."""
        who = await self.seen_by(call)
        undertaking = (await self.journal.load(UNDERTAKING, call.path_id())).state
        if undertaking is None or (who and who.isdisjoint((undertaking.organisation_id, *undertaking.readers))):
            raise Problem("not_found")
        return undertaking, who is None or undertaking.organisation_id in who

    async def to_change(self, call: Call) -> Undertaking:
        """The undertaking of the path for somebody who may change it; `forbidden` to its readers."""
        undertaking, may_change = await self.to_read(call)
        if not may_change:
            raise Problem("forbidden", "Dieses Vorhaben wurde Ihnen nur zum Lesen freigegeben.")
        return undertaking

    async def meant(self, call: Call) -> int | None:
        """The version to write upon: the present one, if nothing but reminders came after what the client has read."""
        if call.expected_version is None:
            return None
        now = await self.journal.load(UNDERTAKING, call.path_id())
        return written_upon(call, now.version, now.state.reminders if now.state else 0)
