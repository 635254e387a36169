"""Sample letters of announcements and invitations, for editors to look at."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from services.notify.announcement_content import Content
from services.notify.announcement_letter import WHY, Notice, compose
from services.notify.letter import Letter
from services.notify.sample import ANY_ID, NOW, TOKEN, Sample, session_card
from services.notify.texts import Text
from shared.contracts.rpc import SessionCard

NEWS = Content(
    title="Neue Arbeitshilfe zur gemeinsamen Vergabestelle",
    teaser="Sie führt in zehn Schritten von der Idee zum Vertrag.",
    body="Die Arbeitshilfe entstand mit fünf Kommunen.\n\nSie steht auf unserem Portal bereit.",
)
INVITATION = NEWS.model_copy(
    update={
        "kind": "invitation",
        "title": "Einladung zur Digitalen Sprechstunde",
        "teaser": "Dieses Mal geht es um gemeinsame IT.",
        "body": "Bringen Sie gern Ihre Fragen mit.",
        "session_id": ANY_ID,
    }
)
READERS = {
    "subscribed": "wer Nachrichten abonniert hat",
    "registered": "wer für eine Veranstaltung angemeldet ist",
    "attended": "wer an einer Veranstaltung teilgenommen hat",
    "member": "Mitglied einer Stelle",
}


def samples() -> Iterator[Sample]:
    """All of them."""
    news = Notice(ANY_ID, NEWS, None, "", published_on=NOW.date())
    invitation = Notice(ANY_ID, INVITATION, None, "", token=TOKEN)
    for why in WHY:
        yield _sample(replace(news, why=why), None, READERS[why])
    corrected = replace(news, purpose="correction", note="In der ersten Fassung fehlte ein Schritt.")
    yield _sample(corrected, None, "wer die Meldung erhalten hat")
    yield _sample(invitation, session_card(), "wer eingeladen ist")
    reminded = replace(invitation, purpose="reminder")
    yield _sample(reminded, session_card(), "wer eingeladen ist und nicht geantwortet hat")


def _sample(notice: Notice, session: SessionCard | None, standing: str) -> Sample:
    return Sample(notice.text, standing, partial(_letter, notice, notice.content, session))


def _letter(
    notice: Notice, content: Content, session: SessionCard | None, texts: Mapping[str, Text], portal: str
) -> Letter:
    return compose(replace(notice, content=content, session=session, portal=portal), texts)
