"""The catalogue as DCAT-AP.de keeps the rules of the specification, and says the same in both forms."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, RDF, SH

from services.catalog.export_dcat import FORMATS, PREFIXES, Description, place_of
from services.catalog.project import Project
from services.catalog.project_content import Content
from services.catalog.project_page import Entry
from services.catalog.rdf import Node, iri, json_ld, prefix_lines, turtle
from services.catalog.site import Site
from services.catalog.vocabulary import ProjectStatus
from tests.unit.catalog.project_stories import content
from tests.unit.catalog.test_project_cells import LOOKUP, id_of

RULES = Graph().parse(Path(__file__).with_name("dcat_shapes.ttl"))
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
            title="Ohne Ort",
            summary=None,
            topics=(),
            start="2024",
            region="Lippe und Höxter",
            participations=({"organisation_id": id_of(7)},),
        ),
    ),
]


def nodes(site: Site = SITE) -> list[Node]:
    said = Description(site, LOOKUP, QUERY)
    return [*said.head(), *(node for each in ENTRIES for node in said.project(each))]


def as_turtle(said: Sequence[Node]) -> Graph:
    return Graph().parse(data=prefix_lines(PREFIXES) + "".join(map(turtle, said)), format="turtle")


MISSING = (
    *("dct:title", "dct:description", "dct:publisher", "dct:license", "dct:format", "dcat:dataset", "dcat:keyword"),
    *("dcat:theme", "dcat:distribution", "dcat:accessURL", "dcat:endpointURL", "dcat:startDate", "foaf:name"),
    *("adms:status", "dcatde:politicalGeocodingLevelURI", "dcatde:licenseAttributionByText"),
)
WRONG = {
    "dct:publisher": Literal("Geschäftsstelle"),
    "dct:license": URIRef("https://creativecommons.org/licenses/by/4.0/"),
    "dct:spatial": URIRef("http://dcat-ap.de/def/politicalGeocoding/municipalityKey/5766044"),
    "dct:temporal": Literal("2024"),
    "dct:issued": Literal("gestern"),
    "dct:language": Literal("de"),
    "dct:accessRights": Literal("öffentlich"),
    "dct:format": Literal("CSV"),
    "dcat:mediaType": URIRef("https://portal.example/text/csv"),
    "dcat:theme": URIRef("http://publications.europa.eu/resource/authority/data-theme/VERWALTUNG"),
    "dcat:accessURL": Literal("https://portal.example/"),
    "dcat:downloadURL": URIRef("https://portal.example/anderswo"),
    "dcat:contactPoint": Literal("Geschäftsstelle"),
    "dcat:themeTaxonomy": URIRef("https://portal.example/themen"),
    "adms:status": URIRef("http://purl.org/adms/status/Completed"),
    "dcatap:availability": URIRef("http://dcat-ap.de/def/plannedAvailability/stable"),
    "dcatde:contributorID": Literal("musterstadt"),
    "dcatde:politicalGeocodingURI": URIRef("http://dcat-ap.de/def/politicalGeocoding/stateKey/05"),
}


def broken(graph: Graph) -> set[object]:
    """The properties about which the shapes complain; a nameless one stands for several that could be there."""
    _, results, _ = validate(graph, shacl_graph=RULES, inplace=True)
    assert isinstance(results, Graph)
    return set(results.objects(None, SH.resultPath))


def term(name: str) -> URIRef:
    prefix, _, rest = name.partition(":")
    return URIRef(PREFIXES[prefix] + rest)


@pytest.mark.parametrize("site", [SITE, Site()])
def test_it_keeps_the_rules_of_the_specification(site: Site) -> None:
    assert broken(as_turtle(nodes(site))) == set()


def test_the_shapes_notice_whatever_is_missing() -> None:
    graph = as_turtle(nodes())
    for name in (*MISSING, "vcard:hasEmail"):
        assert (None, term(name), None) in graph
        graph.remove((None, term(name), None))
    complaints = broken(graph)
    assert set(map(term, MISSING)) - complaints == set()
    assert any(isinstance(each, BNode) for each in complaints), "no way to reach the contact"


def test_the_shapes_notice_whatever_is_said_wrongly() -> None:
    """Also what 3.0 took out."""
    graph = as_turtle(nodes())
    for name, wrong in WRONG.items():
        for subject in set(graph.subjects(term(name))) or set(graph.subjects(RDF.type, DCAT.Dataset)):
            graph.set((subject, term(name), wrong))
    assert set(map(term, WRONG)) - broken(graph) == set()


def test_the_shapes_notice_a_place_that_is_not_said_to_be_one() -> None:
    graph = as_turtle(nodes())
    graph.remove((URIRef("http://dcat-ap.de/def/politicalGeocoding/municipalityKey/05766044"), RDF.type, None))
    assert broken(graph) == {term("dct:spatial")}


def test_each_place_is_described_once_however_many_projects_it_has() -> None:
    said = Description(SITE, LOOKUP, QUERY)
    described = [
        node["@id"]
        for found in (said.head(), said.project(ENTRIES[0]), said.project(ENTRIES[0]))
        for node in found
        if node.get("@type") == "dct:Location"
    ]
    assert [each.rpartition("/")[2] for each in described] == ["05", "05766044", "05770"]


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
