"""A project as a row of a spreadsheet: its columns, and what stands in them.

The same columns are written and read, so that what was exported comes back as it was. Whoever takes part stands in a
column for each role; names of organisations and topics are looked up, everything else speaks for itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.catalog.cells import (
    Unreadable,
    date_text,
    day,
    escaped,
    items,
    joined,
    measured,
    number,
    number_text,
    partial_date,
    parts,
    shortened,
    spelling,
    term,
    unescaped,
    whole_number,
    yes_no_text,
    yes_or_no,
)
from services.catalog.project_content import Content
from services.catalog.vocabulary import (
    EffectKind,
    EffectUnit,
    LegalForm,
    Motive,
    Obstacle,
    ResourceKind,
    Role,
    Stage,
    SuccessFactor,
    Term,
)

type Read = Callable[[str], Any]
type Write = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that speaks for itself: the field it is of, its heading, other headings it is known by."""

    field: str
    heading: str
    others: tuple[str, ...]
    read: Read
    write: Write


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a thing that has several: the fields it fills, and its label (none for the first)."""

    label: str
    read: Callable[[str], dict[str, Any]]
    write: Callable[[Any], str | None]


def _plain(field: str) -> Part:
    return Part("", lambda text: {field: unescaped(text)}, lambda thing: getattr(thing, field))


def _labelled(field: str, label: str, read: Read = unescaped, write: Write = str) -> Part:
    def written(thing: Any) -> str | None:
        value = getattr(thing, field)
        return None if value is None else write(value)

    return Part(label, lambda text: {field: read(text)}, written)


def _of(vocabulary: type[Term]) -> tuple[Read, Write]:
    return lambda text: term(vocabulary, unescaped(text)), lambda value: value.label


def _things(first: Part, *more: Part) -> tuple[Read, Write]:
    """How a list of things is read and written, each `first | Label: … | Label: …`."""
    by_label = {spelling(part.label): part for part in more}

    def read_one(item: str) -> dict[str, Any]:
        head, *rest = parts(item) or [""]
        fields = dict(first.read(head)) if head else {}
        for text in rest:
            label, colon, said = text.partition(":")
            part = by_label.get(spelling(label)) if colon else None
            if part is None:
                allowed = ", ".join(f"„{each.label}:“" for each in more)
                raise Unreadable("unknown_part", f"„{shortened(text)}“ beginnt mit keinem von {allowed}.")
            fields |= part.read(said.strip())
        return fields

    def write_one(thing: Any) -> str:
        labelled = [(part.label, part.write(thing)) for part in more]
        said = [f"{label}: {escaped(text)}" for label, text in labelled if text is not None]
        return " | ".join([escaped(first.write(thing) or ""), *said])

    return lambda cell: tuple(map(read_one, items(cell))), lambda things: joined(map(write_one, things))


def _thing(first: Part, *more: Part) -> tuple[Read, Write]:
    """The same for one thing."""
    read, write = _things(first, *more)

    def read_only(cell: str) -> dict[str, Any]:
        things: tuple[dict[str, Any], ...] = read(cell)
        if len(things) != 1:
            raise Unreadable(
                "more_than_one", "Hier steht mehr als eine Angabe; ein Semikolon im Text wird als \\; geschrieben."
            )
        return things[0]

    return read_only, lambda thing: write((thing,))


def _listed(read: Read = str, write: Write = str) -> tuple[Read, Write]:
    """A list of single words or texts."""
    return (
        lambda cell: tuple(read(unescaped(item)) for item in items(cell)),
        lambda values: joined(escaped(write(value)) for value in values),
    )


def _terms(vocabulary: type[Term]) -> tuple[Read, Write]:
    return _listed(lambda text: term(vocabulary, text), lambda value: value.label)


def _kind_and_more(text: str) -> dict[str, Any]:
    """An effect's kind, and behind a colon its value or its text: "Kosteneinsparung: 18 %"."""
    kind, colon, said = unescaped(text).partition(":")
    fields: dict[str, Any] = {"kind": term(EffectKind, kind)}
    if colon and said.strip():
        try:
            fields |= _value(said.strip())
        except Unreadable:
            fields["text"] = said.strip()
    return fields


def _value(text: str) -> dict[str, Any]:
    value, unit = measured(unescaped(text))
    return {"value": value, "unit": unit}


def _value_text(effect: Any) -> str | None:
    return None if effect.value is None else f"{number_text(effect.value)} {EffectUnit(effect.unit).label}"


def _euros(text: str) -> int:
    bare = unescaped(text).replace("€", "").replace("EUR", "").replace("Euro", "")
    return whole_number(bare.strip())


def _weeks(text: str) -> int | float:
    return number(unescaped(text).removesuffix("Wochen").removesuffix("Woche").strip())


TEXT: tuple[Read, Write] = (str, str)
EFFECTS = _things(
    Part("", _kind_and_more, lambda effect: effect.kind.label),
    Part("Wert", _value, _value_text),
    _labelled("text", "Text"),
    _labelled("base", "Bezugsgröße"),
    _labelled("period", "Zeitraum"),
    _labelled("source", "Quelle"),
)
METHOD = _thing(
    _plain("name"),
    _labelled("duration_weeks", "Dauer in Wochen", _weeks),
    _labelled("scope", "Umfang"),
)
MILESTONES = _things(
    _plain("text"),
    _labelled("on", "Am", lambda text: partial_date(unescaped(text)), date_text),
    Part(
        "Erreicht",
        lambda text: {"reached": yes_or_no(text)},
        lambda milestone: yes_no_text(True) if milestone.reached else None,  # noqa: FBT003
    ),
)
COMPONENTS = _things(_plain("name"), _labelled("text", "Text"), _labelled("link", "Adresse"))
REUSE = _thing(_plain("text"), _labelled("possible", "Möglich", yes_or_no, yes_no_text))
FUNDING = _things(
    _plain("programme"),
    _labelled("amount_eur", "Betrag in Euro", _euros, number_text),
    _labelled("approved_on", "Bewilligt am", lambda text: day(unescaped(text)), lambda on: date_text(on.isoformat())),
)
DOCUMENTS = _things(
    _plain("title"),
    _labelled("kind", "Art", *_of(ResourceKind)),
    _labelled("link", "Adresse"),
)


def _column(field: str, heading: str, how: tuple[Read, Write], *others: str) -> Column:
    return Column(field, heading, others, *how)


BEFORE = (
    _column("title", "Titel", TEXT, "Projekt", "Projekttitel", "Bezeichnung", "Name"),
    _column("short_title", "Kurztitel", TEXT, "Kurzbezeichnung"),
    _column("summary", "Kurzfassung", TEXT, "Zusammenfassung", "Kurzbeschreibung"),
    _column("description", "Beschreibung", TEXT, "Projektbeschreibung", "Langfassung"),
)
AFTER = (
    _column("participations_complete", "Alle Beteiligten genannt", (yes_or_no, yes_no_text), "Beteiligte vollständig"),
    _column("keywords", "Schlagwörter", _listed(), "Stichwörter", "Schlagworte", "Tags"),
    _column("region", "Region", TEXT, "Gebiet"),
    _column("legal_form", "Rechtsform", (lambda text: term(LegalForm, text), lambda value: value.label)),
    _column("stage", "Umsetzungsstand", (lambda text: term(Stage, text), lambda value: value.label), "Stand", "Phase"),
    _column("start", "Beginn", (partial_date, date_text), "Start", "Projektbeginn", "Startdatum"),
    _column("motives", "Beweggründe", _terms(Motive), "Motive", "Anlass"),
    _column("goals", "Ziele", _listed(), "Ziel"),
    _column("measures", "Maßnahmen", _listed(), "Maßnahme"),
    _column("effects", "Wirkungen", EFFECTS, "Wirkung", "Effekte"),
    _column("success_factors", "Erfolgsfaktoren", _terms(SuccessFactor)),
    _column("obstacles", "Hemmnisse", _terms(Obstacle), "Hindernisse"),
    _column("method", "Methode", METHOD, "Vorgehen"),
    _column("milestones", "Meilensteine", MILESTONES),
    _column("components", "Bausteine", COMPONENTS),
    _column("reuse", "Nachnutzung", REUSE),
    _column("funding", "Förderung", FUNDING, "Förderungen"),
    _column("documents", "Unterlagen", DOCUMENTS, "Dokumente"),
    _column("predecessor", "Vorgänger", TEXT, "Vorgängerprojekt"),
)
SPEAKING: Mapping[str, Column] = {column.field: column for column in (*BEFORE, *AFTER)}
ID = "id"
EXTERNAL_ID = "external_id"
TOPICS = "topics"
CONTACTS = "contacts"
ROLE_HEADINGS: Mapping[Role, str] = {
    Role.LEAD: "Federführend",
    Role.DELEGATING: "Abgebend",
    Role.PERFORMING: "Aufnehmend",
    Role.PARTICIPANT: "Beteiligte",
    Role.ASSOCIATED: "Assoziierte",
    Role.FUNDER: "Fördernde",
    Role.SERVICE_PROVIDER: "Dienstleister",
}
LOOKED_UP: Mapping[str, str] = {
    TOPICS: "Themengebiete",
    **{str(role): heading for role, heading in ROLE_HEADINGS.items()},
    CONTACTS: "Ansprechstellen",
}
TOLD = ("Status", "Veröffentlicht am", "Geändert am", "Adresse")  # written for readers, never read
HEADINGS: Sequence[str] = (
    "Projekt-ID",
    *(column.heading for column in BEFORE),
    *LOOKED_UP.values(),
    *(column.heading for column in AFTER),
    *TOLD,
)
OTHER_HEADINGS: Mapping[str, tuple[str, ...]] = {
    ID: ("Projekt-ID", "Projektnummer im Portal", "project id", "UUID"),
    EXTERNAL_ID: ("Kennung", "Externe ID", "Externe Kennung", "Aktenzeichen", "Laufende Nummer", "Lfd. Nr."),
    TOPICS: ("Themengebiet", "Themen", "Thema", "Themenfeld", "topic"),
    CONTACTS: ("Ansprechstelle", "Kontakt", "Kontaktstelle", "contact"),
    str(Role.LEAD): ("Federführung", "Federführende Stelle"),
    str(Role.DELEGATING): ("Abgebende", "Abgebende Stelle"),
    str(Role.PERFORMING): ("Aufnehmende", "Durchführend", "Durchführende Stelle"),
    str(Role.PARTICIPANT): (
        "Beteiligt",
        "Partner",
        "Beteiligte Stellen",
        "Beteiligte Kommunen",
        "participants",
        "partners",
    ),
    str(Role.ASSOCIATED): ("Assoziiert", "Assoziierte Partner"),
    str(Role.FUNDER): ("Fördernd", "Fördergeber", "Fördermittelgeber"),
    str(Role.SERVICE_PROVIDER): ("Dienstleistende",),
}


def _known_headings() -> dict[str, str]:
    """Every heading's spelling with the key of its column."""
    known: dict[str, str] = {}
    for key, headings in {
        **{column.field: (column.field, column.heading, *column.others) for column in SPEAKING.values()},
        **{key: (key, heading) for key, heading in LOOKED_UP.items()},
    }.items():
        known |= {spelling(heading): key for heading in headings}
    for key, headings in OTHER_HEADINGS.items():
        known |= {spelling(heading): key for heading in (key, *headings)}
    return known


KEYS_BY_SPELLING: Mapping[str, str] = _known_headings()
TOLD_SPELLINGS = frozenset(map(spelling, TOLD))


def heading_of(key: str) -> str:
    """The German heading of a column."""
    if column := SPEAKING.get(key):
        return column.heading
    return LOOKED_UP.get(key) or OTHER_HEADINGS[key][0]


def speaking_cells(content: Content, columns: Sequence[Column]) -> list[str]:
    """The cells that speak for themselves; an absent value is an empty one."""
    cells = []
    for column in columns:
        value = getattr(content, column.field)
        cells.append("" if value is None or value == () else column.write(value))
    return cells
