"""What `ikz doctor` says of a service that runs."""

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.cli.doctor import _readiness


async def test_a_service_that_is_ready_may_lack_something_all_the_same() -> None:
    checks = {"postgres": {"ok": True}, "bounces": {"ok": False, "why": "the server refuses the sign-in"}}
    answers = [(200, {"ready": True, "checks": checks}), (503, {"ready": False, "checks": checks})]

    async def ready(_request: web.Request) -> web.Response:
        status, body = answers.pop(0)
        return web.Response(status=status, body=orjson.dumps(body))

    app = web.Application()
    app.router.add_get("/health/ready", ready)
    async with TestServer(app) as server:
        assert server.port is not None
        assert await _readiness(server.port) == (None, {"bounces": "the server refuses the sign-in"})
        why, further = await _readiness(server.port)
    assert why is not None
    assert ("sign-in" in why, further) == (True, {})
