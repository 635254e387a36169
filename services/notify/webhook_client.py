"""The HTTP client that tells webhooks: it connects to public addresses only, follows nobody, waits for nobody long, and
takes little of what they answer.

The address is looked at where the socket is made, so that no name can resolve to one thing while it is checked and to
another while it is used. Names are looked up in threads of their own: a name server that keeps silent holds up nobody
else who asks for one.
"""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from standardwebhooks import Webhook as Signing
from yarl import URL

from services.notify.webhook_address import is_public, refusal
from services.notify.webhook_queue import Outcome, Verdict

PATIENCE = 10.0
MOST_TAKEN = 64 * 1024
MOST_WAITED = 7 * 24 * 3600
AGENT = "Interkommunal-Webhooks/1"

type LookUp = Callable[..., Sequence[Any]]


class NotPublic(OSError):
    """An address that we connect to for nobody."""

    def __init__(self) -> None:
        super().__init__("not a public address")


class Names(AbstractResolver):
    """Looks names up, each in a thread that nobody waits for at the end."""

    def __init__(self, look_up: LookUp = socket.getaddrinfo) -> None:
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`; `OSError` when it has none."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Any]] = loop.create_future()
        threading.Thread(target=self._ask, args=(loop, found, host, port, family), daemon=True).start()
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in await found
        ]

    async def close(self) -> None:
        """There is nothing to close."""

    def _ask(
        self,
        loop: asyncio.AbstractEventLoop,
        found: "asyncio.Future[Sequence[Any]]",
        host: str,
        port: int,
        family: socket.AddressFamily,
    ) -> None:
        result: Sequence[Any] | OSError
        try:
            result = self._look_up(host, port, family=family, type=socket.SOCK_STREAM)
        except OSError as error:
            result = error
        except ValueError as error:  # a name with too long a part is none
            result = OSError(str(error))

        def tell() -> None:
            if found.done():
                return
            if isinstance(result, OSError):
                found.set_exception(result)
            else:
                found.set_result(result)

        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell)


class Bounded(ResponseHandler):
    """Takes so much of an answer, headers and preliminary answers (1xx) included, and ends the connection.

    Else a receiver that sends one preliminary answer after the other keeps the whole loop busy parsing them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._left = MOST_TAKEN

    def data_received(self, data: bytes) -> None:
        """Passes on what is left of the bound."""
        super().data_received(data[: max(self._left, 0)])
        self._left -= len(data)
        if self._left <= 0 and self.transport is not None:
            self.transport.abort()


@dataclass(frozen=True, slots=True)
class HookClient:
    """Tells webhooks. Made by `open_client`."""

    session: aiohttp.ClientSession
    ports: Collection[int]
    loopback: bool
    patience: float

    async def tell(self, url: str, headers: Mapping[str, str], body: str, *, patience: float | None = None) -> Verdict:
        """One attempt, and how it ended. Nothing of the answer is kept but its status."""
        began = time.monotonic()
        outcome, status, retry_after = await self._attempt(url, headers, body, patience or self.patience)
        return Verdict(outcome, status, round((time.monotonic() - began) * 1000), retry_after)

    async def close(self) -> None:
        """Ends all connections."""
        await self.session.close()

    async def _attempt(
        self, url: str, headers: Mapping[str, str], body: str, patience: float
    ) -> tuple[Outcome, int | None, timedelta | None]:
        if refusal(url, self.ports, loopback=self.loopback):
            return "not_public", None, None
        try:
            async with self.session.post(
                URL(url),
                data=body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as answer:
                status, retry_after = answer.status, _seconds(answer.headers.get("Retry-After", ""))
                with suppress(aiohttp.ClientError, TimeoutError):  # so that the receiver sees its answer taken
                    await answer.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _failure(error), None, None
        return _outcome(status), status, retry_after


def open_client(
    ports: Collection[int],
    *,
    loopback: bool = False,
    patience: float = PATIENCE,
    look_up: LookUp = socket.getaddrinfo,
    tls: ssl.SSLContext | None = None,
) -> HookClient:
    """A client whose connections are used once, with no cookies, no proxies of the environment, and checked TLS."""

    def made(address: Any) -> socket.socket:
        family, kind, proto, _, place = address
        if not is_public(place[0], loopback=loopback):
            raise NotPublic
        return socket.socket(family, kind, proto)

    connector = aiohttp.TCPConnector(
        resolver=Names(look_up),
        socket_factory=made,
        use_dns_cache=False,
        force_close=True,
        limit=0,
        ssl=tls or ssl.create_default_context(),
    )
    bounded = cast("partial[ResponseHandler]", partial(Bounded, asyncio.get_running_loop()))
    connector._factory = bounded  # noqa: SLF001 -- there is no other way in
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
    )
    return HookClient(session, ports, loopback, patience)


def signed(event_id: str, body: str, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks: with any one of the secrets, a receiver can check that this came from us."""
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signing(secret).sign(event_id, at, body) for secret in secrets),
    }


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    return "redirected" if 300 <= status < 400 else "refused"


def _failure(error: BaseException) -> Outcome:
    match error:
        case aiohttp.ClientConnectorError(os_error=NotPublic()) | NotPublic():
            return "not_public"
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorDNSError():
            return "unknown_host"
        case aiohttp.ClientSSLError():
            return "tls"
        case _:
            return "unreachable"


def _seconds(text: str) -> timedelta | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        return None
    return timedelta(seconds=min(int(text), MOST_WAITED))
