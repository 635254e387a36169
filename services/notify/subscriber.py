"""A subscriber: what one person wants to hear of, how often and when; nothing before they have confirmed it.

One stream a person. It knows people and their searches by ids and marks alone: what is personal comes sealed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notify.subscriber_commands import (
    AskForLink,
    ChangePreferences,
    ChangeRhythm,
    ConfirmSubscriptions,
    EndSubscriptions,
    EraseSubscriber,
    ForgetSubscriptions,
    LetTimePass,
    PauseMessages,
    RefuseKind,
    RenewSubscriptions,
    RequestSubscriptions,
    ResumeMessages,
    SubscriberCommand,
)
from services.notify.subscriber_events import (
    EVENTS,
    CardForgotten,
    CardKept,
    ConfirmationAsked,
    LinkAsked,
    MessagesPaused,
    MessagesResumed,
    Preference,
    PreferencesChanged,
    Proof,
    SubscriberErased,
    SubscriberEvent,
    SubscriptionConfirmed,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionRequested,
    SubscriptionRhythmChanged,
    SubscriptionsForgotten,
    Wanted,
)
from services.notify.subscriber_state import Subscriber, Subscription, evolve
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere, Refused

MOST = 100
"""How much one person may subscribe to."""
MOST_WAITING = 30
"""How much may wait for one person's word: whoever asks in the name of others fills nothing else."""


def decide(command: SubscriberCommand, subscriber: Subscriber, at: datetime) -> Sequence[SubscriberEvent]:
    """The rules; the same command twice changes nothing."""
    match command:
        case RequestSubscriptions():
            return request(command, subscriber, at)
        case RefuseKind():
            return refuse_kind(command, subscriber, at)
        case ConfirmSubscriptions():
            return confirm(command, _known(subscriber), at)
        case RenewSubscriptions():
            return renew(command, _known(subscriber), at)
        case EndSubscriptions():
            return end(command, _known(subscriber), at)
        case ChangeRhythm():
            return change_rhythm(command, _known(subscriber), at)
        case ChangePreferences():
            return change_preferences(command, _known(subscriber), at)
        case PauseMessages() | ResumeMessages():
            return pause(command, _known(subscriber), at)
        case AskForLink():
            return ask_for_link(_known(subscriber), at)
        case LetTimePass():
            return lapse(_known(subscriber), at)
        case ForgetSubscriptions():
            return forget(command, _known(subscriber), at)
        case EraseSubscriber():
            return [] if subscriber.erased else [SubscriberErased(**_of(_known(subscriber), at))]


def request(command: RequestSubscriptions, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """Keeps what is new, and has the person asked once; who proved to be the person needs no asking.

    Nobody else learns anything of the person: what goes beyond a limit is dropped, not refused.
    """
    if subscriber.erased:
        raise NotThere
    wanted = list({one.subscription_id: one for one in command.wanted}.values())
    if command.proof:
        return _carded(command, subscriber, at, _taken(command.proof, command, wanted, subscriber, at))
    return _carded(command, subscriber, at, _asked(command, wanted, subscriber, at))


def _carded(
    command: RequestSubscriptions, subscriber: Subscriber, at: datetime, events: Sequence[SubscriberEvent]
) -> list[SubscriberEvent]:
    """With where to write to before the first of them, if that is not known yet."""
    if not events or subscriber.card_id is not None:
        return list(events)
    return [CardKept(person_id=command.person_id, card=command.card, at=at), *events]


def _taken(
    proof: Proof, command: RequestSubscriptions, wanted: Sequence[Wanted], subscriber: Subscriber, at: datetime
) -> list[SubscriberEvent]:
    """What the person wants, which needs nobody's word but theirs. What they read, and when, is what is kept."""
    new = [one for one in wanted if not _is(subscriber, one.subscription_id, "confirmed")]
    if len(subscriber.in_state("confirmed")) + len(new) > MOST:
        raise Refused("too_many_subscriptions")
    events: list[SubscriberEvent] = []
    for one in new:
        events.append(_requested(command, one, None, at))
        confirmed = SubscriptionConfirmed(
            person_id=command.person_id, subscription_id=one.subscription_id, proof=proof, at=at
        )
        events.append(confirmed)
    return events


def _asked(
    command: RequestSubscriptions, wanted: Sequence[Wanted], subscriber: Subscriber, at: datetime
) -> list[SubscriberEvent]:
    """What waits for the person's word, and one mail about it, or with the link where there is nothing to confirm.

    A mail that was sent a short while ago is not sent again, whoever asks how often.
    """
    waiting = {one.subscription_id for one in subscriber.in_state("requested")}
    new = [one for one in wanted if not _standing(subscriber, one.subscription_id)][: MOST_WAITING - len(waiting)]
    if new:
        if not subscriber.may_mail(None, at):
            return []
        asks = ConfirmationAsked(person_id=command.person_id, confirm_by=command.confirm_by, at=at)
        return [*(_requested(command, one, command.confirm_by, at) for one in new), asks]
    if any(one.subscription_id in waiting for one in wanted):
        if not subscriber.may_mail(subscriber.asked_at, at):
            return []
        last = max(one.confirm_by or at for one in subscriber.in_state("requested"))
        return [ConfirmationAsked(person_id=command.person_id, confirm_by=last, at=at)]
    return ask_for_link(subscriber, at) if subscriber.card_id is not None else []


def _requested(
    command: RequestSubscriptions, wanted: Wanted, confirm_by: datetime | None, at: datetime
) -> SubscriptionRequested:
    return SubscriptionRequested(
        person_id=command.person_id,
        wanted=wanted,
        text_version=command.text_version,
        confirm_by=confirm_by,
        at=at,
    )


def confirm(command: ConfirmSubscriptions, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """What was asked for in the person's name, while it waits; a second click changes nothing."""
    named = [_find(subscriber, each) for each in dict.fromkeys(command.subscription_ids)]
    named = named or [one for one in subscriber.in_state("requested") if not one.late(at)]
    for one in named:
        if not one.standing:
            raise Refused(f"subscription_{one.state}")
        if one.late(at):
            raise Refused("subscription_lapsed")
    return _confirmed(subscriber, [one for one in named if one.state == "requested"], "link", at)


def renew(command: RenewSubscriptions, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """What ended or lapsed, as long as it is kept."""
    named = [_find(subscriber, each) for each in dict.fromkeys(command.subscription_ids)]
    return _confirmed(subscriber, [one for one in named if one.state != "confirmed"], "page", at)


def _confirmed(
    subscriber: Subscriber, new: Sequence[Subscription], proof: Proof, at: datetime
) -> list[SubscriberEvent]:
    if new and len(subscriber.in_state("confirmed")) + len(new) > MOST:
        raise Refused("too_many_subscriptions")
    return [
        SubscriptionConfirmed(subscription_id=one.subscription_id, proof=proof, **_of(subscriber, at)) for one in new
    ]


def end(command: EndSubscriptions, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """What stands ends; what is at an end already, or was forgotten, is as it should be."""
    named = command.subscription_ids or sorted(subscriber.subscriptions)
    return [
        SubscriptionEnded(subscription_id=each, ending=command.ending, **_of(subscriber, at))
        for each in dict.fromkeys(named)
        if _standing(subscriber, each)
    ]


def change_rhythm(command: ChangeRhythm, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """Of what stands."""
    one = _find(subscriber, command.subscription_id)
    if not one.standing:
        raise Refused(f"subscription_{one.state}")
    if one.rhythm == command.rhythm:
        return []
    changed = command.model_dump(include={"subscription_id", "rhythm"})
    return [SubscriptionRhythmChanged(**changed, **_of(subscriber, at))]


def change_preferences(command: ChangePreferences, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """One for each kind and channel. A quiet time has both its ends, and they differ."""
    times = command.times
    if (times.quiet_from is None) != (times.quiet_until is None):
        raise Refused("quiet_time_half", field="/quiet_until" if times.quiet_from else "/quiet_from")
    if times.quiet_from is not None and times.quiet_from == times.quiet_until:
        raise Refused("quiet_time_empty", field="/quiet_until")
    preferences = _in_order(command.preferences)
    if (preferences, times) == (subscriber.preferences, subscriber.times):
        return []
    return [PreferencesChanged(preferences=preferences, times=times, **_of(subscriber, at))]


def refuse_kind(command: RefuseKind, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """Mail of this kind, whatever else is preferred; of whom is erased nothing is kept, not even this."""
    refused = Preference(kind=command.kind, rhythm="off")
    if subscriber.erased or refused in subscriber.preferences:
        return []
    preferences = _in_order((*subscriber.preferences, refused))
    return [PreferencesChanged(person_id=command.person_id, preferences=preferences, times=subscriber.times, at=at)]


def _in_order(preferences: Sequence[Preference]) -> tuple[Preference, ...]:
    """The last that was said of each kind and channel, sorted."""
    said = {(one.kind, one.channel): one for one in preferences}
    return tuple(said[each] for each in sorted(said))


def pause(command: PauseMessages | ResumeMessages, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """Until a time to come, or without an end; or no longer."""
    if isinstance(command, ResumeMessages):
        return [MessagesResumed(**_of(subscriber, at))] if subscriber.paused else []
    if command.until is not None and command.until <= at:
        raise Refused("pause_over", field="/until")
    if subscriber.paused and subscriber.paused_until == command.until:
        return []
    return [MessagesPaused(until=command.until, **_of(subscriber, at))]


def ask_for_link(subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """One mail, a short while after the last one at the soonest; none to whom we cannot write."""
    if subscriber.card_id is None or not subscriber.may_mail(subscriber.linked_at, at):
        return []
    return [LinkAsked(**_of(subscriber, at))]


def lapse(subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """What nobody confirmed in time."""
    late = [one for one in subscriber.in_state("requested") if one.late(at)]
    return [SubscriptionLapsed(subscription_id=one.subscription_id, **_of(subscriber, at)) for one in late]


def forget(command: ForgetSubscriptions, subscriber: Subscriber, at: datetime) -> list[SubscriberEvent]:
    """Those that are at an end; with the last one goes where to write to. What is not wanted stays said."""
    named = (subscriber.subscriptions.get(each) for each in dict.fromkeys(command.subscription_ids))
    gone = tuple(one.subscription_id for one in named if one and not one.standing)
    events: list[SubscriberEvent] = []
    if gone:
        events.append(SubscriptionsForgotten(subscription_ids=gone, **_of(subscriber, at)))
    if subscriber.card_id is not None and len(subscriber.subscriptions) == len(gone):
        events.append(CardForgotten(card_id=subscriber.card_id, **_of(subscriber, at)))
    return events


def _known(subscriber: Subscriber) -> Subscriber:
    if subscriber.erased or not subscriber.person_id:
        raise NotThere
    return subscriber


def _find(subscriber: Subscriber, subscription_id: str) -> Subscription:
    found = subscriber.subscriptions.get(subscription_id)
    if found is None:
        raise NotThere(subscription_id)
    return found


def _is(subscriber: Subscriber, subscription_id: str, state: str) -> bool:
    found = subscriber.subscriptions.get(subscription_id)
    return found is not None and found.state == state


def _standing(subscriber: Subscriber, subscription_id: str) -> bool:
    found = subscriber.subscriptions.get(subscription_id)
    return found is not None and found.standing


def _of(subscriber: Subscriber, at: datetime) -> dict[str, Any]:
    return {"person_id": subscriber.person_id, "at": at}


def publish(event: SubscriberEvent) -> Contract | None:  # noqa: ARG001 -- the same of each
    """Nobody else needs to know."""
    return None


SUBSCRIBER: Decider[Subscriber, SubscriberCommand, SubscriberEvent] = Decider(
    category="subscriber",
    initial=Subscriber(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=EVENTS,
)
