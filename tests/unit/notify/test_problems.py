"""Every no has its words."""

from services.notify import openapi
from shared.kernel.problems import known


def test_every_code_of_an_endpoint_is_in_the_table() -> None:
    offered = openapi.offered()
    assert len({(endpoint.method, endpoint.path) for endpoint in offered}) == len(offered) > 20
    assert all(known(code) for endpoint in offered for code in endpoint.codes)
