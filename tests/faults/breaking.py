"""Breaks the code on purpose, one guard at a time, and looks whether the tests notice: `make test-breaks`.

The breaks stand in `breaks/*.toml`. Each is made in a copy of the tree; the test it names must turn red there.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTS = Path(__file__).parent / "breaks"
README = Path(__file__).parent / "README.md"
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".ikz*", "node_modules", "__pycache__", ".*_cache", "results")
SECONDS = 300
SHOWN = 110
REASON = re.compile(r"^(?:E|[ ]+(?:\|[ ]+)+(?=(?!\w*Group)[A-Z][\w.]*: ))\s*(.*\S)", re.MULTILINE)
BELOW = "CancelledError"  # stands before the TimeoutError that it became


@dataclass(frozen=True, slots=True)
class Break:
    """`old` stands exactly once in `file`; with `new` instead, the test `red` fails. `guard` is what is taken away.

    `says` must stand in what the test prints: a test that looks at everything may fail for another reason.
    """

    guard: str
    file: str
    old: str
    new: str
    red: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the test noticed, and how it said so."""

    noticed: bool
    reason: str


def breaks_of(listed: Path) -> list[Break]:
    """The breaks of one list, in order."""
    return [Break(**one) for one in tomllib.loads(listed.read_text())["break"]]


def all_breaks() -> dict[str, list[Break]]:
    """By area."""
    return {listed.stem: breaks_of(listed) for listed in sorted(LISTS.glob("*.toml"))}


@contextmanager
def copied_tree() -> Iterator[Path]:
    """The tree somewhere else, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="ikz-break-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
        if (ROOT / "node_modules").exists():
            (tree / "node_modules").symlink_to(ROOT / "node_modules")
        yield tree


def attempt(one: Break) -> Verdict:
    """Runs the test on the broken copy."""
    with copied_tree() as tree:
        path = tree / one.file
        source = path.read_text()
        assert source.count(one.old) == 1, f"{one.file} holds this {source.count(one.old)} times: {one.old}"
        path.write_text(source.replace(one.old, one.new))
        try:
            run = _run(one, tree)
        except subprocess.TimeoutExpired:
            return Verdict(noticed=False, reason=f"not done after {SECONDS} s")
        said = run.stdout.replace(f"{tree}/", "")
    reasons = [reason for reason in REASON.findall(said) if BELOW not in reason]
    if run.returncode == pytest_failed() and reasons and one.says in said:
        return Verdict(noticed=True, reason=next((each for each in reasons if one.says in each), reasons[0])[:SHOWN])
    return Verdict(noticed=False, reason=said[-2000:] + run.stderr[-2000:])


def _run(one: Break, tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", one.red, "-x", "-q", "-p", "no:cacheprovider"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def pytest_failed() -> int:
    """The exit code that says tests ran and some failed; a test that is not found has another."""
    return 1


def table(verdicts: dict[str, list[tuple[Break, Verdict]]]) -> str:
    """Markdown: a section for each area."""
    lines: list[str] = []
    for area, found in verdicts.items():
        lines += [f"### {area}", "", "| guard taken away | in | what turned red | how |", "|---|---|---|---|"]
        for one, verdict in found:
            test = one.red.removeprefix("tests/")
            reason = verdict.reason.replace("|", "\\|").replace("`", "'")
            lines.append(f"| {one.guard} | `{one.file}` | `{test}` | `{reason}` |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Tries the breaks of the areas named, or all; `--write` puts the table into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("area", nargs="*")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if unknown := set(chosen.area) - all_breaks().keys():
        parser.error(f"no area {', '.join(sorted(unknown))}; there are {', '.join(all_breaks())}")
    if chosen.write and chosen.area:
        parser.error("--write is for all areas: the table is written as a whole")
    verdicts: dict[str, list[tuple[Break, Verdict]]] = {}
    for area, breaks in all_breaks().items():
        if chosen.area and area not in chosen.area:
            continue
        for one in breaks:
            verdict = attempt(one)
            verdicts.setdefault(area, []).append((one, verdict))
            print(f"{'red  ' if verdict.noticed else 'GREEN'} {area}: {one.guard}\n      {verdict.reason}", flush=True)
    if chosen.write:
        before, _, _ = README.read_text().partition("\n### ")
        README.write_text(f"{before}\n{table(verdicts)}".rstrip() + "\n")
    return 0 if all(verdict.noticed for found in verdicts.values() for _, verdict in found) else 1


if __name__ == "__main__":
    sys.exit(main())
