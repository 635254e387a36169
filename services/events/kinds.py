"""What personal data the service keeps, for how long, and what forgets it: a line for each kind."""

from collections.abc import Sequence
from datetime import timedelta

from services.events.calendar_upkeep import CalendarAddresses
from services.events.feedback_clock import FeedbackClock
from services.events.retention import AnswersKept, Kind, Registrations, Terms
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault


def kinds(terms: Terms, journal: Journal, pool: Pool, vault: Vault, feedback: FeedbackClock) -> Sequence[Kind]:
    """Every kind, in the order in which it is looked after."""
    registrations = Registrations(journal, pool)
    return (
        Kind("answers", timedelta(0), AnswersKept(pool, vault, terms.answers).forget),
        Kind("left", terms.ended_registrations, registrations.left),
        Kind("registrations", terms.registrations, registrations.over),
        Kind("undated", terms.undated_registrations, registrations.undated),
        Kind("calendar_addresses", terms.registrations, CalendarAddresses(journal, pool).forget_idle),
        Kind("feedback_texts", terms.feedback_texts, feedback.forget_texts),
    )
