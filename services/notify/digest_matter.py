"""The digest as a mail: everything that was found for somebody until the end of a day's window, by kinds.

What is shown is as it is when the mail is sent: each thing once, with the latest that happened to it, nothing that is
gone (unless that is what is told) or whose mailing was stopped, and no mail when nothing is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.notify import digests, german
from services.notify.digests import DigestClosed
from services.notify.followed import ENDING, WISHED_AS, Thing
from services.notify.follower_letter import page_of
from services.notify.kind import Kind, Priority
from services.notify.letter import Button, Fact, Letter, subject
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.reasons import Follower, Followers, Reason, own_page, why
from services.notify.subscription_matter import PAGE
from services.notify.texts import Text, fill, paragraphs
from services.notify.unsubscribing import Unsubscribing
from shared.contracts.events import Times
from shared.kernel.clock import Clock
from shared.kernel.postgres import Pool

# Those of a day and hour that no message was written to yet: whoever is added later comes with a page of its own.
PEOPLE = """
SELECT d.person_id FROM digest d
WHERE d.day = $1 AND d.hour = $2 AND d.person_id > $3
  AND NOT EXISTS (SELECT FROM message m WHERE m.mailing_id = $4 AND m.person_id = d.person_id)
ORDER BY d.person_id LIMIT $5
"""
ITEMS = """
SELECT f.person_id, f.thing_kind, f.thing_id, t.title, t.times,
       (array_agg(f.kind ORDER BY f.mailing_id DESC))[1] AS kind, array_agg(DISTINCT s.id::text) AS subscriptions
FROM unnest($1::text[], $2::date[]) AS asked (person_id, day)
JOIN finding f ON f.person_id = asked.person_id AND f.digest_day = asked.day
JOIN published_thing t ON t.kind = f.thing_kind AND t.id = f.thing_id
JOIN subscription s ON s.id = ANY(f.subscriptions) AND s.state = 'confirmed'
WHERE t.gone = (f.kind = ANY($3::text[]))
  AND NOT EXISTS (SELECT FROM mailing g WHERE g.id = f.mailing_id AND g.halt IN ('stopping', 'stopped'))
GROUP BY f.person_id, f.thing_kind, f.thing_id, t.title, t.times
ORDER BY f.person_id, max(f.mailing_id)
"""
HEADINGS: Mapping[str, str] = {
    "session_announcement": "Neue Veranstaltung",
    "registration_opened": "Anmeldung möglich",
    "session_scheduled": "Termin steht fest",
    "session_postponed": "Verschoben",
    "session_cancelled": "Abgesagt",
    "session_reinstated": "Findet doch statt",
    "session_recap": "Rückblick",
    "material_available": "Vorträge und Unterlagen",
    "project_published": "Neues Projekt",
    "project_revised": "Projekt aktualisiert",
    "project_archived": "Projekt archiviert",
    "best_practice_awarded": "Gutes Beispiel",
    "resource_available": "Arbeitshilfe",
    "cooperation_request_opened": "Kooperation gesucht oder angeboten",
    "announcement_published": "Meldung",
}
ORDER = {kind: place for place, kind in enumerate(HEADINGS)}
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Item:
    """A thing in a digest, and the latest that happened to it."""

    kind: str
    thing: Thing
    title: str
    times: Times | None
    subscriptions: tuple[str, ...]

    def reasons(self, follower: Follower) -> list[Reason]:
        """Why somebody is told of it; nothing when they want none of its kind by now."""
        return follower.of(self.subscriptions, WISHED_AS.get(self.kind, {self.kind}))


@dataclass(frozen=True, slots=True)
class DigestCard:
    """Where to write to, what to tell, and why."""

    follower: Follower
    items: Sequence[Item]

    @property
    def email(self) -> str:
        """Where the mail goes."""
        return self.follower.email

    @property
    def reasons(self) -> list[Reason]:
        """Every subscription that something was found by."""
        return list(dict.fromkeys(reason for item in self.items for reason in item.reasons(self.follower)))


@dataclass(frozen=True, slots=True)
class DigestMatter:
    """What is told once a day or a week."""

    pool: Pool
    followers: Followers
    unsubscribing: Unsubscribing
    texts: Mapping[str, Text]
    portal: str
    clock: Clock
    name: str = "digests"
    kinds: Mapping[type[Any], Kind] = field(
        default_factory=lambda: {DigestClosed: Kind("digest", Priority.LATER, transactional=False)}
    )

    def kind(self, cause: DigestClosed) -> Kind:
        """There is one."""
        return self.kinds[type(cause)]

    def about(self, _cause: DigestClosed, _cause_id: str) -> About:
        """Nothing waits for a digest."""
        return About()

    async def recipients(self, mailing: Mailing, limit: int) -> Page:
        """Everybody whose window of that day and hour has been closed."""
        cause: DigestClosed = mailing.what
        people = await self.pool.fetch(PEOPLE, cause.day, cause.hour, mailing.after or "", mailing.id, limit)
        rows = [Row(row["person_id"], {"day": str(cause.day)}, lane=f"digest/{row['person_id']}") for row in people]
        return Page(rows, next=rows[-1].person_id if len(rows) == limit else None)

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[DigestCard | None]:
        """What is known of each now; none of whom nothing is left to tell."""
        wanted = {(claimed.person_id, told.cause.day) for claimed, told in messages}
        now = self.clock.now()
        await digests.put_back(self.pool, wanted, now)
        items = await self._items(wanted)
        asked: dict[str, set[str]] = {}
        for (person, _), found in items.items():
            asked.setdefault(person, set()).update(each for item in found for each in item.subscriptions)
        followers = await self.followers.of(asked, now)
        return [
            _card(followers.get(claimed.person_id), items.get((claimed.person_id, told.cause.day)))
            for claimed, told in messages
        ]

    def letter(self, claimed: Claimed, _told: Told, card: DigestCard, _now: datetime) -> Draft | None:
        """The letter."""
        letter = compose(card, self.texts, self.portal)
        return Draft(letter, unsubscribe=self.unsubscribing.unsubscribe_url(claimed.person_id))

    async def _items(self, wanted: set[tuple[str, date]]) -> dict[tuple[str, date], list[Item]]:
        found: dict[tuple[str, date], list[Item]] = {}
        for day in {day for _, day in wanted}:
            people = [person for person, of_day in wanted if of_day == day]
            for row in await self.pool.fetch(ITEMS, people, [day] * len(people), list(ENDING)):
                item = Item(
                    row["kind"],
                    Thing(row["thing_kind"], row["thing_id"]),
                    row["title"],
                    Times.model_validate(row["times"]) if row["times"] else None,
                    tuple(row["subscriptions"]),
                )
                found.setdefault((row["person_id"], day), []).append(item)
        return found


def _card(follower: Follower | None, items: Sequence[Item] | None) -> DigestCard | None:
    if follower is None:
        return None
    told = [item for item in items or () if item.reasons(follower)]
    return DigestCard(follower, told) if told else None


def compose(card: DigestCard, texts: Mapping[str, Text], portal: str) -> Letter:
    """All of it in one letter, kinds one after the other. What only searches found is called so."""
    searched = all(each.subject == "search" for each in card.reasons)
    text = texts["saved_search_digest" if searched else "digest"]
    count = len(card.items)
    values: dict[str, str | None] = {
        "news": german.number_of(count, "eine Neuigkeit", "Neuigkeiten"),
        "hits": german.number_of(count, "ein neuer Treffer", "neue Treffer"),
        "more": german.number_of(count - MOST_SHOWN, "ein weiterer Eintrag", "weitere Einträge")
        if count > MOST_SHOWN
        else None,
    }
    in_order = sorted(card.items, key=lambda item: ORDER.get(item.kind, len(ORDER)))
    page = f"{portal}{PAGE}{card.follower.token}"
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=(*(_fact(item, portal) for item in in_order[:MOST_SHOWN]), own_page(portal, card.follower.token)),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or text.tag, page if not searched else f"{portal}/projekte"),
        footnote=why(card.reasons),
    )


def _fact(item: Item, portal: str) -> Fact:
    when = german.short(item.times) if item.times is not None else None
    return Fact(
        HEADINGS.get(item.kind, "Neu"),
        f"{item.title} ({when})" if when else item.title,
        url=page_of(portal, item.thing),
        outdated=item.kind in ENDING,
    )
