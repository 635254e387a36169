"""Every no has its words."""

from typing import Any

from services.notify import problems
from services.notify.http import endpoints
from shared.kernel.problems import known


def test_every_code_of_an_endpoint_is_in_the_table() -> None:
    problems.register()
    nothing: Any = None
    assert all(known(code) for endpoint in endpoints(nothing, nothing) for code in endpoint.codes)
