"""Prints the service's OpenAPI document: `python -m services.notify.openapi > services.notify/openapi.json`."""

import sys
from typing import Any, cast

from services.notify import problems
from services.notify.http import endpoints
from shared.kernel.openapi import describe, rendered


def document() -> str:
    """The description as it is checked in. Nothing is called while describing, so nothing has to be connected."""
    problems.register()
    nothing = cast("Any", None)
    return rendered(describe("notify", endpoints(nothing, nothing)))


if __name__ == "__main__":
    sys.stdout.write(document())
