"""Who may see and answer the questions of a series: editors, and its experts by their person or organisation."""

from services.events.rights import edits
from services.events.session_shown import SessionRow
from shared.kernel.http import Call
from shared.kernel.identity import ANONYMOUS, Identity
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

EXPERT_IN = "SELECT series_id FROM series_view WHERE content->'experts' ?| $1::text[] ORDER BY series_id"


def names_of(identity: Identity) -> frozenset[str]:
    """The ids an expert may be named by: the own, and the organisation's for its members."""
    organisation = identity.organisation_id if "member" in identity.roles else None
    return frozenset(name for name in (identity.person_id, organisation) if name)


def moderates(call: Call, found: SessionRow) -> bool:
    """Whether the asker deals with the questions of a session."""
    experts = found.series.experts if found.series else ()
    return edits(call) or not names_of(call.identity).isdisjoint(experts)


def require_moderator(call: Call, found: SessionRow) -> None:
    """`unauthenticated` or `forbidden` for whoever does not."""
    if not moderates(call, found):
        raise _nobody(call)


async def visible_series(pool: Pool, call: Call) -> list[str] | None:
    """The series whose questions the asker deals with; None for all of them, `forbidden` for none."""
    if edits(call):
        return None
    names = names_of(call.identity)
    found = [row["series_id"] for row in await pool.fetch(EXPERT_IN, list(names))] if names else []
    if not found:
        raise _nobody(call)
    return found


def _nobody(call: Call) -> Problem:
    return Problem("unauthenticated" if call.identity.label == ANONYMOUS.label else "forbidden")
