"""Invented projects by the hundred thousand: German, seeded, between neighbouring municipalities, each marked as such.

They go into the read model of the search directly, with what the projection would have made of them: a million commands
would take hours, and nothing that is measured here reads the journal for them.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from math import cos, radians
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from services.catalog.german import LISTS
from services.catalog.naming import sort_key
from services.catalog.vocabulary import EffectKind, LegalForm, Role, Stage

CONTENT = Path(__file__).parents[1] / "content"
MARK = "erfundenes Beispiel"
SEED = 2026
NEAR, MOST_PARTNERS = 14, 6
SUBJECTS, PER_TOPIC = 6000, 400
SLIPS = 0.004
AT_ONCE = 20_000
COLUMNS = (
    "id",
    "version",
    "status",
    "published_at",
    "changed_at",
    "title",
    "title_key",
    "plain",
    "topics",
    "legal_form",
    "stage",
    "participants",
    "effect_kinds",
    "effect",
    "funded",
    "reuse",
    "best_practice",
    "card",
)
FROM, SECONDS = datetime(2012, 1, 1, tzinfo=UTC), 14 * 365 * 24 * 3600
LEGAL_FORMS, STAGES, EFFECTS = (tuple(map(str, terms)) for terms in (LegalForm, Stage, EffectKind))
KINDS = (
    "Gemeinsamer Betrieb",
    "Gemeinsame Stelle",
    "Verbund",
    "Netzwerk",
    "Kooperation",
    "Pilotprojekt",
    "Interkommunales Zentrum",
    "Zweckverband",
    "Arbeitskreis",
    "Kompetenzstelle",
)
SUMMARIES = (
    "{places} führen {subject} zusammen und sparen Wege, Zeit und Geld.",
    "{places} haben {subject} auf eine Kommune übertragen; die anderen beteiligen sich an den Kosten.",
    "Fachleute für {subject} arbeiten für {places} an einem Ort.",
    "Seit dem Ratsbeschluss kümmert sich eine Stelle um {subject} in {places}.",
    "{places} beschaffen Technik für {subject} und teilen sich den Unterhalt.",
)
SENTENCES = (
    "Eine gemeinsame Leitung stimmt {subject} mit den Räten ab.",
    "Die Vertretung im Urlaub und bei Krankheit ist seither gesichert.",
    "Vor Ort bleiben Ansprechpersonen für {subject} erreichbar.",
    "Das Land hat den Aufbau gefördert, den Betrieb tragen die Kommunen selbst.",
    "Anfragen zu {subject} werden in drei Tagen beantwortet.",
    "Für {subject} gelten überall dieselben Regeln und dieselben Vordrucke.",
    "Der Vertrag läuft fünf Jahre und verlängert sich, wenn niemand kündigt.",
    "Die Prüfung durch die Aufsicht ergab keine Beanstandung.",
    "Daten zu {subject} liegen in einem Verfahren, das alle nutzen.",
    "Bürgerinnen und Bürger merken davon wenig, außer dass es schneller geht.",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A municipality and those around it, the nearest first."""

    ags: str
    name: str
    near: tuple[int, ...]


class Inventor:
    """The same projects for the same seed."""

    def __init__(self, organisations: Mapping[str, str], seed: int = SEED) -> None:
        """`organisations`: the ids behind official keys."""
        self._random = Random(seed)
        self._ids = organisations
        self._places = _places()
        self._topics = [each["topic"] for each in json.loads((CONTENT / "topics.json").read_text("utf-8"))]
        self.subjects = _subjects(self._random)
        self._of_topic = {topic: self._random.sample(self.subjects, PER_TOPIC) for topic in self._topics}

    def projects(self, count: int) -> Iterator[tuple[Any, ...]]:
        """Rows of the read model, with `COLUMNS`."""
        for number in range(count):
            yield self._project(number)

    def _project(self, number: int) -> tuple[Any, ...]:
        random = self._random
        topics = sorted(set(random.choices(self._topics, k=random.choice((1, 1, 2, 3)))))
        subject, second = random.choices(self._of_topic[topics[0]][: 4 * _common(random)], k=2)
        partners = self._partners()
        names = _listed([each.name for each in partners])
        title = f"{random.choice(KINDS)} {subject} {partners[0].name}/{partners[1].name} ({MARK})"
        summary = self._slipped(random.choice(SUMMARIES).format(places=names, subject=subject))
        sentences = random.choices(SENTENCES, k=random.randrange(2, 6))
        rest = self._slipped(" ".join(each.format(subject=random.choice((subject, second))) for each in sentences))
        kinds = sorted(set(random.choices(EFFECTS, k=random.choice((0, 1, 1, 2)))))
        at = datetime(2012, 1, 1, tzinfo=UTC) + timedelta(
            minutes=random.randrange(14 * 365 * 24 * 60), seconds=number % 60
        )
        legal_form, stage = random.choice(LEGAL_FORMS), random.choice(STAGES)
        ids = [self._ids[each.ags] for each in partners]
        return (
            UUID(int=random.getrandbits(128)),
            3,
            "published",
            at,
            at,
            title,
            sort_key(title),
            [title, f"{summary} {MARK}", rest],
            topics,
            legal_form,
            stage,
            [key for each, body in zip(partners, ids, strict=True) for key in (body, each.ags)],
            kinds,
            float(random.randrange(1, 500) * 1000) if kinds and random.random() < 0.5 else None,
            random.random() < 0.35,
            random.random() < 0.4,
            random.random() < 0.04,
            json.dumps(
                {
                    "title": title,
                    "short_title": None,
                    "summary": summary,
                    "topics": topics,
                    "legal_form": legal_form,
                    "stage": stage,
                    "start": None,
                    "region": None,
                    "participations": _participations(ids, partners),
                    "participations_complete": True,
                },
                ensure_ascii=False,
            ),
        )

    def _partners(self) -> list[Place]:
        home = self._places[self._random.randrange(len(self._places))]
        others = self._random.sample(home.near, self._random.randrange(1, MOST_PARTNERS))
        return [home, *(self._places[each] for each in others)]

    def _slipped(self, text: str) -> str:
        """With a word now and then whose letters changed places."""
        words = text.split(" ")
        for at, word in enumerate(words):
            if len(word) > 6 and self._random.random() < SLIPS:
                turn = self._random.randrange(1, len(word) - 2)
                words[at] = word[:turn] + word[turn + 1] + word[turn] + word[turn + 2 :]
        return " ".join(words)


async def fill(dsn: str, inventor: Inventor, count: int) -> None:
    """Brings so many into the read model."""
    connection = await asyncpg.connect(dsn)  # one that takes JSON as text, which COPY needs
    try:
        for rows in batched(inventor.projects(count), AT_ONCE):
            await connection.copy_records_to_table("search_project", records=rows, columns=COLUMNS)
        await connection.execute("ANALYZE search_project")
    finally:
        await connection.close()


def _participations(ids: Sequence[str], partners: Sequence[Place]) -> list[dict[str, str | None]]:
    roles = (str(Role.LEAD), *[str(Role.PARTICIPANT)] * (len(partners) - 1))
    return [
        {"organisation_id": body, "ags": place.ags, "role": role, "task": None}
        for body, place, role in zip(ids, partners, roles, strict=True)
    ]


def _common(random: Random) -> int:
    """A small number most often, so that some subjects are in a good part of all texts."""
    return min(PER_TOPIC // 4, int(random.paretovariate(0.6)) + 1)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} und {names[-1]}"


def _subjects(random: Random) -> list[str]:
    """Compounds that could be the business of a town hall, or nearly so."""
    parts = LISTS["parts"].split()
    made: dict[str, None] = {}
    while len(made) < SUBJECTS:
        first, last = random.sample(parts, 2)
        made[first + ("s" if first.endswith(("ung", "heit", "ion")) else "") + last.lower()] = None
    return list(made)


def _places() -> list[Place]:
    with (CONTENT / "nrw_municipalities.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    at = [(float(row["lat"]), float(row["lon"])) for row in rows]

    def apart(one: int, other: int) -> float:
        (latitude, longitude), (latitude2, longitude2) = at[one], at[other]
        return (latitude - latitude2) ** 2 + ((longitude - longitude2) * cos(radians(latitude))) ** 2

    def near(one: int) -> tuple[int, ...]:
        return tuple(sorted(range(len(rows)), key=lambda other: apart(one, other))[1 : NEAR + 1])

    return [Place(row["ags"], row["name"], near(number)) for number, row in enumerate(rows)]
