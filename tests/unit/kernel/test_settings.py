"""Settings come from the environment or from files it names; secrets stay out of sight."""

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.kernel.settings import ServiceSettings

KEY = bytes(range(32))
ENVIRONMENT = {
    "IKZ_SERVICE": "catalog",
    "IKZ_DATABASE_URL": "postgresql://catalog:sesame@localhost/ikz",
    "IKZ_NATS_URL": "nats://catalog:sesame@localhost:4222",
    "IKZ_PORT": "8081",
    "IKZ_VAULT_KEY": base64.b64encode(KEY).decode(),
    "IKZ_IDENTITY_PUBLIC_KEY": "public",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_a_service_reads_its_environment() -> None:
    settings = ServiceSettings()
    assert (settings.service, settings.port, settings.vault_key, settings.stop_timeout) == ("catalog", 8081, KEY, 8.0)


@pytest.mark.parametrize("text", [base64.urlsafe_b64encode(KEY).decode(), base64.b64encode(KEY).decode().rstrip("=")])
def test_a_key_may_be_written_in_any_base64(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKZ_VAULT_KEY", text)
    assert ServiceSettings().vault_key == KEY


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "not base64!", base64.b64encode(bytes(33)).decode()])
def test_a_key_that_is_none_is_refused_without_being_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKZ_VAULT_KEY", text)
    with pytest.raises(ValidationError) as refused:
        ServiceSettings()
    assert not text or text not in str(refused.value)


def test_a_secret_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IKZ_VAULT_KEY")
    with pytest.raises(ValidationError, match="vault_key"):
        ServiceSettings()


def test_a_secret_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database").write_text("postgresql://from-a-file\n")
    monkeypatch.delenv("IKZ_DATABASE_URL")
    monkeypatch.setenv("IKZ_DATABASE_URL_FILE", str(tmp_path / "database"))
    assert ServiceSettings().database_url == "postgresql://from-a-file"


def test_a_value_and_a_file_for_the_same_setting_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IKZ_DATABASE_URL_FILE", str(tmp_path / "database"))
    with pytest.raises(ValueError, match="both IKZ_DATABASE_URL and"):
        ServiceSettings()


def test_settings_show_no_secret() -> None:
    shown = repr(ServiceSettings())
    assert "sesame" not in shown
    assert "vault_key" not in shown
