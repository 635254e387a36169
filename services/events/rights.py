"""Who may do what with sessions."""

from shared.kernel.http import Call, Role

EDITORS: frozenset[Role] = frozenset({"editor", "operator"})


def edits(call: Call) -> bool:
    """Whether the caller sees drafts and what readers do not."""
    return bool(EDITORS & call.identity.roles)
