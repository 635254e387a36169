"""A webhook's rules."""

from datetime import timedelta

import pytest

from services.notify import webhook_queue, webhook_secrets
from services.notify.webhook import (
    OVERLAP,
    WEBHOOK,
    Command,
    DisableWebhook,
    EnableWebhook,
    RegisterWebhook,
    RemoveWebhook,
    ReviseWebhook,
    RotateSecret,
    Secret,
    Wanted,
    Webhook,
    WebhookDisabled,
    WebhookEnabled,
    WebhookEvent,
    WebhookRegistered,
    WebhookRemoved,
    WebhookRevised,
    WebhookSecretRotated,
)
from services.notify.webhook_queue import LAST_RETRY, Verdict
from shared.kernel.decider import NotThere
from shared.kernel.testing import NOON, Given, given

WANTED = Wanted(url="https://stadt.example/ikz", types=("ikz.catalog.project.*",))
OTHER = WANTED.model_copy(update={"url": "https://stadt.example/neu"})
FIRST, SECOND, THIRD = (Secret(secret_id=name, sealed="s", made_at=NOON) for name in "abc")
register = RegisterWebhook(webhook_id="w", organisation_id="o", wanted=WANTED, secret=FIRST)
registered = WebhookRegistered(webhook_id="w", organisation_id="o", wanted=WANTED, secret=FIRST, at=NOON)
disabled = WebhookDisabled(reason="gone", at=NOON)
enabled = WebhookEnabled(at=NOON)
removed = WebhookRemoved(at=NOON)
ended = FIRST.model_copy(update={"until": NOON + OVERLAP})
rotated = WebhookSecretRotated(secrets=(SECOND, ended), at=NOON)


def after(*events: WebhookEvent) -> Given[Webhook, Command, WebhookEvent]:
    return given(WEBHOOK, events)


def test_it_is_registered_once() -> None:
    after().when(register).then([registered])
    again = register.model_copy(update={"wanted": OTHER})
    after(registered).when(again).refused("webhook_exists")


def test_it_is_told_elsewhere_and_of_other_facts() -> None:
    after(registered).when(ReviseWebhook(wanted=OTHER)).then([WebhookRevised(wanted=OTHER, at=NOON)])
    after(registered).when(ReviseWebhook(wanted=WANTED)).nothing()


def test_the_secret_before_is_valid_for_another_day() -> None:
    after(registered).when(RotateSecret(secret=SECOND)).then([rotated])
    assert webhook_secrets.valid(rotated.secrets, NOON + OVERLAP - timedelta(seconds=1)) == [SECOND, ended]
    assert webhook_secrets.valid(rotated.secrets, NOON + OVERLAP) == [SECOND]


def test_of_three_secrets_the_oldest_ends_at_once() -> None:
    kept = SECOND.model_copy(update={"until": NOON + OVERLAP})
    newer = WebhookSecretRotated(secrets=(THIRD, kept), at=NOON)
    after(registered, rotated).when(RotateSecret(secret=THIRD)).then([newer])


def test_it_ends_for_the_first_reason_and_begins_again() -> None:
    after(registered).when(DisableWebhook(reason="gone")).then([disabled])
    after(registered, disabled).when(DisableWebhook(reason="failing")).nothing()
    after(registered, disabled).when(EnableWebhook()).then([enabled])
    after(registered).when(EnableWebhook()).nothing()


@pytest.mark.parametrize("past", [[], [registered, removed]], ids=["never there", "removed"])
def test_what_is_not_there_cannot_be_changed(past: list[WebhookEvent]) -> None:
    commands: list[Command] = [
        ReviseWebhook(wanted=OTHER),
        RotateSecret(secret=SECOND),
        EnableWebhook(),
        DisableWebhook(reason="asked"),
    ]
    for command in commands:
        with pytest.raises(NotThere):
            _ = after(*past).when(command).decided


def test_it_is_removed_once_and_its_secrets_with_it() -> None:
    assert after(registered).when(RemoveWebhook()).then([removed]).state.secrets == ()
    with pytest.raises(NotThere):
        _ = after().when(RemoveWebhook()).decided


def test_nobody_else_is_told_of_it() -> None:
    assert [WEBHOOK.publish(event) for event in (registered, rotated, disabled, enabled, removed)] == [None] * 5


def test_retries_wait_longer_each_time_up_to_hours() -> None:
    failed = Verdict("refused", 500)
    waits = [webhook_queue.retry_at(NOON, number, 0.5, failed) - NOON for number in range(1, 12)]
    assert [wait.total_seconds() for wait in waits[:4]] == [5, 20, 80, 320]
    assert waits == sorted(waits)
    assert waits[-1] == LAST_RETRY
    assert webhook_queue.retry_at(NOON, 1, 0.0, failed) < webhook_queue.retry_at(NOON, 1, 1.0, failed)


def test_a_receiver_that_asks_for_time_gets_it_within_bounds() -> None:
    for asked, given_ in ((timedelta(minutes=2), timedelta(minutes=2)), (timedelta(days=5), LAST_RETRY)):
        assert webhook_queue.retry_at(NOON, 1, 0.5, Verdict("refused", 429, retry_after=asked)) == NOON + given_
