"""German in the portal: dates, numbers, lists, and what is said about sessions and projects."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from services.gateway.portal import german, structured, vendor
from services.gateway.portal import map as nrw
from services.gateway.portal.reading import News, Project, SessionShort
from services.gateway.portal.session_reading import Session, Talk

NOW = dt.datetime(2025, 8, 1, 8, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SUMMER = dt.datetime(2025, 8, 28, 8, 0, tzinfo=dt.UTC)
WINTER = dt.datetime(2025, 12, 1, 23, 30, tzinfo=dt.UTC)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (german.day(SUMMER), "Donnerstag, 28. August 2025"),
        (german.day(WINTER), "Dienstag, 2. Dezember 2025"),
        (german.day(dt.date(2024, 3, 12)), "Dienstag, 12. März 2024"),
        (german.short_day(SUMMER), "28. August 2025"),
        (german.clock(SUMMER), "10:00"),
        (german.clock(WINTER), "00:30"),
        (german.moment(SUMMER), "28. August 2025, 10:00 Uhr"),
        (german.span(SUMMER, None), "ab 10:00 Uhr"),
        (german.span(SUMMER, SUMMER + dt.timedelta(hours=1)), "10:00 bis 11:00 Uhr"),
        (german.span(SUMMER, SUMMER + dt.timedelta(days=1)), "10:00 Uhr bis Freitag, 29. August 2025, 10:00 Uhr"),
        (german.number(6200), "6.200"),
        (german.number(12.5), "12,5"),
        (german.euro(175000), "175.000 Euro"),
        (german.file_size(300), "1 KB"),
        (german.file_size(48_213), "48 KB"),
        (german.file_size(1_250_000), "1,2 MB"),
        (german.partial_date("2024"), "2024"),
        (german.partial_date("2024-05"), "Mai 2024"),
        (german.partial_date("2024-05-28"), "28. Mai 2024"),
        (german.listed([]), ""),
        (german.listed(["A"]), "A"),
        (german.listed(["A", "B", "C"]), "A, B und C"),
        (german.iso(SUMMER), "2025-08-28T10:00:00+02:00"),
        (german.iso(dt.date(2025, 8, 28)), "2025-08-28"),
    ],
)
def test_dates_and_numbers_read_like_german(shown: str, expected: str) -> None:
    assert plain(shown) == expected


def test_a_text_falls_into_paragraphs_and_lines() -> None:
    assert german.paragraphs("Eins\r\nzwei\r\n\r\n\r\nDrei\n\n ") == [["Eins", "zwei"], ["Drei"]]


def session(**more: Any) -> SessionShort:
    known = {
        "id": "1",
        "title": "T",
        "status": "registration_open",
        "status_label": "",
        "mode": "online",
        "mode_label": "Online",
    }
    return SessionShort.model_validate(known | more)


@pytest.mark.parametrize(
    ("facts", "over"),
    [
        ({"status": "held"}, True),
        ({"date": "2025-07-31"}, True),
        ({"date": "2025-08-01"}, False),
        ({"date": "2025-08-01", "starts_at": NOW - 2 * HOUR, "ends_at": NOW - HOUR}, True),
        ({"date": "2025-08-01", "starts_at": NOW - 2 * HOUR, "ends_at": NOW + HOUR}, False),
        ({}, False),
    ],
)
def test_a_session_is_past_when_its_end_is(facts: dict[str, Any], over: bool) -> None:  # noqa: FBT001 - a table's column
    assert session(**facts).over(NOW) is over


@pytest.mark.parametrize(
    ("facts", "tags"),
    [
        ({"registration_open": True, "free_of_charge": True}, ["Anmeldung offen", "Kostenfrei"]),
        ({"registration_open": True, "full": True}, ["Warteliste"]),
        ({"status": "registration_closed"}, ["Anmeldung geschlossen"]),
        ({"status": "cancelled", "registration_open": True, "free_of_charge": True}, ["Abgesagt"]),
        ({"postponed_from": [{"date": "2025-07-31"}], "date": "2025-08-28"}, ["Verschoben"]),
        ({"postponed_from": [{"date": "2025-07-31"}]}, ["Verschoben, neuer Termin offen"]),
        ({"status": "documented", "free_of_charge": True}, ["Dokumentiert"]),
        ({"date": "2025-07-01", "registration_open": True}, ["Vergangen"]),
    ],
)
def test_a_session_is_tagged_with_what_matters(facts: dict[str, Any], tags: list[str]) -> None:
    assert [tag.label for tag in session(**facts).tags(NOW)] == tags


def test_only_dates_that_were_known_are_struck_through() -> None:
    moved = session(postponed_from=[{"date": "2025-07-31"}, {}, {"date": "2025-08-28"}], date="2025-09-04")
    assert [str(earlier.date) for earlier in moved.given_up] == ["2025-07-31", "2025-08-28"]
    assert not session(postponed_from=[{}], date="2025-09-04").given_up


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({}, "Online"),
        ({"mode": "in_person", "mode_label": "In Präsenz"}, "In Präsenz"),
        ({"mode": "in_person", "venue": {"name": "Stadthalle", "city": "Unna"}}, "Stadthalle, Unna"),
        ({"mode": "hybrid", "venue": {"name": "Stadthalle"}}, "Stadthalle und online"),
    ],
)
def test_a_session_says_where(facts: dict[str, Any], where: str) -> None:
    assert session(**facts).where == where


def test_a_talk_without_a_file_says_which_way_it_is_missing() -> None:
    assert Talk(title="T", slides="published", file_label="Keine Datei").file_note != "Keine Datei"
    assert Talk(title="T", slides="not_published", file_label="Keine Datei").file_note == "Keine Datei"
    assert Talk(title="T", slides="published", file="https://x.example/f.pdf").file_note is None
    assert Session.model_validate(session().model_dump()).agenda.held is None


def project(*participations: dict[str, Any]) -> Project:
    return Project.model_validate(
        {
            "id": "1",
            "title": "T",
            "changed_at": NOW,
            "participations": participations,
            "labels": {"role": {"lead": "federführend", "participant": "beteiligt"}},
        }
    )


def participation(number: int, role: str = "participant", task: str | None = None) -> dict[str, Any]:
    return {"organisation_id": str(number), "name": f"Stadt {number}", "role": role, "task": task}


def test_partners_stand_once_with_all_they_do() -> None:
    shown = project(participation(1, "lead"), participation(2), participation(1, task="führt die Kasse"))
    assert [(partner.name, said) for partner, said in shown.partners] == [
        ("Stadt 1", "federführend, führt die Kasse"),
        ("Stadt 2", ""),
    ]


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (0, ""),
        (2, "Stadt 0 und Stadt 1"),
        (5, "Stadt 0, Stadt 1, Stadt 2, Stadt 3 und eine weitere Stelle"),
        (7, "Stadt 0, Stadt 1, Stadt 2, Stadt 3 und 3 weitere Stellen"),
    ],
)
def test_many_partners_are_cut_short(count: int, line: str) -> None:
    assert project(*map(participation, range(count))).partners_line == line


def test_an_action_without_its_reference_leads_nowhere() -> None:
    news = News.model_validate(
        {
            "id": "1",
            "kind_label": "",
            "title": "",
            "teaser": "",
            "session_id": "s",
            "actions": [
                {"label": "Vorträge", "target": "talks"},
                {"label": "Projekt", "target": "project"},
                {"label": "Neues", "target": "unknown"},
            ],
        }
    )
    assert news.links == [("/veranstaltungen/s#programm", "Vorträge")]


def test_the_map_knows_every_place_and_draws_each_once() -> None:
    shape = nrw.geometry()
    assert len(shape.districts) == 53
    assert len(shape.points) == 396 + 53
    assert all(0 <= x <= shape.width and 0 <= y <= shape.height for x, y in shape.points.values())
    image = nrw.draw(["05978036", "05978036", "05162", "99999"], "light")
    assert image.count("<circle") == 2
    assert nrw.draw([], "dark").count("<circle") == 0


def test_only_the_tried_version_of_the_styles_is_taken(tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / vendor.PACKAGE
    for name in vendor.FILES:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(name)
    (package / "package.json").write_text(json.dumps({"version": vendor.VERSION}))
    vendor.vendor(tmp_path / "node_modules", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(vendor.FILES.values())
    (package / "package.json").write_text(json.dumps({"version": "9.9.9"}))
    with pytest.raises(LookupError, match=r"9\.9\.9"):
        vendor.vendor(tmp_path / "node_modules", tmp_path / "out")


def session_of(**more: Any) -> Session:
    said = {"id": "s", "title": "Tagung", "status": "announced", "status_label": "", "mode": "hybrid"}
    return Session.model_validate(said | {"mode_label": "Hybrid", "starts_at": SUMMER, "date": SUMMER.date()} | more)


EARLIER = [{"starts_at": WINTER, "date": "2025-12-02"}, {"date": None}, {"date": "2025-07-31", "reason": "Sturm"}]


@pytest.mark.parametrize(
    ("change", "status", "begin", "before"),
    [
        ({}, "EventScheduled", "2025-08-28T10:00:00+02:00", None),
        (
            {"postponed_from": EARLIER},
            "EventRescheduled",
            "2025-08-28T10:00:00+02:00",
            ["2025-12-02T00:30:00+01:00", "2025-07-31"],
        ),
        (
            {"postponed_from": EARLIER[2:], "starts_at": None, "date": None},
            "EventPostponed",
            None,
            ["2025-07-31"],
        ),
        ({"status": "cancelled"}, "EventCancelled", "2025-08-28T10:00:00+02:00", None),
        ({"starts_at": None}, "EventScheduled", "2025-08-28", None),
    ],
)
def test_search_engines_are_told_the_state_and_the_dates(
    change: dict[str, Any], status: str, begin: str | None, before: list[str] | None
) -> None:
    said = structured.event_of(session_of(**change), "https://portal.example")
    assert said["eventStatus"] == f"https://schema.org/{status}"
    assert (said.get("startDate"), said.get("previousStartDate")) == (begin, before)


def test_search_engines_are_told_where_and_for_what_price() -> None:
    venue = {"name": "Stadthalle", "address": "Markt 1", "city": "Unna"}
    place = {"@type": "Place", "name": "Stadthalle", "address": "Markt 1, Unna"}
    online = {"@type": "VirtualLocation", "url": "https://portal.example/veranstaltungen/s"}
    for mode, kind, places in (
        ("online", "Online", [online]),
        ("in_person", "Offline", [place]),
        ("hybrid", "Mixed", [place, online]),
    ):
        said = structured.event_of(session_of(mode=mode, venue=venue, free_of_charge=False), "https://portal.example")
        assert said["eventAttendanceMode"] == f"https://schema.org/{kind}EventAttendanceMode"
        assert (said["location"], said["isAccessibleForFree"]) == (places, False)
    assert "isAccessibleForFree" not in structured.event_of(session_of(), ""), "nobody said so"
