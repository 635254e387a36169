"""docker-compose.yml and the files beside it fit the code: settings, names, ports, rights."""

import importlib.util
import re
import runpy
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from services.catalog.settings import CatalogSettings
from services.events.settings import EventsSettings
from services.gateway.settings import GatewaySettings
from services.notify.settings import NotifySettings
from shared.cli.target import OperatorSettings
from shared.kernel.bootstrap import role_of
from shared.kernel.identity import public_key_of
from shared.kernel.nats_access import USERS
from shared.kernel.settings import ServiceSettings

ROOT = Path(__file__).parents[3]
PARTS: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "catalog": CatalogSettings,
    "events": EventsSettings,
    "notify": NotifySettings,
    "gateway": GatewaySettings,
}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `deploy/make-secrets` makes."""
    file = tmp_path_factory.mktemp("secrets") / "env"
    subprocess.run([ROOT / "deploy" / "make-secrets", file], check=True, capture_output=True)
    assert file.stat().st_mode & 0o077 == 0
    lines = (line.partition("=") for line in file.read_text("ascii").splitlines())
    return {name: value for name, _, value in lines}


def environment_of(part: str, secrets: dict[str, str]) -> dict[str, str]:
    """The environment a container gets with nothing but secrets in `.env`.

    A variable that is neither a secret nor has a default fails; one without a value is passed on from `.env`.
    """

    def value(found: re.Match[str]) -> str:
        name, kind, default = found.groups()
        return default if kind == "-" and name not in secrets else secrets[name]

    given = ((name, text) for name, text in PARTS[part]["environment"].items() if text is not None)
    return {name: VARIABLE.sub(value, str(text)) for name, text in given}


def passed_on(part: str) -> set[str]:
    """The variables that a container gets if `.env` has them."""
    return {name for name, text in PARTS[part]["environment"].items() if text is None}


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_starts_with_the_environment_it_gets(
    service: str, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of(service, secrets).items():
        monkeypatch.setenv(name, value)
    settings = SETTINGS[service]()
    database, nats = urlsplit(settings.database_url), urlsplit(settings.nats_url)
    assert (database.username, database.password) == (
        role_of(service),
        secrets[f"IKZ_{service.upper()}_DATABASE_PASSWORD"],
    )
    assert (nats.username, nats.password) == (service, secrets[f"IKZ_{service.upper()}_NATS_PASSWORD"])
    assert settings.port == SETTINGS[service].model_fields["port"].default


def test_every_variable_is_known_to_the_settings(secrets: dict[str, str]) -> None:
    for service, settings in SETTINGS.items():
        known = {f"IKZ_{name.upper()}" for name in settings.model_fields}
        assert set(environment_of(service, secrets)) | passed_on(service) <= known
    known = {f"IKZ_{name.upper()}" for name in OperatorSettings.model_fields}
    assert (set(environment_of("prepare", secrets)) | passed_on("prepare")) - {"POSTGRES_ADDRESS"} <= known


def test_what_several_services_must_know_alike_is_passed_on_to_each() -> None:
    """What exports and mails say of the portal is what its pages say, and what its pages promise is what is done."""
    assert known_alike("catalog") == {
        "IKZ_PORTAL_NAME",
        "IKZ_OPERATOR_NAME",
        "IKZ_OPERATOR_EMAIL",
        "IKZ_CONTACT_TEXT_RETENTION_DAYS",
    }
    assert known_alike("events") == {
        "IKZ_MAX_MATERIAL",
        "IKZ_REGISTRATION_RETENTION_DAYS",
        "IKZ_ANSWERS_RETENTION_DAYS",
        "IKZ_QUESTION_RETENTION_DAYS",
    }
    assert known_alike("notify") == {"IKZ_PORTAL_NAME"}
    for service in ("catalog", "events", "notify"):
        assert known_alike(service) <= passed_on(service) & passed_on("gateway")


def known_alike(service: str) -> set[str]:
    """The variables that both a service and the gateway know, beside those of every service."""
    common = set(SETTINGS[service].model_fields) & set(GatewaySettings.model_fields)
    return {f"IKZ_{name.upper()}" for name in common - set(ServiceSettings.model_fields)}


def test_how_long_what_people_say_is_kept_is_for_the_operator_to_choose() -> None:
    for service, settings in SETTINGS.items():
        kept = {name for name in settings.model_fields if name.endswith("_retention_days")}
        chosen = {f"IKZ_{name.upper()}" for name in kept - set(ServiceSettings.model_fields)}
        assert chosen <= passed_on(service)


def test_what_can_be_set_in_the_file_of_secrets_is_named_to_operators() -> None:
    page = (ROOT / "docs" / "operating" / "containers.md").read_text("utf-8")
    assert {name for part in (*SETTINGS, "prepare") for name in passed_on(part)} <= set(
        re.findall(r"`(IKZ_\w+)`", page)
    )


def test_no_two_secrets_are_alike_and_only_the_gateway_can_sign(secrets: dict[str, str]) -> None:
    assert len(set(secrets.values())) == len(secrets)
    public = public_key_of(secrets["IKZ_IDENTITY_PRIVATE_KEY"])
    assert public == secrets["IKZ_IDENTITY_PUBLIC_KEY"].rstrip("=").translate(str.maketrans("+/", "-_"))
    assert [part for part in PARTS if "IKZ_IDENTITY_PRIVATE_KEY" in PARTS[part].get("environment", {})] == ["gateway"]


def test_secrets_are_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("KEPT=1\n")
    done = subprocess.run([ROOT / "deploy" / "make-secrets", file], check=False, capture_output=True)
    assert (done.returncode, file.read_text()) == (1, "KEPT=1\n")


def test_content_is_loaded_with_the_service_s_own_identity() -> None:
    for service in ("catalog", "events", "notify"):
        part = PARTS[f"content-{service}"]
        assert importlib.util.find_spec(part["command"][-1]) is not None
        assert part["environment"] == PARTS[service]["environment"]


def test_nats_gets_the_rights_of_the_manifest(secrets: dict[str, str]) -> None:
    render = runpy.run_path(str(ROOT / "deploy" / "nats" / "render.py"))["rendered"]
    kept = (ROOT / "deploy" / "nats" / "nats-server.conf").read_text("utf-8")
    assert kept == render([]), "python deploy/nats/render.py > deploy/nats/nats-server.conf"
    assert set(environment_of("nats", secrets)) == {f"IKZ_{user.upper()}_NATS_PASSWORD" for user in USERS}


def test_only_the_portal_the_mailbox_and_nats_are_reachable_and_from_this_machine_alone() -> None:
    published = {part: PARTS[part]["ports"] for part in PARTS if "ports" in PARTS[part]}
    assert set(published) == {"gateway", "mailbox", "nats"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_whatever_stays_up_says_whether_it_is_well() -> None:
    """`docker compose ps` shows all of them as healthy, as the page on containers says."""
    ends = {part for part in PARTS if part == "prepare" or part.startswith("content-")}
    assert {part for part in PARTS if "healthcheck" in PARTS[part]} == PARTS.keys() - ends
