"""Do two cooperation requests fit, and why? Points of a hundred, each with its reason; no I/O.

A topic in common is what makes a pair; distance, size and legal form make it a better one. A radius is kept to where
both places are known; everything else that is wished for only counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from pydantic import BaseModel, ConfigDict

from services.catalog.cooperation_request import Kind, Wish
from services.catalog.size_class import SizeClass, classes_apart

EARTH_KM = 6371.0
FAR_KM = 100.0
ENOUGH = 45
"""From so many points on two requests are told of each other."""
TOPIC, FURTHER_TOPIC, NEAR, SIZE, LEGAL_FORM = 40, 5, 30, 15, 5
FITS: dict[Kind, frozenset[Kind]] = {
    Kind.SEEK_PARTNERS: frozenset(Kind),
    Kind.OFFER: frozenset({Kind.SEEK_PARTNERS}),
    Kind.SHARE_SPECIALIST: frozenset({Kind.SEEK_PARTNERS, Kind.SHARE_SPECIALIST}),
}
"""Who seeks partners fits everyone; two offers have nothing to give each other."""


class ScorePart(BaseModel):
    """A part of a score."""

    model_config = ConfigDict(frozen=True)

    code: str
    points: int
    text: str


class Score(BaseModel):
    """How well something fits, of a hundred, and why."""

    model_config = ConfigDict(frozen=True)

    points: int
    distance_km: float | None
    reasons: tuple[ScorePart, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an organisation is, in degrees, if that is known."""

    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what it says, and what the directory knows of its organisation."""

    kind: Kind
    organisation_id: str
    wish: Wish
    place: Place
    size: SizeClass | None


def score(one: Side, other: Side) -> Score | None:
    """The score of a pair; None where they do not fit at all."""
    shared = [topic for topic in one.wish.topics if topic in other.wish.topics]
    if not shared or other.kind not in FITS[one.kind] or one.organisation_id == other.organisation_id:
        return None
    distance = distance_km(one.place, other.place)
    radii = [wish.radius_km for wish in (one.wish, other.wish) if wish.radius_km]
    if distance is not None and any(distance > radius for radius in radii):
        return None
    reasons = [
        *topic_reasons(len(shared)),
        *near_reasons(distance),
        *_size_reasons(one, other),
        *_legal_reasons(one.wish, other.wish),
    ]
    return total(reasons, distance)


def total(reasons: Sequence[ScorePart], distance: float | None) -> Score:
    """The sum of reasons."""
    shown = None if distance is None else round(distance, 1)
    return Score(points=sum(reason.points for reason in reasons), distance_km=shown, reasons=tuple(reasons))


def distance_km(one: Place, other: Place) -> float | None:
    """The way as the crow flies; None where a place is not known."""
    if None in (one.latitude, one.longitude, other.latitude, other.longitude):
        return None
    a, b = (radians(place.latitude or 0.0) for place in (one, other))
    turned = radians((other.longitude or 0.0) - (one.longitude or 0.0))
    chord = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(turned / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(chord)))


def topic_reasons(shared: int) -> list[ScorePart]:
    """For topics in common."""
    text = "Ein gemeinsames Themengebiet" if shared == 1 else f"{shared} gemeinsame Themengebiete"
    return [ScorePart(code="topic", points=TOPIC + FURTHER_TOPIC * (shared - 1), text=text)] if shared else []


def near_reasons(distance: float | None) -> list[ScorePart]:
    """For being near; nothing where a place is not known."""
    if distance is None:
        return [ScorePart(code="distance_unknown", points=0, text="Entfernung nicht bekannt")]
    points = round(NEAR * max(0.0, 1 - distance / FAR_KM))
    return [ScorePart(code="distance", points=points, text=f"{distance:.0f} km entfernt")]


def _size_reasons(one: Side, other: Side) -> list[ScorePart]:
    """Half of it from either side: the class that is wished for, or without a wish one that is alike."""
    if one.size is None or other.size is None:
        return [ScorePart(code="size_unknown", points=0, text="Größe nicht bekannt")]
    alike = classes_apart(one.size, other.size) <= 1
    content = [
        wanting.size in wish.size_classes if wish.size_classes else alike
        for wish, wanting in ((one.wish, other), (other.wish, one))
    ]
    if not any(content):
        return [ScorePart(code="size", points=0, text="Andere Größe als gewünscht")]
    text = "Größe passt" if all(content) else "Größe passt für eine Seite"
    return [ScorePart(code="size", points=round(SIZE * sum(content) / 2), text=text)]


def _legal_reasons(one: Wish, other: Wish) -> list[ScorePart]:
    if not one.legal_forms or not other.legal_forms:
        return []
    shared = [form.label for form in one.legal_forms if form in other.legal_forms]
    if not shared:
        return [ScorePart(code="legal_form", points=0, text="Keine gemeinsame Rechtsform")]
    return [ScorePart(code="legal_form", points=LEGAL_FORM, text=f"Gemeinsame Rechtsform: {', '.join(shared)}")]
