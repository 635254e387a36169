"""The page of one's own, behind the token that only mails to the person hold: everything seen and changed there."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from services.notify import subscriber_list, subscriber_sealing, subscription_consent, subscription_wishes
from services.notify.german import BERLIN
from services.notify.subscriber import SUBSCRIBER
from services.notify.subscriber_commands import (
    ChangePreferences,
    ChangeRhythm,
    ConfirmSubscriptions,
    EndSubscriptions,
    PauseMessages,
    RenewSubscriptions,
    ResumeMessages,
    SubscriberCommand,
)
from services.notify.subscriber_events import Channel, Frequency, Preference, Rhythm, Subject, Times
from services.notify.subscriber_sealing import Address
from services.notify.subscriber_state import SubscriptionState
from services.notify.subscription_http import API, PRIVATE
from services.notify.subscription_wishes import SUBJECTS, Owners
from services.notify.wished_kinds import WISHED
from shared.kernel.http import Answer, Call, Committed, Endpoint, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import FieldError, Problem, meaning_of
from shared.kernel.texts import Id
from shared.kernel.vault import Vault

STATES: dict[SubscriptionState, str] = {
    "requested": "wartet auf Ihre Bestätigung",
    "confirmed": "abonniert",
    "ended": "beendet",
    "lapsed": "nicht bestätigt und verfallen",
}

log = structlog.get_logger()

type SubscriptionIds = Annotated[tuple[Id, ...], Field(max_length=100)]


class Body(BaseModel):
    """What a request says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SomeOrAllSubscriptions(Body):
    """Which subscriptions; none named: all that it can be about."""

    subscription_ids: SubscriptionIds = ()


class SomeSubscriptions(Body):
    """Which subscriptions."""

    subscription_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=100)]


class RhythmBody(Body):
    """How often a subscription is told of; null: as preferred for the kind of message."""

    subscription_id: Id
    rhythm: Rhythm | None


class Preferred(Body):
    """How often a kind of message is wanted."""

    kind: Annotated[str, Field(max_length=100)]
    channel: Channel = "email"
    rhythm: Frequency


class PreferencesBody(Times):
    """What differs from what is done by default, all of it, and when messages suit (Europe/Berlin)."""

    preferences: Annotated[tuple[Preferred, ...], Field(max_length=100)] = ()


class PauseBody(Body):
    """Until the begin of which day nothing is to be sent; null: until further notice."""

    until: dt.date | None = None


class SubscriptionShown(BaseModel):
    """A subscription, with the proof that it was asked for and confirmed. `query`: what a search looks for.

    `title` is missing where its owner does not answer, or readers see it no more. `rhythm` null: as preferred.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    subject: Subject
    subject_label: str
    key: str | None
    title: str | None
    query: Mapping[str, Sequence[str]] | None
    rhythm: Rhythm | None
    state: SubscriptionState
    state_label: str
    requested_at: dt.datetime
    confirm_by: dt.datetime | None
    confirmed_at: dt.datetime | None
    ended_at: dt.datetime | None
    text_version: str
    text: str | None


class PreferenceShown(BaseModel):
    """How often a kind of message is wanted by a channel, and which answers there are to that.

    `portal` is the live stream of who is signed in: it points a message out (`immediate`), or does not.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    kind_label: str
    channel: Channel
    rhythm: Frequency
    rhythms: tuple[Frequency, ...]


class SubscriberShown(Times):
    """Everything that is kept here of the person. `paused_until` is null while paused without an end."""

    email: str
    subscriptions: tuple[SubscriptionShown, ...]
    preferences: tuple[PreferenceShown, ...]
    paused: bool
    paused_until: dt.datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class OwnPage:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    owners: Owners

    async def show(self, call: Call) -> Answer:
        """The page."""
        row, address = await self._whose(call)
        person_id = row["person_id"]
        found = await subscriber_list.subscriptions_of(self.pool, person_id)
        said = {(each["kind"], each["channel"]): each["rhythm"] for each in await self._preferences(person_id)}
        until = row["paused_until"]
        pausing = until is not None and until > call.at
        shown = SubscriberShown(
            email=address.email,
            subscriptions=await self._subscriptions(person_id, found),
            preferences=tuple(_preferences(said)),
            **{name: row[name] for name in Times.model_fields},
            paused=pausing or row["paused_for_good"],
            paused_until=_wall(until) if pausing else None,
            version=row["version"],
        )
        return Answer(shown, version=row["version"], headers=PRIVATE)

    async def confirm(self, call: Call) -> Answer:
        """What waits for the person's word."""
        named = call.body.subscription_ids if call.body else ()
        return await self._told(call, ConfirmSubscriptions(subscription_ids=named))

    async def end(self, call: Call) -> Answer:
        """What is wanted no more; everything when none is named."""
        named = call.body.subscription_ids if call.body else ()
        return await self._told(call, EndSubscriptions(subscription_ids=named))

    async def renew(self, call: Call) -> Answer:
        """What is wanted again after all."""
        return await self._told(call, RenewSubscriptions(subscription_ids=call.body.subscription_ids))

    async def change_rhythm(self, call: Call) -> Answer:
        """How often one is told of."""
        return await self._told(call, ChangeRhythm(**call.body.model_dump()))

    async def prefer(self, call: Call) -> Answer:
        """What differs from what is done by default, and when messages suit."""
        body: PreferencesBody = call.body
        if wrong := list(_wrong(body.preferences)):
            raise Problem("invalid_request", errors=wrong)
        command = ChangePreferences(
            preferences=tuple(
                Preference(**one.model_dump())
                for one in body.preferences
                if one.rhythm != WISHED[one.kind].unless_said(one.channel)
            ),
            times=Times(**body.model_dump(include=set(Times.model_fields))),
        )
        return await self._told(call, command)

    async def pause(self, call: Call) -> Answer:
        """Nothing for a while."""
        until = call.body.until if call.body else None
        moment = until and dt.datetime.combine(until, dt.time(), BERLIN).astimezone(dt.UTC)
        return await self._told(call, PauseMessages(until=moment))

    async def resume(self, call: Call) -> Answer:
        """As before the pause."""
        return await self._told(call, ResumeMessages())

    async def _told(self, call: Call, command: SubscriberCommand) -> Answer:
        row, _ = await self._whose(call)
        outcome = await self.journal.transact(
            SUBSCRIBER, row["person_id"], command, call.context(), expected_version=call.expected_version
        )
        answer = committed(outcome)
        return Answer(answer.body, version=answer.version, headers=PRIVATE)

    async def _whose(self, call: Call) -> tuple[Any, Address]:
        token = call.request.match_info["token"]
        row = await subscriber_list.by_token(self.pool, subscriber_sealing.digest(token))
        (address,) = await subscriber_sealing.addresses(self.vault, [row]) if row is not None else [None]
        if row is None or address is None:
            raise Problem("not_found")
        return row, address

    async def _preferences(self, person_id: str) -> Sequence[Any]:
        return await subscriber_list.preferences_of(self.pool, person_id)

    async def _subscriptions(self, person_id: str, rows: Sequence[Any]) -> tuple[SubscriptionShown, ...]:
        queries = await subscriber_sealing.queries(self.vault, rows, person_id)
        asked = [(row["subject"], row["key"]) for row in rows if row["subject"] != "search"]
        titles, labels = await asyncio.gather(
            _if_there(subscription_wishes.titles(self.owners, asked)),
            _if_there(subscription_wishes.labels(self.owners, queries)),
        )
        called = {row["id"]: titles.get((row["subject"], row["key"])) for row in rows} | labels
        return tuple(_shown(row, called.get(row["id"]), queries.get(row["id"])) for row in rows)


def _wrong(preferences: Sequence[Preferred]) -> Iterator[FieldError]:
    for n, one in enumerate(preferences):
        if one.kind not in WISHED:
            yield _error(f"/preferences/{n}/kind", "unknown_kind")
        elif one.rhythm not in WISHED[one.kind].offered(one.channel):
            yield _error(f"/preferences/{n}/rhythm", "rhythm_not_offered")


def _error(field: str, code: str) -> FieldError:
    return FieldError(field, code, meaning_of(code).detail or "")


def _preferences(said: Mapping[tuple[str, str], Frequency]) -> list[PreferenceShown]:
    channels: tuple[Channel, ...] = ("email", "portal")
    return [
        PreferenceShown(
            kind=kind,
            kind_label=wished.label,
            channel=channel,
            rhythm=said.get((kind, channel), wished.unless_said(channel)),
            rhythms=wished.offered(channel),
        )
        for kind, wished in WISHED.items()
        for channel in channels
    ]


async def _if_there[Key](titles: Awaitable[dict[Key, str]]) -> dict[Key, str]:
    """What things are called; the page is there without, too."""
    try:
        return await titles
    except Problem as problem:
        log.warning("titles_missing", reason=problem.code)
        return {}


def _shown(row: Any, title: str | None, query: Mapping[str, Sequence[str]] | None) -> SubscriptionShown:
    times = ("requested_at", "confirm_by", "confirmed_at", "ended_at")
    return SubscriptionShown(
        **{name: row[name] for name in ("id", "subject", "rhythm", "state", "text_version")},
        **{name: _wall(row[name]) for name in times},
        subject_label=SUBJECTS[row["subject"]],
        key=None if row["subject"] == "search" else row["key"],
        title=title,
        query=query,
        state_label=STATES[row["state"]],
        text=subscription_consent.TEXTS.get(row["text_version"]),
    )


def _wall(moment: dt.datetime | None) -> dt.datetime | None:
    return moment and moment.astimezone(BERLIN)


def endpoints(page: OwnPage) -> Sequence[Endpoint]:
    """Behind the token."""
    own = f"{API}/{{token}}"
    over = ("not_found", "subscription_ended", "subscription_lapsed")

    def button(name: str, handler: Any, summary: str, body: type[BaseModel] | None, *codes: str) -> Endpoint:
        required = body not in {SomeOrAllSubscriptions, PauseBody, None}
        return Endpoint(
            "POST", f"{own}/{name}", handler, summary, body=body, answer=Committed, codes=codes, body_required=required
        )

    return [
        Endpoint(
            "GET", own, page.show, "Everything kept of a subscriber", answer=SubscriberShown, codes=("not_found",)
        ),
        button(
            "confirmations",
            page.confirm,
            "Confirms what was asked for",
            SomeOrAllSubscriptions,
            *over,
            "too_many_subscriptions",
        ),
        button("endings", page.end, "Ends subscriptions, or all of them", SomeOrAllSubscriptions, "not_found"),
        button(
            "renewals",
            page.renew,
            "Has ended subscriptions again",
            SomeSubscriptions,
            "not_found",
            "too_many_subscriptions",
        ),
        button("rhythms", page.change_rhythm, "Changes how often one is told of", RhythmBody, *over),
        button("pauses", page.pause, "Pauses all messages", PauseBody, "not_found", "pause_over"),
        button("resumptions", page.resume, "Ends the pause", None, "not_found"),
        Endpoint(
            "PUT",
            f"{own}/preferences",
            page.prefer,
            "Says how often kinds of message are wanted, and when they suit",
            body=PreferencesBody,
            answer=Committed,
            codes=("not_found", "quiet_time_half", "quiet_time_empty"),
            if_match=True,
        ),
    ]
