"""Resources come in versions and are retired; figures keep their newest reading."""

from datetime import UTC, date, datetime

import pytest

from services.catalog.key_figure import (
    KEY_FIGURE,
    KeyFigure,
    KeyFigureCommand,
    KeyFigureEvent,
    KeyFigureRecorded,
    KeyFigureWithdrawn,
    Reading,
    RecordKeyFigure,
    WithdrawKeyFigure,
)
from services.catalog.key_figure_list import statement
from services.catalog.resource import (
    RESOURCE,
    Details,
    PublishResource,
    ResourceEvent,
    ResourcePublished,
    ResourceRetired,
    ResourceRevised,
    RetireResource,
    ReviseResource,
)
from services.catalog.resource_downloads import rounded
from services.catalog.vocabulary import Qualifier
from shared.kernel.stored_file import StoredFile
from shared.kernel.testing import Given, given

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = "00000000-0000-5000-8000-000000000001"
CHECKLIST = Details(kind="checklist", title="Vom Förderantrag bis zur Umsetzung", summary="Drei Schritte.")
READING = Reading(
    value=6200, qualifier="more_than", counts="umgesetzte Projekte", source="gpaNRW", stated_on=date(2025, 5, 27)
)


def test_a_resource_is_published_once() -> None:
    first = ResourcePublished(at=AT, resource_id=ID, version=1, details=CHECKLIST)
    given(RESOURCE, []).when(PublishResource(resource_id=ID, details=CHECKLIST), at=AT).then([first])


def test_what_reads_differently_is_a_new_version() -> None:
    first = ResourcePublished(at=AT, resource_id=ID, version=1, details=CHECKLIST)
    longer = CHECKLIST.model_copy(update={"summary": "Vier Schritte."})
    second = ResourcePublished(at=AT, resource_id=ID, version=2, details=longer)
    given(RESOURCE, [first]).when(PublishResource(resource_id=ID, details=longer), at=AT).then([second])


FIRST: ResourceEvent = ResourcePublished(at=AT, resource_id=ID, version=1, details=CHECKLIST)
FILE = StoredFile(name="Checkliste.pdf", media_type="application/pdf", size=3, sha256="0" * 64)
WITH_FILE = CHECKLIST.model_copy(update={"file": FILE})
RETIRED: ResourceEvent = ResourceRetired(at=AT, reason="Veraltet.")


def test_another_file_is_another_version() -> None:
    second = ResourceRevised(at=AT, resource_id=ID, version=2, details=WITH_FILE)
    given(RESOURCE, [FIRST]).when(ReviseResource(details=WITH_FILE), at=AT).then([second])
    given(RESOURCE, [FIRST]).when(ReviseResource(details=CHECKLIST), at=AT).nothing()


def test_what_editors_revised_is_not_loaded_again() -> None:
    revised = ResourceRevised(at=AT, resource_id=ID, version=2, details=WITH_FILE)
    longer = CHECKLIST.model_copy(update={"summary": "Vier Schritte."})
    given(RESOURCE, [FIRST, revised]).when(PublishResource(resource_id=ID, details=longer), at=AT).nothing()
    given(RESOURCE, [FIRST, RETIRED]).when(PublishResource(resource_id=ID, details=longer), at=AT).nothing()


def test_a_resource_is_retired_for_a_reason_and_offered_again_by_a_new_version() -> None:
    given(RESOURCE, [FIRST]).when(RetireResource(reason="Veraltet."), at=AT).then([RETIRED])
    given(RESOURCE, [FIRST, RETIRED]).when(RetireResource(reason="Doppelt."), at=AT).refused("resource_retired")
    again = ResourceRevised(at=AT, resource_id=ID, version=2, details=CHECKLIST)
    given(RESOURCE, [FIRST, RETIRED]).when(ReviseResource(details=CHECKLIST), at=AT).then([again])


def test_what_was_never_published_is_neither_revised_nor_retired() -> None:
    given(RESOURCE).when(ReviseResource(details=CHECKLIST), at=AT).not_there()
    given(RESOURCE).when(RetireResource(reason="Veraltet."), at=AT).not_there()


@pytest.mark.parametrize(
    ("total", "at_least"),
    [(0, 0), (9, 0), (10, 10), (19, 10), (99, 90), (100, 100), (129, 120), (1_299, 1_200), (987_654, 980_000)],
)
def test_everybody_is_told_no_more_than_two_digits(total: int, at_least: int) -> None:
    said = rounded(total)
    assert said.at_least == at_least <= total
    assert ("weniger als 10-mal" in said.label) == (total < 10)
    assert rounded(1_299).label == "mindestens 1.200-mal heruntergeladen"


def test_a_reading_is_taken_down_once() -> None:
    recorded = KeyFigureRecorded(at=AT, key_figure_id=ID, reading=READING)
    given(KEY_FIGURE, []).when(RecordKeyFigure(key_figure_id=ID, reading=READING), at=AT).then([recorded])


def test_a_newer_reading_takes_its_place() -> None:
    recorded = KeyFigureRecorded(at=AT, key_figure_id=ID, reading=READING)
    newer = READING.model_copy(update={"value": 6500})
    again = KeyFigureRecorded(at=AT, key_figure_id=ID, reading=newer)
    given(KEY_FIGURE, [recorded]).when(RecordKeyFigure(key_figure_id=ID, reading=newer), at=AT).then([again])


def test_a_figure_is_never_said_without_its_qualifier() -> None:
    assert statement(READING) == "mehr als 6.200 umgesetzte Projekte"
    assert statement(READING.model_copy(update={"value": 12.5, "qualifier": Qualifier.ABOUT})).startswith("rund 12,5 ")
    further = READING.model_copy(update={"value": 650, "qualifier": Qualifier.FURTHER})
    assert statement(further) == "weitere 650 umgesetzte Projekte"


RECORDED = KeyFigureRecorded(at=AT, key_figure_id=ID, reading=READING)
WITHDRAWN = KeyFigureWithdrawn(at=AT, key_figure_id=ID, reason="Die Quelle nahm sie zurück.")


def so_far(*events: KeyFigureEvent) -> Given[KeyFigure | None, KeyFigureCommand, KeyFigureEvent]:
    return given(KEY_FIGURE, events)


def test_a_figure_is_withdrawn_once() -> None:
    so_far(RECORDED).when(WithdrawKeyFigure(reason=WITHDRAWN.reason), at=AT).then([WITHDRAWN])
    so_far(RECORDED, WITHDRAWN).when(WithdrawKeyFigure(reason="noch einmal")).nothing()
    so_far().when(WithdrawKeyFigure(reason="?")).not_there()


def test_a_withdrawn_figure_comes_not_back() -> None:
    newer = READING.model_copy(update={"value": 6500})
    past = so_far(RECORDED, WITHDRAWN)
    past.when(RecordKeyFigure(key_figure_id=ID, reading=newer)).refused("key_figure_withdrawn")
    past.when(RecordKeyFigure(key_figure_id=ID, reading=newer, loaded=True)).nothing()
