"""What a service is told by its environment: `IKZ_<NAME>`, or `IKZ_<NAME>_FILE` with a file that holds the value.

A service adds its own by subclassing `ServiceSettings`. Secrets have no default and never show in a repr or an error.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "IKZ_"


def _key(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value.translate(str.maketrans("-_", "+/")) + "=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


Secret = Annotated[str, Field(repr=False)]
Key = Annotated[bytes, BeforeValidator(_key), Field(min_length=32, max_length=32, repr=False)]
"""32 bytes, written in base64 (either alphabet, padding optional)."""


def _never(value: object) -> object:
    return None if value in ("never", "null") else value


Days = Annotated[Annotated[int, Field(ge=0, le=36_500)] | None, BeforeValidator(_never)]
"""How many days something is kept; `never` for what is never deleted."""


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `IKZ_<NAME>_FILE`, the form in which containers hand over secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its signature
        """The content of the file named for one field, without the line end; None when none is named."""
        name = f"{PREFIX}{field_name.upper()}"
        path = os.environ.get(f"{name}_FILE")
        if path is None:
            return None, field_name, False
        if name in os.environ:
            raise ValueError(f"both {name} and {name}_FILE are set")
        return Path(path).read_text("utf-8").strip(), field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values of all fields that have a file."""
        found = ((name, self.get_field_value(field, name)[0]) for name, field in self.settings_cls.model_fields.items())
        return {name: value for name, value in found if value is not None}


class ServiceSettings(BaseSettings):
    """What every service needs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    service: str
    """The service's name; its subclass gives it."""
    database_url: Secret
    """Postgres, with the service's own role: `postgresql://role:password@host:port/database`."""
    nats_url: Secret
    """NATS, with the service's own user: `nats://user:password@host:port`, several separated by commas."""
    nats_monitor_url: str | None = None
    """The NATS server's monitoring address; when given, its version and durability are checked at the start."""
    public_url: str = "http://127.0.0.1:8080"
    """The portal's address as people see it."""
    host: str = "127.0.0.1"
    """The address to listen at."""
    port: int = Field(ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    vault_key: Key
    """Wraps the keys of personal data."""
    identity_public_key: str
    """Checks the gateway's signature on every request."""
    erasure_ledger: Path | None = None
    """A file outside the database where erasures are noted, to be applied again after a restore."""
    command_retention_days: int = Field(default=30, ge=1, le=36_500)
    """Days for which a command sent again with the same Idempotency-Key answers as it did the first time."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is logged."""
    log_format: Literal["json", "console", "auto"] = "auto"
    """`auto`: for people on a terminal, JSON otherwise."""
    clock_offset: float = 0.0
    """Seconds by which the clock is moved; the same for every service. For rehearsals and tests."""
    stop_timeout: float = Field(default=8.0, gt=0)
    """Seconds that requests in hand may take after SIGTERM."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then files named in it. No `.env` is picked up from a working folder."""
        return init_settings, env_settings, SecretFiles(settings_cls)
