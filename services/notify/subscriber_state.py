"""A subscriber as its events make it: what one person wants to hear of, how often and when."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from immutables import Map

from services.notify.subscriber_events import (
    CardForgotten,
    CardKept,
    ConfirmationAsked,
    LinkAsked,
    MessagesPaused,
    MessagesResumed,
    OfSubscription,
    Preference,
    PreferencesChanged,
    Rhythm,
    SubscriberErased,
    SubscriberEvent,
    SubscriptionConfirmed,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionRequested,
    SubscriptionRhythmChanged,
    SubscriptionsForgotten,
    Times,
)

MAILS_AN_HOUR = 10
REPEATED = timedelta(minutes=15)
"""How soon the same mail is not sent once more."""

type SubscriptionState = Literal["requested", "confirmed", "ended", "lapsed"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription, as far as it decides anything."""

    subscription_id: str
    state: SubscriptionState
    rhythm: Rhythm | None = None
    confirm_by: datetime | None = None

    @property
    def standing(self) -> bool:
        """Whether it is told of, or waits to be."""
        return self.state in {"requested", "confirmed"}

    def late(self, at: datetime) -> bool:
        """Whether the time to confirm it is over."""
        return self.confirm_by is not None and self.confirm_by <= at


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person. `mails` are the times of the last mails that somebody else may have caused."""

    person_id: str = ""
    card_id: str | None = None
    subscriptions: Map[str, Subscription] = Map()  # noqa: RUF009 -- immutable
    mails: tuple[datetime, ...] = ()
    asked_at: datetime | None = None
    linked_at: datetime | None = None
    preferences: tuple[Preference, ...] = ()
    times: Times = Times()  # noqa: RUF009 -- immutable
    paused: bool = False
    paused_until: datetime | None = None
    erased: bool = False

    def in_state(self, state: SubscriptionState) -> list[Subscription]:
        """Those of the subscriptions that are in it, in the order they came."""
        found = (one for one in self.subscriptions.values() if one.state == state)
        return sorted(found, key=lambda one: one.subscription_id)

    def may_mail(self, last: datetime | None, at: datetime) -> bool:
        """Whether a mail of one sort, sent last at that time, may be sent once more on somebody's word."""
        recent = [mail for mail in self.mails if mail > at - timedelta(hours=1)]
        return len(recent) < MAILS_AN_HOUR and (last is None or last <= at - REPEATED)


def evolve(subscriber: Subscriber, event: SubscriberEvent) -> Subscriber:
    """Records an event."""
    match event:
        case SubscriptionRequested() | SubscriptionConfirmed() | SubscriptionRhythmChanged():
            return _evolve_subscription(subscriber, event)
        case SubscriptionEnded() | SubscriptionLapsed() | SubscriptionsForgotten():
            return _evolve_subscription(subscriber, event)
        case CardKept():
            return replace(subscriber, person_id=event.person_id, card_id=event.card.card_id)
        case CardForgotten():
            return replace(subscriber, card_id=None)
        case ConfirmationAsked():
            return replace(subscriber, asked_at=event.at, mails=_mailed(subscriber, event.at))
        case LinkAsked():
            return replace(subscriber, linked_at=event.at, mails=_mailed(subscriber, event.at))
        case PreferencesChanged():
            return replace(subscriber, person_id=event.person_id, preferences=event.preferences, times=event.times)
        case MessagesPaused():
            return replace(subscriber, paused=True, paused_until=event.until)
        case MessagesResumed():
            return replace(subscriber, paused=False, paused_until=None)
        case SubscriberErased():
            return Subscriber(person_id=event.person_id, erased=True)


def _evolve_subscription(subscriber: Subscriber, event: OfSubscription) -> Subscriber:
    match event:
        case SubscriptionRequested():
            wanted = event.wanted
            return _with(subscriber, Subscription(wanted.subscription_id, "requested", wanted.rhythm, event.confirm_by))
        case SubscriptionConfirmed():
            return _changed(subscriber, event.subscription_id, state="confirmed", confirm_by=None)
        case SubscriptionRhythmChanged():
            return _changed(subscriber, event.subscription_id, rhythm=event.rhythm)
        case SubscriptionEnded():
            return _changed(subscriber, event.subscription_id, state="ended", confirm_by=None)
        case SubscriptionLapsed():
            return _changed(subscriber, event.subscription_id, state="lapsed", confirm_by=None)
        case SubscriptionsForgotten():
            gone = event.subscription_ids
            left = {key: one for key, one in subscriber.subscriptions.items() if key not in gone}
            return replace(subscriber, subscriptions=Map(left))


def _with(subscriber: Subscriber, one: Subscription) -> Subscriber:
    return replace(subscriber, subscriptions=subscriber.subscriptions.set(one.subscription_id, one))


def _changed(subscriber: Subscriber, subscription_id: str, **changes: Any) -> Subscriber:
    return _with(subscriber, replace(subscriber.subscriptions[subscription_id], **changes))


def _mailed(subscriber: Subscriber, at: datetime) -> tuple[datetime, ...]:
    return (*subscriber.mails, at)[-MAILS_AN_HOUR:]
