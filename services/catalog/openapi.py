"""Prints the service's OpenAPI document: `python -m services.catalog.openapi > services/catalog/openapi.json`."""

import sys
from typing import Any, cast

from services.catalog import problems
from services.catalog.http import endpoints
from shared.kernel.openapi import describe, rendered


def document() -> str:
    """The description as it is checked in. Nothing is called while describing, so nothing has to be connected."""
    problems.register()
    nothing = cast("Any", None)
    return rendered(describe("catalog", endpoints(nothing, nothing, nothing, nothing, nothing)))


if __name__ == "__main__":
    sys.stdout.write(document())
