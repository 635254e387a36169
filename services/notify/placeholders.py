"""What `{names}` in the texts stand for, explained to the editors who use them, each with an example."""

from typing import NamedTuple


class Placeholder(NamedTuple):
    """What is put in its place, and what that may look like."""

    meaning: str
    example: str


PLACEHOLDERS: dict[str, Placeholder] = {
    "title": Placeholder(
        "Der Titel dessen, worum es geht, in Anführungszeichen", "„Digitale Sprechstunde: Gemeinsame IT“"
    ),
    "session": Placeholder(
        "Der Titel der Veranstaltung ohne Anführungszeichen, für den Betreff", "Digitale Sprechstunde: Gemeinsame IT"
    ),
    "when": Placeholder("Tag und Uhrzeit der Veranstaltung, soweit bekannt", "Donnerstag, 28. August 2025, 10:00 Uhr"),
    "when_short": Placeholder("Tag und Uhrzeit in kurzer Form, für den Betreff", "Do., 28.08.2025, 10:00 Uhr"),
    "before": Placeholder(
        "Der Termin vor der letzten Verschiebung, soweit er bekannt war", "Donnerstag, 31. Juli 2025, 10:00 Uhr"
    ),
    "confirm_by": Placeholder("Bis wann bestätigt werden muss", "Donnerstag, 3. Juli 2025, 14:05 Uhr"),
    "position": Placeholder("Der Platz auf der Warteliste", "3"),
    "standing": Placeholder(
        "Ein Satz dazu, was aus der eigenen Anmeldung wird",
        "Ihre Anmeldung bleibt bestehen, Sie brauchen nichts weiter zu tun.",
    ),
    "access": Placeholder(
        "Ein Satz, wenn der Zugangslink einer Online-Veranstaltung noch fehlt",
        "Den Zugangslink erhalten Sie per E-Mail, sobald er feststeht.",
    ),
    "again": Placeholder(
        "Ein Satz, wenn eine neue Anmeldung möglich ist",
        "Möchten Sie doch teilnehmen? Dann melden Sie sich gern noch einmal an, solange Plätze frei sind.",
    ),
    "calendar": Placeholder(
        "Ein fester Satz zum Kalendereintrag, wenn einer beiliegt", "Der Kalendereintrag liegt dieser E-Mail bei."
    ),
    "about": Placeholder(
        "Der Titel des Projekts oder Gesuchs ohne Anführungszeichen, für den Betreff", "Gemeinsamer Bauhof"
    ),
    "answer_by": Placeholder(
        "Bis wann zum neuen Termin zu- oder abgesagt werden soll", "Donnerstag, 14. August 2025, 12:00 Uhr"
    ),
    "unanswered": Placeholder(
        "Ein Satz dazu, was ohne Antwort geschieht", "Wenn Sie nicht antworten, bleibt Ihre Anmeldung bestehen."
    ),
    "owes": Placeholder(
        "Die Bitte um Zu- oder Absage, wenn sie noch aussteht",
        "Bitte sagen Sie bis Donnerstag, 14. August 2025, 12:00 Uhr für den neuen Termin zu oder ab.",
    ),
    "unconfirmed": Placeholder(
        "Die Bitte um Bestätigung, wenn die Anmeldung noch nicht bestätigt ist",
        "Ihre Anmeldung ist noch nicht bestätigt. Bitte bestätigen Sie sie, wenn Sie teilnehmen möchten.",
    ),
    "message_subject": Placeholder(
        "Der Betreff, den die Veranstaltenden geschrieben haben", "Bitte testen Sie vorab Ihr Mikrofon"
    ),
    "files": Placeholder("Wie viele Dateien es gibt", "3 Dateien"),
    "closes_at": Placeholder("Bis wann eine Rückmeldung möglich ist", "Donnerstag, 14. August 2025, 23:59 Uhr"),
    "project": Placeholder("Der Titel des Projekts ohne Anführungszeichen, für den Betreff", "Gemeinsamer Bauhof"),
    "since": Placeholder("Seit wann niemand die Angaben bestätigt hat", "1. Juli 2024"),
    "own": Placeholder("Das eigene Gesuch oder Angebot, in Anführungszeichen", "„Kehrmaschine zu teilen“"),
    "own_kind": Placeholder("Was das eigene ist", "Angebot"),
    "other": Placeholder("Der Titel dessen, was dazu passt, ohne Anführungszeichen", "Wer teilt eine Kehrmaschine?"),
    "other_kind": Placeholder("Was das Passende ist", "Gesuch"),
    "organisation": Placeholder("Die andere Stelle", "Gemeinde Musterdorf"),
    "request": Placeholder("Das Gesuch oder Angebot ohne Anführungszeichen", "Kehrmaschine zu teilen"),
    "request_kind": Placeholder("Was es ist", "Angebot"),
    "expires_on": Placeholder("Der letzte Tag, an dem es zu finden ist", "Freitag, 29. August 2025"),
    "step": Placeholder("Der Schritt der Checkliste ohne Anführungszeichen", "Beschluss des Rates einholen"),
    "undertaking": Placeholder("Das Vorhaben, in Anführungszeichen", "„Gemeinsame Vergabestelle“"),
    "due_on": Placeholder("Wann der Schritt fällig ist", "Freitag, 29. August 2025"),
    "due_on_short": Placeholder("Wann der Schritt fällig ist, für den Betreff", "Fr., 29.08.2025"),
    "valid_until": Placeholder("Bis wann der Link gilt", "14:20 Uhr"),
    "news": Placeholder("Wie viel Neues eine Zusammenfassung nennt", "3 Neuigkeiten"),
    "hits": Placeholder("Wie viele Treffer eine Zusammenfassung nennt", "2 neue Treffer"),
    "more": Placeholder("Was eine Zusammenfassung auslässt", "7 weitere"),
}
