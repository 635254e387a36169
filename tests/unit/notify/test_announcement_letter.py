"""Announcements as letters: the words of their editors, whatever they typed, safely."""

import datetime as dt
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape, unescape

import pytest

from services.notify.announcement_audience import WHY as PARTS
from services.notify.announcement_content import Audience, Content, MailPlan
from services.notify.announcement_letter import TESTED, WHY, Notice, compose
from services.notify.letter import Letter
from services.notify.mail import Envelope
from tests.unit.notify import samples

KEY = "0198f0a2-0000-7000-8000-000000000042"
CONTENT = Content(
    kind="session_recap",
    title="Rückblick auf die Jahrestagung",
    teaser="Was war, in drei Sätzen.",
    body="Erster Absatz,\nzwei Zeilen.\n\nZweiter Absatz: https://portal.example/x",
    session_id=samples.SESSION,
)
EVERYBODY = MailPlan(audience=Audience(topics=("treasury",)))
NEWS = Notice(KEY, CONTENT, EVERYBODY, samples.PORTAL, session=samples.session())
INVITED = replace(NEWS, content=CONTENT.model_copy(update={"kind": "invitation"}), token="t" * 22)


def letter(notice: Notice) -> Letter:
    return compose(notice, samples.TEXTS)


def mail(notice: Notice) -> EmailMessage:
    sent = samples.COMPOSER.compose(letter(notice), Envelope(samples.MESSAGE, "a@stadt.example", samples.STAMP))
    return message_from_bytes(sent, policy=policy.default)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_a_mail_says_what_the_announcement_says_unless_it_has_words_of_its_own() -> None:
    said = letter(NEWS)
    assert (said.subject, said.heading, said.tag) == (CONTENT.title, CONTENT.title, "Rückblick")
    assert said.opening[-1] == CONTENT.teaser
    assert said.message == (("Erster Absatz,", "zwei Zeilen."), ("Zweiter Absatz: https://portal.example/x",))
    assert said.button.url == f"{samples.PORTAL}/aktuelles/{KEY}"
    own = letter(replace(NEWS, plan=EVERYBODY.model_copy(update={"subject": "Ein Betreff", "text": "Nur dies."})))
    assert (own.subject, own.heading, own.message) == ("Ein Betreff", CONTENT.title, (("Nur dies.",),))
    assert CONTENT.teaser not in own.opening


def test_a_text_part_has_the_title_whatever_the_subject_is() -> None:
    own = mail(replace(NEWS, plan=EVERYBODY.model_copy(update={"subject": "Ein Betreff", "text": "Nur dies."})))
    assert CONTENT.title in part(own, "plain")


@pytest.mark.parametrize(
    ("written", "led"),
    [
        ("Siehe https://stadt.example/a?b=1&c=2.", "https://stadt.example/a?b=1&c=2"),
        ("(https://stadt.example/a_(b)), danach", "https://stadt.example/a_(b)"),
        ("(siehe http://stadt.example)", "http://stadt.example"),
        ("„https://stadt.example/ä“", "https://stadt.example/ä"),
        ('https://stadt.example/"onmouseover="x()', "https://stadt.example/"),
        ("https://stadt.example/<script>", "https://stadt.example/"),
        ("https://bank.example@boese.example/", None),
        ("https:// https://] https://[x javascript:alert(1) www.stadt.example https://a.example:x/", None),
    ],
)
def test_addresses_in_the_words_lead_where_they_say_and_the_words_stay_as_they_are(
    written: str, led: str | None
) -> None:
    html = part(mail(replace(NEWS, content=CONTENT.model_copy(update={"body": written}))), "html")
    said = html.split('class="said"')[1].split("</p>")[0].partition(">")[2]
    links = re.findall(r'<a class="link" href="([^"]*)"[^>]*>([^<]*)</a>', said)
    assert links == ([(escape(led), escape(led))] if led else [])
    assert unescape(re.sub(r"</?a\b[^>]*>", "", said)) == written


def test_a_session_is_named_with_its_date() -> None:
    facts = {fact.label: fact.value for fact in letter(NEWS).facts}
    assert facts["Termin"] == "Donnerstag, 31. Juli 2025, 10:00 Uhr"
    assert facts["Veranstaltung"] == samples.TITLE
    without = letter(replace(NEWS, session=None, published_on=dt.date(2025, 7, 1))).facts
    assert [(fact.label, fact.value) for fact in without] == [("Meldung vom", "Dienstag, 1. Juli 2025")]


def test_a_correction_shows_what_was_wrong_and_how_it_reads_now() -> None:
    own = EVERYBODY.model_copy(update={"subject": "Ein Betreff", "text": "Die alten Worte."})
    said = letter(replace(NEWS, plan=own, purpose="correction", note="Der Ort war falsch."))
    assert said.subject == f"Berichtigung: {CONTENT.title}"
    assert said.facts[0].value == "Der Ort war falsch."
    assert CONTENT.teaser in said.opening
    assert ("Die alten Worte.",) not in said.message


@pytest.mark.parametrize("purpose", ["announcement", "reminder", "correction"])
def test_an_invitation_leads_to_its_recipients_own_page(purpose: str) -> None:
    said = letter(replace(INVITED, purpose=purpose))  # type: ignore[arg-type]
    assert said.button.url == f"{samples.PORTAL}/einladung/{'t' * 22}"
    assert said.button.label == "Anmelden oder absagen"
    assert said.subject.startswith(
        {"announcement": "Rück", "reminder": "Erinnerung: ", "correction": "Berichtigung: "}[purpose]
    )
    assert samples.TOKEN not in repr(said)
    assert said.invitation is None  # what is in a calendar is for those who have registered


def test_every_reason_is_said() -> None:
    assert set(PARTS.values()) | {"subscribed"} == set(WHY)
    for why, sentence in WHY.items():
        assert letter(replace(NEWS, why=why)).footnote == sentence


@pytest.mark.parametrize("evil", [
    "=HYPERLINK(1)", "<script>alert(1)</script>", "a\r\nBcc: x@y.example", "\u202egnp.exe", "a\u2028Bcc: x@y.example",
    "{title} {0.__class__}", "x" * 200,
])  # fmt: skip
def test_no_title_body_or_note_is_more_than_text(evil: str) -> None:
    content = CONTENT.model_copy(update={"title": evil, "teaser": evil, "body": f"{evil}\n\n{evil}"})
    plan = EVERYBODY.model_copy(update={"subject": evil})
    for notice in (NEWS, replace(NEWS, purpose="correction")):
        message = mail(replace(notice, content=content, plan=plan, note=evil))
        assert sorted(map(str.lower, set(message.keys()))) == sorted(map(str.lower, set(mail(NEWS).keys())))
        assert not message.defects
        html, text = part(message, "html"), part(message, "plain")
        assert "<script" not in html
        assert "\u202e" not in html + text + str(message["Subject"])
        assert "\u2028" not in html + text + str(message["Subject"])


def test_a_test_says_that_it_is_one() -> None:
    tested = letter(replace(NEWS, test=True, why="member"))
    assert (tested.subject, tested.footnote) == (f"Probe: {CONTENT.title}", TESTED)
