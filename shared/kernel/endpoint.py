"""What a service offers over HTTP, as values: endpoints, the calls they get, the answers they give."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from shared.kernel import headers
from shared.kernel.identity import ANYONE, Identity, Role
from shared.kernel.ids import new_id, parse_id
from shared.kernel.logs import Trace, followed
from shared.kernel.paging import Page
from shared.kernel.problems import Problem
from shared.kernel.recorded import Context, Outcome

type Handler = Callable[[Call], Awaitable[Answer | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a request's whole body: the media types it may have and the most bytes.

    One that is `streamed` is left to the handler to read (`spooling`), and may be longer than memory should hold.
    """

    media_types: tuple[str, ...]
    most: int
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked of a service.

    `path` is the public one, in aiohttp's syntax. `body` is read strictly; with `body_required=False` it may be left
    out and is None then. With `upload` the body is a file and the call's `raw`. `query` names every parameter that is
    allowed, beside `min_position` on reads. `roles`: one of them is needed; empty means anyone whom the gateway signed.
    `codes` are the problems beyond those that any endpoint may answer. `if_match`: the version must be named.
    `projection`: the following read model that `min_position` waits for; without it the journal itself. `media_type`
    is that of the answer. `example` is a body as somebody may send it, for the description.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    roles: frozenset[Role] = ANYONE
    codes: tuple[str, ...] = ()
    if_match: bool = False
    body_required: bool = True
    upload: Upload | None = None
    projection: str | None = None
    media_type: str = "application/json"
    description: str = ""
    example: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed every check of its endpoint."""

    request: web.Request
    identity: Identity
    at: datetime
    trace: Trace
    body: Any = None
    query: Any = None
    expected_version: int | None = None
    raw: bytes = field(default=b"", repr=False)
    fingerprint_key: bytes = field(default=b"", repr=False)

    def path_id(self, name: str = "id") -> str:
        """The id in the path, in canonical form; `not_found` when it is none."""
        found = parse_id(self.request.match_info[name])
        if found is None:
            raise Problem("not_found")
        return str(found)

    def context(self, *, history: bool = False) -> Context:
        """Who asks and why, for `Journal.transact`: the command id is the Idempotency-Key's, or a new one."""
        actor = self.identity.actor
        given = headers.command_id(self.request.headers.get("Idempotency-Key"), actor)
        return Context(
            command_id=given or new_id(),
            actor=actor,
            at=self.at,
            correlation_id=self.trace.trace_id,
            traceparent=self.trace.traceparent,
            fingerprint=self._fingerprint(actor, self.raw) if given else None,
            history=history,
            fresh=given is None,
        )

    def context_of(self, actor: str, key: str, said: bytes, traceparent: str, *, again: bool) -> Context:
        """That of one of several commands that one request brings: whose it is, its own key, what it says.

        Without `again` its key was not sent before.
        """
        trace = followed(traceparent) or self.trace
        return Context(
            command_id=headers.command_id(key, actor) or new_id(),
            actor=actor,
            at=self.at,
            correlation_id=trace.trace_id,
            traceparent=trace.traceparent,
            fingerprint=self._fingerprint(actor, said),
            fresh=not again,
        )

    def _fingerprint(self, actor: str, said: bytes) -> bytes:
        """Keyed: it is stored with the command, and must not tell whoever guesses what a forgotten person had sent."""
        digest = hashlib.blake2b(key=self.fingerprint_key, digest_size=32)
        parts = [actor.encode(), self.request.method.encode(), self.request.path.encode(), said]
        if self.request.query_string:
            parts.append(self.request.query_string.encode())
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back. `status` is the endpoint's unless named.

    `version` is what a change of this has to name with `If-Match`: the ETag is made of it.
    `body` is JSON (models, dicts, lists; times and UUIDs within), or bytes with their `Content-Type` in `headers`.
    """

    body: Any = None
    status: int | None = None
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Committed(BaseModel):
    """What every command answers. A read with this `min_position` sees what it did."""

    model_config = ConfigDict(frozen=True)

    id: str
    version: int
    position: int


def committed(outcome: Outcome, status: int | None = None, location: str | None = None) -> Answer:
    """The answer to a command: id, version, position, and the version as ETag."""
    body = Committed(id=outcome.aggregate_id, version=outcome.version, position=outcome.position)
    return Answer(body, status, outcome.version, {} if location is None else {"Location": location})


def page(found: Page[Any], call: Call) -> Answer:
    """One page of a list, with links to the first and the next."""
    here = call.request.rel_url
    links = [f'<{here.without_query_params("cursor")}>; rel="first"']
    if found.next is not None:
        links.append(f'<{here.update_query(cursor=found.next)}>; rel="next"')
    return Answer(found, headers={"Link": ", ".join(links)})
