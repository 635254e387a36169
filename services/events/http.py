"""What the events service offers over HTTP. Paths are the public ones; `/internal/…` is for the gateway alone."""

from datetime import timedelta

from services.events import (
    attendance_http,
    attendance_list,
    calendar_http,
    certificate_http,
    feedback_http,
    group_message_http,
    intake_http,
    known_person,
    material_http,
    own_calendar_http,
    own_registration_http,
    participants_http,
    question_desk_http,
    question_http,
    registration_http,
    series_http,
    session_http,
    session_statistics_http,
)
from services.events.asking import Asking
from services.events.known_organisations import Organisations
from shared.kernel.bus import Bus
from shared.kernel.endpoint import Endpoint
from shared.kernel.files import Files
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

MOST_OF_A_FILE = 50 * 1024 * 1024


def endpoints(
    journal: Journal,
    pool: Pool,
    vault: Vault,
    bus: Bus,
    public_url: str,
    *,
    max_material: int = MOST_OF_A_FILE,
    self_until: timedelta = attendance_list.SELF_UNTIL,
) -> list[Endpoint]:
    """Everything that can be asked of this service. `self_until`: how long after the end people say they came."""
    organisations = Organisations(bus)
    asking = Asking(journal, organisations)
    return [
        *calendar_http.endpoints(pool, public_url),  # before all others: `{id}` would match `{id}.ics`, too
        *series_http.endpoints(journal, pool),
        *session_http.endpoints(journal, pool, bus),
        *registration_http.endpoints(journal),
        *intake_http.endpoints(journal, pool, vault, asking),
        *known_person.endpoints(pool, vault),
        *own_registration_http.endpoints(journal, pool, vault, asking, self_until),
        *own_calendar_http.endpoints(journal, pool, vault, public_url),
        *participants_http.endpoints(journal, pool, vault),
        *attendance_http.endpoints(journal, pool, vault, self_until),
        *certificate_http.endpoints(pool, vault),
        *session_statistics_http.endpoints(pool),
        *group_message_http.endpoints(journal, pool),
        *feedback_http.endpoints(journal, pool, vault),
        *question_desk_http.endpoints(journal, pool, vault),
        *question_http.endpoints(journal, pool, vault, organisations),
        *material_http.endpoints(journal, pool, Files(bus, "events"), max_material),
    ]
