"""A result list as DCAT-AP.de 3.0 (GovData, 2024): a catalogue, the list as a data set, each project as a part of it.

What harvesters want of the list are its files, so it is a data set with a distribution for each format. What they want
of a project is to find it by subject and place, so each is a data set, too, with the JSON of its page. Rules are named
where they are followed: „Konvention“ is a number of the DCAT-AP.de Konventionenhandbuch. See docs/adr/0012-dcat.md.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

import orjson

from services.catalog.export_json import entries_of
from services.catalog.export_tables import Ids, names_now
from services.catalog.lookup import Lookup
from services.catalog.project_page import Entry
from services.catalog.rdf import Node, json_ld, prefix_lines, ref, text, turtle, typed
from services.catalog.site import Site
from shared.kernel.postgres import Pool

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dcatde": "http://dcat-ap.de/def/dcatde/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
EUROPE = "http://publications.europa.eu/resource/authority"
GERMANY = "http://dcat-ap.de/def"
MEDIA = "https://www.iana.org/assignments/media-types"
LICENCE = f"{GERMANY}/licenses/dl-by-de/2.0"  # Konvention 32
AVAILABLE = f"{EUROPE}/planned-availability/AVAILABLE"
COMPLETED = f"{EUROPE}/distribution-status/COMPLETED"  # Konvention 22; the list that 3.0 demands
GERMAN = f"{EUROPE}/language/DEU"
PUBLIC = f"{EUROPE}/access-right/PUBLIC"
THEMES_LIST = f"{EUROPE}/data-theme"
STATE = f"{GERMANY}/politicalGeocoding/stateKey/05"
LEVEL = f"{GERMANY}/politicalGeocoding/Level"
STATE_NAME = "Nordrhein-Westfalen"
DISTRICT = "administrativeDistrict"
FORMATS = {
    "csv": ("CSV", "text/csv"),
    "xlsx": ("XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "json": ("JSON", "application/json"),
    "geojson": ("GEOJSON", "application/geo+json"),
    "atom": ("ATOM", "application/atom+xml"),
}
# Konvention 30: the European data themes; several of a topic's group would say less, not more.
THEMES = {
    "social_youth_health": "SOCI",
    "internal_administration": "GOVE",
    "planning_building_transport": "REGI",
    "public_order_and_services": "JUST",
    "environment_utilities": "ENVI",
    "education_culture_sport": "EDUC",
    "economy_tourism": "ECON",
}
SUBJECT = "interkommunale Zusammenarbeit"
XSD_OF_LENGTH = {4: "xsd:gYear", 7: "xsd:gYearMonth", 10: "xsd:date"}


class Description:
    """Everything that is said, of one list on one site, each place at its first mention."""

    def __init__(self, site: Site, lookup: Lookup, query_string: str) -> None:
        self._site = site
        self._lookup = lookup
        self._files = {name: f"{site.api(f'/projects/export.{name}')}{query_string}" for name in FORMATS}
        base = f"{site.api('/projects/export.ttl')}{query_string}"
        self.catalogue = f"{base}#katalog"
        self.list = f"{base}#liste"
        self._service = f"{site.api('/openapi.json')}#projekte"
        self._operator = f"{site.url}/impressum#herausgeber"
        self._places: set[str] = set()
        self._contact = {
            "@type": "vcard:Kind",
            "vcard:fn": text(site.operator, None),
            "vcard:hasEmail": ref(f"mailto:{site.email}"),  # Konvention 1
        }

    def head(self) -> list[Node]:
        """The catalogue, who publishes it, how programs read it, and the list."""
        name = self._site.name
        agent = {
            "@id": self._operator,
            "@type": "foaf:Agent",
            "foaf:name": text(self._site.operator, None),
            "dct:type": ref("http://purl.org/adms/publishertype/RegionalAuthority"),
        }
        catalogue = {
            "@id": self.catalogue,
            "@type": "dcat:Catalog",
            "dct:title": text(f"{name}: Projekte interkommunaler Zusammenarbeit"),
            "dct:description": text(
                "Projekte, in denen Kommunen in Nordrhein-Westfalen Aufgaben gemeinsam wahrnehmen."
            ),
            "dct:publisher": ref(self._operator),
            "dct:language": ref(GERMAN),
            "dct:license": ref(LICENCE),
            "dct:spatial": ref(STATE),
            "foaf:homepage": ref(self._site.url),
            "dcat:themeTaxonomy": ref(THEMES_LIST),
            "dcatap:availability": ref(AVAILABLE),
            "dcat:service": ref(self._service),
            "dcat:dataset": ref(self.list),
        }
        service = {
            "@id": self._service,
            "@type": "dcat:DataService",
            "dct:title": text(f"{name}: Programmierschnittstelle"),
            "dct:publisher": ref(self._operator),
            "dct:license": ref(LICENCE),
            "dct:accessRights": ref(PUBLIC),
            "dcatap:availability": ref(AVAILABLE),
            "dcat:contactPoint": self._contact,
            "dcat:endpointURL": ref(self._site.api("/projects")),
            "dcat:endpointDescription": ref(self._site.api("/openapi.json")),
            "dcat:servesDataset": ref(self.list),
        }
        return [*self._located({STATE: STATE_NAME}), agent, catalogue, service, self._list()]

    def _list(self) -> Node:
        files = [
            self._file(self._files[name], kind, media, f"Projektliste als {kind}")
            for name, (kind, media) in FORMATS.items()
        ]
        return {
            "@id": self.list,
            "@type": "dcat:Dataset",
            "dct:title": text("Liste von Projekten interkommunaler Zusammenarbeit"),
            "dct:description": text("Die Projekte dieser Liste mit allen Angaben, in mehreren Formaten."),
            **self._of_all([ref(STATE)], ["state"]),
            "dcat:theme": ref(f"{EUROPE}/data-theme/GOVE"),
            "dcat:keyword": [text(SUBJECT), text("Kommunen")],
            "dcat:landingPage": ref(f"{self._site.url}/projekte"),
            "dcat:distribution": files,
        }

    def _of_all(self, places: Sequence[Node], levels: Iterable[str]) -> dict[str, Any]:
        """What every data set says alike."""
        contributor = self._site.contributor_id
        return {
            "dct:publisher": ref(self._operator),  # Konvention 36
            "dcat:contactPoint": self._contact,
            "dct:language": ref(GERMAN),
            "dct:accessRights": ref(PUBLIC),
            "dcatap:availability": ref(AVAILABLE),
            "dcatde:contributorID": ref(contributor) if contributor else None,  # Konvention 12
            "dcatde:politicalGeocodingLevelURI": [ref(f"{LEVEL}/{level}") for level in levels],
            "dct:spatial": places,  # Konvention 11; 3.0 wants nothing else for it any more
        }

    def _located(self, places: Mapping[str, str]) -> list[Node]:
        """That places are places and what they are called, for those of which that was not said yet."""
        new = {place: name for place, name in places.items() if place not in self._places}
        self._places.update(new)
        return [{"@id": place, "@type": "dct:Location", "skos:prefLabel": text(name)} for place, name in new.items()]

    def _file(self, address: str, kind: str, media: str, title: str) -> Node:
        return {
            "@type": "dcat:Distribution",
            "dct:title": text(title),
            "dcat:accessURL": ref(address),
            "dcat:downloadURL": ref(address),  # Konvention 39
            "dct:format": ref(f"{EUROPE}/file-type/{kind}"),
            "dcat:mediaType": ref(f"{MEDIA}/{media}"),
            "dct:license": ref(LICENCE),
            "dcatde:licenseAttributionByText": text(self._site.operator, None),  # Konvention 35
            "adms:status": ref(COMPLETED),
            "dcatap:availability": ref(AVAILABLE),
            "dcat:accessService": ref(self._service),
        }

    def project(self, entry: Entry) -> list[Node]:
        """A project as a data set, and that the catalogue has it."""
        content = self._lookup.presently.said_in(entry.project.content)
        page = self._site.page_of(entry.project.id)
        dataset = f"{page}#datensatz"
        topics = self._lookup.topics
        themes = dict.fromkeys(THEMES.get(topics.groups.get(code, ""), "GOVE") for code in content.topics)
        bodies = [body for key in content.organisation_ids if (body := self._lookup.organisations.by_id.get(key))]
        places = {place: body.name for body in bodies if (place := place_of(body.ags))}
        levels = dict.fromkeys("municipality" if "/municipalityKey/" in place else DISTRICT for place in places)
        region = [{"@type": "dct:Location", "skos:prefLabel": text(content.region)}] if content.region else []
        keywords = dict.fromkeys((SUBJECT, *map(topics.label_of, content.topics), *content.keywords))
        node = {
            "@id": dataset,
            "@type": "dcat:Dataset",
            "dct:title": text(content.title),
            "dct:description": text(content.summary or content.description or content.title),
            **self._of_all([*map(ref, places), *region], levels or ["municipality"]),
            "dct:identifier": text(entry.project.id, None),
            "dct:issued": typed(entry.published_at.isoformat(), "xsd:dateTime") if entry.published_at else None,
            "dct:modified": typed(entry.changed_at.isoformat(), "xsd:dateTime"),
            "dct:temporal": _since(content.start),
            "dcat:theme": [ref(f"{EUROPE}/data-theme/{theme}") for theme in themes or ("GOVE",)],
            "dcat:keyword": [text(word) for word in keywords],
            "dcat:landingPage": ref(page),
            "dct:isPartOf": ref(self.list),
            "dcat:distribution": self._file(
                self._site.api(f"/projects/{entry.project.id}"), "JSON", "application/json", "Projekt als JSON"
            ),
        }
        return [*self._located(places), node, {"@id": self.catalogue, "dcat:dataset": ref(dataset)}]


def place_of(ags: str | None) -> str | None:
    """The address of a municipality or a district in GovData's vocabulary."""
    if ags is None:
        return None
    return f"{GERMANY}/politicalGeocoding/{'municipalityKey' if len(ags) == 8 else 'districtKey'}/{ags}"


def _since(start: str | None) -> Node | None:
    if start is None:
        return None
    return {"@type": "dct:PeriodOfTime", "dcat:startDate": typed(start, XSD_OF_LENGTH[len(start)])}


async def ttl(pool: Pool, ids: Ids, site: Site, query_string: str) -> AsyncGenerator[bytes]:
    """These projects as Turtle, some at a time."""
    said = Description(site, (await names_now(pool)).lookup, query_string)
    yield (prefix_lines(PREFIXES) + "".join(map(turtle, said.head()))).encode()
    async for entries in entries_of(pool, ids):
        yield "".join(turtle(node) for entry in entries for node in said.project(entry)).encode()


async def jsonld(pool: Pool, ids: Ids, site: Site, query_string: str) -> AsyncGenerator[bytes]:
    """These projects as JSON-LD, some at a time."""
    said = Description(site, (await names_now(pool)).lookup, query_string)
    context: Mapping[str, str] = PREFIXES
    head = b",".join(orjson.dumps(json_ld(node)) for node in said.head())
    yield b'{"@context":' + orjson.dumps(context) + b',"@graph":[' + head
    async for entries in entries_of(pool, ids):
        yield b"".join(b"," + orjson.dumps(json_ld(node)) for entry in entries for node in said.project(entry))
    yield b"]}"
