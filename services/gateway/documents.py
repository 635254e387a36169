"""What machines read about the API: its merged OpenAPI document, the AsyncAPI document, the contracts' schemas."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, get_args

import orjson

from services.gateway.upstream import Down, Service, Upstream
from shared.kernel import openapi
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.identity import ANONYMOUS
from shared.kernel.problems import Problem

SERVICES: tuple[Service, ...] = get_args(Service.__value__)
TITLE = "Interkommunal"
FRESH_FOR = 60.0
SCHEMAS = files("shared.contracts") / "schemas"


@dataclass(slots=True)
class Documents:
    """The documents; what the services say of themselves is kept for a minute, and longer while one is down."""

    upstream: Upstream
    own: Callable[[], dict[str, Any]] = dict
    _known: dict[Service, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    async def openapi(self, _: Call) -> Answer:
        """All public endpoints in one document."""
        described = await asyncio.gather(*(self._of(service) for service in SERVICES))
        own = await asyncio.to_thread(self.own)
        merged = openapi.merge([*described, own], title=TITLE)
        return Answer(openapi.rendered(merged).encode(), headers={"Content-Type": "application/json"})

    async def asyncapi(self, _: Call) -> Answer:
        """All published events."""
        return _file("asyncapi.json")

    async def schema(self, call: Call) -> Answer:
        """One contract's schema."""
        return _file(f"{call.request.match_info['type']}.json")

    async def _of(self, service: Service) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        read_at, document = self._known.get(service, (float("-inf"), {}))
        if now - read_at > FRESH_FOR:
            try:
                document = await self._read(service)
            except Down:
                if not document:
                    raise
            self._known[service] = (now, document)
        return document

    async def _read(self, service: Service) -> dict[str, Any]:
        answer = await self.upstream.fetch(service, "GET", "/openapi.json", identity=ANONYMOUS, headers={})
        if answer.status != 200:
            raise Down(service)
        document: dict[str, Any] = orjson.loads(answer.content)
        return document


def _file(name: str) -> Answer:
    path = SCHEMAS / name
    if not path.is_file():
        raise Problem("not_found")
    return Answer(path.read_bytes(), headers={"Content-Type": "application/json"})


def endpoints(documents: Documents) -> Sequence[Endpoint]:
    """Where the documents are."""
    return (
        Endpoint("GET", "/api/v1/openapi.json", documents.openapi, "This description of the API"),
        Endpoint("GET", "/api/v1/asyncapi.json", documents.asyncapi, "The events that are published on NATS"),
        Endpoint(
            "GET",
            "/api/v1/schemas/{type:[a-z0-9_.]{1,100}}.json",
            documents.schema,
            "The JSON Schema of one kind of event, or of their envelope (`cloudevent`)",
            codes=("not_found",),
        ),
    )
