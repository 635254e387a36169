"""What saved searches are matched by, as the notification service asks for it."""

from collections.abc import Mapping, Sequence

import pytest

from services.catalog.percolation import RULES
from services.catalog.saved_searches import Matcher
from services.catalog.search_live import Live
from shared.contracts.rpc import FitsAsked, ProjectKeys, ProjectKeysAsked, SearchKeys, SearchKeysAsked
from shared.kernel.journal import Journal
from tests.integration.catalog.conftest import Client, body

type Search = Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def matcher(journal: Journal, live: Live) -> Matcher:
    return Matcher(journal, live)


async def taken_apart(matcher: Matcher, search: Search) -> SearchKeys:
    asked = SearchKeysAsked(searches=({name: tuple(values) for name, values in search.items()},))
    answered = await matcher.search_keys(asked)
    assert answered.rules == RULES
    return answered.searches[0]


async def told(matcher: Matcher, project_id: str, version: int, searches: Sequence[Search]) -> list[int]:
    """The searches that somebody is told of, found as the notification service does it."""
    compiled = [await taken_apart(matcher, each) for each in searches]
    answered = await matcher.project_keys(ProjectKeysAsked(project_id=project_id, version=version))
    if answered.project is None:
        return []
    candidates = [n for n, each in enumerate(compiled) if meets(each, answered.project)]
    asked = FitsAsked(project_id=project_id, version=version, searches=tuple(compiled[n].search for n in candidates))
    fitting = {candidates[n] for n in (await matcher.fits(asked)).fitting}
    sure = {n for n in candidates if surely(compiled[n], answered.project)}
    if answered.before is None:
        assert sure <= fitting, "keys and search say the same"
    return sorted(fitting)


def meets(search: SearchKeys, project: ProjectKeys) -> bool:
    near = search.near is None or project.reach.get(search.near, 1e9) <= (search.within_km or 0)
    return near and all({*group.sure, *group.likely} & set(project.keys) for group in search.groups)


def surely(search: SearchKeys, project: ProjectKeys) -> bool:
    return not search.needs_proof and all({*group.sure} & set(project.keys) for group in search.groups)


async def test_a_search_is_brought_into_one_form(matcher: Matcher) -> None:
    found = await taken_apart(
        matcher,
        {"topic": ["works_depot", "treasury", "works_depot"], "q": ["  Bauhof  gemeinsam "], "sort": ["date"]}
        | {"limit": ["5"], "near": ["05374028"], "status": ["published"], "funded": ["true"]},
    )
    assert found.search == {"q": ("Bauhof gemeinsam",), "topic": ("treasury", "works_depot"), "funded": ("true",)}
    assert not found.needs_proof
    assert found.near is None, "without a distance it only orders"
    assert found.label.startswith("„Bauhof gemeinsam“, ")


@pytest.mark.parametrize(
    ("search", "field", "code"),
    [
        ({"topic": ["astrology"]}, "topic", "unknown_topic"),
        ({"organisation": ["05999999"]}, "organisation", "unknown_organisation"),
        ({"like": ["05999999"]}, "like", "unknown_organisation"),
        ({"near": ["05999999"], "within_km": ["10"]}, "near", "unknown_municipality"),
        ({"within_km": ["10"]}, "within_km", "near_missing"),
        ({"q": ["?!"]}, "q", "asks_nothing"),
        ({"q": ["a" * 301]}, "q", "string_too_long"),
        ({"q": ["\u202ebauhof"]}, "q", "character_not_allowed"),
        ({"colour": ["red"]}, "colour", "unknown_parameter"),
        ({"status": ["drafted"]}, "status", "not_public"),
    ],
)
async def test_a_search_that_could_never_find_anything_is_refused(
    matcher: Matcher, search: Search, field: str, code: str
) -> None:
    problem = (await taken_apart(matcher, search)).problems[0]
    assert (problem.field.strip("/").split("/")[0], problem.code) == (field, code)
    assert problem.detail


SEARCHES: tuple[Search, ...] = (
    {"q": ["Quirlwerk"]},
    {"topic": ["works_depot"]},
    {"topic": ["treasury"]},
    {"q": ["Pumpwerk"], "topic": ["treasury"]},
    {"organisation": ["05374028"], "best_practice": ["false"]},
    {"near": ["05374028"], "within_km": ["1"]},
    {"q": ["Quirlwerk -Pumpwerk"]},
    {"best_practice": ["true"]},
    {"like": ["05374028"]},
)


async def test_a_project_is_told_of_as_each_event_left_it(matcher: Matcher, editor: Client) -> None:
    """When it is published, whom it fits; after that, whom it fits newly."""
    content = body(title="Quirlwerk der Nachbarn")
    drafted = await editor.post("/projects", content)
    project_id = drafted.body["id"]
    assert await told(matcher, project_id, 1, SEARCHES) == [], "nothing of a draft is told"
    await editor.post(f"/projects/{project_id}/submissions")
    published = (await editor.post(f"/projects/{project_id}/publications")).body["version"]
    changed = {**content, "title": "Quirlwerk mit Pumpwerk", "topics": ["works_depot", "treasury"]}
    assert (await editor.put(f"/projects/{project_id}", changed, published)).status == 200
    revised = (await editor.post(f"/projects/{project_id}/revisions")).body["version"]
    award = {"occasion": "IKZ-Preis", "awarded_on": "2026-01-10"}
    awarded = (await editor.post(f"/projects/{project_id}/best-practice-awards", award)).body["version"]
    assert await told(matcher, project_id, published, SEARCHES) == [0, 1, 4, 5, 6, 8]
    assert await told(matcher, project_id, revised, SEARCHES) == [2, 3]
    assert await told(matcher, project_id, awarded, SEARCHES) == [7]
    archived = (await editor.post(f"/projects/{project_id}/archivals")).body["version"]
    assert await told(matcher, project_id, published, SEARCHES) == [], "nobody is told of what is gone by now"
    assert await told(matcher, project_id, archived, SEARCHES) == []
    await editor.post(f"/projects/{project_id}/restorations", {"reason": "Versehen"})
    assert await told(matcher, project_id, archived + 1, SEARCHES) == [], "who was told before is not told again"


async def test_what_is_no_project_fits_nothing(matcher: Matcher) -> None:
    for project_id in ("none", "99999999-9999-4999-8999-999999999999"):
        answered = await matcher.project_keys(ProjectKeysAsked(project_id=project_id, version=1))
        assert answered.project is None
        fits = await matcher.fits(FitsAsked(project_id=project_id, version=1, searches=({},)))
        assert fits.fitting == ()
