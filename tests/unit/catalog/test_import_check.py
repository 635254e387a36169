"""What a row comes to, by the rules of the project it is about."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog import import_check
from services.catalog.export_cells import Names, kept_cells
from services.catalog.export_tables import row_cells
from services.catalog.import_check import Check, project_id_by_content, project_id_of
from services.catalog.import_row import Row, row_of, steps_left
from services.catalog.import_sheet import Said, Sheet, said_by, sheet_of
from services.catalog.lookup import Lookup, organisations_of
from services.catalog.project import PROJECT, Project, ProjectEvent
from services.catalog.project_cells import HEADINGS
from services.catalog.project_content import Component, Contact, Content, Effect, Participation, Reuse
from services.catalog.project_import import Target
from services.catalog.site import Site
from services.catalog.table_file import Table
from services.catalog.table_reader import read
from services.catalog.vocabulary import EffectKind, ProjectStatus, Role
from shared.kernel.csv_cells import LINE_END, csv_line
from shared.kernel.decider import Refused
from shared.kernel.problems import Problem
from shared.kernel.testing import NOON, fold
from shared.kernel.xlsx_stream import Workbook
from tests.unit.catalog.project_stories import ID, archived, content, drafted, proposed, published, returned, submitted
from tests.unit.catalog.test_project_cells import LOOKUP, id_of

UNKNOWN = "00000000-0000-5000-8000-00000000ffff"


def sheet(*rows: tuple[str, ...], kind: str = "csv") -> Sheet:
    numbered = [(number, list(cells)) for number, cells in enumerate(rows, 1)]
    return sheet_of(Table(kind, "utf-8", None, (), numbered))


def looked_at(made: Sheet, target: Target = "drafted", **known: Project | None) -> tuple[list[Row | None], list[Said]]:
    check = Check(made, LOOKUP, target, "", NOON)
    saids = [said_by(made, number, cells, LOOKUP) for number, cells in made.rows]
    check.identify(saids)
    before = check.meant_before(saids)
    check.refuse_bad_predecessors(saids, before, {id_of(99): None})
    rows = [check.conclude(said, known.get(said.project_id)) for said in saids]
    check.refuse_followers_of_none(saids, before, known)
    return rows, saids


def codes(*rows: tuple[str, ...], target: Target = "drafted") -> list[tuple[int, str, str]]:
    _, saids = looked_at(sheet(*rows), target)
    return [(line.row, line.column, line.code) for said in saids for line in said.lines]


def refusal(*rows: tuple[str, ...]) -> str:
    with pytest.raises(Problem) as no:
        sheet(*rows)
    return no.value.code


def test_columns_are_mapped_in_any_order_and_unknown_ones_are_told() -> None:
    made = sheet(
        ("Projektliste 2025", ""), ("THEMEN", "titel", "Bemerkung intern", "Status"), ("Bauhof", "A", "x", "y")
    )
    assert made.columns == {"topics": 0, "title": 1}
    assert made.ignored == ("Bemerkung intern",)
    assert [number for number, _ in made.rows] == [3]


def test_a_table_without_a_title_a_row_or_with_a_column_twice_is_refused() -> None:
    assert refusal(("Kurzfassung",), ("x",)) == "column_missing"
    assert refusal(("Titel", "Projekttitel"), ("x", "y")) == "column_twice"
    assert refusal(("Titel",)) == "table_empty"


def test_every_mistake_has_its_row_and_its_column() -> None:
    found = codes(
        ("Titel", "Themen", "Beteiligte", "Beginn", "Umsetzungsstand", "Wirkungen", "Nachnutzung", "Region"),
        ("", "", "", "", "", "", "", ""),
        ("A", "Quantenphysik", "", "", "", "", "", ""),
        ("B", "", "Atlantis; Wasserverband", "", "", "", "", ""),
        ("C", "", "Lemgo; Alte Hansestadt Lemgo", "", "", "", "", ""),
        ("D", "", "", "Mittwoch, 12.03.24", "bald", "Ruhm: 3", "", ""),
        ("E", "bauhof; Baubetriebshof", "", "31.02.2024", "", "", "a | b", "Z\x07"),
        ("F" * 301, "", "", "", "", "", "", ""),
        ("G", "", "", "", "", "", "", "", "zu weit rechts"),
        ("\u200b\u2800", "", "", "", "", "", "", ""),
    )
    assert found == [
        (2, "Titel", "title_missing"),
        (3, "Themen", "unknown_topic"),
        (4, "Beteiligte", "unknown_organisation"),
        (5, "Beteiligte", "participation_twice"),
        (6, "Beginn", "weekday_mismatch"),
        (6, "Umsetzungsstand", "unknown_term"),
        (6, "Wirkungen", "unknown_term"),
        (7, "Themen", "topic_twice"),
        (7, "Beginn", "no_such_day"),
        (7, "Nachnutzung", "unknown_part"),
        (7, "Region", "character_not_allowed"),
        (8, "Titel", "string_too_long"),
        (9, "", "cells_beyond_headings"),
        (10, "Titel", "title_missing"),
    ]


def test_a_field_of_a_hundred_thousand_characters_is_a_line_of_the_report() -> None:
    assert codes(("Titel", "Beschreibung"), ("A", "x" * 100_000)) == [(2, "Beschreibung", "string_too_long")]


@pytest.mark.parametrize(
    ("heading", "cell", "code"),
    [
        ("Beschreibung", "x" * 400_001, "too_long"),
        ("Beschreibung", "<div>" * 40_000 + "x", "too_much_markup"),
        ("Beteiligte", "ﷺ" * 300_000, "unknown_organisation"),
        ("Themen", "ﷺ" * 300_000, "unknown_topic"),
        ("Schlagwörter", "a;" * 100_000, "too_long"),
        ("Rechtsform", "ﷺ" * 300_000, "unknown_term"),
    ],
)
def test_a_cell_that_would_take_long_to_look_through_is_not(heading: str, cell: str, code: str) -> None:
    """Each of them kept everybody waiting for ten seconds and more."""
    assert codes(("Titel", heading), ("A", cell)) == [(2, heading, code)]


@pytest.mark.parametrize("text", ["GrÃ¶ÃŸe", "KÃ¼chen", "Gr\ufffd\ufffde"])
def test_umlauts_that_were_lost_before_are_told(text: str) -> None:
    assert codes(("Titel", "Region"), ("A", text)) == [(2, "Region", "garbled_text")]
    assert codes(("Titel", "Region"), ("A", "São Tomé, Größe, Ã")) == []


def test_headings_are_kept_short_and_nothing_invisible_is_kept() -> None:
    made = sheet(("Titel", "x" * 100_000, "a\0b", *(f"Spalte {n}" for n in range(100))), ("A",))
    assert made.ignored[:2] == ("x" * 59 + "…", "a\ufffdb")
    assert len(made.ignored) == 50
    (line,) = said_by(sheet(("Titel",), ("a\0b",)), 2, ["a\0b"], LOOKUP).lines
    assert (line.code, line.value) == ("character_not_allowed", "a\ufffdb")


def test_the_rules_of_publishing_hold_for_what_is_to_be_published() -> None:
    head = ("Titel", "Kurzfassung", "Themen", "Beteiligte", "Alle Beteiligten genannt")
    rows = [
        head,
        ("A", "", "Bauhof", "Lemgo; Bielefeld", "ja"),
        ("B", "b", "", "Lemgo; Bielefeld", "ja"),
        ("C", "c", "Bauhof", "Lemgo", "ja"),
        ("D", "d", "Bauhof", "Lemgo", "nein"),
    ]
    assert codes(*rows) == []
    assert codes(*rows, target="published") == [
        (2, "Kurzfassung", "summary_missing"),
        (3, "Themen", "topic_missing"),
        (4, "Beteiligte", "participations_missing"),
    ]


def test_an_address_in_a_contact_is_told_in_its_column() -> None:
    rows = ("Titel", "Ansprechstellen"), ("A", "Lemgo: Bauamt, bauamt@stadt.example")
    assert codes(*rows) == [(2, "Ansprechstellen", "address_in_contact")]


def test_formulas_and_markup_become_text() -> None:
    said = ('\'=HYPERLINK("x")', "<p>Eins</p><p>Zwei</p>", "<ul><li>a</li><li>b</li></ul>")
    (row,), _ = looked_at(sheet(("Titel", "Beschreibung", "Ziele"), said))
    assert row is not None
    assert row.content.title == '=HYPERLINK("x")'
    assert row.content.description == "Eins\nZwei"
    assert row.content.goals == ("a", "b")


def test_an_apostrophe_is_a_guard_in_text_files_only() -> None:
    (row,), _ = looked_at(sheet(("Titel",), ("'=1",), kind="xlsx"))
    assert row is not None
    assert row.content.title == "'=1"


def test_who_takes_part_stands_in_a_column_for_each_role() -> None:
    (row,), _ = looked_at(
        sheet(("Titel", "Federführend", "Beteiligte"), ("A", "Lemgo: stellt die Halle", "Bielefeld\nOWL-IT"))
    )
    assert row is not None
    assert [(each.organisation_id, each.role, each.task) for each in row.content.participations] == [
        (id_of(1), Role.LEAD, "stellt die Halle"),
        (id_of(2), Role.PARTICIPANT, None),
        (id_of(7), Role.PARTICIPANT, None),
    ]


def test_a_project_is_known_by_its_external_id_else_by_title_and_bodies() -> None:
    (first, second), _ = looked_at(
        sheet(("Kennung", "Titel", "Beteiligte"), ("4711", "A", "Lemgo"), ("", "A", "Bielefeld; Lemgo"))
    )
    assert first is not None
    assert second is not None
    assert first.project_id == project_id_of("", "4711")
    assert second.project_id == project_id_by_content("a", [id_of(1), id_of(2)])
    assert project_id_of("lippe", "4711") != project_id_of("", "4711")


def test_the_same_project_twice_in_a_file_is_refused() -> None:
    assert codes(("Kennung", "Titel"), ("1", "A"), ("1", "B")) == [(3, "Kennung", "row_twice")]
    assert codes(("Titel", "Beteiligte"), ("Bauhof", "Lemgo"), ("BAUHOF", "Lemgo")) == [(3, "Titel", "row_twice")]


def test_predecessors_stand_in_the_file_or_the_catalogue_and_never_in_a_circle() -> None:
    found = codes(
        ("Kennung", "Titel", "Vorgänger"),
        ("1", "A", "2"),
        ("2", "B", "3"),
        ("3", "C", "1"),
        ("4", "D", "4"),
        ("5", "E", "nirgends"),
        ("6", "F", "5"),
        ("7", "G", id_of(99)),
    )
    assert found == [
        (2, "Vorgänger", "circular_predecessor"),
        (3, "Vorgänger", "circular_predecessor"),
        (4, "Vorgänger", "circular_predecessor"),
        (5, "Vorgänger", "circular_predecessor"),
        (6, "Vorgänger", "unknown_predecessor"),
        (7, "Vorgänger", "predecessor_refused"),
    ]


def test_a_long_line_of_predecessors_is_walked_once() -> None:
    rows = [(str(n), f"P{n}", str(n + 1)) for n in range(12_000)]
    after = {first: then for first, _, then in rows}
    assert import_check._circling(after) == set()
    assert import_check._circling(after | {"12000": "11990"}) == {str(n) for n in range(11_990, 12_001)}


def test_who_follows_a_row_that_is_not_imported_is_not_imported() -> None:
    found = codes(
        ("Kennung", "Titel", "Themen", "Vorgänger"),
        ("1", "A", "Quantenphysik", ""),
        ("2", "B", "", "1"),
        ("3", "C", "", "2"),
        ("4", "D", "", id_of(99)),
    )
    assert found == [
        (2, "Themen", "unknown_topic"),
        (3, "Vorgänger", "predecessor_refused"),
        (4, "Vorgänger", "predecessor_refused"),
    ]


def test_an_id_must_be_one_of_a_project() -> None:
    assert codes(("Projekt-ID", "Titel"), ("keine", "A"), (UNKNOWN, "B")) == [
        (2, "Projekt-ID", "not_an_id"),
        (3, "Projekt-ID", "unknown_project"),
    ]


LEMGO_AND_BIELEFELD = content(participations=({"organisation_id": id_of(1)}, {"organisation_id": id_of(2)}))
OTHER = "Anders zusammengefasst."


def row(events: list[ProjectEvent], target: Target, **fields: Any) -> Row:
    """A row that says something of a project with this past."""
    return row_of(Said(2, project_id=ID, fields=fields), fold(PROJECT, events), LOOKUP, target, NOON)


@pytest.mark.parametrize(
    ("events", "target", "steps"),
    [
        (drafted(), "drafted", ("edit",)),
        (returned(), "submitted", ("edit", "submit")),
        (drafted(), "published", ("edit", "submit", "publish")),
        (published(), "drafted", ("edit",)),
        (published(), "published", ("revise",)),
        (proposed(content(title="Vorschlag")), "submitted", ("edit",)),
    ],
)
def test_a_changed_row_edits_the_draft_or_proposes_or_replaces_a_version(
    events: list[ProjectEvent], target: Target, steps: tuple[str, ...]
) -> None:
    changed = row(events, target, summary=OTHER)
    assert (changed.outcome, changed.steps) == ("changed", steps)
    assert changed.content.summary == OTHER


@pytest.mark.parametrize(
    "events", [drafted(), submitted(), published(), archived(), proposed(content(title="Vorschlag"))]
)
def test_a_row_that_says_nothing_new_does_nothing(events: list[ProjectEvent]) -> None:
    said = fold(PROJECT, events)
    assert said is not None
    newest = said.pending.content if said.pending else said.content
    assert row(events, "drafted", title=newest.title).outcome == "unchanged"


def test_columns_that_are_missing_keep_what_there_is_and_empty_cells_empty_it() -> None:
    kept = row(drafted(), "drafted", title="Neu")
    assert (kept.content.summary, kept.content.topics) == (content().summary, content().topics)
    assert row(drafted(), "drafted", summary=None).content.summary is None
    unnamed = drafted(content(participations_complete=False))
    assert row(unnamed, "drafted", participations_complete=None).content.participations_complete


@pytest.mark.parametrize(("events", "code"), [(submitted(), "project_under_review"), (archived(), "project_archived")])
def test_a_change_that_the_project_refuses_is_refused(events: list[ProjectEvent], code: str) -> None:
    with pytest.raises(Refused) as no:
        row(events, "drafted", summary=OTHER)
    assert no.value.code == code


def test_the_order_of_participants_stays_where_they_are_the_same() -> None:
    said = Said(2, project_id=ID, roles=frozenset({Role.PARTICIPANT}))
    said.partners = [{"organisation_id": id_of(n), "ags": None, "role": Role.PARTICIPANT, "task": None} for n in (2, 1)]
    project = fold(PROJECT, drafted(LEMGO_AND_BIELEFELD))
    assert row_of(said, project, LOOKUP, "drafted", NOON).outcome == "unchanged"
    said.partners.pop()
    assert row_of(said, project, LOOKUP, "drafted", NOON).outcome == "changed"


def test_a_project_that_somebody_changed_meanwhile_is_only_brought_further_when_it_says_the_same() -> None:
    def left(events: list[ProjectEvent], said: Content, target: Target = "published") -> tuple[str, ...] | None:
        project = fold(PROJECT, events)
        assert project is not None
        return steps_left(project, said, target, NOON)

    assert left(drafted(), content()) == ("submit", "publish")
    assert left(submitted(), content()) == ("publish",)
    assert left(published(), content()) == ()
    assert left(drafted(), content(), "drafted") == ()
    assert left(published(), content(), "submitted") == ()
    assert left(drafted(), content(summary=OTHER)) is None
    with pytest.raises(Refused) as no:
        left(archived(), content(summary=OTHER), "drafted")
    assert no.value.code == "project_archived"


SIGNS = st.text(st.sampled_from("aÄ '\"=+-@|;:,<>&%\\/.()0\u00a0\u2028\u200b😀"), min_size=1, max_size=12)
LINES = SIGNS.filter(lambda text: bool(text.strip())) | st.just("a_x0041_b_x000D_")
SOME = st.none() | LINES
TEXTS = st.none() | st.text(st.sampled_from("aÄ '\"=+-;|\\<>\t\n\u2028")).filter(lambda text: bool(text.strip()))
EVERYTHING = st.builds(
    Content,
    title=LINES,
    short_title=SOME,
    summary=TEXTS,
    description=TEXTS,
    topics=st.sampled_from([(), ("works_depot",)]),
    keywords=st.lists(LINES, max_size=2).map(tuple),
    region=SOME,
    goals=st.lists(LINES, max_size=2).map(tuple),
    effects=st.lists(st.builds(Effect, kind=st.sampled_from(EffectKind), text=LINES, base=SOME), max_size=2).map(tuple),
    components=st.lists(st.builds(Component, name=LINES, text=SOME), max_size=2).map(tuple),
    reuse=st.none() | st.builds(Reuse, text=LINES, possible=st.none() | st.booleans()),
    contacts=st.lists(
        st.builds(Contact, organisation_name=LINES.map("Amt {}".format), function=SOME, note=SOME)
        | st.builds(Contact, organisation_id=st.sampled_from([id_of(1), id_of(5), id_of(7)]), function=SOME),
        max_size=2,
    ).map(tuple),
    participations=st.lists(
        st.builds(
            Participation,
            organisation_id=st.sampled_from([id_of(n) for n in range(1, 8)]),
            role=st.sampled_from(Role),
            task=SOME,
        ),
        max_size=4,
        unique_by=lambda each: (each.organisation_id, each.role),
    ).map(tuple),
)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@settings(max_examples=60)
@given(said=EVERYTHING)
def test_whatever_a_project_says_an_export_of_it_changes_nothing(kind: str, said: Content) -> None:
    project = fold(PROJECT, drafted(said))
    assert project is not None
    kept = kept_cells(said, ProjectStatus.DRAFTED, None, NOON)
    line = [kept[name] for name in ("cells_before", "topics", "partners", "cells_after")]
    cells = row_cells(ID, line, Names(LOOKUP), Site())
    if kind == "csv":
        raw = "".join(csv_line(line) + LINE_END for line in (HEADINGS, cells)).encode()
    else:
        workbook = Workbook("Projekte", HEADINGS)
        raw = workbook.add([cells]) + workbook.finish()
    table = read(raw)
    made = sheet_of(Table(kind, None, None, (), [(number, row) for number, row in table["rows"]]))
    (found,), (told,) = looked_at(made, "drafted", **{ID: project})
    assert told.lines == []
    assert found is not None
    assert found.outcome == "unchanged", (found.content, said)


def test_a_cell_that_a_workbook_cut_off_is_not_taken_for_the_whole() -> None:
    assert codes(("Titel", "Unterlagen"), ("A", "x" * 32_766 + "…")) == [(2, "Unterlagen", "cell_cut_off")]


def test_a_body_that_was_merged_into_another_is_the_same_as_it() -> None:
    lemgo = LOOKUP.organisations.by_id[id_of(1)]
    organisations = organisations_of([(id_of(1), lemgo.ags, "|lemgo|", lemgo), (id_of(30), None, "|alt|", lemgo)])
    said = Said(2, project_id=ID, roles=frozenset({Role.PARTICIPANT}))
    said.partners = [{"organisation_id": id_of(1), "ags": lemgo.ags, "role": Role.PARTICIPANT, "task": None}]
    before = content(participations=({"organisation_id": id_of(30)}, {"organisation_id": id_of(1)}))
    lookup = Lookup(organisations, LOOKUP.topics)
    assert row_of(said, fold(PROJECT, drafted(before)), lookup, "drafted", NOON).outcome == "unchanged"


def test_a_row_full_of_mistakes_is_told_of_some_and_is_still_known() -> None:
    head = ("Beginn", "Rechtsform", "Umsetzungsstand", "Themen", "Kennung", "Titel")
    made = sheet(head, ("x", "x", "x", "x", "1", "A"), ("x", "x", "x", "x", "", "A"), ("x", "x", "x", "x", "", "A"))
    saids = [said_by(made, number, cells, LOOKUP, 2) for number, cells in made.rows]
    Check(made, LOOKUP, "drafted", "", NOON).identify(saids)
    assert [line.code for line in saids[0].lines] == ["not_a_date", "unknown_term", "row_left"]
    assert saids[0].project_id == project_id_of("", "1")
    assert [len(said.lines) for said in saids] == [3, 3, 3]


def test_a_cell_full_of_mistakes_is_told_of_some() -> None:
    (_,), (said,) = looked_at(sheet(("Titel", "Beteiligte"), ("A", "; ".join(f"Atlantis {n}" for n in range(900)))))
    (line,) = said.lines
    assert line.detail.count("Atlantis") == 10
