"""The names of topics and organisations as search knows them, and what follows from them: groups, districts, sizes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import asin, cos, radians, sin, sqrt

from services.catalog.naming import name_keys, sort_key, spelled_out
from services.catalog.search_words import Words
from services.catalog.vocabulary import OrganisationType

EARTH_KM = 6371.0
MOST_CENTRES = 64
DISTRICT_DIGITS, REGION_DIGITS, MUNICIPALITY_DIGITS = 5, 3, 8

type Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TopicName:
    """A topic, its group, and all it was ever called."""

    code: str
    label: str
    names: tuple[str, ...]
    group: str
    group_label: str
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """An organisation, all it is called, and where it is and works."""

    id: str
    ags: str | None
    name: str
    type: OrganisationType
    names: tuple[str, ...]
    districts: tuple[str, ...]
    region_label: str | None = None
    place: Place | None = None
    size_class: str | None = None
    merged_into: str | None = None

    @property
    def key(self) -> str:
        """What names it in an address."""
        return self.ags or self.id


@dataclass(frozen=True, slots=True)
class Label:
    """What a value is called, and where it stands among others."""

    text: str
    key: str


def label_of(text: str) -> Label:
    """With its place in German order."""
    return Label(text, sort_key(text))


def kilometres(one: Place, other: Place) -> float:
    """The distance as the crow flies."""
    latitude, longitude, latitude2, longitude2 = map(radians, (*one, *other))
    half = (
        sin((latitude2 - latitude) / 2) ** 2 + cos(latitude) * cos(latitude2) * sin((longitude2 - longitude) / 2) ** 2
    )
    return 2 * EARTH_KM * asin(sqrt(half))


@dataclass(slots=True)
class Names:
    """Everything that has a name of its own and is part of projects."""

    topics: Mapping[str, TopicName] = field(default_factory=dict)
    bodies: Mapping[str, Body] = field(default_factory=dict)
    by_ags: Mapping[str, Body] = field(default_factory=dict)
    places: frozenset[str] = frozenset()
    """The first words of municipalities' names, spelled."""
    stays: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(facet, value) of what was merged → the value that stays."""
    holders: Mapping[int, list[tuple[str, str]]] = field(default_factory=dict)
    """Word → the (facet, value) pairs whose names hold it."""
    keys: Sequence[tuple[str, str, tuple[str, ...]]] = ()
    """(facet, value, keys) of every topic and organisation that is offered while somebody types."""
    labels: Mapping[str, Mapping[str, Label]] = field(default_factory=dict)
    """Facet → value → what it is called, of facets whose values have names here."""
    far: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """The distances from where was asked lately."""

    def present(self, facet: str, value: str) -> str:
        """What a value means today."""
        return self.stays.get((facet, value), value)

    def body(self, key: str) -> Body | None:
        """An organisation by its official key or its id, also by those of one that was merged into it."""
        found = self.by_ags.get(key) or self.bodies.get(key)
        return found and self.bodies[self.present("organisation", found.id)]

    def names_of(self, facet: str, value: str) -> tuple[str, ...]:
        """All that a topic or an organisation is called."""
        named = self.topics.get(value) if facet == "topic" else self.bodies.get(value)
        return named.names if named else ()

    def distances(self, ags: str) -> list[tuple[float, str]]:
        """How far every body with a place is from a municipality, the nearest first: (kilometres, id)."""
        if ags not in self.far:
            while len(self.far) >= MOST_CENTRES:
                del self.far[next(iter(self.far))]
            self.far[ags] = self._distances(ags)
        return self.far[ags]

    def _distances(self, ags: str) -> list[tuple[float, str]]:
        centre = self.by_ags[ags].place if ags in self.by_ags else None
        if centre is None:
            return []
        return sorted((kilometres(centre, body.place), body.id) for body in self.bodies.values() if body.place)


def names_of(topics: Iterable[TopicName], bodies: Iterable[Body], words: Words) -> Names:
    """Everything, ready to be looked up."""
    by_code, by_id = {each.code: each for each in topics}, {each.id: each for each in bodies}
    # What went into an entry that newer code wrote stands for itself here.
    stays = {("topic", each.code): each.merged_into for each in by_code.values() if each.merged_into in by_code}
    stays |= {("organisation", each.id): each.merged_into for each in by_id.values() if each.merged_into in by_id}
    by_ags = {each.ags: each for each in by_id.values() if each.ags}
    holders: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    named: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for facet, entries in (("topic", by_code), ("organisation", by_id)):
        for value, entry in entries.items():
            named[facet, stays.get((facet, value), value)] += entry.names
    for pair, names in named.items():
        for number in {
            number for name in names for text in (name, spelled_out(name)) for number in words.numbers(text)
        }:
            holders[number].append(pair)
    places = frozenset(
        words[numbers[0]].spelling
        for each in by_id.values()
        if each.ags and len(each.ags) == MUNICIPALITY_DIGITS and (numbers := words.numbers(each.name))
    )
    keys = [
        (facet, value, tuple(dict.fromkeys(key for name in names for key in name_keys(name))))
        for (facet, value), names in named.items()
        if facet == "topic" or by_id[value].type is not OrganisationType.INDEPENDENT_CITY_DISTRICT
    ]
    return Names(by_code, by_id, by_ags, places, stays, dict(holders), keys, _labels(by_code, by_id))


def _labels(topics: Mapping[str, TopicName], bodies: Mapping[str, Body]) -> dict[str, dict[str, Label]]:
    keyed = [body for body in bodies.values() if body.ags]
    return {
        "topic": {each.code: label_of(each.label) for each in topics.values()},
        "group": {each.group: label_of(each.group_label) for each in topics.values()},
        "organisation": {each.id: label_of(each.name) for each in bodies.values()},
        "district": {each.key: label_of(each.name) for each in keyed if len(each.key) == DISTRICT_DIGITS},
        "regierungsbezirk": {
            each.key[:REGION_DIGITS]: label_of(f"Regierungsbezirk {each.region_label}")
            for each in keyed
            if each.region_label
        },
    }
