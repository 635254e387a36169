"""What stands in a cell of a German spreadsheet, read and written: lists, numbers, dates, words of closed lists.

Several things in one cell are separated by semicolons or line ends, the parts of one thing by `|`; a backslash takes
the meaning from the sign behind it. What is written here is read as the same.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from math import isinf

from services.catalog.naming import words
from services.catalog.vocabulary import EffectUnit, Term
from shared.kernel.parsing import REFUSED

ITEMS = re.compile(r"(?:\\.|\\$|[^;\r\n\\])+", re.DOTALL)
PARTS = re.compile(r"(?:\\.|\\$|[^|\\])+", re.DOTALL)
ESCAPED = re.compile(r"\\([\\;|])")
SIGNS = re.compile(r"([\\;|])")
GERMAN = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?")
PLAIN = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS = (
    *("januar", "februar", "marz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november"),
    "dezember",
)
WEEKDAY = re.compile(r"([A-Za-z]{2,})\.?,?\s*(?:den\s+)?(?=\d)")
ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ]00:00(?::00)?)?")
DOTTED = re.compile(r"(?:(\d{1,2})\.\s?)?(\d{1,2})[./]\s?(\d{4}|\d{2})")
SPELLED = re.compile(r"(?:(\d{1,2})\.\s?)?([A-Za-zäÄ]+)\.?\s+(\d{4})")
LONGEST_NUMBER = 40
LONGEST_NAME = 1000  # of what is looked up; nothing that can be found is as long
MOST_ITEMS = 1000
SAME_AGAIN = 4096  # a column says the same few things again and again
CENTURY_TURNS = 70  # "69" is 2069, "70" is 1970
YES = frozenset({"ja", "j", "yes", "y", "true", "wahr", "x", "1"})
NO = frozenset({"nein", "n", "no", "false", "falsch", "0"})
UNIT_SIGNS = {"%": EffectUnit.PERCENT, "€": EffectUnit.EUR, "eur": EffectUnit.EUR, "€/jahr": EffectUnit.EUR_PER_YEAR}


@dataclass(eq=False)
class Unreadable(Exception):
    """What stands in a cell cannot be what its column is for: a stable code, and a German sentence."""

    code: str
    detail: str


def items(cell: str) -> list[str]:
    """The things listed in a cell, still escaped; more than any field takes are none."""
    listed = [item for found in ITEMS.findall(cell) if (item := found.strip())]
    if len(listed) > MOST_ITEMS:
        raise Unreadable("too_long", f"Hier stehen mehr als {MOST_ITEMS} Angaben.")
    return listed


def parts(item: str) -> list[str]:
    """The parts of one thing, still escaped."""
    return [found.strip() for found in PARTS.findall(item)]


def unescaped(text: str) -> str:
    """The text that was meant."""
    return ESCAPED.sub(r"\1", text) if "\\" in text else text


def escaped(text: str) -> str:
    """The text so that `items` and `parts` leave it whole."""
    return SIGNS.sub(r"\\\1", text)


def joined(listed: Iterable[str]) -> str:
    """A cell of several things, each already escaped."""
    return "; ".join(listed)


def number(text: str) -> int | float:
    """ "1.234,5", "1234.5" or "12 000"; "1.234" is one thousand two hundred and thirty-four."""
    bare = text.replace(" ", "").replace(" ", "").replace(" ", "")
    if GERMAN.fullmatch(bare):
        bare = bare.replace(".", "").replace(",", ".")
    elif PLAIN.fullmatch(bare):
        bare = bare.replace(",", "")
    else:
        raise Unreadable("not_a_number", f"„{shortened(text)}“ ist keine Zahl wie 1.234,5.")
    value = float(bare) if "." in bare or len(bare) > LONGEST_NUMBER else int(bare)
    if isinf(value):
        raise Unreadable("not_a_number", f"„{shortened(text)}“ ist zu groß.")
    return value


def whole_number(text: str) -> int:
    """A number without a fraction."""
    value = number(text)
    if value != int(value):
        raise Unreadable("not_a_whole_number", f"„{shortened(text)}“ ist keine ganze Zahl.")
    return int(value)


def number_text(value: float) -> str:
    """The number as a German reads it, without grouping."""
    return format(Decimal(repr(value)), "f").replace(".", ",")


@lru_cache(maxsize=SAME_AGAIN)
def partial_date(text: str) -> str:
    """A year, a month or a day as `2024`, `2024-05`, `2024-05-27`; a weekday that stands beside must fit."""
    weekday, rest = _weekday(text.strip())
    numbers = _date_parts(rest)
    year, month, day_of_month = (*numbers, 1, 1)[:3]
    try:
        found = date(year, month, day_of_month)
    except ValueError as error:
        raise Unreadable("no_such_day", f"Den Tag „{shortened(text)}“ gibt es nicht.") from error
    if weekday and weekday != WEEKDAYS[found.weekday()]:
        raise Unreadable("weekday_mismatch", f"Der {found:%d.%m.%Y} ist ein {WEEKDAYS[found.weekday()]}.")
    return found.isoformat()[: len("2024-05-27") - 3 * (3 - len(numbers))]


def day(text: str) -> date:
    """A whole date."""
    found = partial_date(text)
    if len(found) != len("2024-05-27"):
        raise Unreadable("date_incomplete", f"„{shortened(text)}“ ist kein ganzes Datum wie 27.05.2024.")
    return date.fromisoformat(found)


def date_text(found: str) -> str:
    """`2024-05-27` as 27.05.2024, `2024-05` as 05/2024, `2024` as it is."""
    year, *rest = found.split("-")
    return f"{rest[1]}.{rest[0]}.{year}" if len(rest) == 2 else f"{rest[0]}/{year}" if rest else year


def yes_or_no(text: str) -> bool:
    """Yes or no, in German or English."""
    word = text.strip().casefold()
    if word not in YES | NO:
        raise Unreadable("not_yes_or_no", f"„{shortened(text)}“ ist weder „ja“ noch „nein“.")
    return word in YES


def yes_no_text(value: bool) -> str:  # noqa: FBT001 -- what is written
    """Its opposite."""
    return "ja" if value else "nein"


def term[T: Term](vocabulary: type[T], text: str) -> T:
    """A word of a closed list by its code, its German word or its label, in any spelling."""
    found = _term(vocabulary, text)
    if found is None:
        allowed = ", ".join(each.label for each in vocabulary)
        raise Unreadable("unknown_term", f"„{shortened(text)}“ ist hier nicht vorgesehen. Möglich sind: {allowed}.")
    return vocabulary(found)


@lru_cache(maxsize=SAME_AGAIN)
def _term(vocabulary: type[Term], text: str) -> str | None:
    return _spellings(vocabulary).get(spelling(text))


@lru_cache(maxsize=SAME_AGAIN)
def measured(text: str) -> tuple[int | float, EffectUnit]:
    """A number and what it counts: "18 %", "12.000 Euro im Jahr"."""
    found = re.match(r"\s*([+-]?[\d.,  ]*\d)\s*(.+)$", text)
    if found is None:
        raise Unreadable("not_measured", f"„{shortened(text)}“ ist keine Zahl mit Einheit wie „18 Prozent“.")
    sign = UNIT_SIGNS.get(found[2].strip().casefold())
    return number(found[1]), sign or term(EffectUnit, found[2])


def spelling(text: str) -> str:
    """What two spellings of one word have in common; of a text that is too long for a word, its beginning."""
    return " ".join(words(text[:LONGEST_NAME]))


def shortened(text: str, most: int = 60) -> str:
    """The text, or its beginning, without signs that nobody sees and no database keeps."""
    return REFUSED.sub("\ufffd", text if len(text) <= most else f"{text[: most - 1]}…")


@cache
def _spellings(vocabulary: type[Term]) -> dict[str, str]:
    spelled: Sequence[tuple[str, Term]] = [
        (spelling(name), each) for each in vocabulary for name in (each.label, each.slug, str(each))
    ]
    return {key: str(each) for key, each in spelled}


def _weekday(text: str) -> tuple[str | None, str]:
    """The weekday at the beginning of a date, and the rest."""
    found = WEEKDAY.match(text)
    named = found[1].capitalize() if found else ""
    fitting = [each for each in WEEKDAYS if named and each.startswith("Samstag" if named == "Sonnabend" else named)]
    return (fitting[0], text[found.end() :]) if found and len(fitting) == 1 else (None, text)


def _date_parts(text: str) -> tuple[int, ...]:
    """Year; year and month; or year, month and day."""
    if found := ISO.fullmatch(text):
        return tuple(int(part) for part in found.groups() if part)
    if found := DOTTED.fullmatch(text):
        return tuple(int(part) for part in (_year(found[3]), found[2], found[1]) if part)
    if (found := SPELLED.fullmatch(text)) and (month := _month(found[2])):
        return tuple(int(part) for part in (found[3], month, found[1]) if part)
    raise Unreadable("not_a_date", f"„{shortened(text)}“ ist kein Datum wie 27.05.2024, 05/2024 oder 2024.")


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < CENTURY_TURNS else 1900)


def _month(name: str) -> int | None:
    """By its first three letters or more."""
    folded = spelling(name)
    fitting = [n for n, month in enumerate(MONTHS, 1) if len(folded) >= 3 and month.startswith(folded)]
    return fitting[0] if len(fitting) == 1 else None
