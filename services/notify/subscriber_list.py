"""Who subscribed to what? The read model of subscribers, what fills it, and what is asked of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.notify.subscriber_events import (
    EVENTS,
    CardForgotten,
    CardKept,
    ConfirmationAsked,
    LinkAsked,
    MessagesPaused,
    MessagesResumed,
    OfSubscriber,
    OfSubscription,
    PreferencesChanged,
    SubscriberErased,
    SubscriberEvent,
    SubscriptionConfirmed,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionRequested,
    SubscriptionRhythmChanged,
    SubscriptionsForgotten,
)
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

ERASE = """
WITH subscriptions AS (
    DELETE FROM subscription WHERE person_id = ANY($1::text[])
), preferences AS (
    DELETE FROM preference WHERE person_id = ANY($1::text[])
)
DELETE FROM subscriber WHERE person_id = ANY($1::text[])
"""
FORGET = "DELETE FROM subscription WHERE id = ANY($1::uuid[])"
ENTER = """
INSERT INTO subscriber (person_id, version) SELECT person_id, 0 FROM unnest($1::text[]) AS s (person_id)
ON CONFLICT (person_id) DO NOTHING
"""
# Of each person what the events say; what they do not speak of stays.
CHANGE = """
UPDATE subscriber s SET
    version = (c.said->>'version')::bigint,
    card_id = CASE WHEN c.said ? 'card_id' THEN c.said->>'card_id' ELSE s.card_id END,
    address = CASE WHEN c.said ? 'address' THEN c.said->>'address' ELSE s.address END,
    token_digest = CASE WHEN c.said ? 'token_digest' THEN decode(c.said->>'token_digest', 'hex')
                        ELSE s.token_digest END,
    digest_hour = coalesce((c.said->>'digest_hour')::smallint, s.digest_hour),
    digest_weekday = coalesce((c.said->>'digest_weekday')::smallint, s.digest_weekday),
    quiet_from = CASE WHEN c.said ? 'quiet_from' THEN (c.said->>'quiet_from')::time ELSE s.quiet_from END,
    quiet_until = CASE WHEN c.said ? 'quiet_until' THEN (c.said->>'quiet_until')::time ELSE s.quiet_until END,
    quiet_weekends = coalesce((c.said->>'quiet_weekends')::boolean, s.quiet_weekends),
    paused_until = CASE WHEN c.said ? 'paused_until' THEN (c.said->>'paused_until')::timestamptz
                        ELSE s.paused_until END
FROM jsonb_array_elements($1::jsonb) AS c (said)
WHERE s.person_id = c.said->>'person_id' AND s.version < (c.said->>'version')::bigint
"""
REQUEST = """
INSERT INTO subscription AS s (id, person_id, version, subject, key, sealed_query, rhythm, state, text_version,
                               requested_at, confirm_by)
SELECT id, person_id, version, subject, key, sealed_query, rhythm, state, text_version, requested_at, confirm_by
FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, person_id text, version bigint, subject text, key text,
    sealed_query text, rhythm text, state text, text_version text, requested_at timestamptz, confirm_by timestamptz)
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, sealed_query = excluded.sealed_query, rhythm = excluded.rhythm,
    state = excluded.state, text_version = excluded.text_version, requested_at = excluded.requested_at,
    confirm_by = excluded.confirm_by, confirmed_at = NULL, since = NULL, ended_at = NULL
WHERE s.version < excluded.version
"""
MOVE = """
UPDATE subscription s SET
    version = (c.said->>'version')::bigint,
    rhythm = CASE WHEN c.said ? 'rhythm' THEN c.said->>'rhythm' ELSE s.rhythm END,
    state = coalesce(c.said->>'state', s.state),
    confirm_by = CASE WHEN c.said ? 'state' THEN NULL ELSE s.confirm_by END,
    confirmed_at = coalesce((c.said->>'confirmed_at')::timestamptz, s.confirmed_at),
    since = coalesce((c.said->>'confirmed_at')::timestamptz, s.since),
    ended_at = CASE WHEN c.said ? 'state' THEN (c.said->>'ended_at')::timestamptz ELSE s.ended_at END
FROM jsonb_array_elements($1::jsonb) AS c (said)
WHERE s.id = (c.said->>'id')::uuid AND s.version < (c.said->>'version')::bigint
"""
UNPREFER = "DELETE FROM preference WHERE person_id = ANY($1::text[])"
PREFER = """
INSERT INTO preference (person_id, kind, channel, rhythm)
SELECT person_id, kind, channel, rhythm
FROM jsonb_to_recordset($1::jsonb) AS p (person_id text, kind text, channel text, rhythm text)
"""

WHOSE = """
SELECT person_id, version, card_id, address, digest_hour, digest_weekday, quiet_from, quiet_until, quiet_weekends,
       nullif(paused_until, 'infinity') AS paused_until, coalesce(paused_until = 'infinity', false) AS paused_for_good
FROM subscriber WHERE token_digest = $1
"""
CARDS = "SELECT person_id, card_id, address FROM subscriber WHERE person_id = ANY($1::text[]) AND address IS NOT NULL"
PREFERENCES = "SELECT kind, channel, rhythm FROM preference WHERE person_id = $1 ORDER BY kind, channel"
SUBSCRIPTIONS = """
SELECT id::text, subject, key, sealed_query, rhythm, state, text_version, requested_at, confirm_by, confirmed_at,
       ended_at
FROM subscription WHERE person_id = $1 ORDER BY requested_at DESC, id
"""
WAITING = """
SELECT person_id, subject, key, confirm_by FROM subscription
WHERE person_id = ANY($1::text[]) AND state = 'requested' ORDER BY person_id, requested_at DESC, id
"""


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Brings what subscribers say into the tables, in a few statements however many they are."""
    changes = _Changes()
    for recorded in events:
        if isinstance(recorded.event, EVENTS):
            changes.take(recorded.event, recorded.version)
    await changes.write(connection)


class _Changes:
    """What a portion of events comes to: who and what is gone, and then what is said of whom and what is left."""

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.forgotten: set[str] = set()
        self.people: dict[str, dict[str, Any]] = {}
        self.requested: dict[str, dict[str, Any]] = {}
        self.moved: dict[str, dict[str, Any]] = {}
        self.preferences: dict[str, PreferencesChanged] = {}

    def take(self, event: SubscriberEvent, version: int) -> None:
        """One event behind those before."""
        match event:
            case SubscriptionRequested() | SubscriptionConfirmed() | SubscriptionRhythmChanged():
                self._take_subscription(event, version)
            case SubscriptionEnded() | SubscriptionLapsed() | SubscriptionsForgotten():
                self._take_subscription(event, version)
            case SubscriberErased():
                self._erase(event.person_id)
            case CardKept():
                card = {"card_id": event.card.card_id, "address": event.card.sealed}
                self._say(event, version, **card, token_digest=event.card.token_digest)
            case CardForgotten():
                self._say(event, version, card_id=None, address=None, token_digest=None)
            case PreferencesChanged():
                self.preferences[event.person_id] = event
                self._say(event, version, **event.times.model_dump(mode="json"))
            case MessagesPaused():
                self._say(event, version, paused_until=event.until or "infinity")
            case MessagesResumed():
                self._say(event, version, paused_until=None)
            case ConfirmationAsked() | LinkAsked():  # of the mails themselves nothing is read here
                self._say(event, version)

    def _take_subscription(self, event: OfSubscription, version: int) -> None:
        self._say(event, version)
        match event:
            case SubscriptionRequested():
                self.requested[event.wanted.subscription_id] = _requested(event, version)
                self.moved.pop(event.wanted.subscription_id, None)
            case SubscriptionConfirmed():
                self._move(event.subscription_id, version, state="confirmed", confirmed_at=event.at, ended_at=None)
            case SubscriptionRhythmChanged():
                self._move(event.subscription_id, version, rhythm=event.rhythm)
            case SubscriptionEnded():
                self._move(event.subscription_id, version, state="ended", ended_at=event.at)
            case SubscriptionLapsed():
                self._move(event.subscription_id, version, state="lapsed", ended_at=event.at)
            case SubscriptionsForgotten():
                self.forgotten |= set(event.subscription_ids)
                for subscription_id in event.subscription_ids:
                    self.requested.pop(subscription_id, None)
                    self.moved.pop(subscription_id, None)

    def _erase(self, person_id: str) -> None:
        self.erased.add(person_id)
        self.people.pop(person_id, None)
        self.preferences.pop(person_id, None)
        gone = [each for each, row in self.requested.items() if row["person_id"] == person_id]
        for subscription_id in gone:
            del self.requested[subscription_id]

    def _say(self, event: OfSubscriber, version: int, **said: Any) -> None:
        before = self.people.get(event.person_id, {"person_id": event.person_id})
        self.people[event.person_id] = before | said | {"version": version}

    def _move(self, subscription_id: str, version: int, **said: Any) -> None:
        before = self.moved.get(subscription_id, {"id": subscription_id})
        self.moved[subscription_id] = before | said | {"version": version}

    async def write(self, connection: Connection) -> None:
        """All of it."""
        if self.erased:
            await connection.execute(ERASE, list(self.erased))
        if self.forgotten:
            await connection.execute(FORGET, list(self.forgotten))
        if self.people:
            await connection.execute(ENTER, list(self.people))
            await connection.execute(CHANGE, list(self.people.values()))
        if self.requested:
            await connection.execute(REQUEST, list(self.requested.values()))
        if self.moved:
            await connection.execute(MOVE, list(self.moved.values()))
        if self.preferences:
            await connection.execute(UNPREFER, list(self.preferences))
            await connection.execute(PREFER, list(_preferred(self.preferences)))


def _requested(event: SubscriptionRequested, version: int) -> dict[str, Any]:
    wanted = event.wanted.model_dump(exclude={"subscription_id"})
    return wanted | {
        "id": event.wanted.subscription_id,
        "person_id": event.person_id,
        "version": version,
        "state": "requested",
        "text_version": event.text_version,
        "requested_at": event.at,
        "confirm_by": event.confirm_by,
    }


def _preferred(changed: Mapping[str, PreferencesChanged]) -> Iterator[dict[str, str]]:
    for person_id, event in changed.items():
        for preference in event.preferences:
            yield {"person_id": person_id, **preference.model_dump()}


SUBSCRIBERS = Projection("subscribers", ("subscriber", "preference", "subscription"), project)


async def by_token(pool: Pool, digest: bytes) -> Any:
    """Whose page it is; None of a token that leads nowhere."""
    return await pool.fetchrow(WHOSE, digest)


async def subscriptions_of(pool: Pool, person_id: str) -> Sequence[Any]:
    """Everything somebody asked for in a person's name, the latest first."""
    return await pool.fetch(SUBSCRIPTIONS, person_id)


async def preferences_of(pool: Pool, person_id: str) -> Sequence[Any]:
    """What differs from the default."""
    return await pool.fetch(PREFERENCES, person_id)


async def cards_of(pool: Pool, people: Sequence[str]) -> Sequence[Any]:
    """Where to write to, sealed, of those of whom that is known."""
    return await pool.fetch(CARDS, people)


async def waiting_of(pool: Pool, people: Sequence[str]) -> Sequence[Any]:
    """What waits for these people's word."""
    return await pool.fetch(WAITING, people)
