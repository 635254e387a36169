"""Which kinds of message people choose: each is wanted more or less often, or not at all.

What somebody needs to know of something they did themselves (a registration, a question, a request) is none of them.
"""

from dataclasses import dataclass

from services.notify.subscriber_events import Channel, Frequency

AT_ONCE: tuple[Frequency, ...] = ("immediate", "off")
COLLECTED: tuple[Frequency, ...] = ("immediate", "daily", "weekly", "off")


@dataclass(frozen=True, slots=True)
class WishedKind:
    """A kind by its name on screen. `by_itself`: one may subscribe to all of it, whatever it is about.

    `rhythms` are what mails of it can be wanted in, `default` in which they come to who has said nothing. What would be
    too late in a digest comes at once or never.
    """

    label: str
    by_itself: bool = True
    rhythms: tuple[Frequency, ...] = COLLECTED
    default: Frequency = "immediate"

    def offered(self, channel: Channel) -> tuple[Frequency, ...]:
        """What can be wanted by a channel: the portal points something out when it happens, or does not."""
        return self.rhythms if channel == "email" else AT_ONCE

    def unless_said(self, channel: Channel) -> Frequency:
        """What is done by a channel while nothing else is wanted."""
        return self.default if channel == "email" else "immediate"


SEARCHES = "saved_search_digest"
REMINDER = "reminder"
WISHED: dict[str, WishedKind] = {
    "announcement": WishedKind("Meldungen der Geschäftsstelle"),
    "session_announcement": WishedKind("Ankündigungen von Veranstaltungen"),
    "session_recap": WishedKind("Rückblicke auf Veranstaltungen"),
    "material_published": WishedKind("Vorträge und Unterlagen"),
    "project_published": WishedKind("Neue Projekte"),
    "project_portrait": WishedKind("Projektvorstellungen"),
    "partner_match": WishedKind("Kooperationsgesuche und -angebote"),
    "resource_available": WishedKind("Arbeitshilfen"),
    SEARCHES: WishedKind("Neue Treffer zu gespeicherten Suchen", by_itself=False, default="daily"),
    "invitation": WishedKind("Einladungen", by_itself=False, rhythms=AT_ONCE),
    REMINDER: WishedKind("Erinnerungen vor Veranstaltungen", by_itself=False, rhythms=AT_ONCE),
    "checklist_due": WishedKind("Nächste Schritte der Checkliste", by_itself=False, rhythms=AT_ONCE),
}
