"""Prints the gateway's own OpenAPI document: `python -m services.gateway.openapi > services/gateway/openapi.json`."""

import sys
from typing import Any, cast

from services.gateway import api, documents, problems
from services.gateway.contacts_api import Contacts
from services.gateway.invitations_api import Invitations
from services.gateway.live_api import Live
from services.gateway.own_data_api import OwnDataApi
from services.gateway.questions_api import Questions
from services.gateway.subscriptions_api import SubscriptionIntake
from shared.kernel.openapi import describe, rendered


def document() -> str:
    """The description as it is checked in. Nothing is called while describing, so nothing has to be connected."""
    problems.register()
    nothing = cast("Any", None)
    own = api.Api(
        nothing,
        nothing,
        nothing,
        nothing,
        0,
        Contacts(nothing, 0),
        Questions(nothing, 0),
        SubscriptionIntake(nothing, 0),
        Live(nothing, nothing, nothing, nothing, nothing, 0),
        Invitations(nothing, 0),
        OwnDataApi(nothing, nothing, "", 0),
    )
    return rendered(describe("gateway", [*api.endpoints(own), *documents.endpoints(documents.Documents(nothing))]))


if __name__ == "__main__":
    sys.stdout.write(document())
