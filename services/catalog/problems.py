"""The catalogue's codes in the table of problems."""

from services.catalog import contact_problems, directory_problems
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
        "Ein archiviertes Projekt lässt sich erst ändern, wenn es wieder aufgenommen ist.",
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
    "address_in_contact": (
        409,
        "Adresse in der Ansprechstelle",
        "Address in a contact",
        "Adressen werden nie gezeigt. Nennen Sie bitte nur die Stelle: Geschrieben wird ihr über das Formular.",
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
    "table_unreadable": (
        422,
        "Datei nicht lesbar",
        "File not readable",
        "Die Datei ist keine lesbare CSV- oder XLSX-Datei.",
    ),
    "table_empty": (422, "Datei ist leer", "File is empty", "In der Datei steht keine Tabelle."),
    "table_too_large": (
        422,
        "Tabelle zu groß",
        "Table too large",
        "Die Tabelle ist größer, als sie hier gelesen werden kann.",
    ),
    "table_too_long": (
        422,
        "Zu viele Zeilen",
        "Too many rows",
        "Die Tabelle hat {rows} Zeilen; auf einmal werden höchstens {most} gelesen. Bitte teilen Sie sie.",
    ),
    "column_twice": (422, "Spalte doppelt", "Column twice", "Jede Spalte darf nur einmal vorkommen."),
    "column_missing": (
        422,
        "Spalte fehlt",
        "Column missing",
        "Es fehlt eine Spalte, ohne die nichts gelesen werden kann.",
    ),
    "import_refused": (
        422,
        "Nichts importiert",
        "Nothing imported",
        "{bad} von {total} Zeilen haben Fehler, deshalb wurde keine importiert.",
    ),
    "import_exists": (
        409,
        "Import gibt es schon",
        "Import exists",
        "Unter dieser Kennung gibt es einen anderen Import.",
    ),
    "import_not_running": (409, "Import läuft nicht", "Import not running", "Dieser Import ist schon abgeschlossen."),
    "too_many_rows": (
        422,
        "Zu viele Zeilen",
        "Too many rows",
        "Die Liste hat mehr als {most} Zeilen, mehr kommen nicht in eine Arbeitsmappe. Bitte wählen Sie CSV.",
    ),
    "topic_exists": (
        409,
        "Themengebiet gibt es schon",
        "Topic exists",
        "Dieses Themengebiet ist schon anders angelegt.",
    ),
    "partner_twice": (
        409,
        "Partner doppelt",
        "Partner named twice",
        "Jeder Partner darf nur einmal stehen, und die eigene Stelle ist kein Partner.",
    ),
    "undertaking_exists": (
        409,
        "Vorhaben gibt es schon",
        "Undertaking exists",
        "Unter dieser Kennung gibt es ein anderes Vorhaben.",
    ),
    "undertaking_finished": (
        409,
        "Vorhaben ist abgeschlossen",
        "Undertaking is finished",
        "Das Vorhaben ist als Projekt angelegt und lässt sich nicht mehr ändern.",
    ),
    "undertaking_abandoned": (
        409,
        "Vorhaben ist aufgegeben",
        "Undertaking is abandoned",
        "Ein aufgegebenes Vorhaben lässt sich nicht mehr ändern.",
    ),
    "unknown_checklist": (
        409,
        "Unbekannte Checkliste",
        "Unknown checklist",
        "Diese Fassung der Checkliste gibt es nicht.",
    ),
    "unknown_file": (
        409,
        "Unbekannte Datei",
        "Unknown file",
        "Diese Datei wurde nicht hochgeladen oder ist schon gelöscht. Bitte laden Sie sie noch einmal hoch.",
    ),
    "resource_retired": (
        409,
        "Arbeitshilfe wird nicht mehr angeboten",
        "Resource is retired",
        "Die Arbeitshilfe wird schon nicht mehr angeboten; eine neue Fassung nimmt sie wieder auf.",
    ),
    "unknown_resource": (409, "Unbekannte Arbeitshilfe", "Unknown resource", "Diese Arbeitshilfe gibt es nicht."),
    "step_exists": (
        409,
        "Schritt gibt es schon",
        "Step exists",
        "Unter dieser Kennung gibt es einen anderen Schritt.",
    ),
    "step_done": (
        409,
        "Schritt ist erledigt",
        "Step is done",
        "Ein erledigter Schritt behält seinen Termin und entfällt nicht mehr. Nehmen Sie „erledigt“ zuerst zurück.",
    ),
    "step_dropped": (
        409,
        "Schritt entfällt",
        "Step is dropped",
        "Der Schritt entfällt. Nehmen Sie ihn zuerst wieder auf.",
    ),
    "done_in_future": (
        409,
        "Noch nicht erledigt",
        "Done in the future",
        "Ein Schritt kann nicht an einem künftigen Tag erledigt worden sein.",
    ),
    "date_too_far": (
        409,
        "Termin zu weit verschoben",
        "Date moved too far",
        "Ein von Hand gesetzter Termin läge damit vor dem {first} oder nach dem {last}.",
    ),
    "too_many_steps": (409, "Zu viele Schritte", "Too many steps", "Ein Vorhaben hat höchstens {most} Schritte."),
    "too_many_readers": (
        409,
        "Zu viele Leseberechtigte",
        "Too many readers",
        "Ein Vorhaben kann höchstens {most} Stellen zum Lesen freigegeben werden.",
    ),
}


def register() -> None:
    """Adds them; called once, by the composition root."""
    for table in (PROBLEMS, directory_problems.PROBLEMS, contact_problems.PROBLEMS, file_kinds.PROBLEMS):
        problems.register(table)
