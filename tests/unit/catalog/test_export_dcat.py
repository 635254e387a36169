"""The catalogue as DCAT-AP.de keeps the rules of the specification, and says the same in both forms."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, RDF

from services.catalog.export_dcat import FORMATS, PREFIXES, Description, place_of
from services.catalog.project import Project
from services.catalog.project_content import Content
from services.catalog.project_page import Entry
from services.catalog.rdf import Node, iri, json_ld, prefix_lines, turtle
from services.catalog.site import Site
from services.catalog.vocabulary import ProjectStatus
from tests.unit.catalog.project_stories import content
from tests.unit.catalog.test_project_cells import LOOKUP, id_of

SHAPES = Path(__file__).with_name("dcat_shapes.ttl")
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SITE = Site(url="https://portal.example", contributor_id="http://dcat-ap.de/def/contributors/musterstadt")
QUERY = "?q=M%C3%BCll&topic=works_depot"


def entry(number: int, said: Content) -> Entry:
    project = Project(id_of(number), said, ProjectStatus.PUBLISHED, published=True)
    return Entry(project, 3, AT, AT)


ENTRIES = [
    entry(
        11,
        content(
            title='„Bauhof“ "gemeinsam"\\',
            summary="Zwei\nZeilen\tund mehr",
            topics=("works_depot",),
            keywords=("Straße & Grün",),
            start="2024-05",
            participations=(
                {"organisation_id": id_of(1), "ags": "05766044"},
                {"organisation_id": id_of(6), "ags": "05770"},
            ),
        ),
    ),
    entry(
        12,
        content(
            title="Ohne Ort", summary=None, topics=(), start="2024", participations=({"organisation_id": id_of(7)},)
        ),
    ),
]


def nodes(site: Site = SITE) -> list[Node]:
    said = Description(site, LOOKUP, QUERY)
    return [*said.head(), *(node for each in ENTRIES for node in said.project(each))]


def as_turtle(said: Sequence[Node]) -> Graph:
    return Graph().parse(data=prefix_lines(PREFIXES) + "".join(map(turtle, said)), format="turtle")


@pytest.mark.parametrize("site", [SITE, Site()])
def test_it_keeps_the_rules_of_the_specification(site: Site) -> None:
    keeps, _, report = validate(as_turtle(nodes(site)), shacl_graph=Graph().parse(SHAPES))
    assert keeps, report


@pytest.mark.parametrize("missing", ["dct:publisher", "dcat:theme", "dcat:distribution", "dct:description"])
def test_the_shapes_notice_what_is_missing(missing: str) -> None:
    broken = [{name: value for name, value in node.items() if name != missing} for node in nodes()]
    keeps, _, _ = validate(as_turtle(broken), shacl_graph=Graph().parse(SHAPES))
    assert not keeps


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_both_forms_say_the_same() -> None:
    said = nodes()
    document = {"@context": PREFIXES, "@graph": [json_ld(node) for node in said]}
    assert isomorphic(as_turtle(said), Graph().parse(data=json.dumps(document), format="json-ld"))


def test_every_project_is_a_data_set_and_the_list_is_one_with_every_format() -> None:
    graph = as_turtle(nodes())
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == len(ENTRIES) + 1
    files = {str(each) for each in graph.objects(None, DCAT.downloadURL)}
    assert {f"https://portal.example/api/v1/projects/export.{name}{QUERY}" for name in FORMATS} < files
    held = set(graph.objects(URIRef(Description(SITE, LOOKUP, QUERY).catalogue), DCAT.dataset))
    assert held == set(graph.subjects(RDF.type, DCAT.Dataset))


def test_places_are_named_by_official_keys() -> None:
    assert place_of("05766044") == "http://dcat-ap.de/def/politicalGeocoding/municipalityKey/05766044"
    assert place_of("05770") == "http://dcat-ap.de/def/politicalGeocoding/districtKey/05770"
    assert place_of(None) is None


def test_a_data_set_is_of_the_levels_of_its_places() -> None:
    graph = as_turtle(nodes())

    def levels(number: int) -> set[str]:
        dataset = URIRef(f"{SITE.page_of(id_of(number))}#datensatz")
        found = graph.objects(dataset, URIRef(f"{PREFIXES['dcatde']}politicalGeocodingLevelURI"))
        return {str(each).rsplit("/", 1)[-1] for each in found}

    assert levels(11) == {"municipality", "administrativeDistrict"}
    assert levels(12) == {"municipality"}


def test_an_address_holds_nothing_that_ends_it() -> None:
    assert iri('https://a/b?q=<x> "y"|{ü}') == "https://a/b?q=%3Cx%3E%20%22y%22%7C%7B%C3%BC%7D"
    assert iri("https://a/b?q=%C3%BC#x") == "https://a/b?q=%C3%BC#x"
