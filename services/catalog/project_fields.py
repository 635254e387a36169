"""What a project's fields are called on the page, and which of them two versions differ in."""

from services.catalog.project_content import Content

FIELD_LABELS = {
    "title": "Titel",
    "short_title": "Kurztitel",
    "summary": "Kurzfassung",
    "description": "Beschreibung",
    "topics": "Themengebiete",
    "keywords": "Schlagworte",
    "participations": "Beteiligte Stellen",
    "participations_complete": "Vollständigkeit der Beteiligten",
    "region": "Region",
    "legal_form": "Rechtsform",
    "stage": "Stand",
    "start": "Beginn",
    "motives": "Anlass",
    "goals": "Ziele",
    "measures": "Maßnahmen",
    "effects": "Wirkungen",
    "success_factors": "Erfolgsfaktoren",
    "obstacles": "Hürden",
    "method": "Vorgehen",
    "milestones": "Schritte",
    "components": "Bausteine der Lösung",
    "reuse": "Nachnutzung",
    "funding": "Förderung",
    "documents": "Dokumente",
    "contacts": "Ansprechstelle",
    "predecessor": "Vorgängerprojekt",
}


def changed(before: Content, after: Content) -> tuple[str, ...]:
    """The fields that read differently, in the order of the page."""
    return tuple(name for name in FIELD_LABELS if getattr(before, name) != getattr(after, name))
