"""What is printed is what would have been composed, byte for byte, whoever it is for."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify import session_letter
from services.notify.conversation import content_of
from services.notify.letter import Letter, plain_name
from services.notify.mail import Envelope
from services.notify.press import Press, Printed
from services.notify.scene import Scene, as_left_by
from shared.contracts.events import SessionGroupMessageRequested
from shared.contracts.rpc import Recipient
from tests.unit.notify import samples
from tests.unit.notify.samples import CAUSES, COMPOSER, PORTAL, STAMP, TEXTS, person, postponed, session

BOUNDARY = re.compile(rb"={15}\d+==")
NOW = dt.datetime(2025, 7, 2, 12, 5, tzinfo=dt.UTC)
NAMES = ("Erika Mustermann", "Zoë O'Hara <b>&amp;", "=?utf-8?q?x?=", "日本 太郎", ".", "a" * 100, 'M"x\\y', "{name}")
ADDRESSES = (
    "erika@gemeinde.example",
    "a@b.example",
    "e" * 60 + "." + "x@" + "g" * 50 + ".example",
    "x+y.z-1@k-r.example",
)


def letter_to(cause: str, recipient: Recipient) -> Letter:
    told = CAUSES[cause][0]
    words = samples.WORDS if isinstance(told, SessionGroupMessageRequested) else None
    scene = Scene(told, as_left_by(told, session()), recipient, PORTAL, STAMP, NOW, group_message=words)
    return session_letter.compose(scene, TEXTS)


class Office:
    """A press, and what it prints from the second time on."""

    def __init__(self) -> None:
        self.press = Press(COMPOSER)

    def printed(
        self, cause: str, recipient: Recipient, envelope: Envelope, unsubscribe: str | None = None
    ) -> bytes | None:
        own = {"name": plain_name(recipient.name), "token": recipient.token}

        def make(called: Mapping[str, str]) -> Printed:
            somebody = recipient.model_copy(update={**called, "name": called["name"] if own["name"] else ""})
            ends = unsubscribe and unsubscribe.replace(recipient.token, called["token"])
            return Printed(letter_to(cause, somebody), None, ends)

        key = cause, bool(own["name"]), unsubscribe is None
        self.press.print(key, own, envelope, make, NOW)
        return self.press.print(key, own, envelope, make, NOW)


def even(mail: bytes) -> bytes:
    """With boundaries that are numbered."""
    numbers: Iterator[int] = count()
    known: dict[bytes, bytes] = {}
    return BOUNDARY.sub(lambda found: known.setdefault(found[0], b"boundary-%d" % next(numbers)), mail)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_letter_is_printed_as_it_is_composed(cause: str) -> None:
    office = Office()
    names = NAMES if cause == "postponed" else NAMES[:2]
    for number, name in enumerate(names):
        recipient = CAUSES[cause][1].model_copy(
            update={"name": name, "email": ADDRESSES[number % len(ADDRESSES)], "token": f"{number}-_{'t' * number}"}
        )
        envelope = Envelope(uuid4(), recipient.email, STAMP + dt.timedelta(seconds=number))
        printed = office.printed(cause, recipient, envelope)
        assert printed is not None
        assert even(printed) == even(content_of(COMPOSER.compose(letter_to(cause, recipient), envelope)))


def test_a_link_that_ends_a_subscription_is_each_ones_own() -> None:
    office, end = Office(), "https://portal.example/api/v1/subscriptions/{}/unsubscriptions"
    for token in ("first", "second"):
        recipient = person(token=token)
        envelope = Envelope(uuid4(), recipient.email, STAMP)
        printed = office.printed("postponed", recipient, envelope, end.format(token))
        composed = COMPOSER.compose(letter_to("postponed", recipient), replace(envelope, unsubscribe=end.format(token)))
        assert printed is not None
        assert even(printed) == even(content_of(composed))
        assert f"List-Unsubscribe: <{end.format(token)}>\r\n".encode() in printed


@settings(max_examples=20, deadline=None)
@given(name=st.text(max_size=120), local=st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,63}", fullmatch=True))
def test_whatever_somebody_is_called(name: str, local: str) -> None:
    recipient = person(name=name, email=f"{local}@gemeinde.example")
    envelope = Envelope(UUID(int=5), recipient.email, STAMP)
    printed = ANY.printed("postponed", recipient, envelope)
    if printed is not None:
        assert even(printed) == even(content_of(COMPOSER.compose(letter_to("postponed", recipient), envelope)))


ANY = Office()


@pytest.mark.parametrize(
    "address",
    ["a..b@c.example", '"a b"@c.example', "a@b.example\r\nBcc: c@d.example", "x" * 65 + "@b.example", "ü@b.example"],
)
def test_addresses_out_of_the_ordinary_are_composed(address: str) -> None:
    envelope = Envelope(UUID(int=5), address, STAMP)
    assert Office().printed("postponed", person(), envelope) is None


def test_a_name_in_a_sentence_is_not_printed() -> None:
    """Where a line breaks depends on the name: such a letter has no pattern."""
    press, long = Press(COMPOSER), "ein Satz " * 12

    def make(called: Mapping[str, str]) -> Printed:
        letter = samples.letter_for(postponed())
        return Printed(replace(letter, opening=(f"{long}{called['name']} {long}",)), None, None)

    for name in ("Erika", "Friedrich-Wilhelm", "Ed"):
        envelope = Envelope(UUID(int=5), "erika@gemeinde.example", STAMP)
        found = press.print("key", {"name": name}, envelope, make, NOW)
        composed = COMPOSER.compose(make({"name": name}).letter, envelope)
        assert found is None or even(found) == even(content_of(composed))


def test_a_pattern_is_for_a_minute() -> None:
    press, made = Press(COMPOSER), []

    def make(_: Mapping[str, str]) -> Printed:
        made.append(True)
        return Printed(samples.letter_for(postponed()), None, None)

    envelope = Envelope(UUID(int=5), "erika@gemeinde.example", STAMP)
    for seconds in (0, 1, 2, 61, 62, 63):
        press.print("key", {}, envelope, make, NOW + dt.timedelta(seconds=seconds))
    assert len(made) == 4, "each is tried with two kinds of marks"
