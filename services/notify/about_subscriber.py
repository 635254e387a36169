"""What is kept here about who subscribed to something: where to write to, what is wanted, how often, since when."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from services.notify import subscriber_sealing
from services.notify.own_subscriptions_http import STATES
from services.notify.subscription_wishes import SUBJECTS
from services.notify.wished_kinds import WISHED
from shared.contracts.rpc import AboutPersonAsked, Detail, KeptRecord
from shared.kernel.about_person import Source, detail, details_of
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

SUBSCRIBER = """
SELECT person_id, card_id, address, digest_hour, digest_weekday, quiet_from, quiet_until, quiet_weekends,
       isfinite(paused_until) AS ends, paused_until
FROM subscriber WHERE person_id = $1 AND person_id > $2 LIMIT $3
"""
PREFERENCES = """
SELECT kind || '/' || channel AS place, kind, channel, rhythm FROM preference
WHERE person_id = $1 AND kind || '/' || channel > $2 ORDER BY place LIMIT $3
"""
SUBSCRIPTIONS = """
SELECT s.id::text, s.person_id, s.subject, s.key, s.sealed_query, s.rhythm, s.state, s.text_version, s.requested_at,
       s.confirmed_at, s.since, s.ended_at, o.opened_at
FROM subscription s LEFT JOIN saved_search o ON o.subscription_id = s.id
WHERE s.person_id = $1 AND s.id::text > $2 ORDER BY s.id::text LIMIT $3
"""
PENDING = "SELECT person_id FROM subscriber_erasure WHERE person_id = $1 AND person_id > $2 LIMIT $3"
RHYTHMS = {"immediate": "sofort", "daily": "einmal am Tag", "weekly": "einmal in der Woche", "off": "gar nicht"}
CHANNELS = {"email": "E-Mail", "portal": "Portal"}
WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
WITHOUT_END = "bis auf Weiteres"

type Record = tuple[str, KeptRecord]


def sources(pool: Pool, vault: Vault) -> tuple[Source, ...]:
    """Everything with subscribers in it."""
    return (
        Source(("subscriber",), partial(_subscriber, pool, vault)),
        Source(("preference",), partial(_preferences, pool)),
        Source(("subscription", "saved_search"), partial(_subscriptions, pool, vault)),
        Source(("subscriber_erasure",), partial(_pending, pool)),
    )


async def _subscriber(pool: Pool, vault: Vault, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(SUBSCRIBER, asked.person_id, after, limit)
    found = zip(rows, await subscriber_sealing.addresses(vault, rows), strict=True)
    return [
        (
            row["person_id"],
            KeptRecord(
                kind="subscriber",
                label="Einstellungen zu Abonnements",
                details=(*details_of(address, email="E-Mail-Adresse"), *_times(row)),
            ),
        )
        for row, address in found
    ]


def _times(row: Any) -> tuple[Detail, ...]:
    start, end = (str(row[name])[:5] if row[name] else None for name in ("quiet_from", "quiet_until"))
    until = row["paused_until"] if row["ends"] else None
    return (
        detail("digest_hour", "Sammelmails um", row["digest_hour"], f"{row['digest_hour']} Uhr"),
        detail("digest_weekday", "Wöchentlich am", row["digest_weekday"], WEEKDAYS[row["digest_weekday"] - 1]),
        detail("quiet_from", "Ruhe von", start),
        detail("quiet_until", "Ruhe bis", end),
        detail("quiet_weekends", "Ruhe am Wochenende", row["quiet_weekends"]),
        detail("paused_until", "Pause bis", until, WITHOUT_END if row["paused_until"] and not row["ends"] else None),
    )


async def _preferences(pool: Pool, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(PREFERENCES, asked.person_id, after, limit)
    return [
        (
            row["place"],
            KeptRecord(
                kind="preference",
                label="Wie oft Sie Nachrichten möchten",
                details=(
                    detail("kind", "Art", row["kind"], WISHED[row["kind"]].label if row["kind"] in WISHED else None),
                    detail("channel", "Weg", row["channel"], CHANNELS[row["channel"]]),
                    detail("rhythm", "Wie oft", row["rhythm"], RHYTHMS[row["rhythm"]]),
                ),
            ),
        )
        for row in rows
    ]


async def _subscriptions(pool: Pool, vault: Vault, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(SUBSCRIPTIONS, asked.person_id, after, limit)
    queries = await subscriber_sealing.queries(vault, rows)
    return [(row["id"], _subscription(row, queries.get(row["id"], {}))) for row in rows]


def _subscription(row: Any, query: Mapping[str, Any]) -> KeptRecord:
    rhythm = row["rhythm"]
    return KeptRecord(
        kind="subscription",
        label="Abonnement",
        details=(
            detail("subject", "Wozu", row["subject"], SUBJECTS[row["subject"]]),
            detail("key", "Kennung", row["key"]),
            *(detail(f"query/{name}", f"Suche: {name}", list(map(str, values))) for name, values in query.items()),
            detail("rhythm", "Wie oft", rhythm, RHYTHMS[rhythm] if rhythm else "wie eingestellt"),
            detail("state", "Stand", row["state"], STATES[row["state"]]),
            detail("text_version", "Fassung der Einwilligung", row["text_version"]),
            detail("requested_at", "Angefragt", row["requested_at"]),
            detail("confirmed_at", "Bestätigt", row["confirmed_at"]),
            detail("since", "Nachrichten seit", row["since"]),
            detail("ended_at", "Beendet", row["ended_at"]),
        ),
    )


async def _pending(pool: Pool, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(PENDING, asked.person_id, after, limit)
    return [(row["person_id"], KeptRecord(kind="erasure", label="Wird gerade gelöscht")) for row in rows]
