"""What the gateway refuses, for readers."""

from shared.kernel import problems

CODES: dict[str, tuple[int, str, str, str]] = {
    "contact_not_possible": (
        409,
        "Nachricht nicht möglich",
        "Contact not possible",
        "Hierzu leiten wir keine Nachrichten weiter: Es ist abgeschlossen, oder es ist keine Adresse hinterlegt.",
    ),
    "invitation_accepted": (
        409,
        "Einladung ist angenommen",
        "Invitation is accepted",
        "Sie sind schon angemeldet. Abmelden können Sie sich mit dem Link in der E-Mail zu Ihrer Anmeldung.",
    ),
    "questions_closed": (
        409,
        "Fragen werden nicht angenommen",
        "No questions are taken",
        "Für diese Veranstaltung werden zurzeit keine Fragen angenommen.",
    ),
    "registration_closed": (
        409,
        "Anmeldung ist nicht geöffnet",
        "Registration is closed",
        "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich.",
    ),
    "registration_questions_changed": (
        409,
        "Fragen wurden geändert",
        "Questions have changed",
        "Die Fragen zur Anmeldung wurden soeben geändert. Bitte laden Sie die Seite neu.",
    ),
    "attendance_too_early": (
        409,
        "Anwesenheit noch nicht möglich",
        "Too early for attendance",
        "Anwesenheit lässt sich ab einer Stunde vor Beginn erfassen.",
    ),
    "session_not_announced": (
        409,
        "Veranstaltung ist noch ein Entwurf",
        "Session is still a draft",
        "Die Veranstaltung muss zuerst angekündigt werden.",
    ),
    "session_cancelled": (
        409,
        "Veranstaltung ist abgesagt",
        "Session is cancelled",
        "Die Veranstaltung findet nicht statt.",
    ),
    "session_full": (
        409,
        "Veranstaltung ist ausgebucht",
        "Session is full",
        "Alle Plätze sind vergeben, und es gibt keine Warteliste.",
    ),
    "session_over": (409, "Veranstaltung ist vorbei", "Session is over", "Die Veranstaltung hat bereits begonnen."),
    "session_without_time": (
        409,
        "Uhrzeit steht nicht fest",
        "Session has no time yet",
        "Eine Anmeldung ist möglich, sobald Tag und Uhrzeit der Veranstaltung feststehen.",
    ),
    "token_without_address": (
        403,
        "Zugang ohne Adresse",
        "Token without an address",
        "Dieser Zugang wurde nicht für eine E-Mail-Adresse ausgestellt und steht für keine Person.",
    ),
    "unknown_organisation": (
        409,
        "Unbekannte Stelle",
        "Unknown organisation",
        "Diese Stelle ist nicht im Verzeichnis: Kennung oder Schlüssel (AGS) stimmt nicht.",
    ),
}


def register() -> None:
    """Adds these codes to the table; called once by whoever starts the gateway."""
    problems.register(CODES)
