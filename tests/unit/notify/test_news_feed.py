"""The news as Atom and JSON Feed: ids that stay, corrections, and what was withdrawn."""

import datetime as dt
from typing import Any
from xml.etree import ElementTree

from yarl import URL

from services.notify.news import NewsArticle
from services.notify.news_feed import Found, Gone, Place, atom, json_feed
from services.notify.news_feed_http import _moment

KEY = "0198f0a2-0000-7000-8000-000000000042"
AT = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)
PLACE = Place(
    "https://portal.example",
    "Kooperation vor Ort",
    "/api/v1/announcements.atom",
    URL("/api/v1/announcements.atom?kind=news&cursor=abc"),
)
ATOM = {"a": "http://www.w3.org/2005/Atom", "at": "http://purl.org/atompub/tombstones/1.0"}


def article(**changes: Any) -> NewsArticle:
    fields: dict[str, Any] = dict.fromkeys(NewsArticle.model_fields) | {
        "id": KEY,
        "version": 2,
        "status": "published",
        "kind": "news",
        "kind_label": "Meldung",
        "title": "Titel & <b>mehr</b>",
        "teaser": "Kurz.",
        "actions": (),
        "published_at": AT,
        "published_on": AT.date(),
        "changed_at": AT,
        "body": "Eins\nzwei\n\n<script>drei</script>\x0b",
    }
    return NewsArticle.model_validate(fields | changes)


def feed(found: Found) -> ElementTree.Element:
    return ElementTree.fromstring(atom(found, PLACE))


def test_an_entry_is_whole_and_safe() -> None:
    root = feed(Found([article()], [], None))
    entry = root.find("a:entry", ATOM)
    assert entry is not None
    assert entry.findtext("a:id", namespaces=ATOM) == f"urn:uuid:{KEY}"
    assert entry.findtext("a:title", namespaces=ATOM) == "Titel & <b>mehr</b>"
    assert (
        entry.findtext("a:content", namespaces=ATOM)
        == "<p>Kurz.</p><p>Eins<br>zwei</p><p>&lt;script&gt;drei&lt;/script&gt;</p>"
    )
    link = entry.find("a:link", ATOM)
    assert link is not None
    assert link.get("href") == f"https://portal.example/aktuelles/{KEY}"


def test_a_feed_bears_the_name_of_its_portal() -> None:
    root, as_json = feed(Found([], [], None)), json_feed(Found([], [], None), PLACE)
    assert root.findtext("a:title", namespaces=ATOM) == as_json["title"] == "Kooperation vor Ort: Aktuelles"
    assert root.findtext("a:author/a:name", namespaces=ATOM) == as_json["authors"][0]["name"] == "Kooperation vor Ort"


def test_a_correction_updates_and_says_so() -> None:
    later = AT + dt.timedelta(hours=3)
    corrected = article(corrected_at=later, changed_at=later, correction="Der Ort <war> falsch.")
    root = feed(Found([corrected], [], None))
    assert root.findtext("a:updated", namespaces=ATOM) == later.isoformat()
    assert root.findtext("a:entry/a:published", namespaces=ATOM) == AT.isoformat()
    content = root.findtext("a:entry/a:content", namespaces=ATOM)
    assert content is not None
    assert content.startswith("<p><strong>Berichtigt:</strong> Der Ort &lt;war&gt; falsch.</p>")
    (item,) = json_feed(Found([corrected], [], None), PLACE)["items"]
    assert (item["id"], item["date_modified"]) == (f"urn:uuid:{KEY}", later.isoformat())


def test_what_was_withdrawn_is_a_deleted_entry() -> None:
    later = AT + dt.timedelta(days=1)
    found = Found([], [Gone(KEY, later)], None)
    gone = feed(found).find("at:deleted-entry", ATOM)
    assert gone is not None
    assert gone.attrib == {"ref": f"urn:uuid:{KEY}", "when": later.isoformat()}
    assert found.changed_at == later


def test_of_what_was_loaded_only_what_is_known_is_said() -> None:
    undated = article(published_at=None, published_on=None, date_note="Nicht bekannt.")
    assert feed(Found([undated], [], None)).find("a:entry/a:published", ATOM) is None
    assert "date_published" not in json_feed(Found([undated], [], None), PLACE)["items"][0]


def test_pages_name_themselves_the_first_and_the_next() -> None:
    links = {link.get("rel"): link.get("href") for link in feed(Found([], [], "def")).findall("a:link", ATOM)}
    base = "https://portal.example/api/v1/announcements.atom?kind=news"
    assert links["self"] == f"{base}&cursor=abc"
    assert links["first"] == base
    assert links["next"] == f"{base}&cursor=def"


def test_a_date_that_is_none_is_not_listened_to() -> None:
    assert _moment("Tue, 01 Jul 2025 08:00:00 GMT") == AT
    for text in (None, "", "gestern", "Tue, 99 Jul 2025 08:00:00 GMT"):
        assert _moment(text) is None
