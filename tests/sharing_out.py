"""Who runs what, and when, where workers share a run (`make test`)."""

from typing import Any

import pytest

THE_SYSTEM = ("tests/journeys/", "tests/integration/cli/test_commands.py")
"""Where tests use the one running system of their worker (the fixture `system`): one worker, one system."""
ON_THEIR_OWN = ("tests/journeys/test_consultation_hour.py",)
LONG = (
    *THE_SYSTEM,
    "tests/integration/embedded/test_up.py",
    "tests/integration/notify/test_process.py",
    "tests/integration/bus/test_relay.py",
    "tests/integration/bus/test_inbox.py",
    "tests/integration/kernel/test_service.py",
    "tests/integration/kernel/test_journal.py",
    "tests/faults/",
    "tests/integration/embedded/",
    "tests/integration/",
)
"""What takes longest, in this order. It comes first: whoever gets it last works alone while the others have ended."""


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts tests by where they are; the order within a module stays."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    return next((rank for rank, place in enumerate(LONG) if nodeid.startswith(place)), len(LONG))


def shared_out(config: pytest.Config, log: Any) -> Any:
    """Modules as a whole, in their order, and all that use the running system to the same worker."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    made = LoadFileScheduling(config, log)
    made._split_scope = _together
    return made


def _together(nodeid: str) -> str:
    """What one worker does as a whole."""
    module = nodeid.partition("::")[0]
    return "the system" if module.startswith(THE_SYSTEM) and module not in ON_THEIR_OWN else module
