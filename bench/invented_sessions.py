"""Invented sessions in the read models of the events service, as its projections make them of what a journal holds."""

import datetime as dt
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any
from uuid import UUID

from services.events import records
from services.events.life import (
    RegistrationOpened,
    SessionAnnounced,
    SessionCancelled,
    SessionDrafted,
    SessionHeld,
    SessionPostponed,
)
from services.events.programme import Content, Speaker, Talk, Venue
from services.events.registration_events import MemberRegistered
from services.events.series import SeriesContent, SeriesStarted
from services.events.times import BERLIN, When
from shared.kernel.decider import Event
from shared.kernel.ids import new_id
from shared.kernel.postgres import connect
from shared.kernel.recorded import Recorded

SEED = 5
NOBODY = UUID(int=0)
TOPICS = ("culture", "health", "works_depot", "treasury", "fire_service", "archives", "school", "waste", "it", "staff")
WORDS = ("Vergabe", "Bauhof", "Archiv", "Personal", "Feuerwehr", "Bäder", "Kasse", "Rechnungsprüfung", "Fuhrpark")
VENUE = Venue(name="Haus der Kommunen", address="Marktplatz 1, Eingang B", city="Musterstadt")
TALK = Talk(title="Bericht aus der Praxis", speakers=(Speaker(function="Leitung", organisation="Stadt Musterstadt"),))
BATCH = 500


async def fill(dsn: str, series: int, each: int, now: dt.datetime) -> list[str]:
    """So many series of so many sessions each, a third of them to come; the ids of the series."""
    connection = await connect(dsn, name="bench", timeout=None)
    try:
        random, found = Random(SEED), [str(new_id()) for _ in range(series)]
        for number, series_id in enumerate(found):
            events = [*_series(series_id, number, now), *_sessions(series_id, each, random, now)]
            for start in range(0, len(events), BATCH):
                for projection in records.PROJECTIONS:
                    await projection.project(connection, events[start : start + BATCH])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return found


def _series(series_id: str, number: int, now: dt.datetime) -> Iterator[Recorded[Any]]:
    content = SeriesContent(title=f"Reihe {number}", slug=f"reihe-{number}", format="workshop")
    yield from _recorded(f"series-{series_id}", [SeriesStarted(series_id=series_id, content=content, at=now)], now)


def _sessions(series_id: str, each: int, random: Random, now: dt.datetime) -> Iterator[Recorded[Any]]:
    for _ in range(each):
        session_id = str(new_id())
        yield from _recorded(f"session-{session_id}", list(_life(session_id, series_id, random, now)), now)


def _life(session_id: str, series_id: str, random: Random, now: dt.datetime) -> Iterator[Event]:
    content = _content(series_id, random)
    ahead = random.randint(-600, 300) or 1
    day = now.astimezone(BERLIN).replace(minute=0, second=0, microsecond=0) + dt.timedelta(days=ahead)
    when = When(starts_at=day, ends_at=day + dt.timedelta(hours=2))
    named: dict[str, Any] = {"session_id": session_id, "series_id": series_id, "title": content.title, "at": now}
    yield SessionDrafted(session_id=session_id, content=content, when=when, at=now)
    yield SessionAnnounced(content=content, sequence=0, when=when, **named)
    if ahead < 0:
        yield SessionHeld(sequence=0, when=when, **named)
        return
    if random.random() < 0.7:
        yield RegistrationOpened(closes_at=None, capacity=content.capacity, sequence=0, when=when, **named)
        for _ in range(random.randrange(3)):
            yield _registration(session_id, now)
    if random.random() < 0.2:
        later = When(starts_at=day + dt.timedelta(days=7))
        yield SessionPostponed(
            previous=when, reason="Krankheit", registration_closes_at=None, sequence=1, when=later, **named
        )
    elif random.random() < 0.1:
        yield SessionCancelled(reason="zu wenige Anmeldungen", sequence=1, when=when, **named)


def _content(series_id: str, random: Random) -> Content:
    words = random.sample(WORDS, 3)
    in_person = random.random() < 0.5
    return Content(
        series_id=series_id,
        title=f"{words[0]} gemeinsam organisieren",
        summary=f"Wie Kommunen {words[1]} und {words[2]} zusammenlegen; mit Beispielen aus drei Kreisen. " * 2,
        description="Ein Nachmittag mit Berichten, Fragen und Zeit für Gespräche. " * 12,
        topics=tuple(random.sample(TOPICS, 2)),
        mode="in_person" if in_person else "online",
        venue=VENUE if in_person else None,
        capacity=random.choice((None, 1, 40)),
        agenda=(TALK, TALK, TALK),
    )


def _registration(session_id: str, now: dt.datetime) -> Event:
    token = str(new_id())
    return MemberRegistered(
        session_id=session_id, registration_id=token, person_id=token, token_hash=token, sealed="-", at=now
    )


def _recorded(stream: str, events: Sequence[Event], now: dt.datetime) -> Iterator[Recorded[Any]]:
    for version, event in enumerate(events, 1):
        yield Recorded(
            position=None,
            stream=stream,
            version=version,
            event=event,
            actor="bench",
            command_id=NOBODY,
            correlation_id="",
            causation_id=None,
            traceparent=None,
            history=False,
            aggregate=None,
            aggregate_version=None,
            recorded_at=now,
        )
