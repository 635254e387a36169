"""Which kinds of message people choose: each is wanted more or less often, or not at all.

What somebody needs to know of something they did themselves (a registration, a question, a request) is none of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WishedKind:
    """A kind by its name on screen. `by_itself`: one may subscribe to all of it, whatever it is about."""

    label: str
    by_itself: bool = True


WISHED: dict[str, WishedKind] = {
    "announcement": WishedKind("Meldungen der Geschäftsstelle"),
    "session_announcement": WishedKind("Ankündigungen von Veranstaltungen"),
    "session_recap": WishedKind("Rückblicke auf Veranstaltungen"),
    "material_published": WishedKind("Vorträge und Unterlagen"),
    "project_published": WishedKind("Neue Projekte"),
    "project_portrait": WishedKind("Projektvorstellungen"),
    "partner_match": WishedKind("Kooperationsgesuche und -angebote"),
    "resource_available": WishedKind("Arbeitshilfen"),
    "saved_search_digest": WishedKind("Neue Treffer zu gespeicherten Suchen", by_itself=False),
    "invitation": WishedKind("Einladungen", by_itself=False),
    "reminder": WishedKind("Erinnerungen vor Veranstaltungen", by_itself=False),
    "checklist_due": WishedKind("Nächste Schritte der Checkliste", by_itself=False),
}
