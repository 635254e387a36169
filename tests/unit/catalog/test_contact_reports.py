"""What the catalogue makes of reports about mails: only those that say whether a text has arrived."""

import pytest

from services.catalog.contact_upkeep import _request_of
from shared.contracts.notify import BounceReason, MessageBounced

REQUEST = "0198f0a2-0000-7000-8000-00000000000c"


@pytest.mark.parametrize(
    ("reason", "about"),
    [("refused", REQUEST), ("mailbox_unknown", REQUEST), ("suppressed", REQUEST), ("complaint", None)],
)
def test_a_complaint_is_about_a_text_that_arrived(reason: BounceReason, about: str | None) -> None:
    bounced = MessageBounced(
        message_id="m",
        kind="contact_passed_on",
        channel="email",
        cause=f"contact_request-{REQUEST}@2",
        person_id="p",
        reason=reason,
    )
    assert _request_of(bounced) == about
