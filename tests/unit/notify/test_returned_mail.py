"""What a mail that came back says, and about which message."""

from uuid import UUID

import pytest

from services.notify.address_mark import AddressMarks
from services.notify.bounce_address import LONGEST_LOCAL, LONGEST_MAILBOX, BounceAddresses, Forged
from services.notify.bounce_codes import weight_of
from services.notify.reports import weight_of_end
from services.notify.returned_mail import Reader, Returned, hush
from tests.unit.notify.returns import (
    ADDRESSES,
    DOMAIN,
    EXIM,
    MESSAGE,
    PLAIN,
    QMAIL,
    TO,
    complaint,
    exchange,
    letter,
    original,
    report,
)

READER = Reader(DOMAIN, ADDRESSES)
NOTHING = Returned("nothing")
OTHER = UUID("0198f0a2-1111-7000-8000-00000000000b")


def test_a_bounce_address_says_which_message_it_was_whatever_servers_do_to_its_case() -> None:
    assert [ADDRESSES.read(TO), ADDRESSES.read(TO.upper()), ADDRESSES.read(f" {TO} ")] == [MESSAGE] * 3
    assert ADDRESSES.read(f"bounces@{DOMAIN}") is None
    assert ADDRESSES.read(TO.replace(DOMAIN, "anderswo.example")) is None
    longest = BounceAddresses("x" * LONGEST_MAILBOX + f"@{DOMAIN}", b"k").of(MESSAGE)
    assert len(longest.partition("@")[0]) == LONGEST_LOCAL


@pytest.mark.parametrize(
    "address",
    [
        BounceAddresses.of_vault(f"bounces@{DOMAIN}", b"x" * 32).of(MESSAGE),
        TO.replace("+", "+a", 1),
        f"bounces+@{DOMAIN}",
        f"bounces+irgendwas@{DOMAIN}",
        f"bounces+ü.ü@{DOMAIN}",
        TO.partition(".")[0] + "." + ADDRESSES.of(OTHER).split("@")[0].partition(".")[2] + f"@{DOMAIN}",
    ],
)
def test_an_address_that_was_made_up_is_known_as_that(address: str) -> None:
    with pytest.raises(Forged):
        ADDRESSES.read(address)


def test_a_mark_is_the_same_for_every_spelling_and_another_with_another_key() -> None:
    marks = AddressMarks.of_vault(b"k" * 32)
    assert marks.of("Erika@Gemeinde.example ") == marks.of("erika@gemeinde.example")
    assert marks.of("erika@gemeinde.example") != AddressMarks.of_vault(b"x" * 32).of("erika@gemeinde.example")
    assert "k" * 8 not in repr(marks)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (report(), "5.1.1", 550),
        (report(returned="message/rfc822"), "5.1.1", 550),
        (report(status="5.0.0"), "5.1.1", 550),
        (report(status="5.0.0", words="smtp; 550 Nein"), "5.0.0", 550),
        (report(status="4.4.7", words="smtp; 451 4.4.7 zu lange her"), "4.4.7", 451),
        (report(status="5.7.1", words="smtp; 554 5.7.1 abgelehnt"), "5.7.1", 554),
        (report(action=""), "5.1.1", 550),
        (exchange(), "5.1.10", 550),
        (letter(QMAIL), "5.1.1", None),
        (letter(EXIM), "5.2.2", 552),
    ],
)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_reports_and_letters_of_servers_are_failures(
    raw: bytes, status: str, code: int | None, line_end: bytes
) -> None:
    assert READER.read(raw.replace(b"\r\n", line_end)) == Returned("failed", MESSAGE, status, code)


WITHOUT_PROOF = [report(to=PLAIN), letter(QMAIL, to=PLAIN), letter(EXIM, to=PLAIN)]


@pytest.mark.parametrize("raw", WITHOUT_PROOF)
def test_where_messages_have_addresses_of_their_own_a_message_id_proves_nothing(raw: bytes) -> None:
    found = READER.read(raw)
    assert (found.said, found.message_id) == ("failed", None)


@pytest.mark.parametrize("raw", [*WITHOUT_PROOF, complaint()])
def test_without_such_addresses_the_message_is_known_by_its_id_in_what_was_returned(raw: bytes) -> None:
    found = Reader(DOMAIN).read(raw)
    assert (found.said, found.message_id) == ("complaint" if raw == complaint() else "failed", MESSAGE)
    elsewhere = Reader("anderswo.example").read(raw)
    assert elsewhere.message_id is None


@pytest.mark.parametrize(
    "raw",
    [
        report(to=BounceAddresses.of_vault(f"bounces@{DOMAIN}", b"x" * 32).of(MESSAGE)),
        letter(QMAIL, to=f"bounces+aaaa.bbbb@{DOMAIN}"),
        report(to=PLAIN).replace(f"Return-Path: <{PLAIN}>".encode(), f"Return-Path: <bounces+a.b@{DOMAIN}>".encode()),
    ],
)
def test_a_forged_one_says_nothing_even_with_the_right_message_id(raw: bytes) -> None:
    assert READER.read(raw) == Returned("forged")


def test_a_complaint_is_one_by_its_kind() -> None:
    assert READER.read(complaint()) == Returned("complaint", MESSAGE)
    assert READER.read(complaint("opt-out")).said == "complaint"
    assert READER.read(complaint("not-spam")) == NOTHING


@pytest.mark.parametrize(
    "raw",
    [
        report(action="delayed", status="4.4.1"),
        report(action="relayed", status="2.0.0"),
        report(action="delivered", status="2.0.0"),
        letter("Ich bin bis zum 3. August im Urlaub.\n550 5.1.1", sender="erika@gemeinde.example"),
        letter(QMAIL, Auto_Submitted="auto-replied (vacation)"),
        letter(QMAIL, sender="Erika <erika@gemeinde.example>"),
        letter(
            "Bitte bestätigen Sie, dass Sie ein Mensch sind.", sender="challenge@filter.example", X_Challenge_ID="7"
        ),
        letter(f"Re: Neuer Termin\n\n{original()}", sender="postmaster@gemeinde.example"),
        report().replace(b"delivery-status", b"disposition-notification"),
        b"",
        b"\x00\xff\xfe" * 100,
        b"From: MAILER-DAEMON\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x",
    ],
)
def test_what_answers_for_a_person_and_what_is_no_failure_is_no_bounce(raw: bytes) -> None:
    assert READER.read(raw) == NOTHING


def test_what_people_wrote_stands_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="flufl.bounce")
    READER.read(letter(QMAIL))
    assert "detector" in caplog.text
    caplog.clear()
    hush()
    READER.read(letter(QMAIL))
    assert caplog.text == ""


def test_only_the_beginning_of_a_huge_one_is_read() -> None:
    assert READER.read(report() + b"x" * 5_000_000).message_id == MESSAGE


@pytest.mark.parametrize(
    ("status", "code", "weight"),
    [
        ("5.1.1", None, "hard"),
        ("5.1.10", 550, "hard"),
        ("5.2.1", 550, "hard"),
        ("5.4.4", None, "hard"),
        (None, 550, "hard"),
        ("5.0.0", 553, "hard"),
        ("5.5.0", 550, "hard"),
        ("4.0.0", 550, "soft"),
        (None, 554, "soft"),
        (None, None, "soft"),
        ("5.2.2", 552, "soft"),
        ("4.2.2", None, "soft"),
        ("4.1.1", None, "soft"),
        ("5.4.1", 550, "soft"),
        ("4.4.7", None, "soft"),
        ("5.7.1", 554, None),
        ("5.7.26", 550, None),
        ("5.6.0", 554, None),
        ("4.7.1", 451, None),
    ],
)
def test_what_a_final_failure_says_about_an_address(status: str | None, code: int | None, weight: str | None) -> None:
    assert weight_of(status, code) == weight


@pytest.mark.parametrize(
    ("state", "reason", "status", "code", "weight"),
    [
        ("delivered", None, "2.0.0", 250, None),
        ("bounced", "refused", "5.1.1", 550, "hard"),
        ("bounced", "refused", "5.7.1", 554, None),
        ("bounced", "mailbox_unknown", None, 250, "hard"),
        ("bounced", "returned", "5.2.2", 250, "soft"),
        ("bounced", "returned", None, 250, "soft"),
        ("bounced", "returned", "5.1.1", 250, "soft"),
        ("bounced", "returned", "5.7.1", 250, None),
        ("bounced", "complaint", None, 250, "complaint"),
        ("bounced", "expired", "4.2.2", 452, "soft"),
        ("bounced", "expired", None, None, None),
        ("bounced", "expired", "2.0.0", 250, None),
    ],
)
def test_how_the_end_of_a_message_counts(
    state: str, reason: str | None, status: str | None, code: int | None, weight: str | None
) -> None:
    assert weight_of_end(state, reason, status, code) == weight
