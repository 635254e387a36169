"""Where webhooks may lead."""

import pytest

from services.notify.webhook_address import is_public, refusal

PORTS = frozenset({443, 8443})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "localhost",
        "127.1",
        "0177.0.0.1",
        "0x7f.1",
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)
    assert is_public(address, loopback=True)


def test_for_development_this_machine_is_and_no_other() -> None:
    assert is_public("127.0.0.1", loopback=True)
    assert is_public("::1", loopback=True)
    assert not any(is_public(address, loopback=True) for address in ("10.0.0.1", "::ffff:10.0.0.1", "169.254.169.254"))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://stadt.example/", "not_https"),
        ("ftp://stadt.example/", "not_https"),
        ("https://user:word@stadt.example/", "with_credentials"),
        ("https://@stadt.example/", "with_credentials"),
        ("https://stadt.example:22/", "port"),
        ("https://stadt.example:80/", "port"),
        ("https://stadt.example/#ende", "unreadable"),
        ("https://stadt.example/a b", "unreadable"),
        ("https://stadt.example\\@intern.example/", "unreadable"),
        ("https://münchen.example/", "unreadable"),
        ("https://stadt.example:99999/", "unreadable"),
        ("https:///pfad", "unreadable"),
        ("stadt.example", "unreadable"),
        ("", "unreadable"),
        ("https://[::1", "unreadable"),
        (f"https://stadt.example/{'a' * 2000}", "unreadable"),
        ("https://127.0.0.1/", "not_public"),
        ("https://127.1/", "not_public"),
        ("https://2130706433/", "not_public"),
        ("https://0x7f000001/", "not_public"),
        ("https://[::ffff:127.0.0.1]/", "not_public"),
        ("https://169.254.169.254/latest/meta-data", "not_public"),
        ("https://localhost/", "not_public"),
        ("https://localhost./", "not_public"),
        ("https://postgres/", "not_public"),
        ("https://metadata.google.internal/", "not_public"),
    ],
)
def test_a_refused_address_says_why(url: str, code: str) -> None:
    assert refusal(url, PORTS) == f"webhook_url_{code}"


@pytest.mark.parametrize(
    "url",
    [
        "https://stadt.example/",
        "https://stadt.example:8443/a/b?c=d%20e",
        "https://xn--mnchen-3ya.example/ikz",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_public_addresses_are_taken(url: str) -> None:
    assert refusal(url, PORTS) is None


def test_for_development_plain_http_to_this_machine_is_taken() -> None:
    assert refusal("http://127.0.0.1:9999/", PORTS, loopback=True) is None
    assert refusal("http://localhost:9999/", PORTS, loopback=True) is None
    assert refusal("http://10.0.0.1:9999/", PORTS, loopback=True) == "webhook_url_not_public"
