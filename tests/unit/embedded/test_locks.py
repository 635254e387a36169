"""What is installed is pinned by hash, and no lock says where it comes from: each machine has its own registry."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9._-]+)(\[[a-z0-9,._ -]+\])?==[^ ]+( ; .+)? \\$")


def pins(lock: Path) -> dict[str, str]:
    """Each pinned project with its line."""
    lines = [line for line in lock.read_text().splitlines() if line and line[0] not in "# "]
    found = [(line, PIN.match(line)) for line in lines]
    assert all(match for _, match in found), [line for line, match in found if not match]
    return {match.group(1): line for line, match in found if match}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_library_is_pinned_by_hash_and_without_an_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks if block[0] != "#")


def test_all_locks_agree() -> None:
    pinned = pins(ROOT / "requirements" / "dev.txt")
    everything = {name: line.partition("==")[2].split()[0] for name, line in pinned.items()}
    for lock in LOCKS:
        if lock.name not in {"npm.txt", "pretix.txt"}:  # in environments of their own
            versions = {name: line.partition("==")[2].split()[0] for name, line in pins(lock).items()}
            assert lock.name == "bench.txt" or versions.keys() <= everything.keys(), lock.name  # the peers' own
            different = {name for name, version in versions.items() if everything.get(name, version) != version}
            assert not different, lock.name


def test_every_library_of_the_project_is_in_the_locks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for lock, wanted in (
        ("tools", project["dependencies"]),
        ("dev", [library for extra in extras.values() for library in extra]),
        *((name, extras[name]) for name in ("catalog", "events", "notify", "gateway", "mailbox")),
    ):
        written = (re.split(r"[\[<>=~! ]", library, maxsplit=1)[0] for library in wanted)
        names = {re.sub(r"[-_.]+", "-", name).lower() for name in written}  # as PEP 503 has them
        assert names <= pins(ROOT / "requirements" / f"{lock}.txt").keys(), lock


def test_the_npm_lock_pins_by_hash_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    wanted = json.loads((ROOT / "package.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
    exact = wanted["dependencies"] | wanted["devDependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in exact} == exact
