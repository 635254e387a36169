"""Whatever people write about themselves and their things: every mail stays one mail, sound, with our links alone."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache, partial
from html.parser import HTMLParser
from itertools import chain
from typing import Any

import pytest
from pydantic import BaseModel

from services.notify import session_samples
from services.notify.letter import Letter
from services.notify.mail import BadAddress, Envelope
from services.notify.previews import sources
from services.notify.sample import Sample, session_card
from shared.contracts.rpc import ContactLetter, ProjectLetter, QuestionLetter, Recipient
from tests.unit.notify.samples import COMPOSER, MESSAGE, PORTAL, STAMP, TEXTS, mail_for

HOSTILE = (
    "Sprechstunde\r\nBcc: alle@land.example\r\n\r\n<html>",
    '</p></div><script>alert(1)</script><a href="https://boese.example" onclick="x()">Hier</a><img src=x>',
    "{{ 7 * 7 }} {title} {% raw %} {title.__class__}",
    "\u202egnp.exe\u202c \u2066oben\u2069 \u200bun\u200dsicht\ufeffbar \u00ad",
    "\x00\x07\x1b[31m\x7f\u2028\u2029",
    "https://boese.example/anmelden www.boese.example https://bank.example@boese.example/",
    "Vergabe 😀 " * 30,
)
POISONS = {"all at once": " ".join(HOSTILE), "long, after a line end": "\r\n.\r\n" + "ä" * 300}
LEADING = frozenset({"https://boese.example", "https://boese.example/anmelden"})
# What somebody wrote, as far as mails repeat it; ids, states and addresses have shapes of their own.
WRITTEN = frozenset({
    "title", "name", "summary", "series_title", "reason", "question", "answer", "keyword", "organisation_name",
    "organisation", "subject", "text", "about", "hosts", "address", "city", "talk", "file_name", "undertaking", "step",
    "owner", "field", "kind_label", "topics", "teaser", "body",
})  # fmt: skip
# What a registrant, an asker or a writer typed into a form of ours.
TYPED = frozenset({"name", "question", "answer", "organisation_name", "subject", "text"})
TYPED_BY = (Recipient, QuestionLetter, ContactLetter)
ACCESS = "https://konferenz.example/raum"
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress",
    "MIME-Version", "Content-Type", "Content-Language",
}  # fmt: skip
TAGS = {
    "html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "p", "h1", "br", "a", "s",
    "blockquote",
}  # fmt: skip


def poisoned(value: Any, poison: str, fields: frozenset[str] = WRITTEN) -> Any:
    """The same with `poison` in the place of everything that somebody wrote."""
    if isinstance(value, (tuple, list)):
        return type(value)(poisoned(each, poison, fields) for each in value)
    if isinstance(value, dict):
        return {key: poisoned(each, poison, fields) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        inside = {name.name: poisoned(getattr(value, name.name), poison, fields) for name in dataclass_fields(value)}
        return replace(value, **inside | ({"title": poison} if inside.get("title") else {}))
    return _poisoned(value, poison, fields) if isinstance(value, BaseModel) else value


def _poisoned(value: BaseModel, poison: str, fields: frozenset[str]) -> BaseModel:
    changes: dict[str, Any] = {}
    for name, was in value:
        if isinstance(value, ProjectLetter) and name == "about":
            continue
        if name in fields and isinstance(was, str):
            changes[name] = poison
        elif name in fields and isinstance(was, tuple) and all(isinstance(each, str) for each in was):
            changes[name] = tuple(poison for _ in was)
        else:
            changes[name] = poisoned(was, poison, fields)
    return value.model_copy(update=changes)


def letter_of(sample: Sample, poison: str) -> Letter:
    """The sample with poison in everything that it is made of."""
    return _written(sample, [poisoned(each, poison) for each in _given(sample)])


def typed_of(sample: Sample, word: str) -> Letter:
    """The sample with a word in everything that its recipient may have typed."""
    return _written(
        sample,
        [poisoned(each, word, TYPED) if isinstance(each, TYPED_BY) else each for each in _given(sample)],
    )


def _given(sample: Sample) -> Sequence[Any]:
    assert isinstance(sample.letter, partial)
    return sample.letter.args


def _written(sample: Sample, given: Sequence[Any]) -> Letter:
    assert isinstance(sample.letter, partial)
    found = sample.letter.func(*given, TEXTS, PORTAL)
    assert isinstance(found, Letter)
    return found


@cache
def every_sample() -> tuple[Sample, ...]:
    return tuple(chain.from_iterable(source() for source in sources()))


def one_of_each() -> list[Sample]:
    """The first sample of every text."""
    return list({sample.text: sample for sample in reversed(every_sample())}.values())


@pytest.fixture(params=POISONS)
def poison(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    found: str = POISONS[request.param]
    monkeypatch.setattr(session_samples, "session_card", lambda: poisoned(session_card(), found))
    monkeypatch.setattr(session_samples, "WORDS", poisoned(session_samples.WORDS, found))
    return found


class Looked(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.leads: list[list[str]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in {"href", "src", "background", "action"}}
        if tag == "a":
            self.leads.append([dict(attrs)["href"] or "", ""])

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.leads:
            self.leads[-1][1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.leads.append(["", ""])


def unseen(text: str) -> set[str]:
    """What no reader sees, but line ends."""
    kinds = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    return {c for c in text if unicodedata.category(c) in kinds and c not in "\n\t"}


def parts(mail: EmailMessage) -> Mapping[str, str]:
    return {
        part.get_content_type(): part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"
    }


def html_of(raw: bytes) -> str:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return parts(mail)["text/html"]


def check(raw: bytes, written: frozenset[str] = frozenset()) -> None:
    """`written` are addresses in an editor's words: they alone lead somewhere, and nowhere else than they say."""
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    assert set(mail.keys()) == HEADERS
    assert len(mail.keys()) == len(HEADERS)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert not unseen(str(mail["Subject"]))
    found = parts(mail)
    assert not unseen(found["text/plain"].replace("\r\n", "\n"))
    looked = Looked(found["text/html"])
    assert looked.tags <= TAGS
    assert not {name for name in looked.attributes if name.startswith("on")}
    foreign = {link for link in looked.links if not link.startswith(f"{PORTAL}/") and link != PORTAL} - {ACCESS}
    assert foreign == written
    assert all(said == to for to, said in looked.leads if to in foreign)
    assert not unseen("".join(looked.words).replace("\r\n", "\n"))


def test_every_mail_stays_sound_whatever_people_write(poison: str) -> None:
    every = one_of_each()
    for sample in every if poison == POISONS["all at once"] else every[::8]:
        letter = letter_of(sample, poison)
        check(mail_for(letter), LEADING if letter.leads and poison == POISONS["all at once"] else frozenset())


def unproven() -> Iterator[Sample]:
    return (sample for sample in every_sample() if "noch nicht bestätigt" in sample.standing)


def test_no_mail_to_an_address_that_nobody_has_confirmed_repeats_a_typed_word() -> None:
    found = list(unproven())
    assert {sample.text for sample in found} >= {
        "registration_received",
        "registration_waitlisted_unconfirmed",
        "waitlist_promoted_unconfirmed",
        "question_received",
        "contact_confirmation",
        "postponement",
    }
    for sample in found:
        letter = typed_of(sample, "Zauberwort")
        assert "Zauberwort" not in repr(letter), sample.text


def test_html_of_an_editor_is_shown_as_it_is_written() -> None:
    own = '<a href="https://boese.example">Klick</a> & {title}'
    (sample,) = (each for each in one_of_each() if each.text == "cancellation")
    text = TEXTS["cancellation"].model_copy(update={"opening": (own,), "heading": own, "subject": own})
    raw = mail_for(sample.letter({**TEXTS, "cancellation": text}, PORTAL))
    check(raw)
    assert '<a href="https://boese.example">Klick</a> & „Digitale' in "".join(Looked(html_of(raw)).words)


@pytest.mark.parametrize(
    "trick",
    [
        '"Bürgermeister" <a@b.example>',
        "Poststelle <a@b.example>",
        "a@b.example, c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example\u202e",
        "\u200ba@b.example",
        "a@müller.example",
        "jürgen@stadt.example",
        "a" * 300,
        "a@" + "b" * 250 + ".example",
        "@b.example",
        "a@",
        "",
    ],
)
def test_nobody_is_written_to_or_answered_by_an_address_that_is_a_trick(trick: str) -> None:
    letter = one_of_each()[0].letter(TEXTS, PORTAL)
    with pytest.raises(BadAddress):
        COMPOSER.compose(letter, Envelope(MESSAGE, trick, STAMP))
    with pytest.raises(BadAddress):
        COMPOSER.compose(letter, Envelope(MESSAGE, "a@b.example", STAMP, reply_to=trick))


def test_an_international_domain_is_written_to_as_the_gateway_puts_it() -> None:
    raw = mail_for(one_of_each()[0].letter(TEXTS, PORTAL), "poststelle@xn--kln-sna.example")
    check(raw)
    assert b"\r\nTo: poststelle@xn--kln-sna.example\r\n" in raw
