"""A webhook: where another system is told of public facts, of which, and with what secrets it knows that we told it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.kernel.decider import Decider, Event, NotThere, Refused

OVERLAP = timedelta(days=1)
"""How long the secret before is still valid after a rotation."""

type Ended = Literal["gone", "failing"]
"""`gone`: the receiver answered 410. `failing`: nothing got through for days."""
type Reason = Literal["asked", "gone", "failing"]
"""`asked`: somebody switched it off."""


class Wanted(BaseModel):
    """Where to tell what. `types`: see `public_fact.names`."""

    model_config = ConfigDict(frozen=True)

    url: str
    types: tuple[str, ...]
    description: str = ""


class Secret(BaseModel):
    """A secret, sealed with the webhook's key. `until`: when it ends, once there is another."""

    model_config = ConfigDict(frozen=True)

    secret_id: str
    sealed: str
    made_at: datetime
    until: datetime | None = None


class RegisterWebhook(BaseModel):
    """Tell this address from now on. `organisation_id` is whose it is; null: the operator's own."""

    model_config = ConfigDict(frozen=True)
    webhook_id: str
    organisation_id: str | None
    wanted: Wanted
    secret: Secret


class ReviseWebhook(BaseModel):
    """Tell another address, or of other facts."""

    model_config = ConfigDict(frozen=True)
    wanted: Wanted


class RotateSecret(BaseModel):
    """Sign with a new secret, and with the one before for `OVERLAP`; one that was older still ends at once."""

    model_config = ConfigDict(frozen=True)
    secret: Secret


class EnableWebhook(BaseModel):
    """Tell it again, from now on."""

    model_config = ConfigDict(frozen=True)


class DisableWebhook(BaseModel):
    """Tell it no longer. `note` is what whoever asked for it says about it."""

    model_config = ConfigDict(frozen=True)
    reason: Reason
    note: str | None = None


class RemoveWebhook(BaseModel):
    """Forget it."""

    model_config = ConfigDict(frozen=True)


type Command = RegisterWebhook | ReviseWebhook | RotateSecret | EnableWebhook | DisableWebhook | RemoveWebhook


class WebhookRegistered(Event):
    """An address is told from now on."""

    webhook_id: str
    organisation_id: str | None
    wanted: Wanted
    secret: Secret


class WebhookRevised(Event):
    """It is told at another address, or of other facts."""

    wanted: Wanted


class WebhookSecretRotated(Event):
    """What it is told is signed with all of these; the newest comes first."""

    secrets: tuple[Secret, ...]


class WebhookEnabled(Event):
    """It is told again."""


class WebhookDisabled(Event):
    """It is told no longer."""

    reason: Reason
    note: str | None = None


class WebhookRemoved(Event):
    """It is forgotten."""


type WebhookEvent = (
    WebhookRegistered | WebhookRevised | WebhookSecretRotated | WebhookEnabled | WebhookDisabled | WebhookRemoved
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as far as it decides anything."""

    status: Literal["absent", "enabled", "disabled", "removed"] = "absent"
    organisation_id: str | None = None
    wanted: Wanted | None = None
    secrets: tuple[Secret, ...] = ()


def evolve(webhook: Webhook, event: WebhookEvent) -> Webhook:
    """Records an event."""
    match event:
        case WebhookRegistered():
            return Webhook("enabled", event.organisation_id, event.wanted, (event.secret,))
        case WebhookRevised():
            return replace(webhook, wanted=event.wanted)
        case WebhookSecretRotated():
            return replace(webhook, secrets=event.secrets)
        case WebhookEnabled():
            return replace(webhook, status="enabled")
        case WebhookDisabled():
            return replace(webhook, status="disabled")
        case WebhookRemoved():
            return replace(webhook, status="removed", secrets=())


def decide(command: Command, webhook: Webhook, at: datetime) -> Sequence[WebhookEvent]:
    """The rules; the same command twice changes nothing."""
    match command:
        case RegisterWebhook():
            return _register(command, webhook, at)
        case RemoveWebhook():
            return _remove(webhook, at)
        case ReviseWebhook():
            _present(webhook)
            return [] if command.wanted == webhook.wanted else [WebhookRevised(wanted=command.wanted, at=at)]
        case RotateSecret():
            _present(webhook)
            return _rotate(command, webhook, at)
        case EnableWebhook():
            _present(webhook)
            return [] if webhook.status == "enabled" else [WebhookEnabled(at=at)]
        case DisableWebhook():
            _present(webhook)
            if webhook.status == "disabled":
                return []
            return [WebhookDisabled(reason=command.reason, note=command.note, at=at)]


def _register(command: RegisterWebhook, webhook: Webhook, at: datetime) -> Sequence[WebhookEvent]:
    if webhook.status != "absent":
        known = {secret.secret_id for secret in webhook.secrets}
        if (webhook.organisation_id, webhook.wanted) == (command.organisation_id, command.wanted) and (
            command.secret.secret_id in known
        ):
            return []
        raise Refused("webhook_exists")
    return [
        WebhookRegistered(
            webhook_id=command.webhook_id,
            organisation_id=command.organisation_id,
            wanted=command.wanted,
            secret=command.secret,
            at=at,
        )
    ]


def _rotate(command: RotateSecret, webhook: Webhook, at: datetime) -> Sequence[WebhookEvent]:
    newest = webhook.secrets[0]
    if command.secret.secret_id in {secret.secret_id for secret in webhook.secrets}:
        return []
    return [WebhookSecretRotated(secrets=(command.secret, newest.model_copy(update={"until": at + OVERLAP})), at=at)]


def _remove(webhook: Webhook, at: datetime) -> Sequence[WebhookEvent]:
    match webhook.status:
        case "absent":
            raise NotThere
        case "removed":
            return []
        case "enabled" | "disabled":
            return [WebhookRemoved(at=at)]


def _present(webhook: Webhook) -> None:
    if webhook.status in ("absent", "removed"):
        raise NotThere


def publish(_event: WebhookEvent) -> None:
    """Whom we tell of what is nobody else's business."""
    return


WEBHOOK: Decider[Webhook, Command, WebhookEvent] = Decider(
    category="webhook",
    initial=Webhook(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(
        WebhookRegistered,
        WebhookRevised,
        WebhookSecretRotated,
        WebhookEnabled,
        WebhookDisabled,
        WebhookRemoved,
    ),
)
