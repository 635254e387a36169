"""A session's life as read models keep it. Old code reads what newer code keeps beside it: what it does not know it
leaves out."""

from typing import Any

from pydantic import TypeAdapter

from services.events.life import Life

_LIFE = TypeAdapter(Life)


def kept_life(life: Life) -> Any:
    """As JSON's own values."""
    return _LIFE.dump_python(life, mode="json")


def read_life(stored: Any) -> Life:
    """From what `kept_life` gave, here or in newer code."""
    return _LIFE.validate_python(stored, extra="ignore")
