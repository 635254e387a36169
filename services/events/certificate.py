"""A certificate of attendance on paper: a tagged PDF (PDF/UA-1)."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.events.life import Life
from services.events.participant import Contact
from services.events.session_shown import MODE_LABELS, SessionRow
from services.events.times import BERLIN
from shared.kernel.typesetting import Typesetter

TEMPLATE = Path(__file__).parent / "templates" / "certificate.typ"
HEADING = "Teilnahmebescheinigung"
FOOTER = "Diese Bescheinigung wurde maschinell erstellt und ist ohne Unterschrift gültig."
MOST_TALKS = 12


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certified of whom."""

    of: SessionRow
    contact: Contact
    today: dt.date

    async def printed(self, setting: Typesetter) -> bytes:
        """The PDF; the same bytes for the same state on the same day."""
        return await setting.set(TEMPLATE.read_text("utf-8"), self.shown(), self.of.changed_at)

    def shown(self) -> dict[str, Any]:
        """What the template gets."""
        life = self.of.life
        talks = [talk.title for talk in life.documentation.talks] if life.documentation else []
        left = len(talks) - MOST_TALKS
        return {
            "heading": HEADING,
            "name": self.contact.name,
            "organisation": self.contact.organisation_name,
            "title": life.content.title,
            "hosts": ", ".join(life.content.hosts),
            "facts": [fact for fact in self._facts(life) if fact[1]],
            "talks": talks[:MOST_TALKS],
            "more": f"und {left} weitere" if left > 0 else None,
            "issued": f"Ausgestellt am {self.today:%d.%m.%Y}",
            "footer": FOOTER,
        }

    def _facts(self, life: Life) -> list[tuple[str, str]]:
        content = life.content
        venue = content.venue
        place = ", ".join(filter(None, (venue.name, venue.city))) if venue else ""
        return [
            ("Veranstaltungsreihe", self.of.series.title if self.of.series else ""),
            ("Datum", f"{life.when.weekday}, {life.when.day:%d.%m.%Y}" if life.when.day else ""),
            ("Uhrzeit", _hours(life)),
            ("Form", MODE_LABELS[content.mode]),
            ("Ort", place),
            ("Veranstaltet von", ", ".join(content.hosts)),
        ]


def _hours(life: Life) -> str:
    starts_at, ends_at = life.when.starts_at, life.when.ends_at
    if starts_at is None:
        return ""
    if ends_at is None or ends_at.date() != starts_at.date():
        return f"ab {starts_at:%H:%M} Uhr"
    return f"{starts_at:%H:%M} bis {ends_at:%H:%M} Uhr"


def possible(life: Life) -> bool:
    """Whether there is anything to certify: the session took place."""
    return life.stage in {"held", "documented"}


def today(at: dt.datetime) -> dt.date:
    """The day in Germany."""
    return at.astimezone(BERLIN).date()
