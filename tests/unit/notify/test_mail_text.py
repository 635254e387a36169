"""Texts of mails: changed by editors, put back, and never so that they could not be sent."""

import pytest

from services.notify import previews
from services.notify.layout import Layout
from services.notify.mail_text import (
    LONGEST,
    MAIL_TEXT,
    MOST_PARAGRAPHS,
    ChangeMailText,
    MailText,
    MailTextChanged,
    MailTextCommand,
    MailTextEvent,
    MailTextReset,
    ResetMailText,
    faults,
)
from services.notify.texts import Words
from shared.kernel.testing import NOON, Given, given
from tests.unit.notify import samples
from tests.unit.notify.samples import PORTAL, TEXTS

NAME = "cancellation"
LAYOUT = Layout(PORTAL, samples.NAME)
STANDARD = TEXTS[NAME]
OWN = Words(
    subject="Fällt aus: {session}",
    heading="Der Termin fällt aus",
    opening=("{title} fällt leider aus.",),
    closing=("{calendar}",),
    button="Ansehen",
)
changed = MailTextChanged(name=NAME, words=OWN, at=NOON)
was_reset = MailTextReset(name=NAME, at=NOON)
reset = ResetMailText(name=NAME, standard=STANDARD)


def change(**words: object) -> ChangeMailText:
    return ChangeMailText(name=NAME, standard=STANDARD, words=OWN.model_copy(update=words))


def after(*events: MailTextEvent) -> Given[MailText, MailTextCommand, MailTextEvent]:
    return given(MAIL_TEXT, events)


def test_an_editor_says_it_differently() -> None:
    after().when(change()).then([changed])
    after(changed).when(change(button="Zur Anmeldung")).then(
        [changed.model_copy(update={"words": OWN.model_copy(update={"button": "Zur Anmeldung"})})]
    )


def test_it_is_put_back_and_may_be_changed_again() -> None:
    after(changed).when(reset).then([was_reset])
    after(changed, was_reset).when(change()).then([changed])


def test_saying_what_the_portal_says_is_putting_it_back() -> None:
    same = ChangeMailText(name=NAME, standard=STANDARD, words=STANDARD.words())
    after(changed).when(same).then([was_reset])
    after().when(same).then([])


@pytest.mark.parametrize("command", [change(), reset])
def test_twice_changes_nothing_more(command: MailTextCommand) -> None:
    once = after(changed) if isinstance(command, ChangeMailText) else after(changed, was_reset)
    once.when(command).nothing()


def test_what_cannot_be_sent_is_refused() -> None:
    after().when(change(heading="{nobody}")).refused("mail_text_unfit")


def test_a_weekday_that_its_date_does_not_fall_on_is_refused() -> None:
    after().when(change(closing=("Am Mittwoch, 12.03.2024, geht es weiter.",))).refused("weekday_mismatch")
    after().when(change(heading="Mittwoch, 31.02.2024")).refused("no_such_day")


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"subject": ""}, "/subject", "text_empty"),
    ({"subject": " "}, "/subject", "text_empty"),
    ({"subject": "a\r\nBcc: all@stadt.example"}, "/subject", "text_not_plain"),
    ({"subject": "a" * (LONGEST["subject"] + 1)}, "/subject", "text_too_long"),
    ({"heading": "a\u202eb"}, "/heading", "text_not_plain"),
    ({"heading": "a\u200bb"}, "/heading", "text_not_plain"),
    ({"heading": "\x00"}, "/heading", "text_not_plain"),
    ({"opening": ()}, "/opening", "text_empty"),
    ({"opening": ("gut", "{nobody}")}, "/opening/1", "unknown_placeholder"),
    ({"opening": ("{position}",)}, "/opening/0", "placeholder_not_offered"),
    ({"opening": ("{title.__class__}",)}, "/opening/0", "placeholder_malformed"),
    ({"opening": ("{title!r}",)}, "/opening/0", "placeholder_malformed"),
    ({"opening": ("{title[0]}",)}, "/opening/0", "placeholder_malformed"),
    ({"opening": ("{{title}}",)}, "/opening/0", "placeholder_malformed"),
    ({"opening": ("{title",)}, "/opening/0", "placeholder_malformed"),
    ({"opening": ("}",)}, "/opening/0", "placeholder_malformed"),
    ({"opening": ("{}",)}, "/opening/0", "unknown_placeholder"),
    ({"closing": ("a",) * (MOST_PARAGRAPHS + 1)}, "/closing", "too_many_paragraphs"),
    ({"closing": ("a" * (LONGEST["closing"] + 1),)}, "/closing/0", "text_too_long"),
    ({"button": None}, "/button", "text_empty"),
    ({"button": "{title}"}, "/button", "placeholder_not_offered"),
    ({"button": "a" * (LONGEST["button"] + 1)}, "/button", "text_too_long"),
]


@pytest.mark.parametrize(("words", "field", "code"), WRONG)
def test_what_is_wrong_is_named_with_its_field(words: dict[str, object], field: str, code: str) -> None:
    (fault,) = faults(OWN.model_copy(update=words), STANDARD)
    assert (fault.field, fault.code) == (field, code)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    found = faults(OWN.model_copy(update={"subject": "", "opening": ("{a} {b}",), "closing": ("\x07",)}), STANDARD)
    assert [fault.field for fault in found] == ["/subject", "/opening/0", "/opening/0", "/closing/0"]


def test_a_button_that_depends_on_the_recipient_is_not_changed() -> None:
    text = TEXTS["postponement"]
    assert text.button is None
    (fault,) = faults(text.words().model_copy(update={"button": "Weiter"}), text)
    assert (fault.field, fault.code) == ("/button", "button_not_changeable")


@pytest.mark.parametrize("name", TEXTS)
def test_what_the_portal_comes_with_could_be_saved(name: str) -> None:
    assert faults(TEXTS[name].words(), TEXTS[name]) == []
    assert TEXTS[name].label


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_is_shown_as_somebody_would_get_it(name: str) -> None:
    found = previews.previews(name, TEXTS, LAYOUT, PORTAL).items
    assert found
    for shown in found:
        assert "{" not in shown.subject + shown.text
        assert f"{PORTAL}/" in shown.text


def test_where_it_depends_there_is_a_sample_for_each_standing() -> None:
    standings = [standing for standing, _ in previews.letters("postponement", TEXTS, PORTAL)]
    assert len(standings) == len(set(standings)) == 5
    assert len({letter.button.label for _, letter in previews.letters("postponement", TEXTS, PORTAL)}) == 4
