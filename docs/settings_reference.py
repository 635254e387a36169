#!/usr/bin/env python3
"""Writes docs/operating/settings.md from the settings themselves: `python docs/settings_reference.py`."""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from services.catalog.settings import CatalogSettings
from services.events.settings import EventsSettings
from services.gateway.settings import GatewaySettings
from services.notify.settings import NotifySettings
from shared.cli.target import OperatorSettings
from shared.kernel.settings import ServiceSettings
from shared.mailbox.__main__ import MailboxSettings

PAGE = Path(__file__).parent / "operating" / "settings.md"
HEAD = """\
# Settings

Made by `docs/settings_reference.py` from the code; a test says when it is stale.

Every setting comes from the environment. For each `IKZ_X` a file may be named instead, `IKZ_X_FILE`, whose content
without the last line end is the value (not for the mailbox). Secrets have no default. A service that misses a setting
or cannot read one says which at its start, and ends with exit code 2.
"""
SERVICES: tuple[type[ServiceSettings], ...] = (CatalogSettings, EventsSettings, NotifySettings, GatewaySettings)


def reference() -> str:
    """The whole page."""
    parts = [HEAD, section("Every service", ServiceSettings, leave_out={"service", "port"})]
    for settings in SERVICES:
        name = settings.model_fields["service"].default
        own = set(settings.model_fields) - set(ServiceSettings.model_fields) | {"port"}
        parts.append(section(f"`{name}`", settings, leave_out=set(settings.model_fields) - own))
    parts.append(section("Operator's commands (`ikz bootstrap`, `migrate`, `tail` …)", OperatorSettings))
    parts.append(section("Mailbox", MailboxSettings))
    return "\n".join(parts)


def section(title: str, settings: type[BaseSettings], leave_out: Collection[str] = ()) -> str:
    """One table."""
    prefix = settings.model_config["env_prefix"]
    rows = [
        f"| `{prefix}{name.upper()}` | {default_of(field)} | {text_of(field)} |"
        for name, field in settings.model_fields.items()
        if name not in leave_out
    ]
    return "\n".join([f"## {title}", "", "| setting | default | meaning |", "|---|---|---|", *rows, ""])


def default_of(field: FieldInfo) -> str:
    """The default as one would write it into an environment; what has none must be given."""
    value: Any = field.default
    if value is PydanticUndefined:
        return "**required**"
    if value is None:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def text_of(field: FieldInfo) -> str:
    """What the code says of a setting, on one line, and what else it may be."""
    said = field.description or ""
    if get_origin(field.annotation) is Literal:
        said = f"{', '.join(f'`{value}`' for value in get_args(field.annotation))}. {said}"
    return " ".join(said.split())


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
