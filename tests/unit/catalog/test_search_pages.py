"""Pages, facets, distances and changes of the index, beside the plain way of finding them out."""

import gc
import weakref
from collections import Counter
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from pyroaring import BitMap

from services.catalog.highlight import highlights
from services.catalog.load_content import CONTENT, batches, organisation_id
from services.catalog.organisation import RegisterOrganisation
from services.catalog.project_content import Content, Effect, Funding, Participation, Reuse
from services.catalog.search_facets import counted
from services.catalog.search_index import Index
from services.catalog.search_live import entry_of
from services.catalog.search_order import Order
from services.catalog.search_pages import MOST_REMEMBERED, ask
from services.catalog.search_shown import ProjectFilter, Sort
from services.catalog.similar import similar
from services.catalog.topic import DefineTopic
from services.catalog.vocabulary import EffectKind, EffectUnit, LegalForm, ProjectStatus, Stage
from shared.kernel.ids import named_id
from shared.kernel.problems import Problem
from tests.unit.catalog.searching import AT, index_of, named, row

COMMANDS = [step.command for batch in batches(CONTENT) for steps in batch.steps for step in steps]
TOPICS = [each for each in COMMANDS if isinstance(each, DefineTopic)]
BODIES = [each for each in COMMANDS if isinstance(each, RegisterOrganisation)]
MANY = 10_000
PLACES = ("05766044", "05766020", "05974016", "05974008", "05554008", "05111000")
FIRST_STAGE = next(iter(Stage))
WORDS = ("Bauhof", "Musikschule", "Standesamt", "Archiv", "Kasse")


def made(count: int, seed: int = 1) -> dict[str, Content]:
    """Projects by chance."""
    random = Random(seed)
    return {
        str(named_id("project", str(n))): Content(
            title=f"{random.choice(WORDS)} {random.randrange(20)}",
            summary=" ".join(random.sample(WORDS, 2)),
            topics=tuple(each.topic for each in random.sample(TOPICS[:5], random.randrange(1, 3))),
            legal_form=random.choice(list(LegalForm)[:3]),
            stage=random.choice([None, *list(Stage)[:3]]),
            participations=tuple(
                Participation(organisation_id=organisation_id(ags), ags=ags)
                for ags in random.sample(PLACES, random.randrange(1, 3))
            ),
            effects=(Effect(kind=EffectKind.QUALITY, value=random.randrange(9), unit=EffectUnit.CASES),)
            if random.random() < 0.5
            else (),
            funding=(Funding(programme="IKZ"),) if random.random() < 0.3 else (),
            reuse=Reuse(text="Ja", possible=random.choice([None, True, False])) if random.random() < 0.5 else None,
        )
        for n in range(count)
    }


CONTENTS = made(300)
INDEX = index_of(CONTENTS, TOPICS, BODIES)


def listed(query: ProjectFilter, sort: Sort | None) -> list[int]:
    """All pages of seven, one after the other."""
    asked = ask(INDEX, query, sort)
    seen: list[int] = []
    after = None
    while page := asked.page(7, after):
        seen += [document for _, document in page]
        number, last = page[-1]
        after = (number, *INDEX.by_title.key(last)[1:])
    return seen


@pytest.mark.parametrize("sort", ["relevance", "date", "effect", "title", "distance"])
@pytest.mark.parametrize("q", [None, "Bauhof", "Bauhof Archiv"])
def test_pages_hold_everything_once_in_the_order_of_all(q: str | None, sort: Sort) -> None:
    query = ProjectFilter(q=q, near="05766044")
    seen = listed(query, sort)
    asked = ask(INDEX, query, sort)
    assert seen == list(asked.everything())
    assert BitMap(seen) == asked.kept
    assert len(seen) == len(asked.kept) > 7


def test_the_order_is_the_one_asked_for() -> None:
    contents = {INDEX.number_of(UUID(key)): content for key, content in CONTENTS.items()}
    titles = [contents[document].title.casefold() for document in listed(ProjectFilter(), "title")]
    assert titles == sorted(titles)
    effects = [
        max((float(each.value) for each in contents[document].effects if each.value is not None), default=-1.0)
        for document in listed(ProjectFilter(), "effect")
    ]
    assert effects == sorted(effects, reverse=True)
    asked = ask(INDEX, ProjectFilter(near="05766044"), "distance")
    order = list(asked.everything())
    distances = asked.distances(order)
    assert [distances[each] for each in order] == sorted(distances.values())
    assert distances[order[0]] == 0


def test_a_distance_leaves_who_is_near() -> None:
    near = ask(INDEX, ProjectFilter(near="05766044", within_km=20), None).kept
    places = {"05766044", "05766020"}
    expected = {
        INDEX.number_of(UUID(key))
        for key, content in CONTENTS.items()
        if places & {each.ags for each in content.participations}
    }
    assert set(near) == expected
    with pytest.raises(Problem):
        ask(INDEX, ProjectFilter(near="99999999", within_km=20), None)


def test_facets_count_what_a_plain_count_does() -> None:
    query = ProjectFilter(topic=(TOPICS[0].topic, TOPICS[1].topic), stage=(FIRST_STAGE,), funded=False)
    facets = counted(INDEX, query, INDEX.all)
    expected: dict[str, Counter[str]] = {"topic": Counter(), "stage": Counter(), "funded": Counter()}
    for content in CONTENTS.values():
        fits = {
            "topic": bool({TOPICS[0].topic, TOPICS[1].topic} & set(content.topics)),
            "stage": content.stage == FIRST_STAGE,
            "funded": not content.funding,
        }
        for facet, values in (
            ("topic", content.topics),
            ("stage", [content.stage] if content.stage else []),
            ("funded", ["true"] if content.funding else []),
        ):
            others = all(fit for name, fit in fits.items() if name != facet)
            expected[facet].update({str(value): int(others) for value in values})
    for facet, counts in expected.items():
        assert {each.value: each.count for each in facets[facet]} == dict(counts), facet
    kept = ask(INDEX, query, None).kept
    assert len(kept) == sum(all(_fits(content)) for content in CONTENTS.values())


def _fits(content: Content) -> tuple[bool, ...]:
    topics = {TOPICS[0].topic, TOPICS[1].topic}
    return bool(topics & set(content.topics)), content.stage == FIRST_STAGE, not content.funding


def test_values_follow_from_topics_and_organisations() -> None:
    facets = {
        name: {each.value: each for each in values}
        for name, values in counted(INDEX, ProjectFilter(), INDEX.all).items()
    }
    lippe = {key for key, content in CONTENTS.items() if {"05766044", "05766020"} & _ags(content)}
    detmold = facets["regierungsbezirk"]["057"]
    assert (detmold.label, detmold.count) == ("Regierungsbezirk Detmold", len(lippe))
    assert facets["district"]["05766"].count == len(lippe)
    assert facets["organisation"]["05554008"].label == "Bocholt"
    assert sum(each.count for each in facets["group"].values()) >= len(CONTENTS)
    assert facets["reuse"]["true"].count == sum(
        content.reuse is not None and content.reuse.possible is not False for content in CONTENTS.values()
    )


def _ags(content: Content) -> set[str]:
    return {each.ags for each in content.participations if each.ags}


def test_what_is_put_in_anew_is_as_if_it_had_always_been_so() -> None:
    contents, changed = made(60), made(60, seed=2)
    before, after = index_of(contents, TOPICS, BODIES), index_of(changed, TOPICS, BODIES)
    for key, content in changed.items():
        before.put(entry_of(row(key, content)))
    for q in (None, "Bauhof", "Bauhof Archiv", '"Archiv Kasse"'):
        query = ProjectFilter(q=q)
        assert _shown(before, query) == _shown(after, query)
        assert counted(before, query, ask(before, query, None).kept) == counted(
            after, query, ask(after, query, None).kept
        )


@pytest.mark.parametrize(
    "query",
    [
        ProjectFilter(),
        ProjectFilter(q="Bauhof"),
        ProjectFilter(q="Bauhof", funded=True),
        ProjectFilter(q="Bauhof", stage=(Stage.PILOT,)),
        ProjectFilter(near="05766044", within_km=20),
        ProjectFilter(near="05766044", within_km=60),
        ProjectFilter(status=(ProjectStatus.ARCHIVED,)),
    ],
)
def test_what_was_counted_is_remembered_until_a_project_changes(query: ProjectFilter) -> None:
    index, others, changed = index_of(made(60), TOPICS, BODIES), index_of(made(60), TOPICS, BODIES), made(60, seed=2)
    ask(index, ProjectFilter(q="Archiv", near="05766044", within_km=40, stage=(Stage.OPERATING,))).facets()
    first = ask(index, query).facets()
    assert first == ask(others, query).facets()
    assert ask(index, query).facets() is first
    for key, content in changed.items():
        index.put(entry_of(row(key, content)))
    assert ask(index, query).facets() == ask(index_of(changed, TOPICS, BODIES), query).facets()


def test_what_was_counted_among_some_bodies_is_not_said_of_others() -> None:
    index = index_of(made(60), TOPICS, BODIES)
    query, (one, other) = ProjectFilter(like="05766044"), (organisation_id("05766044"), organisation_id("05766020"))
    for body in (one, other, one):
        asked = ask(index, query, bodies=[body])
        counts = {each.value: each.count for each in asked.facets()["organisation"]}
        assert counts[index.names.bodies[body].key] == len(asked.kept) > 0


def test_only_so_much_is_remembered_and_the_oldest_goes_first() -> None:
    index = index_of(made(3), TOPICS, BODIES)
    questions = [ProjectFilter(q=f"Bauhof {number}") for number in range(MOST_REMEMBERED + 1)]
    for question in questions[:-1]:
        ask(index, question).facets()
    kept = ask(index, questions[0]).facets()
    ask(index, questions[-1]).facets()
    assert len(index.found) == len(index.counted) == MOST_REMEMBERED
    assert ask(index, questions[0]).facets() is kept
    assert (questions[1].q, None) not in index.found


def _shown(index: Index, query: ProjectFilter) -> list[UUID]:
    return [index.id_of(document) for document in ask(index, query, None).everything()]


def test_states_and_dates_move_with_a_project() -> None:
    index = index_of(made(3), TOPICS, BODIES)
    key, content = next(iter(made(3).items()))
    index.put(entry_of(row(key, content, moment=AT + timedelta(days=1))))
    assert index.id_of(next(ask(index, ProjectFilter(), None).everything())) == UUID(key)
    index.put(entry_of(row(key, content, status="archived")))
    assert len(ask(index, ProjectFilter(), None).kept) == 2
    assert [index.id_of(each) for each in ask(index, ProjectFilter(status=(ProjectStatus.ARCHIVED,)), None).kept] == [
        UUID(key)
    ]


def test_an_index_that_is_replaced_goes_at_once() -> None:
    """The collector of cycles is told at the end of a start not to look at what lives by then."""
    index = index_of(made(3), TOPICS, BODIES)
    left = weakref.ref(index)
    gc.disable()
    try:
        del index
        assert left() is None
    finally:
        gc.enable()


def test_a_new_name_needs_no_new_documents() -> None:
    index = index_of(made(20), TOPICS, BODIES)
    topic = TOPICS[0]
    assert not ask(index, ProjectFilter(q="Quirlwesen"), None).kept
    named(index, [topic.model_copy(update={"label": "Quirlwesen"}), *TOPICS[1:]], BODIES)
    having = {key for key, content in made(20).items() if topic.topic in content.topics}
    assert {str(index.id_of(each)) for each in ask(index, ProjectFilter(q="Quirlwesen"), None).kept} == having


def test_what_was_merged_means_what_stays() -> None:
    index = index_of(made(40), TOPICS, BODIES)
    gone, stays = TOPICS[0].topic, TOPICS[1].topic
    old, present = organisation_id("05766044"), organisation_id("05766020")
    with_either = {key for key, content in made(40).items() if {gone, stays} & set(content.topics)}
    there = {key for key, content in made(40).items() if {"05766044", "05766020"} & _ags(content)}
    named(index, TOPICS, BODIES, {gone: stays, old: present})
    for topic in (gone, stays):
        assert {str(each) for each in _shown(index, ProjectFilter(topic=(topic,)))} == with_either
    for body in ("05766044", "05766020", old):
        assert {str(each) for each in _shown(index, ProjectFilter(organisation=(body,)))} == there
    assert {str(each) for each in _shown(index, ProjectFilter(q="Lemgo"))} == there, "names it had find it"
    counts = {each.value: each.count for each in counted(index, ProjectFilter(), index.all)["topic"]}
    assert gone not in counts
    assert counts[stays] == len(with_either)
    key, content = next((key, content) for key, content in made(40).items() if gone in content.topics)
    index.put(entry_of(row(key, content)))
    assert {str(each) for each in _shown(index, ProjectFilter(topic=(stays,)))} == with_either


@pytest.mark.parametrize("share", [0.005, 0.3, 1.0])
def test_the_first_of_a_set_are_those_that_sorting_would_give(share: float) -> None:
    random = Random(3)
    keys = [(float(random.randrange(20)), str(random.randrange(9)), n.to_bytes(4)) for n in range(MANY)]
    order = Order(keys.__getitem__)
    order.fill(range(0, MANY, 2))
    for each in range(1, MANY, 2):
        order.add(each)
    for each in range(0, MANY, 10):
        order.remove(each)
    left = [each for each in range(MANY) if each % 10]
    some = BitMap(random.sample(left, int(len(left) * share)))
    whole = sorted(some, key=keys.__getitem__)
    assert order.first(some, 20) == whole[:20]
    after = keys[whole[len(whole) // 2]]
    assert order.first(some, 20, after) == whole[len(whole) // 2 + 1 :][:20]
    assert list(order.all(some)) == whole
    assert list(order.behind(after)) == [each for each in sorted(left, key=keys.__getitem__) if keys[each] > after]


def test_an_order_may_become_empty_and_begin_again() -> None:
    order = Order(lambda each: (float(each), "", b""))
    for _ in range(2):
        assert order.first(BitMap([1]), 5, (0.0, "", b"")) == []
        order.add(1)
        assert order.first(BitMap([1]), 5) == [1]
        order.remove(1)


def test_what_was_looked_for_is_marked_and_nothing_else() -> None:
    content = Content(
        title="Hochwasserschutz <b>jetzt</b>",
        summary="Deiche & Schutz",
        description="lang " * 80 + "Schutz hier. " + "Ende " * 80,
    )
    index = index_of({str(named_id("project", "x")): content})
    words = ask(index, ProjectFilter(q="schutz"), None).found.words
    shown = highlights(index.words, words, content.title, content.summary, content.description or "")
    assert shown is not None
    assert [(each.text, each.mark) for each in shown.title or ()] == [
        ("Hochwasserschutz", True),
        (" <b>jetzt</b>", False),
    ]
    assert [(each.text, each.mark) for each in shown.summary or ()] == [("Deiche & ", False), ("Schutz", True)]
    passage = "".join(each.text for each in shown.text or ())
    assert passage.startswith("… ")
    assert passage.endswith(" …")
    assert "Schutz hier." in passage
    assert len(passage) < 300
    assert highlights(index.words, frozenset(), content.title, None, "") is None


@pytest.mark.parametrize(
    "title", ["Bau\u00adhof und Bau im Doppel", "Bau und Bau\u00adhof im Doppel", "Bau-Bau\u00adhof, Doppel"]
)
def test_a_word_within_another_is_marked_with_it_and_no_text_comes_twice(title: str) -> None:
    content = Content(title=title)
    index = index_of({str(named_id("project", "x")): content})
    found = ask(index, ProjectFilter(q="bau doppel"), None).found
    shown = highlights(index.words, found.words, title, None, "")
    assert shown is not None
    assert shown.title is not None
    assert "".join(each.text for each in shown.title) == title
    assert [each.text for each in shown.title if each.mark].count("Bau\u00adhof") == 1


def test_similar_projects_share_words_and_topics() -> None:
    key, content = next(iter(CONTENTS.items()))
    found = similar(INDEX, UUID(key), 5)
    assert found is not None
    assert len(found) == 5
    assert UUID(key) not in found
    best = CONTENTS[str(found[0])]
    assert set(best.topics) & set(content.topics)
    assert similar(INDEX, named_id("project", "none"), 5) is None
