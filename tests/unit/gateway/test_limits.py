"""So many in so long for each network."""

import pytest

from services.gateway import limits
from services.gateway.limits import Limit, client_address, network_of


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_quota_is_spent_and_comes_back_after_the_window() -> None:
    seconds = Seconds()
    limit = Limit("registrations", quota=2, window=60, seconds=seconds)
    assert [limit.take("a").remaining, limit.take("a").remaining] == [1, 0]
    seconds.now += 20
    refused = limit.take("a")
    assert not refused.allowed
    assert refused.headers == {
        "RateLimit-Policy": '"registrations";q=2;w=60',
        "RateLimit": '"registrations";r=0;t=40',
        "Retry-After": "40",
    }
    assert limit.take("b").allowed
    seconds.now += 40
    assert limit.take("a").headers == {
        "RateLimit-Policy": '"registrations";q=2;w=60',
        "RateLimit": '"registrations";r=1;t=60',
    }


def test_many_keys_cost_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KEYS", 3)
    limit = Limit("p", quota=1, window=60, seconds=Seconds())
    for key in range(5):
        assert limit.take(key).allowed
    assert len(limit._used) == 3
    assert not limit.take(4).allowed


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("nonsense", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_client_is_known_by_its_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (["198.51.100.1"], 0, "10.0.0.1"),
        ([], 1, "10.0.0.1"),
        (["198.51.100.1"], 1, "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1"], 1, "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1"], 1, "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1, 10.0.0.9"], 2, "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1, 10.0.0.9"], 2, "198.51.100.1"),
        (["198.51.100.1"], 2, "10.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(forwarded: list[str], proxies: int, address: str) -> None:
    assert client_address("10.0.0.1", forwarded, proxies) == address
