"""The mails as a reader's program takes them apart."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

import pytest
from icalendar import Calendar, Event

from services.notify.layout import Layout
from services.notify.mail import BadAddress, Composer, Envelope
from shared.contracts.events import Times
from shared.kernel.vtimezone import berlin
from tests.unit.notify import samples
from tests.unit.notify.samples import CAUSES, NEW, OLD, letter_for, mail_for, person, postponed, session


def parsed(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def part(mail: EmailMessage, content_type: str) -> EmailMessage:
    found = [one for one in mail.walk() if one.get_content_type() == content_type]
    assert len(found) == 1
    one = found[0]
    assert isinstance(one, EmailMessage)
    return one


def entry(calendar: Calendar) -> Event:
    (found,) = calendar.events
    return found


def ical(mail: EmailMessage) -> Calendar:
    content = part(mail, "text/calendar").get_content()
    calendar = Calendar.from_ical(content if isinstance(content, (str, bytes)) else str(content))
    assert isinstance(calendar, Calendar)
    return calendar


POSTPONED = parsed(mail_for(letter_for(postponed())))


def test_the_parts_stand_in_the_order_in_which_programs_prefer_them() -> None:
    assert [one.get_content_type() for one in POSTPONED.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]


def test_a_long_domain_breaks_no_header() -> None:
    domain = "interkommunale-zusammenarbeit.kommunalverwaltung.nordrhein-westfalen.example"
    composer = Composer(f"Portal <portal@{domain}>", Layout(samples.PORTAL, samples.NAME))
    envelope = Envelope(samples.MESSAGE, f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example", samples.STAMP)
    mail = parsed(composer.compose(letter_for(postponed()), envelope))
    assert mail["List-Id"] == f"Interkommunales.NRW <nachrichten.{domain}>"
    assert mail["Message-ID"] == f"<{samples.MESSAGE}@{domain}>"
    assert mail["To"] == envelope.recipient
    raw = composer.compose(letter_for(postponed()), envelope).split(b"\r\n\r\n")[0]
    assert b"?nachrichten" not in raw
    assert b"List-Id: Interkommunales.NRW <nachrichten.interkommunale" in raw


def test_a_portal_of_another_name_says_it_wherever_a_mail_names_the_portal() -> None:
    name = "Kooperation „vor Ort“, Süd & Nord"
    composer = Composer(f"Portal <{samples.COMPOSER.sender}>", Layout(samples.PORTAL, name))
    mail = parsed(
        composer.compose(letter_for(postponed()), Envelope(samples.MESSAGE, "erika@gemeinde.example", samples.STAMP))
    )
    assert mail["List-Id"] == f"{name} <nachrichten.interkommunal.example>"
    assert ical(mail).walk("VEVENT")[0]["ORGANIZER"].params["CN"] == name
    said = [part(mail, kind).get_content() for kind in ("text/plain", "text/html")]
    assert [each.replace("&amp;", "&").count(name) for each in said] == [2, 3]
    assert not any(samples.NAME in each for each in said)


@pytest.mark.parametrize("title", ["Kurz", "für " * 40, "Ä" * 150, "a" * 150, f"{'Zusammenarbeit ' * 9}– Ort"])
def test_a_subject_reads_as_it_was_written(title: str) -> None:
    letter = letter_for(samples.CONFIRMED, card=session(title=title))
    raw = mail_for(letter)
    assert parsed(raw)["Subject"] == f"Anmeldung bestätigt: {title.strip()}"
    assert all(len(line) <= 78 for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n"))


@pytest.mark.parametrize("name", CAUSES)
def test_every_mail_parses_and_its_calendar_agrees_with_its_content_type(name: str) -> None:
    mail = parsed(mail_for(letter_for(*CAUSES[name], in_calendar=True)))
    calendars = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    for one in calendars:
        assert isinstance(one, EmailMessage)
        assert one["Content-Type"].params["method"] == str(ical(mail)["METHOD"])
        assert one.get_content_charset() == "utf-8"
    assert bool(calendars) == (letter_for(*CAUSES[name], in_calendar=True).invitation is not None)


def test_headers_say_who_writes_and_that_no_answer_is_expected() -> None:
    assert POSTPONED["From"] == '"Interkommunales.NRW" <portal@interkommunal.example>'
    assert POSTPONED["To"] == "erika@gemeinde.example"
    assert POSTPONED["Message-ID"] == f"<{samples.MESSAGE}@interkommunal.example>"
    assert POSTPONED["List-Id"] == "Interkommunales.NRW <nachrichten.interkommunal.example>"
    assert POSTPONED["Auto-Submitted"] == "auto-generated"
    assert POSTPONED["Content-Language"] == "de"
    assert str(POSTPONED["Subject"]).startswith("Verschoben: Digitale Sprechstunde mit dem Landesbeauftragten für IKZ")
    assert POSTPONED["Date"].datetime == samples.STAMP


def test_the_invitation_moves_the_entry_that_is_there() -> None:
    calendar = ical(POSTPONED)
    event = entry(calendar)
    assert str(calendar["METHOD"]) == "REQUEST"
    assert str(event["UID"]) == f"session-{samples.SESSION}@interkommunal"
    assert event["SEQUENCE"] == 1
    assert event.start == NEW.starts_at
    assert event["STATUS"] == "CONFIRMED"
    assert event["ORGANIZER"] == "mailto:portal@interkommunal.example"
    assert event["ATTENDEE"] == "mailto:erika@gemeinde.example"
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"
    assert event["DTSTART"].params["TZID"] == "Europe/Berlin"


def test_the_file_is_the_same_invitation() -> None:
    file = part(POSTPONED, "application/ics")
    assert file.get_filename() == "einladung.ics"
    assert file.get_content() == part(POSTPONED, "text/calendar").get_content().encode()


def test_a_cancellation_removes_the_entry() -> None:
    mail = parsed(mail_for(letter_for(samples.CANCELLED)))
    calendar = ical(mail)
    assert str(calendar["METHOD"]) == "CANCEL"
    assert entry(calendar)["STATUS"] == "CANCELLED"
    assert entry(calendar)["SEQUENCE"] == 1
    assert entry(calendar).start == OLD.starts_at
    assert part(mail, "application/ics").get_filename() == "absage.ics"


def test_the_zone_in_an_invitation_is_right_and_bounded() -> None:
    raw = part(POSTPONED, "application/ics").get_content()
    assert berlin().to_ical() in raw
    assert len(raw) < 2500
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))


def test_a_whole_day_needs_no_zone() -> None:
    day = session(**samples.dated(Times(date=NEW.date)))
    event = entry(ical(parsed(mail_for(letter_for(samples.CONFIRMED, card=day)))))
    assert event.start == NEW.date


def test_no_invitation_holds_the_link_to_the_registration_or_the_way_in() -> None:
    link = "https://konferenz.example/raum/8f1c"
    for name, (cause, recipient) in CAUSES.items():
        mail = parsed(mail_for(letter_for(cause, recipient.model_copy(update={"access_link": link}), in_calendar=True)))
        for one in mail.walk():
            if one.get_content_type() in ("text/calendar", "application/ics"):
                content = one.get_payload(decode=True)
                assert isinstance(content, bytes)
                assert samples.TOKEN.encode() not in content, name
                assert b"konferenz" not in content, name


class Visible(HTMLParser):
    """Collects what a reader sees, and every address in attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def visible(mail: EmailMessage) -> Visible:
    reader = Visible()
    reader.feed(part(mail, "text/html").get_content())
    return reader


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", CAUSES)
def test_plain_text_and_html_say_the_same(name: str) -> None:
    letter = letter_for(*CAUSES[name])
    mail = parsed(mail_for(letter))
    text, html = words(part(mail, "text/plain").get_content()), words(" ".join(visible(mail).text))
    for said in (letter.greeting, *letter.opening, *letter.closing, letter.button.url, letter.footnote):
        assert words(said) in text
        assert words(said) in html
    for fact in letter.facts:
        assert words(f"{fact.label}: {fact.value}") in text
        assert words(fact.value) in html


def test_the_html_carries_its_styles_and_fetches_nothing() -> None:
    html = part(POSTPONED, "text/html").get_content()
    reader = visible(POSTPONED)
    assert "background-color: #fff3dc" in html
    assert "prefers-color-scheme: dark" in html
    assert not {"img", "script", "link", "iframe"} & set(reader.tags)
    assert all(address.startswith(samples.PORTAL) for address in reader.addresses)
    assert "TONE" not in html
    assert "{{" not in html


def test_markup_in_titles_reasons_and_names_is_text() -> None:
    cause = postponed().model_copy(update={"reason": "<script>alert(1)</script>", "title": "A <b>& B</b>"})
    mail = parsed(mail_for(letter_for(cause, person(name='Erika "<i>" Mustermann'))))
    reader = visible(mail)
    assert not {"script", "i", "b"} & set(reader.tags)
    assert "<script>alert(1)</script>" in "".join(reader.text)
    assert 'Guten Tag Erika "<i>" Mustermann,' in reader.text


@pytest.mark.parametrize("evil", ["A\r\nBcc: x@böse.example", "A\nBcc: x@y.example", "A\rB", "A B", "A\x0bB\x00C"])
def test_no_header_can_be_smuggled_in(evil: str) -> None:
    mail = parsed(mail_for(letter_for(samples.CONFIRMED, person(name=evil), session(title=evil))))
    assert mail["Bcc"] is None
    assert set(mail.keys()) == set(POSTPONED.keys())
    assert re.search(r"[\r\n]", str(mail["Subject"])) is None
    calendar = ical(mail)
    assert len(calendar.events) == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b\r\nBcc: c@d.example",
        "a b@c.example",
        "a@b.example, c@d.example",
        "ä@b.example",
        "<a@b.example>",
        '"a\tb"@c.example',
        "a@b.example\t",
    ],
)
def test_what_is_no_address_gets_no_mail(address: str) -> None:
    with pytest.raises(BadAddress):
        mail_for(letter_for(samples.CONFIRMED), address)


def test_the_same_message_is_the_same_mail() -> None:
    boundary = re.compile(rb"=+\d+=+")
    first, second = (mail_for(letter_for(postponed())) for _ in range(2))
    assert boundary.sub(b"", first) == boundary.sub(b"", second)


def test_lines_keep_to_the_limits_of_smtp() -> None:
    long = person(name="N" * 90)
    raw = mail_for(letter_for(samples.CONFIRMED, long, session(title="Ü" * 200, summary="S" * 2000)))
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
