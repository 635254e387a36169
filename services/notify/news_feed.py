"""The news as feeds: Atom (RFC 4287, in pages after RFC 5005, deleted entries after RFC 6721) and JSON Feed 1.1.

What was corrected says so and is `updated`; what was withdrawn goes, and readers of Atom are told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from html import escape
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from pydantic import Field
from yarl import URL

from services.notify.announcement_content import BERLIN
from services.notify.news import KINDS, NewsArticle, NewsQuery, articles
from shared.contracts.notify import AnnouncementKind
from shared.kernel.http import Paging
from shared.kernel.postgres import Pool
from shared.kernel.xlsx_stream import NOT_IN_XML

ATOM = "http://www.w3.org/2005/Atom"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
ATOM_TYPE = "application/atom+xml"
JSON_TYPE = "application/feed+json"

# A draft that was dropped was never in a feed.
WITHDRAWN = """
SELECT id::text, coalesce(changed_at, corrected_at, published_at, sorted_at) AS changed_at FROM news
WHERE status = 'withdrawn' AND num_nonnulls(published_at, published_on, date_note) > 0
  AND ($1::text[] IS NULL OR kind = ANY($1)) AND ($2::text IS NULL OR session_id = $2)
  AND ($3::text IS NULL OR project_id = $3)
ORDER BY changed_at DESC, id LIMIT $4
"""
MOST_GONE = 50

register_namespace("", ATOM)
register_namespace("at", TOMBSTONES)


class FeedQuery(Paging):
    """What a feed can be narrowed to."""

    limit: int = Field(default=50, ge=1, le=100)
    kind: tuple[AnnouncementKind, ...] | None = None
    session_id: str | None = Field(default=None, max_length=100)
    project_id: str | None = Field(default=None, max_length=100)


@dataclass(frozen=True, slots=True)
class Gone:
    """An announcement that was withdrawn, and when."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a feed. `changed_at`: when anything in it changed last."""

    items: Sequence[NewsArticle]
    gone: Sequence[Gone]
    next: str | None

    @property
    def changed_at(self) -> datetime:
        """The latest change of anything in it; the beginning of time when there is nothing."""
        times = [*(item.changed_at for item in self.items), *(each.at for each in self.gone)]
        return max(times, default=datetime.fromtimestamp(0, UTC))


async def find(pool: Pool, query: FeedQuery) -> Found:
    """What a page shows; the first one tells what is gone, too."""
    found = await articles(pool, NewsQuery(**query.model_dump()))
    gone: Sequence[Any] = ()
    if query.cursor is None:
        gone = await pool.fetch(WITHDRAWN, query.kind, query.session_id, query.project_id, MOST_GONE)
    return Found(found.items, [Gone(row["id"], row["changed_at"]) for row in gone], found.next)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is read: on the portal's address, whatever stood before the service; and the portal's name."""

    portal: str
    name: str
    path: str
    asked: URL

    @property
    def title(self) -> str:
        """What the feed is called."""
        return f"{self.name}: Aktuelles"

    def page(self, cursor: str | None) -> str:
        """The address of a page; that of the first one without a cursor."""
        query = self.asked.without_query_params("cursor", "min_position")
        return f"{self.portal}{self.path}{_query(query.update_query(cursor=cursor) if cursor else query)}"

    @property
    def own(self) -> str:
        """The address of this page."""
        return self.page(self.asked.query.get("cursor"))

    def article(self, item: NewsArticle) -> str:
        """The page of an announcement."""
        return f"{self.portal}/aktuelles/{item.id}"


def _query(url: URL) -> str:
    return f"?{url.raw_query_string}" if url.raw_query_string else ""


def atom(found: Found, place: Place) -> bytes:
    """The page as Atom. Ids stay what they are wherever the portal moves."""
    root = Element(_name("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": "de"})
    _text(root, "id", uuid5(NAMESPACE_URL, place.page(None).removeprefix(place.portal)).urn)
    _text(root, "title", place.title)
    _text(root, "updated", _time(found.changed_at))
    _text(SubElement(root, _name("author")), "name", place.name)
    _link(root, "self", place.own, ATOM_TYPE)
    _link(root, "alternate", f"{place.portal}/aktuelles", "text/html")
    _link(root, "first", place.page(None), ATOM_TYPE)
    if found.next:
        _link(root, "next", place.page(found.next), ATOM_TYPE)
    for each in found.gone:
        SubElement(root, f"{{{TOMBSTONES}}}deleted-entry", {"ref": _id(each.id), "when": _time(each.at)})
    for item in found.items:
        _entry(root, item, place)
    content: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _entry(root: Element, item: NewsArticle, place: Place) -> None:
    entry = SubElement(root, _name("entry"))
    _text(entry, "id", _id(item.id))
    _text(entry, "title", item.title)
    _text(entry, "updated", _time(item.changed_at))
    if published := _published(item):
        _text(entry, "published", _time(published))
    _link(entry, "alternate", place.article(item), "text/html")
    SubElement(entry, _name("category"), {"term": item.kind, "label": KINDS[item.kind]})
    _text(entry, "summary", item.teaser)
    _text(entry, "content", _html(item), type="html")


def json_feed(found: Found, place: Place) -> Mapping[str, Any]:
    """The page as JSON Feed."""
    more = {"next_url": place.page(found.next)} if found.next else {}
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": place.title,
        "home_page_url": f"{place.portal}/aktuelles",
        "feed_url": place.own,
        **more,
        "language": "de",
        "authors": [{"name": place.name, "url": place.portal}],
        "items": [_item(item, place) for item in found.items],
    }


def _item(item: NewsArticle, place: Place) -> Mapping[str, Any]:
    published = _published(item)
    return {
        "id": _id(item.id),
        "url": place.article(item),
        "title": item.title,
        "summary": item.teaser,
        "content_html": _html(item),
        **({"date_published": _time(published)} if published else {}),
        "date_modified": _time(item.changed_at),
        "tags": [KINDS[item.kind]],
    }


def _published(item: NewsArticle) -> datetime | None:
    """When it appeared: of what was loaded only the day is known, or nothing."""
    if item.published_at is not None:
        return item.published_at
    return datetime.combine(item.published_on, time(12), BERLIN) if item.published_on else None


def _html(item: NewsArticle) -> str:
    """The correction first, then what is read."""
    note = [f"<p><strong>Berichtigt:</strong> {escape(item.correction)}</p>"] if item.correction else []
    said = [text for text in (item.teaser, *item.body.replace("\r\n", "\n").split("\n\n")) if text.strip()]
    return _clean("".join([*note, *(f"<p>{'<br>'.join(map(escape, text.strip().split('\n')))}</p>" for text in said)]))


def _id(announcement_id: str) -> str:
    return f"urn:uuid:{announcement_id}"


def _text(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, _name(name), attributes).text = _clean(text)


def _link(parent: Element, rel: str, href: str, kind: str) -> None:
    SubElement(parent, _name("link"), {"rel": rel, "href": href, "type": kind})


def _clean(text: str) -> str:
    return NOT_IN_XML.sub("", text)


def _name(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _time(at: datetime) -> str:
    return at.isoformat()
