"""Letters about what stands in the catalogue: to who handed a project in, to contacts, to members of organisations."""

from collections.abc import Mapping
from datetime import date

from services.notify import german
from services.notify.letter import Button, Fact, Letter, Quote, listed, quote, subject, titled, visible
from services.notify.texts import Text, fill, paragraphs
from shared.contracts.rpc import CooperationLetter, ProjectLetter, StepReminder

GREETING = "Guten Tag,"
WHY_SUBMITTED = "Sie erhalten diese Nachricht, weil Sie dieses Projekt eingereicht haben."
WHY_CONTACT = "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse bei dem Projekt als Kontakt hinterlegt ist."
WHY_REQUEST = (
    "Sie erhalten diese Nachricht, weil Ihre Stelle diesen Eintrag veröffentlicht hat "
    "oder diese E-Mail-Adresse dort als Kontakt hinterlegt ist."
)
WHY_STEP = "Sie erhalten diese Nachricht, weil Ihre Stelle dieses Vorhaben vorbereitet."


def text_for_project(card: ProjectLetter) -> str:
    """The name of the text for what happened to a project."""
    name = "project_accepted" if card.about == "published" else f"project_{card.about}"
    return f"{name}_revision" if card.of_revision else name


def project(card: ProjectLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """That a project was published or given back, or whether its contact is still right."""
    text = texts[text_for_project(card)]
    values = {
        "project": card.title,
        "title": titled(card.title),
        "since": german.day_of(card.unconfirmed_since) if card.unconfirmed_since else None,
    }
    unpublished = card.about == "returned" and not card.of_revision
    page = f"{portal}/" if unpublished else f"{portal}/projekte/{card.project_id}"
    return _letter(
        text,
        values,
        facts=(Fact("Projekt", card.title, main=True),),
        page=page,
        why=WHY_CONTACT if card.about == "review_due" else WHY_SUBMITTED,
        quotes=tuple(_asked_for(card)),
    )


def _asked_for(card: ProjectLetter) -> list[Quote]:
    """An editor's words, the general ones first."""
    said = [quote("Hinweis der Redaktion:", card.reason)] if card.reason else []
    return [*said, *(quote(f"Zu „{visible(each.field)}“:", each.reason) for each in card.reasons)]


def match(own: CooperationLetter, other: CooperationLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """That another request fits the own one."""
    values = {
        "own": titled(own.title),
        "own_kind": own.kind_label,
        "other": other.title,
        "other_kind": other.kind_label,
        "organisation": other.organisation,
    }
    topics = [Fact("Themen", listed(other.topics))] if other.topics else []
    return _letter(
        texts["partner_match"],
        values,
        facts=(
            Fact("Passender Eintrag", other.title, main=True),
            Fact("Art", other.kind_label),
            Fact("Stelle", other.organisation),
            *topics,
            Fact("Zu finden bis", german.day(other.expires_on)),
            Fact("Ihr Eintrag", own.title, url=_page_of(own, portal)),
        ),
        page=_page_of(other, portal),
        why=WHY_REQUEST,
    )


def expiring(card: CooperationLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """That a request will close by itself."""
    facts = (Fact("Ihr Eintrag", card.title, main=True), Fact("Zu finden bis", german.day(card.expires_on)))
    text = texts["cooperation_request_expiring"]
    return _letter(text, _of_request(card), facts=facts, page=_page_of(card, portal), why=WHY_REQUEST)


def closed(card: CooperationLetter, texts: Mapping[str, Text], portal: str) -> Letter:
    """That a request has closed by itself."""
    facts = (Fact("Ihr Eintrag", card.title, main=True), Fact("War zu finden bis", german.day(card.expires_on)))
    text = texts["cooperation_request_closed"]
    return _letter(text, _of_request(card), facts=facts, page=f"{portal}/partnersuche", why=WHY_REQUEST)


def step(card: StepReminder, due_on: date, texts: Mapping[str, Text], portal: str) -> Letter:
    """That a step of the checklist is due."""
    values = {
        "step": card.step,
        "undertaking": titled(card.undertaking),
        "due_on": german.day(due_on),
        "due_on_short": german.short_day(due_on),
        "organisation": card.organisation,
    }
    owner = [Fact("Zuständig", card.owner)] if card.owner else []
    facts = (
        Fact("Schritt", card.step, main=True),
        Fact("Fällig am", german.day(due_on)),
        *owner,
        Fact("Vorhaben", card.undertaking),
        Fact("Stelle", card.organisation),
    )
    return _letter(texts["checklist_due"], values, facts=facts, page=f"{portal}/", why=WHY_STEP)


def _of_request(card: CooperationLetter) -> dict[str, str | None]:
    return {
        "request": card.title,
        "request_kind": card.kind_label,
        "title": titled(card.title),
        "expires_on": german.day(card.expires_on),
    }


def _page_of(card: CooperationLetter, portal: str) -> str:
    return f"{portal}/partnersuche/{card.cooperation_request_id}"


def _letter(
    text: Text,
    values: Mapping[str, str | None],
    *,
    facts: tuple[Fact, ...],
    page: str,
    why: str,
    quotes: tuple[Quote, ...] = (),
) -> Letter:
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting=GREETING,
        opening=paragraphs(text.opening, values),
        facts=facts,
        closing=paragraphs(text.closing, values),
        button=Button(text.button or text.tag, page),
        footnote=why,
        quotes=quotes,
    )
