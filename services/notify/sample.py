"""A letter to somebody who does not exist, for editors to look at; and the people and things such letters are about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.notify.letter import Letter
from services.notify.texts import Text
from shared.contracts.events import Place, Times
from shared.contracts.rpc import SessionCard

BERLIN = ZoneInfo("Europe/Berlin")
NAME, EMAIL, ADDRESS = "Erika Muster", "erika.muster@stadt.example", "Rathausplatz 1, 40000 Musterstadt"
TOKEN = "beispiel"  # noqa: S105 -- opens nothing
PERSON, OTHER_PERSON, ANY_ID = (f"00000000-0000-7000-8000-{number:012x}" for number in range(1, 4))
NOW = datetime(2025, 7, 2, 14, 5, tzinfo=BERLIN)
CONFIRM_BY = datetime(2025, 7, 3, 14, 5, tzinfo=BERLIN)
ANSWER_BY = datetime(2025, 8, 14, 12, tzinfo=BERLIN)
OLD = Times(starts_at=datetime(2025, 7, 31, 10, tzinfo=BERLIN), date=date(2025, 7, 31))
NEW = Times(starts_at=datetime(2025, 8, 28, 10, tzinfo=BERLIN), date=date(2025, 8, 28))
OPEN = Times()
VENUE = Place(name="Rathaus", address=ADDRESS, city="Musterstadt")


@dataclass(frozen=True, slots=True)
class Sample:
    """A letter that a text is for. `standing` says in German to whom; `letter(texts, portal)` writes it."""

    text: str
    standing: str
    letter: Callable[[Mapping[str, Text], str], Letter]


def times_of(times: Times) -> dict[str, object]:
    """As the fields of a contract or a card."""
    return {"starts_at": times.starts_at, "ends_at": times.ends_at, "date": times.date}


def session_card(times: Times = NEW, **changes: object) -> SessionCard:
    """A session that does not take place."""
    return SessionCard.model_validate(
        {
            "session_id": ANY_ID,
            "series_id": ANY_ID,
            "series_title": "Digitale Sprechstunde",
            "title": "Digitale Sprechstunde: Gemeinsame IT",
            "status": "registration_open",
            "mode": "online",
            "hosts": ("Geschäftsstelle des Portals",),
            "sequence": 1,
            "version": 1,
            **times_of(times),
            **changes,
        }
    )
