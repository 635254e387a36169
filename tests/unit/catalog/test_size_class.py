"""How large a municipality is."""

import pytest

from services.catalog.size_class import LOWER_BOUNDS, SizeClass, classes_apart, size_class_of


@pytest.mark.parametrize(
    ("population", "expected"),
    [
        (0, SizeClass.RURAL_MUNICIPALITY),
        (4_999, SizeClass.RURAL_MUNICIPALITY),
        (5_000, SizeClass.SMALLER_SMALL_TOWN),
        (9_999, SizeClass.SMALLER_SMALL_TOWN),
        (10_000, SizeClass.LARGER_SMALL_TOWN),
        (19_999, SizeClass.LARGER_SMALL_TOWN),
        (20_000, SizeClass.SMALLER_MEDIUM_TOWN),
        (49_999, SizeClass.SMALLER_MEDIUM_TOWN),
        (50_000, SizeClass.LARGER_MEDIUM_TOWN),
        (99_999, SizeClass.LARGER_MEDIUM_TOWN),
        (100_000, SizeClass.SMALLER_CITY),
        (499_999, SizeClass.SMALLER_CITY),
        (500_000, SizeClass.LARGER_CITY),
        (1_090_000, SizeClass.LARGER_CITY),
    ],
)
def test_a_class_begins_at_its_lower_bound(population: int, expected: SizeClass) -> None:
    assert size_class_of(population) is expected


def test_where_nobody_knows_how_many_there_is_no_class() -> None:
    assert size_class_of(None) is None


def test_every_class_has_its_bound() -> None:
    assert [size for _, size in LOWER_BOUNDS] == list(SizeClass)


def test_neighbouring_classes_are_one_step_apart() -> None:
    assert classes_apart(SizeClass.SMALLER_CITY, SizeClass.SMALLER_CITY) == 0
    assert classes_apart(SizeClass.SMALLER_CITY, SizeClass.LARGER_CITY) == 1
    assert classes_apart(SizeClass.LARGER_CITY, SizeClass.RURAL_MUNICIPALITY) == 6
