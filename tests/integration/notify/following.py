"""A town whose people subscribe: everything between a contract and the mails that followers get."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from services.notify import subscriber_sealing, things
from services.notify.compiled_searches import Compiling
from services.notify.digest_matter import DigestMatter
from services.notify.digests import Digests
from services.notify.follower_matter import FollowerMatter, from_journal
from services.notify.matching import Catalogue, Matching
from services.notify.reasons import Followers
from services.notify.subscription_wishes import Owners
from services.notify.unsubscribing import Naming, Unsubscribing
from shared.contracts.catalog import (
    Participation,
    ProjectPublished,
)
from shared.contracts.events import (
    Place,
    SessionAnnounced,
    SessionPostponed,
    Times,
)
from shared.contracts.rpc import (
    FitsAnswered,
    FitsAsked,
    KeyGroup,
    ProjectKeys,
    ProjectKeysAnswered,
    ProjectKeysAsked,
    SearchKeys,
    SearchKeysAnswered,
    SearchKeysAsked,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
    TitlesAnswered,
    TitlesAsked,
)
from shared.kernel.inbox import Received
from shared.kernel.problems import Problem
from tests.integration.notify.conftest import Notify
from tests.integration.notify.office import Office, Owner
from tests.integration.notify.sink import Mail, Sink, mail_server
from tests.unit.notify import samples

ENTER = """
INSERT INTO subscriber (person_id, version, card_id, address, digest_hour, digest_weekday, quiet_from, quiet_until,
                        quiet_weekends, paused_until)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
SUBSCRIBE = """
INSERT INTO subscription (id, person_id, version, subject, key, sealed_query, rhythm, state, text_version,
                          requested_at, confirmed_at, since)
VALUES ($1, $2, 1, $3, $4, $5, $6, 'confirmed', '1', $7, $7, $7)
"""
OPEN = "INSERT INTO saved_search (subscription_id, person_id, query, opened_at) VALUES ($1, $2, $3, $4)"
PREFER = "INSERT INTO preference (person_id, kind, channel, rhythm) VALUES ($1, $2, 'email', $3)"
NOT_ON_THE_PORTAL = "INSERT INTO preference (person_id, kind, channel, rhythm) VALUES ($1, $2, 'portal', 'off')"
END = "UPDATE subscription SET state = 'ended' WHERE person_id = $1"
PAUSE = "UPDATE subscriber SET paused_until = $2 WHERE person_id = $1"
WAITING = "SELECT count(*) FROM finding WHERE rhythm <> 'immediate' AND digest_day IS NULL"

SERIES, SESSION, PROJECT = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "abc")
RULES = "these"


@dataclass
class AskedCatalogue:
    """What the catalogue would answer of the one project there is, and which searches it would prove."""

    now: ProjectKeys | None = None
    before: ProjectKeys | None = None
    proves: set[str] = field(default_factory=set)
    proven: list[str] = field(default_factory=list)
    down: bool = False
    rules: str = RULES

    async def keys(self, _asked: ProjectKeysAsked) -> ProjectKeysAnswered:
        if self.down:
            raise Problem("unavailable")
        return ProjectKeysAnswered(project=self.now, before=self.before, rules=self.rules)

    async def fits(self, asked: FitsAsked) -> FitsAnswered:
        words = [search["q"][0] if "q" in search else "" for search in asked.searches]
        self.proven += words
        return FitsAnswered(fitting=tuple(n for n, q in enumerate(words) if q in self.proves))

    async def taken_apart(self, asked: SearchKeysAsked) -> SearchKeysAnswered:
        return SearchKeysAnswered(searches=tuple(map(_taken_apart, asked.searches)), rules=self.rules)


def _taken_apart(search: Mapping[str, Sequence[str]]) -> SearchKeys:
    groups = [KeyGroup(sure=tuple(f"topic:{topic}" for topic in search["topic"]))] if "topic" in search else []
    groups += [KeyGroup(likely=(f"~{search['q'][0]}",))] if "q" in search else []
    near = search["near"][0] if "near" in search else None
    return SearchKeys(
        search=dict(search),
        label=f"„{search['q'][0]}“" if "q" in search else "etwas",
        groups=tuple(groups),
        near=near,
        within_km=float(search["within_km"][0]) if near else None,
    )


async def titles(asked: TitlesAsked) -> TitlesAnswered:
    return TitlesAnswered(
        topics={topic: topic.title() for topic in asked.topics},
        ags=dict.fromkeys(asked.ags, "Lemgo"),
        projects=dict.fromkeys(asked.projects, "Bauhof"),
    )


async def series(asked: SeriesTitlesAsked) -> SeriesTitlesAnswered:
    return SeriesTitlesAnswered(series=dict.fromkeys(asked.series, "Digitale Sprechstunde"))


@dataclass
class Town:
    """People who subscribe, and the parts that tell them."""

    notify: Notify
    office: Office
    catalogue: AskedCatalogue
    digests: Digests
    compiling: Compiling
    sink: Sink

    async def person(self, name: str, *subjects: str, **wishes: Any) -> str:
        """Somebody who subscribes to these (`subject:key`), at `<name>@rathaus.example`."""
        person_id = str(uuid4())
        card = await subscriber_sealing.new_card(self.notify.vault, person_id, f"{name}@rathaus.example")
        hour, weekday = wishes.get("hour", 8), wishes.get("weekday", 1)
        quiet = (wishes.get("quiet_from"), wishes.get("quiet_until"), wishes.get("quiet_weekends", False))
        paused = wishes.get("paused_until")
        await self.notify.pool.execute(ENTER, person_id, card.card_id, card.sealed, hour, weekday, *quiet, paused)
        for subject in subjects:
            await self.subscribe(person_id, subject, wishes.get("rhythm"), wishes.get("since"))
        return person_id

    async def subscribe(
        self, person_id: str, subject: str, rhythm: str | None = None, since: dt.datetime | None = None
    ) -> str:
        kind, _, key = subject.partition(":")
        subscription_id, at = uuid4(), since or self.notify.clock.now() - dt.timedelta(days=1)
        sealed = "sealed" if kind == "search" else None
        await self.notify.pool.execute(SUBSCRIBE, subscription_id, person_id, kind, key, sealed, rhythm, at)
        return str(subscription_id)

    async def saves(self, name: str, query: dict[str, list[str]], rhythm: str | None = None, **wishes: Any) -> str:
        """Somebody who saves a search."""
        person_id = await self.person(name, **wishes)
        subscription_id = await self.subscribe(person_id, f"search:{uuid4()}", rhythm)
        await self.notify.pool.execute(OPEN, subscription_id, person_id, query, self.notify.clock.now())
        return person_id

    async def publish(self, *contracts: Any, live: bool = True, version: int = 7) -> None:
        """Contracts arrive; what they say of things is kept, and who follows is told."""
        effects = {each.contract: each.apply for each in (*things.of_events(), *things.of_catalog())}
        for number, contract in enumerate(contracts):
            async with self.notify.pool.acquire() as connection, connection.transaction():
                if type(contract) in effects:
                    await effects[type(contract)](connection, [received(contract)])
            if live and type(contract) in self.office.matters.causes:
                await self.office.hear(contract, version=version + number)
        await self.office.expand()

    async def told(self) -> list[str]:
        """Who has got a mail since this was asked last, each as often as they did."""
        before = len(self.sink.mails)
        await self.office.send()
        return sorted(mail.recipient.partition("@")[0] for mail in self.sink.mails[before:])

    async def close(self) -> list[str]:
        """Digests of the windows that have ended, by any process."""
        while await self.digests.step():
            pass
        await self.office.expand()
        return await self.told()

    async def write(self, body: dict[str, Any]) -> str:
        """A news item is published."""
        drafted = await self.notify.edit("POST", "/api/v1/announcements", body)
        published = await self.notify.edit("POST", f"/api/v1/announcements/{drafted.body['id']}/publications")
        assert (drafted.status, published.status) == (201, 200), drafted.body
        await self.heard()
        return str(drafted.body["id"])

    async def heard(self) -> None:
        """Everything that was ever published here is taken in, again if it was before."""
        (matter,) = [each for each in self.office.more if isinstance(each, FollowerMatter)]
        news = from_journal(matter, self.notify.clock, lambda: None)
        async with self.notify.pool.acquire() as connection, connection.transaction():
            await news.project(connection, await self.notify.journal.read(0, 1000, connection))
        await self.office.expand()

    def last(self) -> Mail:
        return self.sink.mails[-1]


def words(mail: Mail, of: str = "plain") -> str:
    """A mail's text or HTML, in one line."""
    (part,) = [each for each in mail.parsed.walk() if each.get_content_type() == f"text/{of}"]
    return " ".join(str(part.get_content()).split())


def named_in(mail: Mail) -> Naming:
    """What one click ends."""
    link = str(mail.parsed["List-Unsubscribe"])[1:-1]
    naming = Unsubscribing.of(samples.PORTAL, bytes(32)).read(link.rpartition("/")[2])
    assert naming is not None
    return naming


def received(contract: Any) -> Received[Any]:
    now = dt.datetime.now(dt.UTC)
    return Received(contract, "x@1", contract.type, "x", 1, 1, now, now, False, True, "c" * 32, None)  # noqa: FBT003


@asynccontextmanager
async def town_of(notify: Notify) -> AsyncIterator[Town]:
    """With an empty database."""
    catalogue = AskedCatalogue()
    followers = Followers(notify.pool, notify.vault, Owners(titles, series, catalogue.taken_apart))
    unsubscribing = Unsubscribing.of(samples.PORTAL, bytes(32))
    matching = Matching(notify.pool, notify.vault, Catalogue(catalogue.keys, catalogue.fits))
    matter = FollowerMatter(matching, followers, unsubscribing, samples.TEXTS, samples.PORTAL, notify.clock)
    digest = DigestMatter(notify.pool, followers, unsubscribing, samples.TEXTS, samples.PORTAL, notify.clock)
    async with mail_server() as sink:
        office = Office(notify, Owner(samples.session()), sink, more=[matter, digest])
        digests = Digests(notify.pool, digest, notify.clock, dt.timedelta(days=60), lambda: None)
        yield Town(notify, office, catalogue, digests, Compiling(notify.pool, catalogue.taken_apart), sink)


START = dt.datetime(2025, 7, 31, 8, tzinfo=dt.UTC)
OF_SESSION: dict[str, Any] = {
    "session_id": SESSION,
    "series_id": SERIES,
    "title": "Sprechstunde <b>Bauhof</b>",
    "sequence": 0,
    "starts_at": START,
}


def announced(**more: Any) -> SessionAnnounced:
    venue = Place(name="Rathaus", city="Lemgo", ags="05766044")
    return SessionAnnounced(**OF_SESSION, mode="in_person", venue=venue, topics=("works_depot",), **more)


def postponed() -> SessionPostponed:
    moved = {**OF_SESSION, "sequence": 1, "starts_at": START + dt.timedelta(days=28)}
    return SessionPostponed(**moved, previous=Times(starts_at=START), reason="Erkrankung")


def published(**more: Any) -> ProjectPublished:
    return ProjectPublished(
        project_id=PROJECT,
        title="Gemeinsamer Bauhof",
        summary="Zwei Gemeinden pflegen Straßen.",
        topics=("works_depot",),
        participations=(Participation(organisation_id="o", ags="05766044", role="lead"),),
        **more,
    )


KEYS = ProjectKeys(
    keys=("topic:works_depot", "topic:depot", "organisation:05766044", "organisation:o", "district:05766", "~bauhof"),
    reach={"05766044": 0.0, "05766020": 11.5},
)
