"""The catalogue's codes in the table of problems."""

from services.catalog import directory_problems
from shared.kernel import file_kinds, problems

PROBLEMS: dict[str, tuple[int, str, str, str | None]] = {
    "project_exists": (
        409,
        "Projekt gibt es schon",
        "Project exists",
        "Unter dieser Kennung gibt es ein anderes Projekt.",
    ),
    "project_archived": (
        409,
        "Projekt ist archiviert",
        "Project is archived",
        "Ein archiviertes Projekt lässt sich nicht mehr ändern.",
    ),
    "project_under_review": (
        409,
        "Projekt wird geprüft",
        "Project is under review",
        "Ein eingereichtes Projekt lässt sich erst ändern, wenn es veröffentlicht oder zurückgegeben ist.",
    ),
    "project_not_submitted": (
        409,
        "Projekt ist nicht eingereicht",
        "Project is not submitted",
        "Das Projekt muss zuerst eingereicht werden.",
    ),
    "project_published": (
        409,
        "Projekt ist veröffentlicht",
        "Project is published",
        "Das Projekt ist schon veröffentlicht; Änderungen werden als neue Fassung vorgeschlagen.",
    ),
    "project_not_published": (
        409,
        "Projekt ist nicht veröffentlicht",
        "Project is not published",
        "Das geht erst, wenn das Projekt veröffentlicht ist.",
    ),
    "unknown_field": (
        409,
        "Dieses Feld gibt es nicht",
        "No such field",
        "Das Projekt hat dieses Feld nicht. Erwartet wird ein Verweis wie /effects/0/source.",
    ),
    "no_such_award": (
        409,
        "Auszeichnung gibt es nicht",
        "No such award",
        "Das Projekt hat keine Auszeichnung mit diesem Anlass und Datum.",
    ),
    "update_in_future": (
        409,
        "Datum liegt in der Zukunft",
        "Date lies in the future",
        "Neuigkeiten tragen das Datum von heute oder ein früheres.",
    ),
    "too_many_updates": (
        409,
        "Zu viele Neuigkeiten",
        "Too many updates",
        "Höchstens {most} Neuigkeiten sind möglich. Bitte nehmen Sie zuerst ältere zurück.",
    ),
    "document_exists": (
        409,
        "Datei gibt es schon",
        "Document exists",
        "Diese Datei liegt schon beim Projekt, unter dem Titel „{title}“.",
    ),
    "too_many_documents": (
        409,
        "Zu viele Dateien",
        "Too many documents",
        "Höchstens {most} Dateien sind möglich. Bitte entfernen Sie zuerst eine andere.",
    ),
    "not_participating": (
        403,
        "Nicht beteiligt",
        "Not participating",
        "Den Kontakt bestätigen die Redaktion und die beteiligten Stellen.",
    ),
    "no_pending_revision": (
        409,
        "Keine neue Fassung vorgeschlagen",
        "No pending revision",
        "Für dieses Projekt wartet keine neue Fassung auf eine Entscheidung.",
    ),
    "summary_missing": (
        409,
        "Kurzfassung fehlt",
        "Summary missing",
        "Zum Veröffentlichen braucht das Projekt eine Kurzfassung.",
    ),
    "topic_missing": (
        409,
        "Themengebiet fehlt",
        "Topic missing",
        "Zum Veröffentlichen braucht das Projekt mindestens ein Themengebiet.",
    ),
    "participations_missing": (
        409,
        "Beteiligte fehlen",
        "Participations missing",
        "Zum Veröffentlichen braucht es mindestens {fewest} Beteiligte oder die Angabe, dass nicht alle genannt sind.",
    ),
    "too_many_topics": (
        409,
        "Zu viele Themengebiete",
        "Too many topics",
        "Ein Projekt hat höchstens {most} Themengebiete.",
    ),
    "topic_twice": (409, "Themengebiet doppelt", "Topic named twice", "Jedes Themengebiet darf nur einmal stehen."),
    "participation_twice": (
        409,
        "Beteiligung doppelt",
        "Participation named twice",
        "Eine Stelle kann mit derselben Rolle nur einmal beteiligt sein.",
    ),
    "unknown_topic": (409, "Unbekanntes Themengebiet", "Unknown topic", "Dieses Themengebiet gibt es nicht."),
    "unknown_organisation": (
        409,
        "Unbekannte Stelle",
        "Unknown organisation",
        "Diese Stelle ist nicht im Verzeichnis: Kennung oder Schlüssel (AGS) stimmt nicht.",
    ),
    "unknown_predecessor": (
        409,
        "Unbekanntes Vorgängerprojekt",
        "Unknown predecessor",
        "Das Vorgängerprojekt gibt es nicht.",
    ),
    "circular_predecessor": (
        409,
        "Vorgänger im Kreis",
        "Circular predecessor",
        "Ein Projekt kann nicht sein eigener Vorgänger sein, auch nicht über andere Projekte.",
    ),
    "topic_exists": (
        409,
        "Themengebiet gibt es schon",
        "Topic exists",
        "Dieses Themengebiet ist schon anders angelegt.",
    ),
}


def register() -> None:
    """Adds them; called once, by the composition root."""
    problems.register(PROBLEMS | directory_problems.PROBLEMS | file_kinds.PROBLEMS)
