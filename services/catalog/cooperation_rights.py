"""Who may open a cooperation request, and for whom: a member for the own organisation, an editor for any."""

from services.catalog import organisation_directory
from shared.kernel.http import Role
from shared.kernel.identity import Identity
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Connection
from shared.kernel.problems import Problem

MAY_OPEN: frozenset[Role] = frozenset({"editor", "member"})


async def require_own(connection: Connection, identity: Identity, organisation_id: str) -> None:
    """`forbidden` for whoever is neither an editor nor a member of the organisation, under whatever entry it stands."""
    if "editor" in identity.roles:
        return
    own = own_organisation(identity)
    if own is None or organisation_id not in await organisation_directory.same_bodies(connection, [own]):
        raise Problem("forbidden")


def own_organisation(identity: Identity) -> str | None:
    """The id of the organisation that somebody acts for; an official key is none."""
    own = identity.organisation_id
    return own if own and parse_id(own) else None
