"""Limits against floods, kept in this process: so many in so long for each key, and calm answers about it."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil

from aiohttp import web

MOST_KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key still has: `allowed` now, `remaining` after it, full again in `resets_in` seconds."""

    policy: str
    quota: int
    window: int
    allowed: bool
    remaining: int
    resets_in: int

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10), and Retry-After once nothing is left."""
        fields = {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={self.window}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.resets_in}',
        }
        return fields if self.allowed else fields | {"Retry-After": str(self.resets_in)}


@dataclass(slots=True)
class Limit:
    """At most `quota` in any fixed `window` of seconds for each key; forgets the oldest keys rather than growing."""

    policy: str
    quota: int
    window: int
    seconds: Callable[[], float]
    _used: OrderedDict[Hashable, tuple[float, int]] = field(default_factory=OrderedDict)

    def take(self, key: Hashable) -> Allowance:
        """Counts one use by `key`; a use that is refused is not counted."""
        now = self.seconds()
        began, used = self._used.get(key, (now, 0))
        if now - began >= self.window:
            began, used = now, 0
        allowed = used < self.quota
        used += allowed
        self._used[key] = (began, used)
        self._used.move_to_end(key)
        if len(self._used) > MOST_KEYS:
            self._used.popitem(last=False)
        return Allowance(
            policy=self.policy,
            quota=self.quota,
            window=self.window,
            allowed=allowed,
            remaining=self.quota - used,
            resets_in=max(1, ceil(began + self.window - now)),
        )


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str:
    """The network a client's address belongs to (/24, /64): what is limited, since one client has many addresses."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 64), strict=False))


def client_address(remote: str | None, forwarded: Sequence[str], trusted_proxies: int) -> str | None:
    """The client's address: the peer's, or what the outermost of our `trusted_proxies` wrote into X-Forwarded-For.

    `forwarded` are all lines of that header, as they came: a proxy may add a line of its own below the client's.
    """
    hops = [hop.strip() for hop in ",".join(forwarded).split(",") if hop.strip()]
    if trusted_proxies < 1 or len(hops) < trusted_proxies:
        return remote
    return hops[-trusted_proxies]


def network_asking(request: web.Request, trusted_proxies: int) -> str:
    """The network that a request comes from."""
    forwarded = request.headers.getall("X-Forwarded-For", ())
    return network_of(client_address(request.remote, forwarded, trusted_proxies))
