"""What the rules of sessions and registrations refuse, for readers."""

from shared.kernel import file_kinds, problems, spooling

CODES: dict[str, tuple[int, str, str, str]] = {
    "date_in_past": (
        409,
        "Termin liegt in der Vergangenheit",
        "Date lies in the past",
        "Der {date} ist vorbei. Bitte nennen Sie einen künftigen Termin.",
    ),
    "date_unchanged": (
        409,
        "Termin ist derselbe",
        "Date is the same",
        "Der neue Termin ist der bisherige. Bitte nennen Sie einen anderen.",
    ),
    "postponement_required": (
        409,
        "Termin wird durch Verschieben geändert",
        "Dates change by postponement",
        "Die Veranstaltung ist angekündigt. Bitte verschieben Sie sie, damit alle Angemeldeten davon erfahren.",
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
    "session_over": (409, "Veranstaltung ist vorbei", "Session is over", "Die Veranstaltung hat bereits begonnen."),
    "session_not_over": (
        409,
        "Veranstaltung ist noch nicht vorbei",
        "Session is not over yet",
        "Dokumentieren können Sie die Veranstaltung, wenn sie stattgefunden hat.",
    ),
    "session_without_time": (
        409,
        "Uhrzeit steht nicht fest",
        "Session has no time yet",
        "Eine Anmeldung ist möglich, sobald Tag und Uhrzeit der Veranstaltung feststehen.",
    ),
    "session_without_date": (
        404,
        "Termin steht nicht fest",
        "Session has no date yet",
        "Einen Kalendereintrag gibt es, sobald der Tag der Veranstaltung feststeht.",
    ),
    "registration_closed": (
        409,
        "Anmeldung ist nicht geöffnet",
        "Registration is closed",
        "Für diese Veranstaltung ist zurzeit keine Anmeldung möglich.",
    ),
    "session_full": (
        409,
        "Veranstaltung ist ausgebucht",
        "Session is full",
        "Alle Plätze sind vergeben, und es gibt keine Warteliste.",
    ),
    "registration_questions_changed": (
        409,
        "Fragen wurden geändert",
        "Questions have changed",
        "Die Fragen zur Anmeldung wurden soeben geändert. Bitte laden Sie die Seite neu.",
    ),
    "registration_window_over": (
        409,
        "Anmeldezeitraum ist vorbei",
        "Registration window is over",
        "Bitte verlängern Sie zuerst den Anmeldezeitraum.",
    ),
    "registration_lapsed": (
        409,
        "Anmeldung ist verfallen",
        "Registration has lapsed",
        "Die Frist zur Bestätigung ist abgelaufen. Bitte melden Sie sich erneut an.",
    ),
    "registration_withdrawn": (
        409,
        "Anmeldung ist zurückgezogen",
        "Registration is withdrawn",
        "Sie haben sich abgemeldet. Bitte melden Sie sich erneut an, wenn Sie teilnehmen möchten.",
    ),
    "questions_closed": (
        409,
        "Fragen werden nicht angenommen",
        "No questions are taken",
        "Für diese Veranstaltung werden zurzeit keine Fragen angenommen.",
    ),
    "too_many_questions": (
        409,
        "Sehr viele Fragen",
        "Very many questions",
        "Sie haben zu dieser Veranstaltung schon sehr viele Fragen gestellt. Bitte fassen Sie sich kürzer.",
    ),
    "too_many_to_search": (
        409,
        "Zu viele Fragen zum Durchsuchen",
        "Too many questions to search",
        "Bitte grenzen Sie die Fragen nach Stand, Reihe oder Veranstaltung ein und suchen Sie dann.",
    ),
    "question_lapsed": (
        409,
        "Frage ist verfallen",
        "Question has lapsed",
        "Die Frist zur Bestätigung ist abgelaufen. Bitte stellen Sie Ihre Frage erneut.",
    ),
    "question_withdrawn": (
        409,
        "Frage gibt es nicht mehr",
        "Question is gone",
        "Die Frage wurde zurückgezogen oder gelöscht.",
    ),
    "question_dealt_with": (
        409,
        "Frage wird schon bearbeitet",
        "Question is being dealt with",
        "Die Frage wurde schon angenommen oder beantwortet. Ihren Wortlaut können Sie nicht mehr ändern.",
    ),
    "question_answered": (
        409,
        "Frage ist beantwortet",
        "Question is answered",
        "Die Frage ist schon beantwortet.",
    ),
    "question_not_answered": (
        409,
        "Frage ist noch nicht beantwortet",
        "Question is not answered yet",
        "Veröffentlichen können Sie eine Frage, sobald sie beantwortet ist.",
    ),
    "question_declined": (
        409,
        "Frage ist abgelehnt",
        "Question is declined",
        "Die Frage wurde abgelehnt. Bitte nehmen Sie sie zuerst an.",
    ),
    "question_merged": (
        409,
        "Frage ist zusammengefasst",
        "Question is merged",
        "Die Frage wurde mit einer anderen zusammengefasst. Bitte bearbeiten Sie jene.",
    ),
    "question_not_mergeable": (
        409,
        "Zusammenfassen nicht möglich",
        "Merging is not possible",
        "Zusammenfassen lässt sich eine Frage nur mit einer anderen, die offen und selbst nicht zusammengefasst ist.",
    ),
    "question_of_other_session": (
        409,
        "Frage gehört zu einer anderen Veranstaltung",
        "Question is for another session",
        "Bitte übertragen Sie die Frage zuerst auf dieselbe Veranstaltung.",
    ),
    "session_of_other_series": (
        409,
        "Veranstaltung gehört zu einer anderen Reihe",
        "Session is of another series",
        "Übertragen lässt sich eine Frage nur auf eine Veranstaltung derselben Reihe.",
    ),
    "session_not_begun": (
        409,
        "Veranstaltung hat noch nicht begonnen",
        "Session has not begun yet",
        "Bis zum Beginn der Veranstaltung können Sie nur schriftlich antworten.",
    ),
    "answer_missing": (
        422,
        "Antwort fehlt",
        "Answer is missing",
        "Wer schriftlich antwortet, schreibt eine Antwort.",
    ),
    "publication_not_agreed": (
        409,
        "Veröffentlichung ist nicht erlaubt",
        "Publication is not agreed to",
        "Wer die Frage gestellt hat, hat dem nicht zugestimmt.",
    ),
    "questions_changed": (
        409,
        "Fragen haben sich geändert",
        "Questions have changed",
        "Inzwischen sind andere Fragen zu ordnen. Bitte laden Sie die Liste neu.",
    ),
    "slug_taken": (
        409,
        "Kurzname ist vergeben",
        "Slug is taken",
        "Eine andere Veranstaltungsreihe hat diesen Kurznamen (slug) schon. Bitte wählen Sie einen anderen.",
    ),
    "unknown_series": (
        409,
        "Veranstaltungsreihe ist unbekannt",
        "Series is unknown",
        "Bitte wählen Sie eine vorhandene Veranstaltungsreihe.",
    ),
    "session_announced": (
        409,
        "Veranstaltung ist schon angekündigt",
        "Session is announced already",
        "Nur ein Entwurf kann zu einer gewählten Zeit angekündigt werden.",
    ),
    "announcement_in_past": (
        409,
        "Zeitpunkt der Ankündigung liegt in der Vergangenheit",
        "Time of the announcement lies in the past",
        "Bitte nennen Sie einen künftigen Zeitpunkt, oder kündigen Sie die Veranstaltung gleich an.",
    ),
    "announcement_too_late": (
        409,
        "Ankündigung käme zu spät",
        "Announcement would be too late",
        "Zum gewählten Zeitpunkt ist der Termin der Veranstaltung schon vorbei.",
    ),
    "answer_by_without_date": (
        409,
        "Rückfrage ohne Termin",
        "Nobody can answer to an open date",
        "Ob der neue Termin passt, können die Angemeldeten erst sagen, wenn er feststeht.",
    ),
    "answer_by_in_past": (
        409,
        "Frist zur Antwort liegt in der Vergangenheit",
        "Time to answer lies in the past",
        "Bitte nennen Sie eine künftige Frist, bis zu der die Angemeldeten antworten können.",
    ),
    "answer_by_too_late": (
        409,
        "Frist zur Antwort endet nach dem Termin",
        "Time to answer ends after the date",
        "Die Frist zur Antwort muss vor dem neuen Termin enden.",
    ),
    "answer_not_asked": (
        409,
        "Antwort ist nicht erbeten",
        "No answer is asked for",
        "Ob der Termin passt, wird zurzeit nicht gefragt. Ihre Anmeldung bleibt, wie sie ist.",
    ),
    "unknown_talk": (
        409,
        "Vortrag ist unbekannt",
        "Talk is unknown",
        "Diese Kennung gehört zu keinem Vortrag der Veranstaltung oder steht schon bei einem anderen.",
    ),
    "unknown_material": (
        409,
        "Unterlage ist unbekannt",
        "Material is unknown",
        "Diese Unterlage hat die Veranstaltung nicht. Vielleicht wurde sie inzwischen gelöscht.",
    ),
    "nothing_to_release": (
        409,
        "Nichts freizugeben",
        "Nothing to release",
        "Die Veranstaltung hat keine Entwürfe von Unterlagen.",
    ),
    "material_released": (
        409,
        "Unterlage war schon veröffentlicht",
        "Material was released",
        "Löschen können Sie nur, was noch niemand gesehen hat. Bitte ziehen Sie die Unterlage zurück.",
    ),
    "material_not_released": (
        409,
        "Unterlage ist noch ein Entwurf",
        "Material is still a draft",
        "Zurückziehen können Sie nur, was veröffentlicht war. Einen Entwurf können Sie löschen.",
    ),
    "material_withdrawn": (
        409,
        "Unterlage ist zurückgezogen",
        "Material is withdrawn",
        "Die Unterlage wurde zurückgezogen. Mit einer neuen Datei wird sie wieder zum Entwurf.",
    ),
    "material_gone": (
        410,
        "Unterlage wurde zurückgezogen",
        "Material was withdrawn",
        "Diese Unterlage wird nicht mehr angeboten. Grund: {reason}",
    ),
    "too_many_materials": (
        409,
        "Zu viele Unterlagen",
        "Too many materials",
        "Eine Veranstaltung kann höchstens {most} Unterlagen haben.",
    ),
    "photo_needs_alt": (
        409,
        "Bildbeschreibung fehlt",
        "Photo without a description",
        "Bitte beschreiben Sie, was auf dem Foto zu sehen ist, für alle, die es nicht sehen.",
    ),
    "photo_needs_credit": (
        409,
        "Bildnachweis fehlt",
        "Photo without a credit",
        "Bitte nennen Sie, von wem das Foto ist.",
    ),
    "photo_is_no_image": (
        409,
        "Ein Foto muss ein Bild sein",
        "Photo is no image",
        "Als Foto können Sie PNG- und JPEG-Bilder hochladen.",
    ),
    # As in the catalogue, whose codes these are.
    "unknown_project": (409, "Unbekanntes Projekt", "Unknown project", "Dieses Projekt gibt es nicht."),
    "unknown_topic": (409, "Unbekanntes Themengebiet", "Unknown topic", "Dieses Themengebiet gibt es nicht."),
    "unknown_organisation": (
        409,
        "Unbekannte Stelle",
        "Unknown organisation",
        "Diese Stelle ist nicht im Verzeichnis: Kennung oder Schlüssel (AGS) stimmt nicht.",
    ),
}


def register() -> None:
    """Adds these codes to the table; called once by whoever starts the service."""
    problems.register(CODES)
    problems.register(file_kinds.PROBLEMS)
    problems.register(spooling.PROBLEMS)
