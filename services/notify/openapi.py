"""Prints the service's OpenAPI document: `python -m services.notify.openapi > services.notify/openapi.json`."""

import sys
from dataclasses import fields
from typing import Any, cast

from services.notify import (
    announcement_http,
    bounces_http,
    live_http,
    mail_text_http,
    mailings_http,
    messages_http,
    own_subscriptions_http,
    problems,
    subscription_http,
    webhook_http,
)
from services.notify.announcement_mailing_http import Announcing
from services.notify.live_http import LiveDesk
from services.notify.mail_text_http import MailTexts
from services.notify.own_subscriptions_http import OwnPage
from services.notify.subscription_http import Intake
from services.notify.webhook_http import WebhookDesk
from shared.kernel.http import Endpoint
from shared.kernel.openapi import describe, rendered


def offered() -> list[Endpoint]:
    """Everything the service offers. Nothing is called while describing, so nothing has to be connected."""
    problems.register()
    nothing = cast("Any", None)
    return [
        *announcement_http.endpoints(
            nothing, nothing, Announcing(nothing, nothing, nothing, nothing, nothing, "", nothing)
        ),
        *mailings_http.endpoints(nothing),
        *messages_http.endpoints(nothing, nothing, nothing),
        *bounces_http.endpoints(_unconnected(bounces_http.Handlers)),
        *mail_text_http.endpoints(MailTexts(nothing, nothing, nothing, nothing, "", nothing)),
        *subscription_http.endpoints(_unconnected(Intake)),
        *own_subscriptions_http.endpoints(_unconnected(OwnPage)),
        *webhook_http.endpoints(_unconnected(WebhookDesk)),
        *live_http.endpoints(_unconnected(LiveDesk)),
    ]


def _unconnected[D](desk: type[D]) -> D:
    return desk(*[None] * len(fields(cast("Any", desk))))


def document() -> str:
    """The description as it is checked in."""
    return rendered(describe("notify", offered()))


if __name__ == "__main__":
    sys.stdout.write(document())
