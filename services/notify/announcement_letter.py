"""The letter that an announcement is as a mail: plain words of its editors, for everybody the same.

An invitation's button leads to its recipient's own page. Nothing that a reader typed stands in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.notify import german
from services.notify.announcement_audience import Why
from services.notify.announcement_content import Content, MailPlan
from services.notify.announcement_mailings import Purpose
from services.notify.letter import Button, Fact, Letter, listed, paragraphs_of, subject, titled, visible
from services.notify.news import KINDS
from services.notify.texts import Text, fill, paragraphs
from shared.contracts.rpc import SessionCard

WHY: Mapping[Why, str] = {
    "subscribed": "Sie erhalten diese Nachricht, weil Sie Nachrichten unseres Portals abonniert haben.",
    "registered": "Sie erhalten diese Nachricht, weil Sie für eine Veranstaltung angemeldet sind, zu der sie gehört.",
    "attended": "Sie erhalten diese Nachricht, weil Sie an einer Veranstaltung teilgenommen haben, zu der sie gehört.",
    "member": "Sie erhalten diese Nachricht, weil Ihre Stelle am Portal beteiligt ist und Sie für sie angemeldet sind.",
}
TEST = "Probe: "
TESTED = "Sie erhalten diese Nachricht, weil Sie sie zur Probe an sich selbst gesendet haben."


@dataclass(frozen=True, slots=True)
class Notice:
    """What a letter is written from. `token` ends the recipient's own link, of an invitation alone.

    `note` is what was wrong, of a correction; `session` the one that it is about, where there is one.
    """

    announcement_id: str
    content: Content
    plan: MailPlan | None
    portal: str
    purpose: Purpose = "announcement"
    note: str | None = None
    published_on: date | None = None
    session: SessionCard | None = None
    token: str | None = None
    why: Why = "subscribed"
    test: bool = False

    @property
    def text(self) -> str:
        """Which of the texts it is written with."""
        if self.purpose == "correction":
            return "announcement_correction"
        if self.content.kind == "invitation":
            return "invitation_reminder" if self.purpose == "reminder" else "invitation"
        return "announcement"


def compose(notice: Notice, texts: Mapping[str, Text]) -> Letter:
    """The letter. A correction is always told in the words of the portal, whatever the first mail said instead."""
    text, content = texts[notice.text], notice.content
    own = notice.plan if notice.purpose != "correction" else None
    values: dict[str, str | None] = {
        "about": visible(content.title),
        "title": titled(visible(content.title)),
        "message_subject": visible((own and own.subject) or content.title),
        "session": visible(notice.session.title) if notice.session else None,
    }
    said = subject(text, values)
    return Letter(
        subject=TEST + said if notice.test else said,
        tone=text.tone,
        tag=text.tag if notice.text != "announcement" else KINDS[content.kind],
        heading=fill(text.heading, values) or visible(content.title),
        greeting="Guten Tag,",
        opening=(*paragraphs(text.opening, values), *(() if own and own.text else (visible(content.teaser),))),
        facts=tuple(_facts(notice)),
        closing=paragraphs(text.closing, values),
        button=_button(notice, text),
        footnote=TESTED if notice.test else WHY[notice.why],
        message=paragraphs_of((own and own.text) or content.body),
        leads=True,
    )


def _facts(notice: Notice) -> list[Fact]:
    facts = [Fact("Berichtigung", visible(notice.note))] if notice.note else []
    session = notice.session
    if session is not None:
        hosts = [Fact("Veranstaltet von", visible(listed(session.hosts)))] if session.hosts else []
        when = german.span(session) or german.OPEN
        page = f"{notice.portal}/veranstaltungen/{session.session_id}"
        return [
            *facts,
            Fact("Veranstaltung", visible(session.title), url=page),
            Fact("Termin", when, main=True),
            Fact("Ort", visible(german.place(session.mode, session.venue))),
            *hosts,
        ]
    if notice.published_on is not None:
        facts.append(Fact("Meldung vom", german.day(notice.published_on)))
    return facts or [Fact("Meldung", KINDS[notice.content.kind])]


def _button(notice: Notice, text: Text) -> Button:
    if notice.token is not None:
        label = text.button if notice.purpose != "correction" else "Anmelden oder absagen"
        return Button(label or "Anmelden oder absagen", f"{notice.portal}/einladung/{notice.token}")
    return Button(text.button or "Auf dem Portal lesen", f"{notice.portal}/aktuelles/{notice.announcement_id}")
