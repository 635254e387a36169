"""What may be typed as an address or a name, and what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.addresses import Malformed, lookup_key, parse_address, parse_name
from services.gateway.registrations import SENTENCES


@pytest.mark.parametrize(
    ("typed", "mailbox"),
    [
        ("erika.muster@stadt.example", "erika.muster@stadt.example"),
        ("  amt-32+ikz@Stadt.Example ", "amt-32+ikz@stadt.example"),
        ("poststelle@köln.example", "poststelle@xn--kln-sna.example"),
        ("POST@xn--kln-sna.example", "POST@xn--kln-sna.example"),
        ("o'neill@kreis.example", "o'neill@kreis.example"),
    ],
)
def test_an_address_is_understood(typed: str, mailbox: str) -> None:
    assert parse_address(typed).mailbox == mailbox


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "erika",
        "erika@",
        "@stadt.example",
        "erika@stadt",
        "erika@@stadt.example",
        "a@b@stadt.example",
        "erika muster@stadt.example",
        "erika@stadt .example",
        "erika@stadt.example\r\nBcc: alle@land.example",
        "erika@stadt.example\nX: y",
        "erika\x00@stadt.example",
        "erika@sta\x00dt.example",
        "erika,otto@stadt.example",
        "<erika@stadt.example>",
        '"erika muster"@stadt.example',
        "erika@[127.0.0.1]",
        "erika@127.0.0.1",
        ".erika@stadt.example",
        "erika.@stadt.example",
        "eri..ka@stadt.example",
        "erika@-stadt.example",
        "erika@stadt..example",
        "erika@.example",
        "erika@under_score.example",
        "jürgen@stadt.example",
        "a" * 65 + "@stadt.example",
        "a@" + "b" * 64 + ".example",
        "a@" + ".".join(["abcdefgh"] * 40) + ".example",
        "erika\u2028@stadt.example",
        "erika@\ud800.example",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        parse_address(typed)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("jürgen@stadt.example", "address_not_ascii"),
        (f"{'a' * 65}@stadt.example", "address_malformed"),
        ("иван@stadt.example", "address_not_ascii"),
        ("j\u200bürgen@stadt.example", "address_malformed"),
        ("jürgen muster@stadt.example", "address_malformed"),
        ("jürgen", "address_without_at"),
    ],
)
def test_letters_that_not_every_mail_server_takes_are_named(typed: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_address(typed)
    assert refused.value.code == code
    assert refused.value.code in SENTENCES


@given(st.text())
def test_whatever_passes_fits_into_a_header(typed: str) -> None:
    try:
        address = parse_address(typed)
    except Malformed:
        return
    assert address.mailbox.isascii()
    assert address.mailbox.isprintable()
    assert not set(address.mailbox) & set(' ",<>()[]:;\\')
    assert address.mailbox.count("@") == 1
    assert parse_address(address.mailbox) == address


def test_two_spellings_of_one_address_are_found_under_one_key() -> None:
    key = b"k" * 32
    assert lookup_key(parse_address("Erika@Köln.example"), key) == lookup_key(
        parse_address("erika@xn--kln-sna.example"), key
    )
    assert lookup_key(parse_address("erika@stadt.example"), key) != lookup_key(parse_address("otto@stadt.example"), key)
    assert lookup_key(parse_address("erika@stadt.example"), key) != lookup_key(
        parse_address("erika@stadt.example"), b"x"
    )


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Erika Muster", "Erika Muster"),
        ("  Erika \n Muster\t", "Erika Muster"),
        ("Dr. Özlem D'Angelo-Müller", "Dr. Özlem D'Angelo-Müller"),
        ("Stadt\u00ad\u200bamt", "Stadtamt"),
        ("Mu\u0308ller", "Müller"),
    ],
)
def test_a_name_becomes_one_line(typed: str, name: str) -> None:
    assert parse_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "name_missing"),
        (" \u200b ", "name_missing"),
        ("x" * 201, "name_too_long"),
        ("Gewinn https://boese.example", "name_not_plain"),
        ("WWW.boese.example", "name_not_plain"),
        ('<a href="x">Klick</a>', "name_not_plain"),
        ("Erika\x00Muster", "name_not_plain"),
        ("Erika\x1b[31m", "name_not_plain"),
    ],
)
def test_a_name_that_is_none_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_name(typed)
    assert refused.value.code == code
