"""Somebody subscribes: what the owners of subjects say is a function here, everything else is the service."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson

from services.notify import own_subscriptions_http, subscription_http
from services.notify.own_subscriptions_http import OwnPage
from services.notify.subscription_http import Intake
from services.notify.subscription_wishes import Owners
from services.notify.unsubscribing import Unsubscribing
from shared.contracts.rpc import (
    SearchKeys,
    SearchKeysAnswered,
    SearchKeysAsked,
    SearchProblem,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
    TitlesAnswered,
    TitlesAsked,
)
from shared.kernel.endpoint import Endpoint
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

PORTAL = "https://portal.example"
UNSUBSCRIBING = Unsubscribing.of(PORTAL, b"u" * 32)
WITHIN = dt.timedelta(hours=72)
PROJECT = "0198f0a2-0000-7000-8000-0000000000a1"
SERIES = "0198f0a2-0000-7000-8000-0000000000b1"
KNOWN = {
    "topics": {"digitalisation": "Digitalisierung", "construction-yard": "Bauhof"},
    "ags": {"05315000": "Stadt Köln", "05962": "Märkischer Kreis"},
    "projects": {PROJECT: "Gemeinsamer Bauhof"},
}


async def titles(asked: TitlesAsked) -> TitlesAnswered:
    return TitlesAnswered(
        **{of: {k: v for k, v in known.items() if k in getattr(asked, of)} for of, known in KNOWN.items()}
    )


async def series(asked: SeriesTitlesAsked) -> SeriesTitlesAnswered:
    return SeriesTitlesAnswered(series={key: "Online-Spotlight" for key in asked.series if key == SERIES})


async def searches(asked: SearchKeysAsked) -> SearchKeysAnswered:
    return SearchKeysAnswered(searches=tuple(map(_keys, asked.searches)), rules="1")


def _keys(search: Mapping[str, tuple[str, ...]]) -> SearchKeys:
    if "color" in search:
        return SearchKeys(problems=(SearchProblem(field="color", code="unknown_parameter", detail="Unbekannt."),))
    canonical = {name: tuple(sorted(set(values))) for name, values in search.items()}
    return SearchKeys(search=canonical, label=", ".join(value for values in canonical.values() for value in values))


OWNERS = Owners(titles, series, searches)


def endpoints(journal: Journal, pool: Pool, vault: Vault) -> list[Endpoint]:
    intake = Intake(journal, vault, OWNERS, UNSUBSCRIBING, b"m" * 32, WITHIN)
    return [
        *subscription_http.endpoints(intake),
        *own_subscriptions_http.endpoints(OwnPage(journal, pool, vault, OWNERS)),
    ]


async def token_of(pool: Pool, vault: Vault, person_id: str) -> str:
    """The token that only a mail to the person holds."""
    row = await pool.fetchrow("SELECT card_id, address FROM subscriber WHERE person_id = $1", person_id)
    assert row is not None
    thing = f"subscriber/{row['card_id']}"
    outer = await vault.open(thing, thing, row["address"])
    assert outer is not None
    inner = await vault.open(person_id, thing, orjson.loads(outer)["sealed"])
    assert inner is not None
    token: str = orjson.loads(inner)["token"]
    return token


def wish(subject: str, key: str, **more: Any) -> dict[str, Any]:
    return {"subject": subject, "key": key, **more}


TOPIC = wish("topic", "digitalisation")
SEARCH: dict[str, Any] = {"subject": "search", "query": {"q": "Unverwechselbarer Suchtext", "topic": ["b", "a"]}}
