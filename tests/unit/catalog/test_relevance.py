"""What people look for, and what comes first: judged queries over the portal's content and invented projects."""

import sys
import tomllib
from collections.abc import Sequence
from functools import cache
from math import log2
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.catalog.load_content import CONTENT, batches, organisation_id, project_id
from services.catalog.organisation import RegisterOrganisation
from services.catalog.project import DraftProject
from services.catalog.project_content import Content, Participation
from services.catalog.search_index import Index
from services.catalog.search_match import match
from services.catalog.search_pages import ask
from services.catalog.search_shown import ProjectFilter
from services.catalog.topic import DefineTopic
from tests.unit.catalog.searching import index_of

HERE = Path(__file__).with_name("relevance")
FIRST, ALSO = 3, 1
SHOWN = 10
LEAST_MEAN, LEAST_EACH = 0.975, 0.7

QUERIES: list[dict[str, Any]] = tomllib.loads((HERE / "queries.toml").read_text("utf-8"))["query"]


@cache
def corpus() -> tuple[Index, dict[UUID, str]]:
    """The portal's content and the invented projects, all published; and the projects' keys."""
    commands = [step.command for batch in batches(CONTENT) for steps in batch.steps for step in steps]
    contents = {each.project_id: each.content for each in commands if isinstance(each, DraftProject)}
    invented = tomllib.loads((HERE / "corpus.toml").read_text("utf-8"))["project"]
    contents |= {project_id(each["key"]): _invented(each) for each in invented}
    index = index_of(
        contents,
        [each for each in commands if isinstance(each, DefineTopic)],
        [each for each in commands if isinstance(each, RegisterOrganisation)],
    )
    keys = {key for query in QUERIES for key in (*query["first"], *query.get("also", ()))}
    keys |= {each["key"] for each in invented}
    return index, {UUID(project_id(key)): key for key in keys}


def _invented(entry: dict[str, Any]) -> Content:
    return Content(
        title=entry["title"],
        summary=entry["summary"],
        description=entry["text"],
        topics=tuple(entry["topics"]),
        participations=tuple(
            Participation(organisation_id=organisation_id(each), ags=each) for each in entry["partners"]
        ),
    )


def found(q: str) -> list[str]:
    """The keys of what a search shows first."""
    index, keys = corpus()
    page = ask(index, ProjectFilter(q=q), None).page(SHOWN, None)
    return [keys.get(index.id_of(document), "?") for _, document in page]


def gain(ranked: Sequence[int]) -> float:
    """Discounted cumulative gain: what comes later counts less."""
    return sum((2.0**each - 1) / log2(place + 2) for place, each in enumerate(ranked))


def ndcg(query: dict[str, Any], shown: Sequence[str]) -> float:
    """How good a ranking is, the best possible being 1."""
    worth = dict.fromkeys(query.get("also", ()), ALSO) | dict.fromkeys(query["first"], FIRST)
    best = sorted(worth.values(), reverse=True)[:SHOWN]
    return gain([worth.get(key, 0) for key in shown]) / gain(best)


def test_everything_that_is_judged_exists() -> None:
    index, keys = corpus()
    assert [key for id_, key in keys.items() if index.number_of(id_) is None] == []
    assert len(QUERIES) >= 60
    assert len({query["q"] for query in QUERIES}) == len(QUERIES)


@pytest.mark.parametrize(("q", "instead"), [("Köln", None), ("Bielefelt", None), ("Kölner Kolone", "Kölner Kolonne")])
def test_a_name_is_no_slip_and_nothing_is_offered_that_nobody_wrote(q: str, instead: str | None) -> None:
    index, _ = corpus()
    result = match(index, q, index.all)
    assert result.corrected == instead
    assert bool(result.hits) == bool(instead)


def test_what_must_come_first_does(capsys: pytest.CaptureFixture[str]) -> None:
    values = {query["q"]: ndcg(query, found(query["q"])) for query in QUERIES}
    mean = sum(values.values()) / len(values)
    with capsys.disabled():
        write = sys.stdout.write
        write(f"\nnDCG@{SHOWN} over {len(values)} queries: {mean:.3f}\n")
        for q, value in sorted(values.items(), key=lambda each: each[1])[:5]:
            write(f"  {value:.3f}  {q}  →  {', '.join(found(q)[:3])}\n")
    assert mean >= LEAST_MEAN
    assert min(values.values()) >= LEAST_EACH
