"""Prints the service's OpenAPI document: `python -m services.notify.openapi > services.notify/openapi.json`."""

import sys
from typing import Any, cast

from services.notify import mail_text_http, own_subscriptions_http, problems, subscription_http
from services.notify.http import endpoints
from services.notify.mail_text_http import MailTexts
from services.notify.own_subscriptions_http import OwnPage
from services.notify.subscription_http import Intake
from shared.kernel.openapi import describe, rendered


def document() -> str:
    """The description as it is checked in. Nothing is called while describing, so nothing has to be connected."""
    problems.register()
    nothing = cast("Any", None)
    intake = Intake(nothing, nothing, nothing, nothing, nothing, nothing)
    own = OwnPage(nothing, nothing, nothing, nothing)
    subscriptions = [*subscription_http.endpoints(intake), *own_subscriptions_http.endpoints(own)]
    texts = mail_text_http.endpoints(MailTexts(nothing, nothing, nothing, nothing, "", nothing))
    return rendered(describe("notify", [*endpoints(nothing, nothing), *texts, *subscriptions]))


if __name__ == "__main__":
    sys.stdout.write(document())
