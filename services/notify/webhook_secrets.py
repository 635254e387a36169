"""The secrets that webhooks are signed with: made here, shown once, kept sealed with a key of the webhook's own."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

import orjson

from services.notify.webhook import Secret
from shared.kernel.vault import Vault

PURPOSE = "webhook-secret"
PREFIX = "whsec_"
LENGTH = 32


def subject(webhook_id: str) -> str:
    """Whose key it is in the vault: a thing's, not a person's."""
    return f"webhook/{webhook_id}"


async def make(vault: Vault, webhook_id: str, secret_id: str, at: datetime) -> Secret:
    """A new secret, sealed."""
    plain = PREFIX + base64.b64encode(secrets.token_bytes(LENGTH)).decode()
    await vault.ensure_all([subject(webhook_id)])
    sealed = await vault.seal(subject(webhook_id), PURPOSE, {"secret": plain})
    return Secret(secret_id=secret_id, sealed=sealed, made_at=at)


async def opened(vault: Vault, webhook_id: str, kept: Sequence[Secret]) -> list[str]:
    """What the secrets read; nothing once the webhook was removed."""
    found = await vault.open_many([(subject(webhook_id), PURPOSE, secret.sealed) for secret in kept])
    return [str(orjson.loads(plain)["secret"]) for plain in found if plain is not None]


def valid(kept: Sequence[Secret], at: datetime) -> list[Secret]:
    """Those that sign then, the newest first."""
    return [secret for secret in kept if secret.until is None or secret.until > at]
