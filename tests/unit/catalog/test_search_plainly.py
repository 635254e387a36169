"""Searches by chance, beside the plain way of answering them: one project after the other, nothing remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from services.catalog import search_phrases
from services.catalog.load_content import CONTENT, batches, organisation_id
from services.catalog.naming import sort_key
from services.catalog.organisation import RegisterOrganisation
from services.catalog.project_content import Content, Effect, Funding, Participation, Reuse
from services.catalog.search_facets import FLAG_LABELS, counted
from services.catalog.search_index import FACETS, FLAGS
from services.catalog.search_live import entry_of
from services.catalog.search_names import DISTRICT_DIGITS
from services.catalog.search_pages import ask
from services.catalog.search_phrases import phrases_in, standing_together, steps
from services.catalog.search_shown import ProjectFilter, Sort
from services.catalog.size_class import SizeClass, size_class_of
from services.catalog.topic import DefineTopic
from services.catalog.vocabulary import EffectKind, EffectUnit, LegalForm, Stage
from shared.kernel.ids import named_id
from tests.unit.catalog.searching import AT, index_of, row

COMMANDS = [step.command for batch in batches(CONTENT) for steps in batch.steps for step in steps]
TOPICS = [each for each in COMMANDS if isinstance(each, DefineTopic)]
POPULATIONS = {"05766044": 41_000, "05766020": 79_000, "05974016": 9_000, "05554008": 71_000, "05111000": 620_000}
PLACES = (*POPULATIONS, "05974008")
BODIES = [
    each.model_copy(
        update={"profile": each.profile.model_copy(update={"population": POPULATIONS.get(each.profile.ags or "")})}
    )
    for each in COMMANDS
    if isinstance(each, RegisterOrganisation)
]
NAMES = {each.profile.ags: each.profile.name for each in BODIES}
REGIONS = {
    each.profile.ags[:3]: each.profile.regierungsbezirk
    for each in BODIES
    if each.profile.ags and each.profile.regierungsbezirk
}
OF_TOPIC = {each.topic: each for each in TOPICS[:8]}
WORDS = ("Zorgel", "Wumpel", "Klirfa", "Dastom", "Fenkli")
WEIGHTS, ITSELF = (6, 3, 1), 4
MANY, ASKED = 100, 120
LABELS: Mapping[str, Mapping[str, str]] = {
    "topic": {each.topic: each.label for each in TOPICS},
    "group": {each.group.code: each.group.label for each in TOPICS},
    "organisation": {key: name for key, name in NAMES.items() if key},
    "district": {key: name for key, name in NAMES.items() if key and len(key) == DISTRICT_DIGITS},
    "regierungsbezirk": {key: f"Regierungsbezirk {name}" for key, name in REGIONS.items()},
    **{
        facet: {str(term): term.label for term in terms}
        for facet, terms in (
            ("legal_form", LegalForm),
            ("stage", Stage),
            ("size_class", SizeClass),
            ("effect_kind", EffectKind),
        )
    },
    **{facet: {"true": text} for facet, text in FLAG_LABELS.items()},
}


@dataclass(frozen=True)
class Project:
    """A project as somebody would read it."""

    id: str
    content: Content
    status: str
    moment: datetime
    best_practice: bool

    @cached_property
    def texts(self) -> list[list[str]]:
        """The words of its title, its summary and the rest."""
        content = self.content
        return [text.split() for text in (content.title, content.summary or "", content.description or "")]

    @cached_property
    def values(self) -> dict[str, set[str]]:
        """What it has in every facet."""
        content = self.content
        keys = {each.ags for each in content.participations if each.ags}
        return {
            "topic": set(content.topics),
            "group": {OF_TOPIC[topic].group.code for topic in content.topics},
            "legal_form": {str(content.legal_form)} if content.legal_form else set(),
            "stage": {str(content.stage)} if content.stage else set(),
            "organisation": keys,
            "district": {key[:5] for key in keys},
            "regierungsbezirk": {key[:3] for key in keys},
            "size_class": {str(size) for key in keys if (size := size_class_of(POPULATIONS.get(key)))},
            "effect_kind": {str(each.kind) for each in content.effects},
            "best_practice": {"true"} if self.best_practice else set(),
            "funded": {"true"} if content.funding else set(),
            "reuse": {"true"} if content.reuse and content.reuse.possible is not False else set(),
        }

    def score(self, words: Sequence[str]) -> int:
        """How well it has one word, or several one after the other; 0 when it has not."""
        texts = self.texts
        if not any(list(words) == text[at : at + len(words)] for text in texts for at in range(len(text))):
            return 0
        best = max(weight for weight, text in zip(WEIGHTS, texts, strict=True) if set(words) <= set(text))
        return best * ITSELF * len(words)


def by_chance(random: Random, number: int) -> Project:
    """Any project."""
    content = Content(
        title=" ".join(random.choices(WORDS, k=random.randrange(1, 3))) + f" {random.randrange(9)}",
        summary=" ".join(random.choices(WORDS, k=random.randrange(1, 4))),
        description=" ".join(random.choices(WORDS, k=6)) if random.random() < 0.5 else None,
        topics=tuple(random.sample(list(OF_TOPIC), random.randrange(1, 3))),
        legal_form=random.choice([None, *list(LegalForm)[:3]]),
        stage=random.choice([None, *list(Stage)[:3]]),
        participations=tuple(
            Participation(organisation_id=organisation_id(ags), ags=ags)
            for ags in random.sample(PLACES, random.randrange(1, 4))
        ),
        effects=(Effect(kind=random.choice(list(EffectKind)), value=random.randrange(9), unit=EffectUnit.CASES),)
        if random.random() < 0.5
        else (),
        funding=(Funding(programme="IKZ"),) if random.random() < 0.3 else (),
        reuse=Reuse(text="Ja", possible=random.choice([None, True, False])) if random.random() < 0.5 else None,
    )
    return Project(
        str(named_id("project", str(number))),
        content,
        random.choice(("published", "published", "published", "drafted")),
        AT + timedelta(days=random.randrange(30)),
        random.random() < 0.2,
    )


def entry(project: Project) -> dict[str, Any]:
    """Its row in the read model."""
    facts = {"status": project.status, "moment": project.moment, "best_practice": project.best_practice}
    return row(project.id, project.content, **facts)


@dataclass(frozen=True, slots=True)
class Asked:
    """Words, phrases, exclusions and filters."""

    have: tuple[tuple[str, ...], ...]
    without: tuple[tuple[str, ...], ...]
    filters: Mapping[str, Any]
    sort: Sort

    @property
    def query(self) -> ProjectFilter:
        """The same as somebody writes it."""
        signs = [*map(_written, self.have), *(f"-{_written(words)}" for words in self.without)]
        return ProjectFilter(q=" ".join(signs) or None, **self.filters)

    def finds(self, project: Project) -> int | None:
        """How well it fits the words; None when it does not."""
        scores = [project.score(words) for words in self.have]
        if project.status != "published" or not all(scores) or any(map(project.score, self.without)):
            return None
        return sum(scores)

    def leaves(self, project: Project, *, besides: str | None = None) -> bool:
        """Whether it fits the filters, but for those of a facet."""
        values = project.values
        return all(
            bool(values[facet]) is wanted if facet in FLAGS else bool(values[facet] & set(wanted))
            for facet, wanted in self.filters.items()
            if facet != besides
        )


def _written(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f'"{" ".join(words)}"'


def any_search(random: Random) -> Asked:
    """Few of everything, so that most of them find something."""
    sequences = [tuple(random.choices(WORDS, k=random.choice((1, 1, 2, 2, 3)))) for _ in range(random.randrange(3))]
    without = [tuple(random.choices(WORDS, k=random.choice((1, 2))))] if random.random() < 0.3 else []
    filters: dict[str, Any] = {}
    for facet in random.sample(FACETS, random.choice((0, 0, 1, 2, 3))):
        values = sorted(LABELS[facet]) if facet not in {"topic", "organisation"} else [*OF_TOPIC, *PLACES]
        fitting = [each for each in values if each in LABELS[facet]]
        filters[facet] = random.random() < 0.5 if facet in FLAGS else tuple(random.sample(fitting, 2))
    sort: Sort = random.choice(("relevance", "date", "effect", "title"))
    return Asked(tuple(dict.fromkeys(sequences)), tuple(without), filters, sort)


def order_of(asked: Asked, projects: Sequence[Project]) -> list[str]:
    """The ids of what is found, in order."""

    def place(project: Project) -> tuple[float, str, bytes]:
        values = [float(each.value) for each in project.content.effects if each.value is not None]
        first = {
            "relevance": -float(asked.finds(project) or 0) if asked.have else 0.0,
            "date": -project.moment.timestamp(),
            "effect": -max(values, default=float("-inf")),
            "title": 0.0,
        }
        return first[asked.sort], sort_key(project.content.title), UUID(project.id).bytes

    fitting = [each for each in projects if asked.finds(each) is not None and asked.leaves(each)]
    return [each.id for each in sorted(fitting, key=place)]


def facets_of(asked: Asked, projects: Sequence[Project]) -> dict[str, list[tuple[str, str, int]]]:
    """(value, label, count) for every facet: the most frequent first, then by label."""
    found = [each for each in projects if asked.finds(each) is not None]
    facets: dict[str, list[tuple[str, str, int]]] = {}
    for facet in FACETS:
        counts: dict[str, int] = {}
        narrowed = set(asked.filters) - {facet}
        for project in found:
            left = asked.leaves(project, besides=facet)
            for value in project.values[facet] if left or narrowed else ():
                counts[value] = counts.get(value, 0) + left
        for value in () if facet in FLAGS else asked.filters.get(facet, ()):
            counts.setdefault(value, 0)
        shown = [(value, LABELS[facet][value], count) for value, count in counts.items()]
        facets[facet] = sorted(shown, key=lambda each: (-each[2], sort_key(each[1]), each[0]))
    return facets


def test_searches_answer_what_reading_every_project_would() -> None:
    random = Random(11)
    projects = [by_chance(random, number) for number in range(MANY)]
    index = index_of({}, TOPICS, BODIES)
    index.fill(entry_of(entry(each)) for each in projects)
    index.settle()
    found, told = 0, [any_search(random) for _ in range(ASKED)]
    for asked in [*told, *told[: ASKED // 2]]:
        shown = ask(index, asked.query, asked.sort)
        ids = [str(index.id_of(document)) for document in shown.everything()]
        assert ids == order_of(asked, projects), asked
        facets = counted(index, asked.query, shown.found.hits)
        plain = {facet: [(each.value, each.label, each.count) for each in values] for facet, values in facets.items()}
        assert plain == facets_of(asked, projects), asked
        found += bool(ids)
        number = random.randrange(MANY)
        projects[number] = by_chance(random, number)
        index.put(entry_of(entry(projects[number])))
    assert found > ASKED // 2, "most of them find something"


def test_projects_may_change_between_the_steps_of_a_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_phrases, "AT_ONCE", 5)
    contents = {str(named_id("project", str(number))): Content(title="Wumpel Zorgel") for number in range(40)}
    index = index_of(contents)
    (words,) = phrases_in(index, '"Wumpel Zorgel"')
    going = steps(index, words)
    next(going)
    seen, unseen, new = index.id_of(0), index.id_of(39), named_id("project", "new")
    for project_id, title in ((seen, "Zorgel Wumpel"), (unseen, "Zorgel Wumpel"), (new, "Ein Wumpel Zorgel")):
        index.put(entry_of(row(str(project_id), Content(title=title))))
    assert len(list(going)) > 1, "others had their turn"
    found = {index.id_of(document) for document in standing_together(index, words)}
    assert found == {UUID(key) for key in contents} - {seen, unseen} | {new}
    index.put(entry_of(row(str(seen), Content(title="Wumpel Zorgel"))))
    assert seen in {index.id_of(document) for document in standing_together(index, words)}


def test_phrases_of_long_ago_are_looked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_phrases, "MOST_KEPT", 2)
    index = index_of({str(named_id("project", "1")): Content(title=" ".join(WORDS))})
    for _ in range(2):
        for one, following in pairwise(WORDS):
            (words,) = phrases_in(index, f'"{one} {following}"')
            assert len(standing_together(index, words)) == 1
            assert len(index.phrases) <= 2


def test_a_value_that_is_new_is_counted_from_then_on() -> None:
    index, seen = index_of({}, TOPICS, BODIES), []
    for number, legal_form in enumerate(list(LegalForm)[:3]):
        index.put(entry_of(row(str(named_id("project", str(number))), Content(title="Wumpel", legal_form=legal_form))))
        seen.append(str(legal_form))
        assert {each.value for each in counted(index, ProjectFilter(), index.all)["legal_form"]} == set(seen)
