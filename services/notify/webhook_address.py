"""Where a webhook may lead: to public addresses of the internet, by https, and nowhere else.

What is behind our own network's door must not be reached through us, whatever a name resolves to and whenever. The
address is looked at when a webhook is registered, for the sake of whoever registers it; what counts is the look at
every connection (`webhook_client`).
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from yarl import URL

LONGEST: Final = 2000
USUAL: Final = {"https": 443, "http": 80}
# What the registries call globally reachable and we do not: doors to other addresses, and clouds' own services.
CLOSED_4: Final = tuple(
    ip_network(net) for net in ("192.88.99.0/24", "168.63.129.16/32", "100.100.100.200/32", "192.31.196.0/24")
)
UNICAST_6: Final = IPv6Network("2000::/3")
CLOSED_6: Final = tuple(IPv6Network(net) for net in ("2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20"))


def is_public(address: str, *, loopback: bool = False) -> bool:
    """Whether an address may be connected to; `loopback` allows this machine itself, for development."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if loopback and ip.is_loopback:
        return True
    return _public_4(ip) if isinstance(ip, IPv4Address) else _public_6(ip)


def _public_4(ip: IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in net for net in CLOSED_4)


def _public_6(ip: IPv6Address) -> bool:
    """Global unicast only: every form that holds an IPv4 address (mapped, NAT64, 6to4, Teredo) lies outside or is shut.

    That shuts out the networks that have only NAT64, too: a name that has an IPv4 address is reached by that.
    """
    return ip in UNICAST_6 and ip.is_global and not ip.is_multicast and not any(ip in net for net in CLOSED_6)


def refusal(address: str, ports: Collection[int], *, loopback: bool = False) -> str | None:
    """Why `address` is none that we tell anything; None when it is one, as far as can be seen from it.

    `loopback` allows http as well, and this machine itself at any port.
    """
    try:
        url = URL(address)
        port = url.port
    except ValueError:
        return "webhook_url_unreadable"
    host = url.host
    if len(address) > LONGEST or not host or not address.isascii() or any(map(_unseen, address)):
        return "webhook_url_unreadable"
    if url.scheme not in ({"https", "http"} if loopback else {"https"}):
        return "webhook_url_not_https"
    if url.user is not None or url.password is not None or "@" in address.split("/")[2]:
        return "webhook_url_with_credentials"
    if url.fragment or "#" in address:
        return "webhook_url_unreadable"
    if not loopback and port not in ports:
        return "webhook_url_port"
    inside = not is_public(host, loopback=loopback) if _is_number(host) else not loopback and _is_local(host)
    return "webhook_url_not_public" if inside else None


def _unseen(character: str) -> bool:
    return not character.isprintable() or character in ' \\"<>^`{|}'


def _is_number(host: str) -> bool:
    """Whether a host is no name: an address, or one of the old ways to write one (`127.1`, `0x7f000001`)."""
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdecimal() or last.lower().startswith("0x")


def _is_local(host: str) -> bool:
    name = host.rstrip(".").lower()
    return "." not in name or name.endswith((".localhost", ".local", ".internal", ".localdomain", ".home.arpa"))
