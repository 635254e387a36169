"""Every no that the code can say stands in the table of problems, with one meaning across all services."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from shared.kernel import problems
from shared.kernel.bootstrap import SERVICES

ROOT = Path(__file__).parents[2]
SAYS_NO = {"Refused", "Problem"}


def said(folder: Path) -> Iterator[tuple[str, str]]:
    """Where a code is said, and the code: the first argument of a `Refused` or `Problem`, when it is written out."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(name), args=[ast.Constant(str(code)), *_]) if name in SAYS_NO:
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", code


@pytest.fixture(scope="module")
def table() -> Iterator[set[str]]:
    """The codes of all services together, as the gateway's document merges them."""
    before = dict(problems._table)
    for service in SERVICES:
        import_module(f"services.{service}.problems").register()
    yield set(problems.codes())
    problems._table.clear()
    problems._table.update(before)


@pytest.mark.parametrize("folder", [*(f"services/{service}" for service in SERVICES), "shared/kernel"])
def test_what_is_said_is_in_the_table(folder: str, table: set[str]) -> None:
    found = list(said(ROOT / folder))
    assert found
    assert [f"{where} {code}" for where, code in found if code not in table] == []
