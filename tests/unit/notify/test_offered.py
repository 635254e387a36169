"""Letters that bring what is offered to people of a session: an organiser's words, files, a feedback."""

from dataclasses import replace

import pytest

from services.notify import german
from services.notify.letter import Button, Fact, paragraphs_of
from services.notify.session_letter import compose
from shared.contracts.rpc import GroupMessage
from tests.unit.notify import samples
from tests.unit.notify.samples import CAUSES, PORTAL, SESSION, letter_for, mail_for, person, scene
from tests.unit.notify.test_mail import parsed, part, visible, words


def test_an_organisers_words_stand_in_paragraphs_and_lines_as_they_were_written() -> None:
    mail = parsed(mail_for(letter_for(samples.GROUP_MESSAGE)))
    assert str(mail["Subject"]) == f"Bitte testen Sie vorab Ihr Mikrofon – {samples.TITLE}"
    text = part(mail, "text/plain").get_content().replace("\r\n", "\n")
    assert "\nLiebe Teilnehmende,\n\nam Donnerstag brauchen Sie:\n- ein Mikrofon\n- https://test.example\n\n" in text
    html = part(mail, "text/html").get_content()
    assert "am Donnerstag brauchen Sie:<br>- ein Mikrofon<br>- https://test.example</p>" in html
    for said in (text, html):
        assert f"die Veranstaltenden von „{samples.TITLE}“ schreiben Ihnen:" in words(said)
        assert "weil Sie sich mit dieser E-Mail-Adresse angemeldet haben" in words(said)
        assert samples.session().hosts[0] in words(said)


def test_links_and_markup_in_an_organisers_words_stay_text() -> None:
    evil = GroupMessage(
        subject="<i>Hallo</i>\r\nBcc: a@b.example", text='<a href="https://x.example">hier</a>\u202e\n\x00'
    )
    told = compose(replace(scene(samples.GROUP_MESSAGE), group_message=evil), samples.TEXTS)
    mail = parsed(mail_for(told))
    assert mail["Bcc"] is None
    reader = visible(mail)
    assert not {"i"} & set(reader.tags)
    assert all(address.startswith(PORTAL) for address in reader.addresses)
    assert '<a href="https://x.example">hier</a>' in reader.text
    assert "\u202e" not in part(mail, "text/html").get_content()


def test_paragraphs_are_what_empty_lines_part() -> None:
    assert paragraphs_of("\n a\r\nb\n\n\n \nc\n") == (("a", "b"), ("c",))
    assert paragraphs_of(" \n") == ()


def test_an_unproven_address_is_told_why_it_gets_an_organisers_words() -> None:
    letter = letter_for(samples.GROUP_MESSAGE, person("received"))
    assert letter.footnote.endswith("weil diese E-Mail-Adresse bei einer Anmeldung angegeben wurde.")
    assert letter.greeting == "Guten Tag,"


def test_files_are_named_with_their_talk_their_kind_and_size_and_a_link_each() -> None:
    letter = letter_for(samples.MATERIAL)
    first, second = (f"{PORTAL}/api/v1/materials/{item.material_id}/file" for item in samples.FILES)
    assert letter.facts[:2] == (
        Fact("Erfahrungen aus dem Kreis Unna", "Interkommunales Sozialamt (PDF, 1,2\xa0MB)", url=first),
        Fact("Zur Veranstaltung", "Tagesordnung (Datei, 1\xa0KB)", url=second),
    )
    assert letter.button == Button("Alle Unterlagen ansehen", f"{PORTAL}/veranstaltungen/{SESSION}#unterlagen")
    assert "können Sie jetzt 2 Dateien herunterladen" in letter.opening[0]
    mail = parsed(mail_for(letter))
    assert {first, second} <= set(visible(mail).addresses)
    lines = [line.strip() for line in part(mail, "text/plain").get_content().splitlines()]
    assert {first, second} <= set(lines)


def test_one_file_is_one() -> None:
    one = samples.MATERIAL.model_copy(update={"items": samples.FILES[:1]})
    assert "können Sie jetzt eine Datei herunterladen" in letter_for(one).opening[0]


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("a.PDF", 999_999, "PDF, 1000\xa0KB"),
        ("a.b.pptx", 12_000_000, "PPTX, 12\xa0MB"),
        ("a.", 0, "Datei, 1\xa0KB"),
        ("pdf", 1_000_000, "Datei, 1\xa0MB"),
        ("a.lang-genug", 5_000, "Datei, 5\xa0KB"),
    ],
)
def test_a_file_says_its_kind_and_size(name: str, size: int, said: str) -> None:
    assert german.file(name, size) == said


def test_a_feedback_has_a_link_of_ones_own_and_an_end() -> None:
    letter = letter_for(*CAUSES["feedback"])
    assert letter.button == Button("Fragen beantworten", f"{PORTAL}/feedback/{samples.FEEDBACK_TOKEN}")
    assert "bis Donnerstag, 14. August 2025, 23:59 Uhr möglich" in letter.opening[1]
    raw = mail_for(letter).decode()
    assert samples.TOKEN not in raw, (
        "the registration's page and the anonymous answer have nothing to do with each other"
    )
