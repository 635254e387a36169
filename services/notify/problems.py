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
    "no_such_day": (
        409,
        "Diesen Tag gibt es nicht",
        "No such day",
        "Das Datum in „{written}“ gibt es nicht.",
    ),
}


def register() -> None:
    """Adds the codes; called by the composition root."""
    problems.register(PROBLEMS)
