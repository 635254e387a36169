"""How large a municipality is, in the classes its staff compare themselves by.

They are the types of the BBSR (Bundesinstitut für Bau-, Stadt- und Raumforschung), which also asks what a place is a
centre of; here population alone tells.
"""

from typing import Annotated

from pydantic import Field

from services.catalog.vocabulary import Term

type Population = Annotated[int, Field(ge=0, le=100_000_000)]


class SizeClass(Term):
    """The city and municipality types of the BBSR, told by population alone; the smallest first."""

    RURAL_MUNICIPALITY = "rural_municipality", "landgemeinde", "Landgemeinde (unter 5.000)"
    SMALLER_SMALL_TOWN = "smaller_small_town", "kleine_kleinstadt", "Kleine Kleinstadt (5.000 bis unter 10.000)"
    LARGER_SMALL_TOWN = "larger_small_town", "groessere_kleinstadt", "Größere Kleinstadt (10.000 bis unter 20.000)"
    SMALLER_MEDIUM_TOWN = (
        "smaller_medium_town",
        "kleine_mittelstadt",
        "Kleine Mittelstadt (20.000 bis unter 50.000)",
    )
    LARGER_MEDIUM_TOWN = (
        "larger_medium_town",
        "grosse_mittelstadt",
        "Große Mittelstadt (50.000 bis unter 100.000)",
    )
    SMALLER_CITY = "smaller_city", "kleinere_grossstadt", "Kleinere Großstadt (100.000 bis unter 500.000)"
    LARGER_CITY = "larger_city", "grosse_grossstadt", "Große Großstadt (ab 500.000)"


LOWER_BOUNDS: tuple[tuple[int, SizeClass], ...] = (
    (0, SizeClass.RURAL_MUNICIPALITY),
    (5_000, SizeClass.SMALLER_SMALL_TOWN),
    (10_000, SizeClass.LARGER_SMALL_TOWN),
    (20_000, SizeClass.SMALLER_MEDIUM_TOWN),
    (50_000, SizeClass.LARGER_MEDIUM_TOWN),
    (100_000, SizeClass.SMALLER_CITY),
    (500_000, SizeClass.LARGER_CITY),
)
ORDER: tuple[SizeClass, ...] = tuple(size for _, size in LOWER_BOUNDS)


def size_class_of(population: int | None) -> SizeClass | None:
    """The class of a municipality with so many people; None where nobody knows how many."""
    if population is None:
        return None
    return next(size for least, size in reversed(LOWER_BOUNDS) if population >= least)


def classes_apart(one: SizeClass, other: SizeClass) -> int:
    """How many steps lie between two classes: 0 for the same, 1 for neighbours."""
    return abs(ORDER.index(one) - ORDER.index(other))
