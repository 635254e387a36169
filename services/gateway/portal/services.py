"""How the portal asks the services: typed answers, three ways of failing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from pydantic import BaseModel, ValidationError
from yarl import URL

from services.gateway.upstream import Down, Fetched, Service, Upstream
from shared.kernel.identity import ANONYMOUS

log = structlog.get_logger()

type Query = Mapping[str, str | int | Sequence[str]]


class Missing(Exception):
    """There is no such thing."""


@dataclass
class Refusal(Exception):
    """A service said no: its answer, the code in it, a German sentence, and what is wrong with which field."""

    answer: Fetched
    code: str
    detail: str | None = None
    errors: Sequence[Mapping[str, str]] = ()

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True)
class Services:
    """The services, as somebody without a token sees them."""

    upstream: Upstream

    async def read[Model: BaseModel](
        self, service: Service, path: str, shape: type[Model], query: Query | None = None
    ) -> Model:
        """What is at `path`. Raises `Missing`, `Down`, or `Refusal` for a query that a service cannot follow."""
        target = str(URL.build(path=path, query=dict(query or {})))
        return _understood(service, shape, await self._ask(service, "GET", target))

    async def make[Model: BaseModel](self, service: Service, path: str, shape: type[Model]) -> Model:
        """Posts to `path`, and gives what came of it; raises `Missing`, `Refusal` or `Down`."""
        return _understood(service, shape, await self._ask(service, "POST", str(URL.build(path=path)), b"{}"))

    async def remove(self, service: Service, path: str) -> None:
        """Deletes what is at `path`; raises `Missing`, `Refusal` or `Down`."""
        await self._ask(service, "DELETE", str(URL.build(path=path)))

    async def command(
        self, service: Service, path: str, body: Mapping[str, Any] | None = None, *, once: str | None = None
    ) -> None:
        """Posts to `path`; raises `Missing`, `Refusal` or `Down`. Sent twice with one `once` it is done once."""
        await self._ask(
            service,
            "POST",
            str(URL.build(path=path)),
            orjson.dumps(body or {}),
            {"Idempotency-Key": once} if once else {},
        )

    async def replace(self, service: Service, path: str, body: Mapping[str, Any], version: str) -> None:
        """Puts to `path` what was changed in `version` of it; raises `Missing`, `Refusal` or `Down`."""
        await self._ask(service, "PUT", str(URL.build(path=path)), orjson.dumps(body), {"If-Match": f'"{version}"'})

    async def _ask(
        self,
        service: Service,
        method: str,
        target: str,
        body: bytes | None = None,
        more: Mapping[str, str] | None = None,
    ) -> bytes:
        sent = {} if body is None else {"Content-Type": "application/json"}
        headers = {"Accept": "application/json", **sent, **(more or {})}
        got = await self.upstream.fetch(service, method, target, identity=ANONYMOUS, headers=headers, body=body)
        if got.status < 300:
            return got.content
        if got.status == 404:
            raise Missing(target)
        raise refusal(service, got)


def _understood[Model: BaseModel](service: Service, shape: type[Model], answer: bytes) -> Model:
    try:
        return shape.model_validate_json(answer)
    except ValidationError as unexpected:
        log.exception("unexpected_answer", upstream=service, shape=shape.__name__)
        raise Down(service) from unexpected


def refusal(service: Service, got: Fetched) -> Exception:
    """A no, as the service put it; a service in trouble is as good as one that is down."""
    if got.status >= 500 or got.status in {401, 403}:
        log.error("service_refuses_gateway", upstream=service, status=got.status)
        return Down(service)
    try:
        problem = orjson.loads(got.content)
    except orjson.JSONDecodeError:
        return Down(service)
    return Refusal(got, str(problem.get("code", got.status)), problem.get("detail"), problem.get("errors", ()))
