"""Prints the service's OpenAPI document: `python -m services.notify.openapi > services.notify/openapi.json`."""

import sys
from typing import Any, cast

from services.notify import bounces_http, mail_text_http, own_subscriptions_http, problems, subscription_http
from services.notify.http import endpoints
from services.notify.mail_text_http import MailTexts
from services.notify.own_subscriptions_http import OwnPage
from services.notify.subscription_http import Intake
from shared.kernel.http import Endpoint
from shared.kernel.openapi import describe, rendered


def offered() -> list[Endpoint]:
    """Everything the service offers. Nothing is called while describing, so nothing has to be connected."""
    problems.register()
    nothing = cast("Any", None)
    returns = bounces_http.Handlers(nothing, nothing, nothing, nothing, nothing, nothing)
    return [
        *endpoints(nothing, nothing, returns),
        *mail_text_http.endpoints(MailTexts(nothing, nothing, nothing, nothing, "", nothing)),
        *subscription_http.endpoints(Intake(nothing, nothing, nothing, nothing, nothing, nothing)),
        *own_subscriptions_http.endpoints(OwnPage(nothing, nothing, nothing, nothing)),
    ]


def document() -> str:
    """The description as it is checked in."""
    return rendered(describe("notify", offered()))


if __name__ == "__main__":
    sys.stdout.write(document())
