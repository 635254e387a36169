"""Documents point to what is there, and what catalogues of public software read is well formed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PUBLIC_CODE: dict[str, Any] = yaml.safe_load((ROOT / "publiccode.yml").read_text("utf-8"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def anchors(page: Path) -> set[str]:
    """The anchors that code hosting makes of a page's headings."""
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        linked = (page.parent / target) if target else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_the_page_for_subscribers_names_every_contract_and_no_other() -> None:
    page = (ROOT / "docs" / "subscribing" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(ikz\.\w+\.\w+)` \| (.+) \|$", page, re.MULTILINE)
    named = [f"{aggregate}{fact}.v1" for aggregate, facts in rows for fact in re.findall(r"`(\.\w+)`", facts)]
    assert sorted(named) == sorted(file.stem for file in (ROOT / "shared" / "contracts" / "schemas").glob("ikz.*.json"))


def test_the_list_of_decisions_names_each_once_and_in_order() -> None:
    folder = ROOT / "docs" / "adr"
    named = re.findall(r"^\| \[\d+\]\((\S+)\) \|", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    assert named == sorted(file.name for file in folder.glob("0*.md"))


def test_the_page_for_catalogues_of_public_software_is_complete() -> None:
    for key in ("publiccodeYmlVersion", "name", "url", "platforms", "developmentStatus", "softwareType"):
        assert PUBLIC_CODE[key]
    assert PUBLIC_CODE["legal"]["license"] == PROJECT["license"]
    assert (ROOT / PUBLIC_CODE["logo"]).is_file()
    assert PUBLIC_CODE["maintenance"]["type"] == "community"
    assert PUBLIC_CODE["maintenance"]["contacts"][0]["name"]
    assert PUBLIC_CODE["localisation"]["availableLanguages"]
    for said in PUBLIC_CODE["description"].values():
        assert len(said["shortDescription"]) <= 150
        assert 150 <= len(said["longDescription"]) <= 10_000
        assert said["features"]


def test_the_changelog_knows_the_present_version() -> None:
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
