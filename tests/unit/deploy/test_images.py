"""What an image is built from has every library that its service loads, at whatever time."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OURS = ("services", "shared")
RUN_AS_FILES = {"shared.kernel.typesetting": "shared.kernel.typesetter"}


@pytest.mark.parametrize("service", ["catalog", "events", "notify", "gateway"])
def test_an_image_has_the_libraries_that_its_service_loads(service: str) -> None:
    locked = (ROOT / "requirements" / f"{service}.txt").read_text("utf-8")
    there = {plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==", locked, re.MULTILINE)}
    missing = {name for name in loaded_by(service) if there.isdisjoint(distributions(name))}
    assert missing == set()


def distributions(top: str) -> set[str]:
    """What may be installed to import this name."""
    return {plain(name) for name in installed().get(top, [top])}


@cache
def installed() -> Mapping[str, list[str]]:
    """Of every library that is here, by what it is imported as."""
    return packages_distributions()


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def loaded_by(service: str) -> set[str]:
    """Names of libraries that modules of a service import, or modules of ours that these import."""
    folder = ROOT / "services" / service
    waiting = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in folder.rglob("*.py")}
    seen: set[str] = set()
    names: set[str] = set()
    while waiting:
        seen.add(module := waiting.pop())
        for name in imported_by(module):
            (waiting if name.startswith(OURS) else names).add(name)
        waiting -= seen
    return names


@cache
def imported_by(module: str) -> frozenset[str]:
    """Our own modules in full, of others the first part of the name; nothing of Python's own."""
    found = set(statements(ast.parse(file_of(module).read_text("utf-8"))))
    ours = {name for name in found if name.partition(".")[0] in OURS and file_of(name).exists()}
    others = {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names) - set(OURS)
    run = {RUN_AS_FILES[module]} if module in RUN_AS_FILES else set()
    return frozenset(ours | others | run)


def file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def statements(tree: ast.AST) -> Iterator[str]:
    """Every name that a module imports from, also within its functions; not what only types are made of."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from statements(node)
