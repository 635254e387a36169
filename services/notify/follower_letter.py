"""Letters to followers: what has happened to what they subscribed to, and why they are told."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.notify import german
from services.notify.followed import Followed, Thing, follow_of, thing_of
from services.notify.letter import Button, Fact, Letter, subject, titled
from services.notify.reasons import Follower, Reason, own_page, why
from services.notify.texts import Text, fill, paragraphs
from services.notify.things import Shown
from shared.contracts.catalog import BestPracticeAwarded, ProjectPublished, ProjectRevised
from shared.contracts.events import MaterialPublished, SessionAnnounced, SessionPostponed, Times
from shared.contracts.notify import AnnouncementPublished

PAGES = {
    "session": "veranstaltungen/{}",
    "project": "projekte/{}",
    "resource": "arbeitshilfen#{}",
    "cooperation_request": "partnersuche/{}",
    "announcement": "aktuelles/{}",
}
CALLED = {
    "session": "Veranstaltung",
    "project": "Projekt",
    "resource": "Arbeitshilfe",
    "cooperation_request": "Gesuch oder Angebot",
    "announcement": "Meldung",
}
MOST_FILES, LONGEST_TEXT = 10, 400


def page_of(portal: str, thing: Thing) -> str:
    """Where a thing can be read about."""
    return f"{portal}/{PAGES[thing.kind].format(thing.id)}"


def compose(
    cause: Followed, shown: Shown, to: tuple[Follower, Sequence[Reason]], texts: Mapping[str, Text], portal: str
) -> Letter:
    """The letter that tells a follower of this, for these reasons."""
    follower, reasons = to
    text = texts[text_for(cause, reasons)]
    thing = thing_of(cause)
    page = page_of(portal, thing)
    values = _values(cause, shown)
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=(
            Fact(CALLED[thing.kind], shown.title, main=True),
            *_facts(cause, shown),
            own_page(portal, follower.token),
        ),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or f"{CALLED[thing.kind]} ansehen", page),
        footnote=why(reasons),
    )


def text_for(cause: Followed, reasons: Sequence[Reason]) -> str:
    """The name of the text. What only searches find is told as that; what is revised, to its followers as a change."""
    if isinstance(cause, ProjectPublished | ProjectRevised | BestPracticeAwarded):
        if all(each.subject == "search" for each in reasons):
            return "saved_search_digest"
        follows = any(each.subject == "project" for each in reasons)
        if isinstance(cause, ProjectRevised) and not follows:
            return "project_published"
    if isinstance(cause, AnnouncementPublished) and cause.kind == "project_portrait":
        return "project_portrait"
    return follow_of(cause).kind.name


def _values(cause: Any, shown: Shown) -> dict[str, str | None]:
    times = shown.times or Times()
    return {
        "title": titled(shown.title),
        "session": shown.title,
        "about": shown.title,
        "when": german.span(times),
        "when_short": german.short(times),
        "before": german.span(cause.previous) if isinstance(cause, SessionPostponed) else None,
        "files": german.number_of(len(getattr(cause, "items", ())), "eine Datei", "Dateien"),
    }


def _facts(cause: Followed, shown: Shown) -> Iterator[Fact]:
    if shown.times is not None:
        if isinstance(cause, SessionPostponed) and (before := german.span(cause.previous)):
            yield Fact("Bisheriger Termin", before, outdated=True)
        yield Fact("Termin", german.span(shown.times) or german.OPEN, outdated=shown.gone)
    if isinstance(cause, SessionAnnounced):
        yield Fact("Ort", german.place(cause.mode, cause.venue))
    if reason := getattr(cause, "reason", None):
        yield Fact("Grund", reason)
    if isinstance(cause, MaterialPublished):
        for item in cause.items[:MOST_FILES]:
            yield Fact(item.talk or "Unterlagen", f"{item.title} ({german.file(item.file_name, item.size)})")
    if isinstance(cause, BestPracticeAwarded):
        yield Fact("Anlass", cause.occasion)
    if said := getattr(cause, "summary", None) or getattr(cause, "teaser", None):
        yield Fact("Worum es geht", said if len(said) <= LONGEST_TEXT else f"{said[:LONGEST_TEXT].rsplit(' ', 1)[0]} …")
