"""The map of North Rhine-Westphalia as an image: its districts, and a dot for every place given."""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

type Scheme = Literal["light", "dark"]


class Geometry(NamedTuple):
    """Paths of the districts and a point inside every municipality and district, by AGS, in the image's units."""

    width: int
    height: int
    districts: dict[str, str]
    points: dict[str, tuple[int, int]]


class Colours(NamedTuple):
    """Of land, borders and dots."""

    land: str
    border: str
    dot: str


COLOURS: dict[Scheme, Colours] = {
    "light": Colours("#2b4aa3", "#0b2265", "#ffc44d"),
    "dark": Colours("#22387c", "#0c1c4d", "#ffc44d"),
}


@cache
def geometry() -> Geometry:
    """© GeoBasis-DE / BKG 2017 (Daten verändert)."""
    raw = json.loads(files("services.gateway.portal").joinpath("nrw.json").read_text("utf-8"))
    points = {ags: (x, y) for ags, (x, y) in raw["points"].items()}
    return Geometry(raw["width"], raw["height"], raw["districts"], points)


def draw(places: Iterable[str], scheme: Scheme) -> str:
    """An SVG image with a dot for each AGS in `places`; unknown ones are left out."""
    shape, colours = geometry(), COLOURS[scheme]
    land = "".join(shape.districts.values())
    points = sorted({shape.points[ags] for ags in places if ags in shape.points})
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="8"/>' for x, y in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 {shape.width + 8} {shape.height + 8}">'
        f'<path d="{land}" fill="{colours.land}" stroke="{colours.border}" stroke-width="1.5" stroke-linejoin="round"/>'
        f'<g fill="{colours.dot}" stroke="{colours.border}" stroke-width="2.5">{dots}</g></svg>'
    )
