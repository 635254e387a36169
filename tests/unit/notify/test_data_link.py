"""The letter with the link to one's own data: to the address the gateway names, while the link holds."""

import datetime as dt
from email import message_from_bytes
from email.policy import default
from typing import Any, cast
from uuid import UUID

from services.notify.data_link_matter import KIND, DataLink, DataLinkMatter
from services.notify.mail import Envelope
from services.notify.matter import Claimed, Told
from shared.contracts.gateway import DataLinkRequested
from shared.contracts.rpc import DataLinkAnswered, DataLinkAsked
from tests.unit.notify.samples import COMPOSER, PORTAL, TEXTS, TOKEN

NOW = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
EMAIL = "erika@stadt.example"
UNTIL = NOW + dt.timedelta(hours=1)
CAUSE = DataLinkRequested(person_id="p", link_id="l", expires_at=UNTIL)
CARD = DataLink(email=EMAIL, token=TOKEN, expires_at=UNTIL)
NOTHING = cast("Any", None)


def matter(answer: DataLinkAnswered) -> DataLinkMatter:
    async def link(asked: DataLinkAsked) -> DataLinkAnswered:
        return answer if (asked.person_id, asked.link_id) == ("p", "l") else DataLinkAnswered()

    return DataLinkMatter(TEXTS, PORTAL, link)


def told(cause: DataLinkRequested = CAUSE) -> tuple[Claimed, Told]:
    return NOTHING, Told(1, "own_data", KIND.name, cause, "person-p@2", NOW)


async def test_the_address_is_asked_for_when_the_mail_is_sent() -> None:
    known = matter(DataLinkAnswered(email=EMAIL, token=TOKEN, expires_at=UNTIL))
    other = CAUSE.model_copy(update={"link_id": "another"})
    assert await known.cards([told(), told(other)]) == [CARD, None]
    assert await matter(DataLinkAnswered()).cards([told()]) == [None]


def test_a_link_that_is_out_of_time_is_not_sent() -> None:
    assert KIND.until(CAUSE) == UNTIL
    sending = matter(DataLinkAnswered())
    assert sending.letter(*told(), CARD, UNTIL) is None
    assert sending.letter(*told(), CARD, UNTIL - dt.timedelta(seconds=1)) is not None


def test_both_parts_lead_to_the_page_and_say_until_when() -> None:
    draft = matter(DataLinkAnswered()).letter(*told(), CARD, NOW)
    assert draft is not None
    mail = message_from_bytes(COMPOSER.compose(draft.letter, Envelope(UUID(int=1), EMAIL, NOW)), policy=default)
    assert (mail["To"], mail["Reply-To"], mail.defects) == (EMAIL, None, [])
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert f"{PORTAL}/meine-daten/{TOKEN}" in part.get_content()
        assert part.get_content().count("Uhr") >= 2
