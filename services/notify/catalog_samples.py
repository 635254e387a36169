"""Sample letters about projects, cooperation requests and checklists, and with the link to sign in."""

from collections.abc import Iterator
from datetime import date
from functools import partial

from services.notify import catalog_letter, sign_in_letter
from services.notify.sample import ANY_ID, CONFIRM_BY, NOW, PERSON, TOKEN, Sample
from shared.contracts.rpc import CooperationLetter, ProjectLetter, ReturnedField, StepReminder

TITLE = "Gemeinsamer Bauhof zweier Gemeinden"
REASONS = (ReturnedField(field="Wirkungen", reason="Woher stammt die Zahl?"),)
DUE_ON = date(2025, 8, 29)


def _project(about: str, **changes: object) -> ProjectLetter:
    return ProjectLetter.model_validate({"project_id": ANY_ID, "about": about, "title": TITLE, **changes})


RETURNED = {"reason": "Bitte belegen Sie die Wirkung.", "reasons": REASONS}
PROJECTS = (
    _project("published"),
    _project("published", of_revision=True),
    _project("returned", **RETURNED),
    _project("returned", of_revision=True, **RETURNED),
    _project("review_due", unconfirmed_since=NOW.replace(year=2024)),
)


def _request(title: str, kind_label: str) -> CooperationLetter:
    return CooperationLetter(
        cooperation_request_id=ANY_ID,
        open=True,
        title=title,
        kind="offer",
        kind_label=kind_label,
        topics=("Bauhof, Straßen- und Grünpflege",),
        organisation="Gemeinde Musterdorf",
        organisation_ids=(ANY_ID,),
        contact_id=PERSON,
        expires_on=DUE_ON,
    )


OWN = _request("Kehrmaschine zu teilen", "Angebot")
OTHER = _request("Wer teilt eine Kehrmaschine?", "Gesuch: Partner gesucht")
STEP = StepReminder(
    organisation_id=ANY_ID,
    organisation="Gemeinde Musterdorf",
    undertaking="Gemeinsame Vergabestelle",
    step="Beschluss des Rates einholen",
    owner="Hauptamt",
)
MEMBER = "Mitglied der Stelle"


def samples() -> Iterator[Sample]:
    """All of them."""
    for card in PROJECTS:
        to = "Kontakt des Projekts" if card.about == "review_due" else "wer das Projekt eingereicht hat"
        yield Sample(catalog_letter.text_for_project(card), to, partial(catalog_letter.project, card))
    yield Sample("partner_match", MEMBER, partial(catalog_letter.match, OWN, OTHER))
    yield Sample("cooperation_request_expiring", MEMBER, partial(catalog_letter.expiring, OWN))
    yield Sample("cooperation_request_closed", MEMBER, partial(catalog_letter.closed, OWN))
    yield Sample("checklist_due", MEMBER, partial(catalog_letter.step, STEP, DUE_ON))
    yield Sample("sign_in_link", "wer sich anmelden möchte", partial(sign_in_letter.compose, TOKEN, CONFIRM_BY))
