"""Who may open a cooperation request, and for whom: a member for the own organisation, an editor for any."""

from shared.kernel.http import Role
from shared.kernel.identity import Identity
from shared.kernel.problems import Problem

MAY_OPEN: frozenset[Role] = frozenset({"editor", "member"})


def require_own(identity: Identity, organisation_id: str) -> None:
    """`forbidden` for whoever is neither an editor nor a member of the organisation."""
    if "editor" not in identity.roles and identity.organisation_id != organisation_id:
        raise Problem("forbidden")
