"""The mail server and the mailbox, as the environment names them."""

import base64

import pytest
from pydantic import ValidationError

from services.notify.settings import NotifySettings
from services.notify.smtp import Host


def settings(**changes: object) -> NotifySettings:
    given: dict[str, object] = {
        "database_url": "postgresql://notify:x@localhost/ikz",
        "nats_url": "nats://notify:x@localhost",
        "vault_key": base64.b64encode(bytes(32)).decode(),
        "identity_public_key": "{}",
        "smtp_url": "smtp://localhost:8026",
        **changes,
    }
    return NotifySettings.model_validate(given)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("smtp://localhost:8026", Host("localhost", 8026)),
        ("smtp://mail.example", Host("mail.example", 25)),
        ("smtps://u%40x:p%3Aw@mail.example", Host("mail.example", 465, "tls", "u@x", "p:w")),
        ("smtp+starttls://mail.example", Host("mail.example", 587, "starttls")),
    ],
)
def test_a_mail_server_is_a_url(url: str, host: Host) -> None:
    assert settings(smtp_url=url).smtp_host == host


@pytest.mark.parametrize("url", ["localhost:25", "http://localhost", "smtp://", "smtp://host:99999", ""])
def test_what_names_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="smtp_url"):
        settings(smtp_url=url)


@pytest.mark.parametrize("mailbox", ["", "Portal", "a@b\nBcc: c@d.example", "Portal <a@>"])
def test_what_is_no_mailbox_is_refused(mailbox: str) -> None:
    with pytest.raises(ValidationError, match="mail_from"):
        settings(mail_from=mailbox)


def test_no_password_shows() -> None:
    shown = settings(smtp_url="smtp://u:geheim@host")
    assert "geheim" not in repr(shown)
    assert "geheim" not in repr(shown.smtp_host)
