"""docs/operating/settings.md says what the code says."""

import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "settings_reference.py"))


def test_the_page_is_current() -> None:
    kept = (ROOT / "docs" / "operating" / "settings.md").read_text("utf-8")
    assert kept == SCRIPT["reference"](), "python docs/settings_reference.py"


def test_every_setting_is_explained() -> None:
    rows = [line for line in SCRIPT["reference"]().splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.rstrip("| ").endswith("|") or "|  |" in row] == []
