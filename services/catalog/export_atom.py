"""A result list as a feed (Atom, RFC 4287) in pages (RFC 5005), for programs that tell people what is new."""

from collections.abc import Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from pydantic import BaseModel, ConfigDict
from yarl import URL

from services.catalog.search import ProjectCard
from services.catalog.site import Site
from shared.kernel.paging import Page
from shared.kernel.xlsx_stream import NOT_IN_XML

ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml"

register_namespace("", ATOM)


class Place(BaseModel):
    """Where a feed's page is: its own address, the first page's, the next one's."""

    model_config = ConfigDict(frozen=True)

    own: str
    first: str
    next: str | None


def place_of(site: Site, query: URL, cursor: str | None) -> Place:
    """The addresses of a page that was asked for with this query."""
    own = URL(site.api("/projects/export.atom")).with_query(query.query)
    after = str(own.update_query(cursor=cursor)) if cursor else None
    return Place(own=str(own), first=str(own.without_query_params("cursor")), next=after)


def feed(found: Page[ProjectCard], place: Place, site: Site, at: datetime) -> bytes:
    """The feed of one page. Ids stay what they are wherever the portal moves and however a list is asked for."""
    root = Element(_name("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": "de"})
    changed = max((card.changed_at for card in found.items), default=at)
    _text(root, "id", uuid5(NAMESPACE_URL, place.first.removeprefix(site.url)).urn)
    _text(root, "title", f"{site.name}: Projekte")
    _text(root, "updated", _time(changed))
    _text(SubElement(root, _name("author")), "name", site.operator)
    _link(root, "self", place.own, MEDIA_TYPE)
    _link(root, "alternate", f"{site.url}/projekte", "text/html")
    _link(root, "first", place.first, MEDIA_TYPE)
    if place.next:
        _link(root, "next", place.next, MEDIA_TYPE)
    for card in found.items:
        _entry(root, card, site)
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _entry(root: Element, card: ProjectCard, site: Site) -> None:
    entry = SubElement(root, _name("entry"))
    _text(entry, "id", f"urn:uuid:{card.id}")
    _text(entry, "title", card.title)
    _text(entry, "updated", _time(card.changed_at))
    if card.published_at:
        _text(entry, "published", _time(card.published_at))
    _link(entry, "alternate", site.page_of(card.id), "text/html")
    labels: Mapping[str, str] = card.labels["topics"]
    for code in card.topics:
        SubElement(entry, _name("category"), {"term": code, "label": _clean(labels[code])})
    for each in card.participations:
        _text(SubElement(entry, _name("contributor")), "name", each.name)
    if card.summary:
        _text(entry, "summary", card.summary)


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, _name(name)).text = _clean(text)


def _link(parent: Element, rel: str, href: str, kind: str) -> None:
    SubElement(parent, _name("link"), {"rel": rel, "href": href, "type": kind})


def _clean(text: str) -> str:
    return NOT_IN_XML.sub("", text)


def _name(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _time(at: datetime) -> str:
    return at.isoformat()
