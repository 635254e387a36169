"""Subscribers: asked for by anybody, told of nothing before the person confirms, ended at any time."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from services.notify.subscriber import MOST, MOST_WAITING, SUBSCRIBER
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
    Card,
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
    Times,
    Wanted,
)
from services.notify.subscriber_state import MAILS_AN_HOUR, Subscriber
from shared.kernel.testing import NOON, Given, given

WHO = "0198f0a2-0000-7000-8000-000000000001"
CARD = Card(card_id="0198f0a2-0000-7000-8000-0000000000ca", sealed="…", token_digest="ab" * 32)
SOON = NOON + timedelta(hours=72)
VERSION = "2026-1"
OF: dict[str, Any] = {"person_id": WHO, "at": NOON}


def wanted(number: int) -> Wanted:
    return Wanted(subscription_id=f"0198f0a2-0000-7000-8000-{number:012d}", subject="topic", key=f"topic-{number}")


ONE, TWO = wanted(1), wanted(2)
kept = CardKept(card=CARD, **OF)
asked = ConfirmationAsked(confirm_by=SOON, **OF)
linked = LinkAsked(**OF)


def requested(one: Wanted = ONE, confirm_by: datetime | None = SOON) -> SubscriptionRequested:
    return SubscriptionRequested(wanted=one, text_version=VERSION, confirm_by=confirm_by, **OF)


def confirmed(one: Wanted = ONE, proof: Proof = "link") -> SubscriptionConfirmed:
    return SubscriptionConfirmed(subscription_id=one.subscription_id, proof=proof, **OF)


def ended(one: Wanted = ONE) -> SubscriptionEnded:
    return SubscriptionEnded(subscription_id=one.subscription_id, ending="page", **OF)


def ask(*of: Wanted, proof: Proof | None = None) -> RequestSubscriptions:
    return RequestSubscriptions(
        person_id=WHO, card=CARD, wanted=of or (ONE,), text_version=VERSION, confirm_by=SOON, proof=proof
    )


def after(*events: SubscriberEvent) -> Given[Subscriber, SubscriberCommand, SubscriberEvent]:
    return given(SUBSCRIBER, events)


WAITS = (kept, requested(), asked)
STANDS = (*WAITS, confirmed())


def test_what_somebody_asks_for_waits_for_the_persons_word() -> None:
    after().when(ask()).then([kept, requested(), asked])


def test_several_wishes_are_one_mail() -> None:
    after().when(ask(ONE, TWO, ONE)).then([kept, requested(ONE), requested(TWO), asked])


def test_who_signed_in_needs_no_mail() -> None:
    after().when(ask(proof="sign_in")).then([kept, requested(ONE, None), confirmed(ONE, "sign_in")])


def test_who_signs_in_confirms_what_waits_in_their_own_words() -> None:
    weekly = ONE.model_copy(update={"rhythm": "weekly"})
    after(*WAITS).when(ask(weekly, proof="sign_in")).then([requested(weekly, None), confirmed(ONE, "sign_in")])


def test_the_same_wish_a_minute_later_is_no_second_mail() -> None:
    after(*WAITS).when(ask(), at=NOON + timedelta(minutes=1)).nothing()


def test_the_same_wish_an_hour_later_is_a_second_mail() -> None:
    later = NOON + timedelta(hours=1)
    after(*WAITS).when(ask(), at=later).then([ConfirmationAsked(person_id=WHO, confirm_by=SOON, at=later)])


def test_a_new_wish_is_a_mail_at_once() -> None:
    after(*WAITS).when(ask(TWO)).then([requested(TWO), asked])


def test_who_has_it_already_is_sent_the_link() -> None:
    after(*STANDS).when(ask()).then([linked])


def test_nobody_floods_a_person_with_mails() -> None:
    mails = [asked] * MAILS_AN_HOUR
    after(kept, requested(), *mails).when(ask(TWO)).nothing()
    after(kept, requested(), confirmed(), *mails).when(AskForLink()).nothing()


def test_nobody_fills_what_a_person_may_have() -> None:
    waiting = [requested(wanted(n)) for n in range(MOST_WAITING)]
    after(kept, *waiting).when(ask(wanted(MOST_WAITING))).then([linked])
    after(kept, *waiting).when(ask(wanted(MOST_WAITING), proof="sign_in")).then(
        [requested(wanted(MOST_WAITING), None), confirmed(wanted(MOST_WAITING), "sign_in")]
    )


def test_there_is_a_limit_for_everybody() -> None:
    full = [event for n in range(MOST) for event in (requested(wanted(n)), confirmed(wanted(n)))]
    more = wanted(MOST)
    after(kept, *full).when(ask(more, proof="sign_in")).refused("too_many_subscriptions")
    waits = after(kept, *full).when(ask(more)).then([requested(more), asked])
    waits.when(ConfirmSubscriptions()).refused("too_many_subscriptions")


def test_the_persons_word_confirms_what_waits() -> None:
    after(*WAITS).when(ConfirmSubscriptions()).then([confirmed()])


def test_one_of_two_is_confirmed() -> None:
    named = ConfirmSubscriptions(subscription_ids=(TWO.subscription_id,))
    after(kept, requested(ONE), requested(TWO), asked).when(named).then([confirmed(TWO)])


def test_too_late_is_too_late() -> None:
    named = ConfirmSubscriptions(subscription_ids=(ONE.subscription_id,))
    after(*WAITS).when(named, at=SOON).refused("subscription_lapsed")
    after(*WAITS).when(ConfirmSubscriptions(), at=SOON).nothing()
    lapsed = SubscriptionLapsed(person_id=WHO, subscription_id=ONE.subscription_id, at=SOON)
    gone = after(*WAITS).when(LetTimePass(), at=SOON).then([lapsed])
    gone.when(named, at=SOON).refused("subscription_lapsed")
    after(*STANDS).when(LetTimePass(), at=SOON).nothing()


def test_what_ended_is_confirmed_no_more() -> None:
    named = ConfirmSubscriptions(subscription_ids=(ONE.subscription_id,))
    after(*WAITS, ended()).when(named).refused("subscription_ended")


def test_one_ends_or_all_end() -> None:
    both = (kept, requested(ONE), confirmed(ONE), requested(TWO))
    after(*both).when(EndSubscriptions(subscription_ids=(ONE.subscription_id,))).then([ended(ONE)])
    after(*both).when(EndSubscriptions()).then([ended(ONE), ended(TWO)])


def test_ending_what_is_not_there_is_fine() -> None:
    after(*WAITS).when(EndSubscriptions(subscription_ids=(TWO.subscription_id,))).nothing()


def test_what_ended_is_asked_for_again_or_taken_up_again() -> None:
    after(*STANDS, ended()).when(ask()).then([requested(), asked])
    again = RenewSubscriptions(subscription_ids=(ONE.subscription_id,))
    after(*STANDS, ended()).when(again).then([confirmed(ONE, "page")])
    after(*STANDS).when(RenewSubscriptions(subscription_ids=(TWO.subscription_id,))).not_there()


def test_a_subscription_is_told_of_less_often() -> None:
    weekly = ChangeRhythm(subscription_id=ONE.subscription_id, rhythm="weekly")
    changed = SubscriptionRhythmChanged(subscription_id=ONE.subscription_id, rhythm="weekly", **OF)
    after(*STANDS).when(weekly).then([changed])
    after(*STANDS, ended()).when(weekly).refused("subscription_ended")


def test_preferences_are_said_all_at_once() -> None:
    off, weekly = Preference(kind="announcement", rhythm="off"), Preference(kind="announcement", rhythm="weekly")
    times = Times(quiet_from=time(20), quiet_until=time(7), quiet_weekends=True)
    changed = PreferencesChanged(preferences=(weekly,), times=times, **OF)
    after(*STANDS).when(ChangePreferences(preferences=(off, weekly), times=times)).then([changed])
    after(*STANDS).when(ChangePreferences(preferences=(), times=Times())).nothing()


@pytest.mark.parametrize(
    ("times", "code"),
    [
        (Times(quiet_from=time(20)), "quiet_time_half"),
        (Times(quiet_until=time(20)), "quiet_time_half"),
        (Times(quiet_from=time(20), quiet_until=time(20)), "quiet_time_empty"),
    ],
)
def test_a_quiet_time_has_two_ends(times: Times, code: str) -> None:
    after(*STANDS).when(ChangePreferences(preferences=(), times=times)).refused(code)


def test_a_kind_is_refused_by_whom_we_know_nothing_else_of() -> None:
    off = Preference(kind="partner_match", rhythm="off")
    refused = PreferencesChanged(preferences=(off,), times=Times(), **OF)
    after().when(RefuseKind(person_id=WHO, kind="partner_match")).then([refused])
    weekly = PreferencesChanged(
        preferences=(Preference(kind="partner_match", rhythm="weekly"),), times=Times(digest_hour=6), **OF
    )
    kept_times = PreferencesChanged(preferences=(off,), times=Times(digest_hour=6), **OF)
    after(*STANDS, weekly).when(RefuseKind(person_id=WHO, kind="partner_match")).then([kept_times])


def test_a_pause_ends_by_itself_or_by_hand() -> None:
    until = NOON + timedelta(days=7)
    paused = after(*STANDS).when(PauseMessages(until=until)).then([MessagesPaused(until=until, **OF)])
    paused.when(PauseMessages(until=None)).then([MessagesPaused(until=None, **OF)])
    paused.when(ResumeMessages()).then([MessagesResumed(**OF)])
    after(*STANDS).when(ResumeMessages()).nothing()
    after(*STANDS).when(PauseMessages(until=NOON)).refused("pause_over", field="/until")


def test_the_link_is_sent_to_whom_we_can_write() -> None:
    after(*STANDS).when(AskForLink()).then([linked])
    after(*STANDS, linked).when(AskForLink(), at=NOON + timedelta(minutes=1)).nothing()
    muted = PreferencesChanged(preferences=(Preference(kind="announcement", rhythm="off"),), times=Times(), **OF)
    after(muted).when(AskForLink()).nothing()


def test_what_was_kept_long_enough_is_forgotten_and_with_the_last_the_address() -> None:
    both = (kept, requested(ONE), ended(ONE), requested(TWO))
    forget = ForgetSubscriptions(subscription_ids=(ONE.subscription_id, TWO.subscription_id))
    forgotten = SubscriptionsForgotten(subscription_ids=(ONE.subscription_id,), **OF)
    after(*both).when(forget).then([forgotten])
    card = CardForgotten(card_id=CARD.card_id, **OF)
    left = after(*STANDS, ended()).when(forget).then([forgotten, card])
    left.when(ask()).then([kept, requested(), asked])


def test_an_erased_person_comes_back_by_nothing() -> None:
    erased = after(*STANDS).when(EraseSubscriber()).then([SubscriberErased(**OF)])
    for command in (ask(), ask(proof="sign_in"), ConfirmSubscriptions(), AskForLink(), LetTimePass()):
        erased.when(command).not_there()
    erased.when(RefuseKind(person_id=WHO, kind="announcement")).nothing()


@pytest.mark.parametrize("command", [ConfirmSubscriptions(), EndSubscriptions(), AskForLink(), EraseSubscriber()])
def test_nothing_is_asked_of_who_is_unknown(command: SubscriberCommand) -> None:
    after().when(command).not_there()
