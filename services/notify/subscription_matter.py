"""Letters about subscriptions themselves: the one that asks whether they are wanted, and the link to one's page.

Both may go to an address that somebody else typed: they repeat no word that anybody typed, and say the same whoever
asked. What is to be confirmed is named as it is called in public; a search is a search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from services.notify import german, subscriber_list, subscriber_sealing, subscription_wishes
from services.notify.kind import Kind, Occasion, Priority
from services.notify.letter import Button, Fact, Letter, subject
from services.notify.mailing import Occurred, note
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.subscriber_events import (
    CardForgotten,
    CardKept,
    ConfirmationAsked,
    LinkAsked,
    MessagesPaused,
    MessagesResumed,
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
from services.notify.subscription_wishes import SUBJECTS, Owners
from services.notify.texts import Text, fill, paragraphs
from shared.kernel.clock import Clock
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.vault import Vault

PAGE = "/abonnement/"
WHY = "Sie erhalten diese Nachricht, weil diese E-Mail-Adresse auf unserem Portal für Abonnements angegeben wurde."
SEARCHED = "Wonach gesucht wird, sehen Sie auf Ihrer Seite"
SHOWN = 30


class SubscriptionConfirmationAsked(Occasion):
    """Somebody wants to hear of something at this person's address."""

    type: ClassVar[str] = "ikz.notify.subscription.confirmation_asked.v1"
    person_id: str
    confirm_by: datetime


class SubscriptionLinkAsked(Occasion):
    """Somebody wants the link to this person's page sent to the person."""

    type: ClassVar[str] = "ikz.notify.subscription.link_asked.v1"
    person_id: str


type OfSubscription = SubscriptionConfirmationAsked | SubscriptionLinkAsked

KINDS: dict[type[Any], Kind] = {
    SubscriptionConfirmationAsked: Kind(
        "subscription_confirm", Priority.PERSONAL, until=lambda cause: cause.confirm_by
    ),
    SubscriptionLinkAsked: Kind("subscription_link", Priority.PERSONAL),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that is to be confirmed, as it is called in public."""

    subject: str
    title: str
    confirm_by: datetime


@dataclass(frozen=True, slots=True)
class SubscriberCard:
    """Where to write to, the token of the person's page, and what waits for the person's word."""

    email: str
    token: str
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionMatter:
    """What is told of subscriptions themselves."""

    pool: Pool
    vault: Vault
    texts: Mapping[str, Text]
    portal: str
    owners: Owners
    name: str = "subscriptions"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: OfSubscription) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: OfSubscription, _cause_id: str) -> About:
        """One person, who waits for this."""
        return About(person_id=cause.person_id)

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """That person."""
        person_id = mailing.what.person_id
        return Page((Row(person_id=person_id, lane=f"subscriber/{person_id}"),))

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[SubscriberCard | None]:
        """What is known of each now; none of whom we cannot write to any more."""
        people = list({claimed.person_id for claimed, _ in messages})
        rows = await subscriber_list.cards_of(self.pool, people)
        addresses = await subscriber_sealing.addresses(self.vault, rows)
        asking = {claimed.person_id for claimed, told in messages if _asks(told)}
        waiting = await self._waiting(asking)
        cards = {
            row["person_id"]: SubscriberCard(address.email, address.token, tuple(waiting.get(row["person_id"], ())))
            for row, address in zip(rows, addresses, strict=True)
            if address is not None
        }
        return [cards.get(claimed.person_id) for claimed, _ in messages]

    async def _waiting(self, people: set[str]) -> dict[str, list[Waiting]]:
        rows = await subscriber_list.waiting_of(self.pool, list(people)) if people else []
        asked = [(row["subject"], row["key"]) for row in rows if row["subject"] != "search"]
        titles = await subscription_wishes.titles(self.owners, asked)
        waiting: dict[str, list[Waiting]] = {}
        for row in rows:
            of, key = row["subject"], row["key"]
            title = SEARCHED if of == "search" else titles.get((of, key), "ohne Titel")
            waiting.setdefault(row["person_id"], []).append(Waiting(SUBJECTS[of], title, row["confirm_by"]))
        return waiting

    def letter(self, _claimed: Claimed, told: Told, card: SubscriberCard, now: datetime) -> Draft | None:
        """The letter; none when there is nothing left to confirm."""
        waiting = [one for one in card.waiting if one.confirm_by > now]
        if _asks(told) and not waiting:
            return None
        return Draft(compose(self.texts[told.kind], waiting if _asks(told) else (), f"{self.portal}{PAGE}{card.token}"))


def _asks(told: Told) -> bool:
    return isinstance(told.cause, SubscriptionConfirmationAsked)


def compose(text: Text, waiting: Sequence[Waiting], page: str) -> Letter:
    """The letter: the earliest end of what waits is the time to confirm all of it."""
    confirm_by = min((one.confirm_by for one in waiting), default=None)
    values: dict[str, str | None] = {"confirm_by": german.moment(confirm_by) if confirm_by else None}
    return Letter(
        subject=subject(text, values),
        tone=text.tone,
        tag=text.tag,
        heading=fill(text.heading, values) or text.tag,
        greeting="Guten Tag,",
        opening=paragraphs(text.opening, values),
        facts=tuple(Fact(one.subject, one.title) for one in waiting[:SHOWN]),
        closing=paragraphs(text.closing, values),
        button=Button(text.button or text.tag, page),
        footnote=WHY,
    )


def from_journal(matter: SubscriptionMatter, clock: Clock, noted: Callable[[], None]) -> Projection:
    """Notes what subscribers' streams ask to be told, each event once; followed by a cursor and never built anew.

    `noted` is called right before that is committed: whoever then looks in vain looks again soon.
    """

    async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
        occurred = [
            Occurred(cause, recorded.id, recorded.recorded_at, recorded.event.at, recorded.correlation_id)
            for recorded in events
            if not recorded.history
            and recorded.stream.startswith("subscriber-")
            and (cause := _occasion(recorded.event)) is not None
        ]
        if occurred:
            await note(connection, matter, occurred, clock.now())
            noted()

    return Projection("subscription_mails", (), project, following=True)


def _occasion(event: SubscriberEvent) -> OfSubscription | None:
    match event:
        case ConfirmationAsked():
            return SubscriptionConfirmationAsked(person_id=event.person_id, confirm_by=event.confirm_by)
        case LinkAsked():
            return SubscriptionLinkAsked(person_id=event.person_id)
        case (
            SubscriptionRequested()
            | SubscriptionConfirmed()
            | SubscriptionRhythmChanged()
            | SubscriptionEnded()
            | SubscriptionLapsed()
            | SubscriptionsForgotten()
            | CardKept()
            | CardForgotten()
            | PreferencesChanged()
            | MessagesPaused()
            | MessagesResumed()
            | SubscriberErased()
        ):  # nobody is told of it
            return None
