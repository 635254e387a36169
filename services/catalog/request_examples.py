"""Bodies as clients may send them, for the description of the API. Names and numbers in them are invented."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from services.catalog.answers import API
from shared.kernel.endpoint import Endpoint

ID: Final = "019b0000-0000-7000-8000-000000000001"
REASON: Final = {"reason": "Doppelt angelegt."}
PROJECT: Final = {
    "title": "Gemeinsamer Bauhof",
    "summary": "Zwei Gemeinden betreiben einen Bauhof und teilen sich Fahrzeuge und Bereitschaft.",
    "topics": ["works_depot"],
    "participations": [{"ags": "05374028", "role": "lead", "task": "stellt das Personal"}, {"ags": "05374040"}],
    "legal_form": "public_law_agreement_delegating",
    "stage": "operating",
    "start": "2024-05",
    "motives": ["skills_shortage"],
    "effects": [
        {"kind": "cost_saving", "value": 12, "unit": "percent", "base": "Fahrzeugkosten 2023", "period": "im Jahr"}
    ],
    "milestones": [{"text": "Vereinbarung unterzeichnet", "on": "2024-02", "reached": True}],
    "contacts": [{"function": "Leitung Bauhof", "organisation_name": "Gemeinde Musterdorf"}],
}
ORGANISATION: Final = {
    "name": "Zweckverband Wasser Musterland",
    "type": "special_purpose_association",
    "aliases": ["Wasserverband Musterland"],
    "service_area": {"districts": ["05374"], "municipalities": ["05366004"]},
}
RESOURCE: Final = {
    "kind": "template",
    "title": "Muster einer öffentlich-rechtlichen Vereinbarung",
    "summary": "Ein Vertragstext mit Erläuterungen.",
    "topics": ["works_depot"],
    "file": {"name": "muster.pdf", "media_type": "application/pdf", "size": 48213, "sha256": "0" * 64},
}
FIGURE: Final = {
    "value": 120,
    "qualifier": "more_than",
    "counts": "gemeinsame Bauhöfe",
    "source": "Umfrage der Geschäftsstelle",
    "stated_on": "2025-05-27",
}
PROGRAMME: Final = {
    "title": "Richtlinie zur Förderung der Zusammenarbeit",
    "authority": "zuständige Bezirksregierung",
    "dated": "2025-01-15",
    "valid_from": "2025-02-01",
    "valid_to": "2027-12-31",
    "base_amount_eur": 100_000,
    "per_further_partner_eur": 20_000,
    "cap_share": 0.8,
    "conditions": ["Der Antrag wird vor dem Beginn gestellt."],
    "sources": ["https://recht.example/richtlinie"],
    "as_of": "2025-03-01",
}
WISH: Final = {
    "title": "Partner für ein gemeinsames Standesamt gesucht",
    "text": "Wir möchten ab 2027 mit einer Nachbargemeinde zusammenarbeiten.",
    "topics": ["civil_registry"],
    "sought": ["eine Standesbeamtin oder einen Standesbeamten"],
    "radius_km": 30,
}
PLAN: Final = {
    "title": "Gemeinsames Standesamt",
    "summary": "Zwei Städte, ein Standesamt.",
    "topics": ["civil_registry"],
    "partners": [{"ags": "05766020"}],
}
WORDING: Final = {
    "title": "Personalrat beteiligen",
    "hint": "Laden Sie früh zu einem Gespräch ein.",
    "links": [{"title": "Muster einer Einladung", "link": "https://stadt.example/muster"}],
}

STEP: Final = "/undertakings/{id}/steps/{step_id}"
EXAMPLES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/projects"): PROJECT,
    ("PUT", "/projects/{id}"): PROJECT,
    ("POST", "/projects/{id}/revisions"): PROJECT,
    ("POST", "/projects/{id}/returns"): {
        "reason": "Es fehlt nur eine Angabe.",
        "reasons": [{"field": "/effects/0/base", "text": "Worauf beziehen sich die 12 Prozent?"}],
    },
    ("POST", "/projects/{id}/archivals"): {"reason": "Die Zusammenarbeit ist beendet."},
    ("POST", "/projects/{id}/restorations"): {"reason": "Irrtümlich archiviert."},
    ("POST", "/projects/{id}/updates"): {"text": "Der zweite Bagger ist da.", "on": "2025-09-01"},
    ("POST", "/projects/{id}/best-practice-awards"): {"occasion": "Jahrestagung 2025", "awarded_on": "2025-05-27"},
    ("POST", "/projects/{id}/best-practice-withdrawals"): {
        "occasion": "Jahrestagung 2025",
        "awarded_on": "2025-05-27",
        "reason": "Gemeint war ein anderes Projekt.",
    },
    ("POST", "/organisations"): ORGANISATION,
    ("PUT", "/organisations/{key}"): ORGANISATION,
    ("POST", "/organisations/{key}/mergers"): {"into": ID, **REASON},
    ("POST", "/topics"): {
        "code": "heat_planning",
        "slug": "waermeplanung",
        "label": "Wärmeplanung",
        "group": "internal_administration",
    },
    ("POST", "/topics/{code}/renamings"): {"label": "Kommunale Wärmeplanung", "reason": "So heißt es im Gesetz."},
    ("POST", "/topics/{code}/mergers"): {"into": "treasury", **REASON},
    ("POST", "/topics/{code}/splits"): {
        "parts": [
            {"topic": "treasury", "projects": [ID]},
            {"topic": "heat_planning", "label": "Wärmeplanung", "slug": "waermeplanung", "filter": {"q": "Wärme"}},
        ],
        "reason": "Zwei Themen sind es geworden.",
    },
    ("POST", "/resources"): RESOURCE,
    ("PUT", "/resources/{id}"): RESOURCE,
    ("POST", "/resources/{id}/retirements"): {"reason": "Die Rechtslage hat sich geändert."},
    ("POST", "/key-figures"): FIGURE,
    ("PUT", "/key-figures/{id}"): FIGURE,
    ("POST", "/key-figures/{id}/withdrawals"): {"reason": "Die Quelle hat sich berichtigt."},
    ("POST", "/funding-programmes"): PROGRAMME,
    ("PUT", "/funding-programmes/{id}"): PROGRAMME,
    ("POST", "/funding-programmes/{id}/withdrawals"): REASON,
    ("POST", "/cooperation-requests"): {"kind": "seek_partners", "ags": "05766044", **WISH},
    ("PUT", "/cooperation-requests/{id}"): WISH,
    ("POST", "/cooperation-requests/{id}/closings"): {"outcome": "partner_found", "project_id": ID},
    ("POST", "/cooperation-requests/{id}/extensions"): {"expires_on": "2027-06-30"},
    ("POST", "/undertakings"): {**PLAN, "starts_on": "2027-01-01"},
    ("PUT", "/undertakings/{id}"): PLAN,
    ("POST", "/undertakings/{id}/abandonments"): {"reason": "Der Rat hat sich dagegen entschieden."},
    ("POST", "/undertakings/{id}/readers"): {"ags": "05766020"},
    ("POST", "/undertakings/{id}/start-movings"): {"starts_on": "2027-04-01"},
    ("POST", "/undertakings/{id}/steps"): {**WORDING, "stage": "considerations", "offset_days": -180},
    ("POST", f"{STEP}/wordings"): WORDING,
    ("POST", f"{STEP}/dates"): {"due_on": "2026-09-15"},
    ("POST", f"{STEP}/owners"): {"owner": "Leitung Hauptamt"},
    ("POST", f"{STEP}/notes"): {"note": "Termin mit der Bezirksregierung ist vereinbart."},
    ("POST", f"{STEP}/completions"): {"done_on": "2026-09-10"},
    ("POST", f"{STEP}/drops"): {"reason": "Ist in unserem Fall nicht nötig."},
}


def with_examples(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The endpoints, each with the body that is its example."""
    return [
        replace(each, example=EXAMPLES.get((each.method, each.path.removeprefix(API)), each.example))
        for each in endpoints
    ]
