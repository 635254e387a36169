"""What happened to a subscriber: the words of the journal, and what commands and events say in common."""

from datetime import datetime, time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.kernel.decider import Event

type Subject = Literal["kind", "topic", "municipality", "district", "series", "project", "search"]
type Rhythm = Literal["immediate", "daily", "weekly"]
type Frequency = Literal["immediate", "daily", "weekly", "off"]
type Channel = Literal["email", "portal"]
type Proof = Literal["link", "sign_in", "page"]
type Ending = Literal["page", "one_click"]


class Said(BaseModel):
    """A part of what a command or an event says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Card(Said):
    """Where to write to, and the token of the person's page: sealed under a key of its own; and the token's SHA-256."""

    card_id: str
    sealed: str
    token_digest: str


class Wanted(Said):
    """What somebody wants to hear of. `key` names the subject; of a search it is a mark that tells nothing, and what is
    looked for is sealed. `rhythm` None: as preferred."""

    subscription_id: str
    subject: Subject
    key: str
    sealed_query: str | None = None
    rhythm: Rhythm | None = None


class Preference(Said):
    """How often a kind of message is wanted by a channel."""

    kind: str
    channel: Channel = "email"
    rhythm: Frequency


class Times(Said):
    """When messages suit, by the clock on the wall in Germany. `digest_weekday` counts from Monday, 1."""

    digest_hour: int = Field(default=8, ge=0, le=23)
    digest_weekday: int = Field(default=1, ge=1, le=7)
    quiet_from: time | None = None
    quiet_until: time | None = None
    quiet_weekends: bool = False


class OfSubscriber(Event):
    """An event in the stream of one person."""

    person_id: str


class CardKept(OfSubscriber):
    """We know where to write to this person."""

    card: Card


class SubscriptionRequested(OfSubscriber):
    """Somebody asked for it with this person's address; the words they read have a version."""

    wanted: Wanted
    text_version: str
    confirm_by: datetime | None


class SubscriptionConfirmed(OfSubscriber):
    """The person wants it: by the link in the mail, signed in, or on the page of their own."""

    subscription_id: str
    proof: Proof


class SubscriptionRhythmChanged(OfSubscriber):
    """It is wanted more or less often. None: as preferred."""

    subscription_id: str
    rhythm: Rhythm | None


class SubscriptionEnded(OfSubscriber):
    """The person wants it no more, or never did."""

    subscription_id: str
    ending: Ending


class SubscriptionLapsed(OfSubscriber):
    """Nobody confirmed it in time."""

    subscription_id: str


class ConfirmationAsked(OfSubscriber):
    """The person is to be asked by mail whether they want what was requested."""

    confirm_by: datetime


class LinkAsked(OfSubscriber):
    """The link to the person's page is to be sent once more."""


class PreferencesChanged(OfSubscriber):
    """What differs from the default, all of it, and when messages suit."""

    preferences: tuple[Preference, ...]
    times: Times


class MessagesPaused(OfSubscriber):
    """Nothing is wanted for a while; None: until further notice."""

    until: datetime | None


class MessagesResumed(OfSubscriber):
    """The pause is over before its time."""


class SubscriptionsForgotten(OfSubscriber):
    """They were kept long enough after their end."""

    subscription_ids: tuple[str, ...]


class CardForgotten(OfSubscriber):
    """There is no reason left to know where to write to this person."""

    card_id: str


class SubscriberErased(OfSubscriber):
    """The person is forgotten."""


type OfSubscription = (
    SubscriptionRequested
    | SubscriptionConfirmed
    | SubscriptionRhythmChanged
    | SubscriptionEnded
    | SubscriptionLapsed
    | SubscriptionsForgotten
)
type OfPerson = (
    CardKept
    | ConfirmationAsked
    | LinkAsked
    | PreferencesChanged
    | MessagesPaused
    | MessagesResumed
    | CardForgotten
    | SubscriberErased
)
type SubscriberEvent = OfSubscription | OfPerson
EVENTS = (
    CardKept,
    SubscriptionRequested,
    SubscriptionConfirmed,
    SubscriptionRhythmChanged,
    SubscriptionEnded,
    SubscriptionLapsed,
    ConfirmationAsked,
    LinkAsked,
    PreferencesChanged,
    MessagesPaused,
    MessagesResumed,
    SubscriptionsForgotten,
    CardForgotten,
    SubscriberErased,
)
