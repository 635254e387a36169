"""The services behind the gateway, as it calls them: signed, with a deadline, and calm when one is down."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from shared.kernel import identity as identities
from shared.kernel.endpoint import Answer
from shared.kernel.identity import Identity, Signer
from shared.kernel.logs import current_trace

type Service = Literal["catalog", "events", "notify"]

# A pooled connection is given up before the service closes it, so that no command meets a closing one.
KEEP_ALIVE = 30
CONNECTIONS = 256
CONNECT_WITHIN = 2


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer."""

    status: int
    content: bytes
    content_type: str
    retry_after: str | None = None


class Down(Exception):
    """A service did not answer, or not in time."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.service = service


def open_session(deadline: float) -> aiohttp.ClientSession:
    """The connections to all services; bodies pass through as they are encoded."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE),
        timeout=aiohttp.ClientTimeout(
            total=None, connect=deadline, sock_connect=min(CONNECT_WITHIN, deadline), sock_read=deadline
        ),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )


@dataclass(frozen=True, slots=True)
class Upstream:
    """Sends requests to the services in somebody's name."""

    session: aiohttp.ClientSession
    signer: Signer
    urls: Mapping[Service, URL]

    @asynccontextmanager
    async def request(
        self,
        service: Service,
        method: str,
        target: str,
        *,
        identity: Identity,
        headers: Mapping[str, str],
        body: bytes | AsyncIterator[bytes] | None = None,
        patience: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The head of the answer to `method target` (as it goes over the wire); its body is the caller's to read.

        Raises `Down` when there is none in time: the session's deadline, or `patience` if that is longer.
        """
        url = self.urls[service].join(URL(target, encoded=True))
        sent = CIMultiDict(headers)
        sent[identities.HEADER] = self.signer.sign(identity, service)
        sent["traceparent"] = current_trace().traceparent
        try:
            answer = await self.session.request(
                method, url, headers=sent, data=body, allow_redirects=False, timeout=self._timeout(patience)
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Down(service) from error
        async with answer:
            yield answer

    def _timeout(self, patience: float | None) -> aiohttp.ClientTimeout:
        usual = self.session.timeout
        if patience is None or usual.sock_read is None or patience <= usual.sock_read:
            return usual
        return aiohttp.ClientTimeout(
            total=usual.total, connect=usual.connect, sock_connect=usual.sock_connect, sock_read=patience
        )

    async def fetch(
        self,
        service: Service,
        method: str,
        target: str,
        *,
        identity: Identity,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Fetched:
        """The whole answer to `method target`; raises `Down` when there is none."""
        async with self.request(service, method, target, identity=identity, headers=headers, body=body) as answer:
            try:
                content = await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Down(service) from error
            kind = answer.headers.get("Content-Type", "application/octet-stream")
            return Fetched(answer.status, content, kind, answer.headers.get("Retry-After"))


def passed_on(answer: Fetched, headers: Mapping[str, str]) -> Answer:
    """A service's answer as ours, with more headers."""
    retry = {} if answer.retry_after is None else {"Retry-After": answer.retry_after}
    return Answer(answer.content, answer.status, headers={"Content-Type": answer.content_type, **retry, **headers})
