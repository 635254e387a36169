"""What Python 3.12 does otherwise than later ones, which no type checker tells."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = [file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py")]


def is_made(node: ast.ClassDef, how: set[str]) -> bool:
    """Whether it is a dataclass with these options."""
    options = {
        keyword.arg
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "dataclass"
        for keyword in decorator.keywords
    }
    return how <= options


def nodes() -> Iterator[tuple[Path, ast.ClassDef | ast.Call]]:
    """Those alone that are looked at: to keep all of them would cost far more than to read them."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef | ast.Call):
                yield file, node


def test_no_generic_frozen_dataclass_with_slots_is_called_by_its_parameters() -> None:
    """Early releases of 3.12 raise a TypeError: typing sets an attribute on the instance, which it refuses wrongly."""
    everything = list(nodes())
    frozen = {
        node.name
        for _, node in everything
        if isinstance(node, ast.ClassDef) and node.type_params and is_made(node, {"frozen", "slots"})
    }
    assert "Decider" in frozen
    called = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file, node in everything
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Subscript)
        and ast.unparse(node.func.value) in frozen
    ]
    assert called == []
