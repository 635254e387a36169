"""Rows of reading sessions over HTTP at the events service: the list, and calendars, with 10,000 invented sessions."""

import datetime as dt
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from random import Random
from typing import Any, Self

import aiohttp

from bench.invented_sessions import SEED, TOPICS, WORDS, fill
from bench.part import Bench
from bench.rounds import Contender, Figures, figures_of
from bench.row import Row, at_most
from bench.services import Site, site
from shared.kernel.clock import Clock
from shared.kernel.identity import ANONYMOUS, HEADER, Signer

SERIES, EACH = 20, 500
PAGE = 20
DEEP = 15
FEEDS = 2
ICS = "/api/v1/sessions.ics"


async def measure(bench: Bench) -> Sequence[Row]:
    """One reader after the other: a list as the portal asks, a calendar for the first time and again."""
    async with site(bench.servers) as made:
        series = await fill(made.database.dsn("events"), SERIES, EACH, dt.datetime.now(dt.UTC))
        async with made.service("events"), Reader(made) as reader:
            contenders: dict[str, Contender] = {
                "list": partial(_lists, reader, series, bench.amount(600, 300)),
                "feed": partial(_feeds, reader, cycle(series)),
                "unchanged": partial(_unchanged, reader, series[0], bench.amount(300, 100)),
            }
            found = await bench.alternate(contenders)
    name = f"list of sessions, {SERIES * EACH:,} there, all filters in turn, over HTTP"
    again = f"calendar of {EACH} sessions, unchanged (304)"
    return (
        Row(f"{name}: p50", "ms", found["list"]["p50 ms"]),
        Row(f"{name}: p99", "ms", found["list"]["p99 ms"], None, at_most(15)),
        Row(f"calendar of {EACH} sessions, for the first time", "ms", found["feed"]["p99 ms"], None, at_most(30)),
        Row(f"{again}: p50", "ms", found["unchanged"]["p50 ms"], None, at_most(2)),
        Row(f"{again}: p99", "ms", found["unchanged"]["p99 ms"]),
    )


class Reader:
    """Asks the events service as the gateway does for somebody who has not signed in."""

    def __init__(self, site: Site) -> None:
        self.http = aiohttp.ClientSession(f"http://127.0.0.1:{site.ports['events']}")
        self._signer = Signer(site.kept.identity_private_key, Clock())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_left: object) -> None:
        await self.http.close()

    async def get(self, path: str, status: int = 200, **headers: str) -> tuple[float, aiohttp.ClientResponse, bytes]:
        """The seconds it took, the answer and its body."""
        signed = {HEADER: self._signer.sign(ANONYMOUS, "events"), **headers}
        began = time.perf_counter()
        async with self.http.get(path, headers=signed) as answer:
            body = await answer.read()
            took = time.perf_counter() - began
        assert answer.status == status, body[:500]
        return took, answer, body


async def _lists(reader: Reader, series: Sequence[str], total: int) -> Figures:
    """Lists of all kinds; every few of them is read on to a deep page, each page counted."""
    random, began = Random(SEED), time.perf_counter()
    took: list[float] = []
    while len(took) < total:
        query: dict[str, Any] = _query(random, series)
        path = "/api/v1/sessions?" + "&".join(f"{name}={value}" for name, value in query.items())
        for _ in range(DEEP if random.random() < 0.1 else 1):
            seconds, answer, _body = await reader.get(path)
            took.append(seconds)
            following = (await answer.json())["next"]
            if following is None:
                break
            path = f"{path.partition('&cursor=')[0]}&cursor={following}"
    return figures_of(len(took), time.perf_counter() - began, took)


def _query(random: Random, series: Sequence[str]) -> dict[str, Any]:
    query: dict[str, Any] = {"limit": PAGE}
    more: dict[str, Any] = {
        "series": random.choice(series),
        "topic": random.choice(TOPICS),
        "status": random.choice(("registration_open", "full", "cancelled", "postponed_rescheduled", "announced")),
        "mode": random.choice(("online", "in_person")),
        "q": random.choice(WORDS),
    }
    if random.random() < 0.8:
        query["period"] = random.choice(("upcoming", "past"))
    for name in random.sample(sorted(more), random.choice((0, 1, 1, 2))):
        query[name] = more[name]
    return query


async def _feeds(reader: Reader, unread: Any) -> Figures:
    took = []
    for _ in range(FEEDS):
        seconds, _answer, body = await reader.get(f"{ICS}?series={next(unread)}")
        assert body.count(b"BEGIN:VEVENT") == EACH
        took.append(seconds)
    return figures_of(len(took), sum(took), took)


async def _unchanged(reader: Reader, series_id: str, total: int) -> Figures:
    path = f"{ICS}?series={series_id}"
    _seconds, answer, _body = await reader.get(path)
    known = answer.headers["ETag"]
    took = [(await reader.get(path, 304, **{"If-None-Match": known}))[0] for _ in range(total)]
    return figures_of(len(took), sum(took), took)
