"""The notification service's codes in the table of problems."""

from shared.kernel import problems

PROBLEMS: dict[str, tuple[int, str, str, str | None]] = {
    "announcement_exists": (
        409,
        "Meldung gibt es schon",
        "Announcement exists",
        "Unter dieser Kennung gibt es eine andere Meldung.",
    ),
    "announcement_published": (
        409,
        "Meldung ist veröffentlicht",
        "Announcement is published",
        "Eine veröffentlichte Meldung wird nicht geändert, sondern mit einem Hinweis berichtigt.",
    ),
    "announcement_not_published": (
        409,
        "Meldung ist nicht veröffentlicht",
        "Announcement is not published",
        "Berichtigt wird nur, was veröffentlicht ist. Ein Entwurf lässt sich einfach ändern.",
    ),
    "announcement_withdrawn": (
        409,
        "Meldung ist zurückgezogen",
        "Announcement is withdrawn",
        "Eine zurückgezogene Meldung lässt sich nicht mehr ändern.",
    ),
    "unknown_subject": (
        409,
        "Das lässt sich nicht abonnieren",
        "Nothing to subscribe to",
        "Etwas davon gibt es nicht, oder es ist nicht öffentlich.",
    ),
    "unknown_kind": (409, "Unbekannte Art von Nachricht", "Unknown kind", "Diese Art von Nachricht gibt es nicht."),
    "unknown_topic": (409, "Unbekanntes Themengebiet", "Unknown topic", "Dieses Themengebiet gibt es nicht."),
    "unknown_municipality": (
        409,
        "Unbekannte Kommune",
        "Unknown municipality",
        "Zu diesem Schlüssel (AGS, acht Ziffern) gibt es keine Kommune.",
    ),
    "unknown_district": (
        409,
        "Unbekannter Kreis",
        "Unknown district",
        "Zu diesem Schlüssel (fünf Ziffern) gibt es keinen Kreis.",
    ),
    "unknown_series": (
        409,
        "Veranstaltungsreihe ist unbekannt",
        "Series is unknown",
        "Bitte wählen Sie eine vorhandene Veranstaltungsreihe.",
    ),
    "unknown_project": (409, "Unbekanntes Projekt", "Unknown project", "Dieses Projekt gibt es nicht."),
    "too_many_subscriptions": (
        409,
        "Zu viele Abonnements",
        "Too many subscriptions",
        "Mehr als 100 Abonnements sind nicht möglich. Bitte beenden Sie zuerst andere.",
    ),
    "subscription_ended": (
        409,
        "Abonnement ist beendet",
        "Subscription has ended",
        "Dieses Abonnement ist beendet. Sie können es auf Ihrer Seite wieder aufnehmen.",
    ),
    "subscription_lapsed": (
        409,
        "Frist ist abgelaufen",
        "Subscription has lapsed",
        "Die Zeit zum Bestätigen ist abgelaufen. Sie können das Abonnement auf Ihrer Seite wieder aufnehmen.",
    ),
    "rhythm_not_offered": (
        409,
        "Häufigkeit gibt es hier nicht",
        "No such rhythm",
        "In dieser Häufigkeit werden Nachrichten dieser Art nicht gesendet.",
    ),
    "quiet_time_half": (
        409,
        "Ruhezeit ist unvollständig",
        "Quiet time is incomplete",
        "Zu einer Ruhezeit gehören Beginn und Ende.",
    ),
    "quiet_time_empty": (
        409,
        "Ruhezeit ist leer",
        "Quiet time is empty",
        "Beginn und Ende der Ruhezeit dürfen nicht gleich sein.",
    ),
    "pause_over": (
        409,
        "Datum liegt nicht in der Zukunft",
        "Not in the future",
        "Bitte wählen Sie einen späteren Tag.",
    ),
    "mail_text_unfit": (
        422,
        "Text lässt sich so nicht senden",
        "Text cannot be sent like this",
        "Bitte prüfen Sie die Länge und die Platzhalter des Textes.",
    ),
    "own_address_unknown": (
        409,
        "Ihre E-Mail-Adresse ist nicht bekannt",
        "Own address unknown",
        "Zu Ihrem Zugang ist keine E-Mail-Adresse hinterlegt, an die eine Probe gesendet werden könnte.",
    ),
    "report_not_proven": (
        401,
        "Meldung ohne Nachweis",
        "Report without proof",
        "Die Unterschrift der Meldung fehlt, passt nicht oder ist zu alt.",
    ),
    "mail_unreadable": (422, "E-Mail nicht lesbar", "Mail unreadable", "Diese E-Mail lässt sich nicht lesen."),
    "message_ended": (
        409,
        "Nachricht ist abgeschlossen",
        "Message has ended",
        "Über diese Nachricht ist schon entschieden: Sie wurde zugestellt, kam zurück oder wurde zurückgehalten.",
    ),
    "message_being_sent": (
        409,
        "Nachricht wird gerade gesendet",
        "Message is being sent",
        "Die Nachricht wird gerade gesendet. Bitte versuchen Sie es in einer Minute erneut.",
    ),
    "until_in_past": (
        409,
        "Ende liegt in der Vergangenheit",
        "End lies in the past",
        "Das Ende der Sperre muss in der Zukunft liegen.",
    ),
    "announcement_not_mailed": (
        409,
        "Meldung wurde nicht versandt",
        "Announcement was not mailed",
        "Diese Meldung ging an niemanden per E-Mail.",
    ),
    "announcement_scheduled": (
        409,
        "Veröffentlichung ist geplant",
        "Announcement is scheduled",
        "Der Verteiler steht fest, solange die Veröffentlichung geplant ist. Bitte heben Sie die Planung zuerst auf.",
    ),
    "audience_changed": (
        409,
        "Der Verteiler hat sich geändert",
        "Audience has changed",
        "Es wären jetzt {now} statt {seen} Personen. Bitte prüfen Sie den Verteiler und veröffentlichen Sie erneut.",
    ),
    "audience_missing": (
        409,
        "Verteiler fehlt",
        "Audience is missing",
        "Bitte geben Sie an, wer die Meldung erhalten soll.",
    ),
    "invitation_without_session": (
        409,
        "Einladung ohne Veranstaltung",
        "Invitation without a session",
        "Eine Einladung, die versandt wird, gehört zu einer Veranstaltung.",
    ),
    "mailing_ended": (
        409,
        "Versand ist beendet",
        "Mailing has ended",
        "Ein Versand, der gestoppt oder aufgegeben ist, lässt sich nicht anhalten.",
    ),
    "mailing_stopped": (
        409,
        "Versand ist gestoppt",
        "Mailing is stopped",
        "Ein gestoppter Versand geht nicht weiter.",
    ),
    "no_such_time": (
        409,
        "Diese Uhrzeit gibt es nicht",
        "No such time",
        "An diesem Tag wird die Uhr vorgestellt, und diese Uhrzeit fällt aus.",
    ),
    "not_an_invitation": (
        409,
        "Keine versandte Einladung",
        "Not an invitation that was mailed",
        "Erinnert wird nur an eine Einladung, die per E-Mail versandt wurde.",
    ),
    "recipients_not_counted": (
        409,
        "Verteiler ist nicht gezählt",
        "Recipients are not counted",
        "Bitte zählen Sie zuerst, wie viele Personen die Nachricht erhalten, und nennen Sie die Zahl.",
    ),
    "schedule_in_past": (
        409,
        "Zeitpunkt liegt in der Vergangenheit",
        "Moment is in the past",
        "Bitte wählen Sie einen Zeitpunkt in der Zukunft.",
    ),
    "unknown_organisation_type": (
        409,
        "Unbekannte Art von Stelle",
        "Unknown type of organisation",
        "Diese Art von Stelle gibt es nicht.",
    ),
    "unknown_session": (409, "Unbekannte Veranstaltung", "Unknown session", "Diese Veranstaltung gibt es nicht."),
    "no_such_day": (
        409,
        "Diesen Tag gibt es nicht",
        "No such day",
        "Das Datum in „{written}“ gibt es nicht.",
    ),
    "webhook_exists": (
        409,
        "Webhook gibt es schon",
        "Webhook exists",
        "Unter dieser Kennung gibt es einen anderen Webhook.",
    ),
    "webhook_limit": (
        409,
        "Zu viele Webhooks",
        "Too many webhooks",
        "Eine Organisation kann höchstens {most} Webhooks haben.",
    ),
    "webhook_disabled": (
        409,
        "Webhook ist abgeschaltet",
        "Webhook is disabled",
        "Schalten Sie den Webhook zuerst wieder ein.",
    ),
}


def register() -> None:
    """Adds the codes; called by the composition root."""
    problems.register(PROBLEMS)
