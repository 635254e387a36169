"""The mail server and the mailbox, as the environment names them."""

import base64

import pytest
from pydantic import ValidationError

from services.notify.mailboxes import Account
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


@pytest.mark.parametrize("name", ["", " ", 'Portal "Süd"', "Portal\r\nBcc: a@b.example", "Portal <a@b.example>"])
def test_what_names_no_portal_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="portal_name"):
        settings(portal_name=name)


def test_no_password_shows() -> None:
    shown = settings(smtp_url="smtp://u:geheim@host")
    assert "geheim" not in repr(shown)
    assert "geheim" not in repr(shown.smtp_host)


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("imaps://u:p@mail.example", Account("imap", "tls", "mail.example", 993, "u", "p")),
        (
            "imap+starttls://u:p@mail.example/R%C3%BCck",
            Account("imap", "starttls", "mail.example", 143, "u", "p", "Rück"),
        ),
        ("pop3s://u%40x:p%2F@mail.example:9950", Account("pop3", "tls", "mail.example", 9950, "u@x", "p/")),
        ("pop3://u:@localhost", Account("pop3", "offered", "localhost", 110, "u", "")),
    ],
)
def test_a_mailbox_is_a_url(url: str, account: Account) -> None:
    assert settings(bounce_mailbox_url=url).bounce_mailbox == account


@pytest.mark.parametrize(
    "wrong",
    [
        {"bounce_mailbox_url": "imaps://mail.example"},
        {"bounce_mailbox_url": "https://u:p@mail.example"},
        {"bounce_mailbox_url": "imaps://u:p@mail.example:99999"},
        {"bounce_address": "bounces"},
        {"bounce_address": "x" * 21 + "@portal.example"},
        {"bounce_address": "bounces@portal.example\nBcc: x@y.example"},
        {"bounce_webhook_secret": "geheim"},
        {"bounce_webhook_secret": "whsec_" + base64.b64encode(bytes(23)).decode()},
        {"delivery_log_retention_days": 7},
        {"delivery_log_retention_days": 20, "mail_max_age_days": 20.5},
    ],
)
def test_what_would_lose_or_forge_bounces_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**wrong)
    assert "geheim" not in str(refused.value)


def test_the_log_may_be_kept_for_ever_and_no_secret_of_bounces_shows() -> None:
    kept = settings(
        delivery_log_retention_days="never",
        bounce_address="bounces@portal.example",
        bounce_mailbox_url="imaps://u:geheim@mail.example",
        bounce_webhook_secret="whsec_" + base64.b64encode(b"geheim" * 5).decode(),
    )
    assert kept.delivery_log_retention is None
    assert kept.mail_domain == "interkommunal.example"
    assert not any(secret in repr(kept) + repr(kept.bounce_mailbox) for secret in ("geheim", "whsec_"))
