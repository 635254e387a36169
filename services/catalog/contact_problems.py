"""What is refused about contacts and in the partner search."""

PROBLEMS: dict[str, tuple[int, str, str, str | None]] = {
    "contact_not_possible": (
        409,
        "Nachricht nicht möglich",
        "Contact not possible",
        "Hierzu leiten wir keine Nachrichten weiter: Es ist abgeschlossen, oder es ist keine Adresse hinterlegt.",
    ),
    "contact_request_lapsed": (
        409,
        "Nachricht verfallen",
        "Contact request lapsed",
        "Die Nachricht wurde nicht rechtzeitig bestätigt und ist gelöscht. Bitte schreiben Sie sie noch einmal.",
    ),
    "cooperation_request_exists": (
        409,
        "Gesuch gibt es schon",
        "Cooperation request exists",
        "Unter dieser Kennung gibt es ein anderes Gesuch.",
    ),
    "cooperation_request_closed": (
        409,
        "Gesuch ist geschlossen",
        "Cooperation request is closed",
        "Ein geschlossenes Gesuch oder Angebot lässt sich nicht mehr ändern.",
    ),
    "expiry_in_past": (
        409,
        "Ablauf liegt nicht in der Zukunft",
        "Expiry is not in the future",
        "Der letzte Tag muss nach dem heutigen liegen.",
    ),
    "expiry_too_far": (
        409,
        "Ablauf liegt zu weit in der Zukunft",
        "Expiry is too far away",
        "Ein Gesuch oder Angebot bleibt höchstens {most} Monate offen; danach können Sie es verlängern.",
    ),
    "expiry_not_later": (
        409,
        "Kein späterer Ablauf",
        "Expiry is not later",
        "Beim Verlängern muss der letzte Tag nach dem bisherigen liegen.",
    ),
    "no_partner_found": (
        409,
        "Kein Partner gefunden",
        "No partner found",
        "Ein Projekt oder Vorhaben gehört nur zu einem Gesuch, für das ein Partner gefunden wurde.",
    ),
    "unknown_project": (409, "Unbekanntes Projekt", "Unknown project", "Dieses Projekt gibt es nicht."),
    "unknown_undertaking": (
        409,
        "Unbekanntes Vorhaben",
        "Unknown undertaking",
        "Ein solches Vorhaben hat die Stelle nicht, um deren Gesuch es geht.",
    ),
}
