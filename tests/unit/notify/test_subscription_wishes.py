"""What can be subscribed to, asked of its owners in questions that they take."""

from uuid import uuid4

from services.notify.subscription_wishes import Owners, labels, subscription_of, titles
from shared.contracts.rpc import (
    SearchKeys,
    SearchKeysAnswered,
    SearchKeysAsked,
    SeriesTitlesAnswered,
    SeriesTitlesAsked,
    TitlesAnswered,
    TitlesAsked,
)


async def _titles(asked: TitlesAsked) -> TitlesAnswered:
    return TitlesAnswered(projects={key: f"Projekt {key}" for key in asked.projects})


async def _series(asked: SeriesTitlesAsked) -> SeriesTitlesAnswered:
    return SeriesTitlesAnswered(series={key: f"Reihe {key}" for key in asked.series})


async def _searches(asked: SearchKeysAsked) -> SearchKeysAnswered:
    return SearchKeysAnswered(searches=tuple(SearchKeys(label=each["q"][0]) for each in asked.searches), rules="1")


OWNERS = Owners(_titles, _series, _searches)


async def test_however_much_somebody_had_all_of_it_has_its_name() -> None:
    asked = [("project", str(uuid4())) for _ in range(450)] + [("series", str(n)) for n in range(250)]
    found = await titles(OWNERS, [*asked, *asked, ("kind", "resource_available"), ("kind", "nothing")])
    assert found.keys() == {*asked, ("kind", "resource_available")}
    named = await labels(OWNERS, {str(n): {"q": [f"Suche {n}"]} for n in range(250)})
    assert named == {str(n): f"Suche {n}" for n in range(250)}


def test_a_persons_subscription_to_something_is_always_the_same() -> None:
    assert subscription_of("p", "topic", "a") == subscription_of("p", "topic", "a")
    others = [("q", "topic", "a"), ("p", "project", "a"), ("p", "topic", "b")]
    assert len({subscription_of("p", "topic", "a"), *(subscription_of(*each) for each in others)}) == 4
