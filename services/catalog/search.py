"""Which projects are there? Full text, filters, facets: the read model, its projection and its queries.

A project is found by its own words and by the names of its topics and participants. Two spellings are indexed: words
as German stems, and folded words (ü = ue = u, ß = ss) matched by their beginnings. Only where neither finds anything,
similar letters are looked for.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.catalog import organisation_directory, organisation_similar, topic_list
from services.catalog.naming import name_keys, sort_key, words
from services.catalog.organisation import (
    DistrictAgs,
    OrganisationChanged,
    OrganisationRegistered,
    Profile,
    ServiceArea,
)
from services.catalog.organisation_directory import Named
from services.catalog.project import (
    BESIDE_THE_LIVE_VERSION,
    PROJECT,
    BestPracticeAwarded,
    BestPracticeWithdrawn,
    ContactConfirmed,
    ContactReviewDue,
    DocumentAttached,
    DocumentRemoved,
    ProjectArchived,
    ProjectDrafted,
    ProjectEdited,
    ProjectEvent,
    ProjectPublished,
    ProjectRestored,
    ProjectReturned,
    ProjectRevised,
    ProjectSubmitted,
    RevisionProposed,
    RevisionReturned,
    TopicReplaced,
    UpdatePosted,
    UpdateWithdrawn,
)
from services.catalog.project_content import Content
from services.catalog.project_page import participations_note
from services.catalog.topic import TopicDefined, TopicMerged, TopicRenamed
from services.catalog.vocabulary import LegalForm, OrganisationType, ProjectStatus, Role, Stage
from shared.kernel.http import Page, Paging, decode_cursor, encode_cursor
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP_CONTENT = """
INSERT INTO search_project (id, version, changed_at, title, title_key, plain, folded, topics, legal_form, stage,
                            participants, card)
SELECT r.id, r.version, r.changed_at, r.title, r.title_key, r.plain, r.folded, r.topics, r.legal_form, r.stage,
       r.participants, r.card
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, changed_at timestamptz, title text, title_key text,
     plain text[], folded text[], topics text[], legal_form text, stage text, participants text[], card jsonb)
ON CONFLICT (id) DO UPDATE SET title = excluded.title, title_key = excluded.title_key, plain = excluded.plain,
    folded = excluded.folded, topics = excluded.topics, legal_form = excluded.legal_form, stage = excluded.stage,
    participants = excluded.participants, card = excluded.card
"""
KEEP_FACTS = """
UPDATE search_project p SET version = r.version, changed_at = coalesce(r.changed_at, p.changed_at),
    status = coalesce(r.status, p.status), pending = coalesce(r.pending, p.pending),
    published_at = coalesce(p.published_at, r.published_at), best_practice = coalesce(r.best_practice, p.best_practice)
FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, version bigint, changed_at timestamptz, status text, pending boolean,
                                        published_at timestamptz, best_practice boolean)
WHERE p.id = r.id
"""
KEEP_NAMES = """
INSERT INTO search_name (kind, key, names, folded, topic_group, districts)
SELECT r.kind, r.key, r.names, r.folded, r.topic_group, r.districts
FROM jsonb_to_recordset($1::jsonb) AS r(kind text, key text, names text[], folded text, topic_group text,
                                        districts text[])
ON CONFLICT (kind, key) DO UPDATE SET names = excluded.names, folded = excluded.folded,
    topic_group = excluded.topic_group, districts = excluded.districts
"""
TOPIC_NAMES = "SELECT key, names, topic_group FROM search_name WHERE kind = 'topic' AND key = ANY($1::text[])"
# What follows from the names of topics and organisations, for projects that changed ($1) or whose names did ($2, $3).
DERIVE = """
UPDATE search_project p SET groups = n.groups, districts = n.districts,
    words = setweight(to_tsvector('german', p.plain[1]), 'A') || setweight(to_tsvector('simple', p.folded[1]), 'A')
        || setweight(to_tsvector('german', p.plain[2] || ' ' || n.plain), 'B')
        || setweight(to_tsvector('simple', p.folded[2] || ' ' || n.folded), 'B')
        || setweight(to_tsvector('german', p.plain[3]), 'C') || setweight(to_tsvector('simple', p.folded[3]), 'C'),
    letters = p.folded[1] || ' ' || n.folded || ' ' || p.folded[2]
FROM (
    SELECT s.id, coalesce(string_agg(array_to_string(m.names, ' '), ' ' ORDER BY m.kind, m.key), '') AS plain,
           coalesce(string_agg(m.folded, ' ' ORDER BY m.kind, m.key), '') AS folded,
           coalesce(array_agg(DISTINCT m.topic_group) FILTER (WHERE m.topic_group IS NOT NULL), '{}') AS groups,
           ARRAY(SELECT DISTINCT d FROM search_name o, unnest(o.districts) AS d
                 WHERE o.kind = 'organisation' AND o.key = ANY(s.participants) ORDER BY d) AS districts
    FROM search_project s LEFT JOIN search_name m
        ON m.kind = 'topic' AND m.key = ANY(s.topics) OR m.kind = 'organisation' AND m.key = ANY(s.participants)
    WHERE s.id = ANY($1::uuid[]) OR s.topics && $2::text[] OR s.participants && $3::text[]
    GROUP BY s.id
) n
WHERE p.id = n.id
"""

# $1 how ("all", "words", "letters"), $2 the query, $3 its folded words as a tsquery, $4 its folded letters, $5 states,
# $6–$13 filters. A facet's own filter is kept apart (`by_…`), so that its other values can be counted.
HITS = """
WITH found AS (
    SELECT id, 0::float8 AS rank FROM search_project WHERE $1::text = 'all'
    UNION ALL
    SELECT p.id, ts_rank(p.words, asked.query)
    FROM search_project p, (SELECT websearch_to_tsquery('german', $2) || to_tsquery('simple', $3) AS query) asked
    WHERE $1 = 'words' AND p.words @@ asked.query
    UNION ALL
    SELECT id, word_similarity($4, letters) FROM search_project WHERE $1 = 'letters' AND $4 <% letters
), hits AS MATERIALIZED (
    SELECT p.id, f.rank, p.title_key, p.status, p.version, p.pending, p.card, p.best_practice, p.published_at,
        p.changed_at, p.topics, p.groups, p.legal_form, p.stage, p.districts, p.participants,
        $6::text[] IS NULL OR p.topics && $6 AS by_topic,
        $7::text[] IS NULL OR p.groups && $7 AS by_group,
        $8::text[] IS NULL OR p.legal_form = ANY($8) IS TRUE AS by_legal_form,
        $9::text[] IS NULL OR p.stage = ANY($9) IS TRUE AS by_stage,
        $10::text[] IS NULL OR p.participants && $10 AS by_organisation,
        $11::text[] IS NULL OR p.districts && $11 AS by_district,
        $12::boolean IS NULL OR p.best_practice = $12 AS by_best_practice
    FROM found f JOIN search_project p USING (id)
    WHERE p.status = ANY($5::text[]) AND ($13::text[] IS NULL OR p.participants && $13)
)
"""
KEPT = HITS + (  # noqa: S608 -- two constants
    """
, kept AS (
    SELECT id, title_key, status, version, pending, card, best_practice, published_at, changed_at,
        CASE $14::text
            WHEN 'relevance' THEN -rank
            WHEN 'date' THEN -extract(epoch FROM coalesce(published_at, changed_at))
            ELSE 0
        END::float8 AS number
    FROM hits
    WHERE by_topic AND by_group AND by_legal_form AND by_stage AND by_organisation AND by_district AND by_best_practice
)
"""
)
PAGE = KEPT + (  # noqa: S608 -- two constants
    """
SELECT t.total, k.id::text, k.title_key, k.status, k.version, k.pending, k.card, k.best_practice, k.published_at,
       k.changed_at, k.number
FROM (SELECT count(*) AS total FROM kept) t LEFT JOIN LATERAL (
    SELECT * FROM kept
    WHERE $15::float8 IS NULL OR (number, title_key, id) > ($15, $16::text, $17::uuid)
    ORDER BY number, title_key, id LIMIT $18
) k ON true
"""
)
# All at once and packed: one snapshot, and 16 bytes a project.
IDS = KEPT + "SELECT string_agg(uuid_send(id), ''::bytea ORDER BY number, title_key, id) FROM kept"  # noqa: S608
FACETS = HITS + (  # noqa: S608 -- two constants
    """
SELECT 'topic' AS facet, value, count(*) FILTER (WHERE by_group AND by_legal_form AND by_stage AND by_organisation
    AND by_district AND by_best_practice) AS count
FROM hits CROSS JOIN LATERAL (
    SELECT DISTINCT coalesce(t.merged_into, said.code) AS value
    FROM unnest(topics) AS said(code) LEFT JOIN topic t ON t.code = said.code
) AS meant GROUP BY value
UNION ALL
SELECT 'group', value, count(*) FILTER (WHERE by_topic AND by_legal_form AND by_stage AND by_organisation
    AND by_district AND by_best_practice)
FROM hits, unnest(groups) AS value GROUP BY value
UNION ALL
SELECT 'legal_form', legal_form, count(*) FILTER (WHERE by_topic AND by_group AND by_stage AND by_organisation
    AND by_district AND by_best_practice)
FROM hits WHERE legal_form IS NOT NULL GROUP BY legal_form
UNION ALL
SELECT 'stage', stage, count(*) FILTER (WHERE by_topic AND by_group AND by_legal_form AND by_organisation
    AND by_district AND by_best_practice)
FROM hits WHERE stage IS NOT NULL GROUP BY stage
UNION ALL
SELECT 'organisation', value, count(*) FILTER (WHERE by_topic AND by_group AND by_legal_form AND by_stage
    AND by_district AND by_best_practice)
FROM hits CROSS JOIN LATERAL (
    SELECT DISTINCT coalesce(o.merged_into, o.id)::text AS value
    FROM unnest(participants) AS said(key)
    JOIN organisation o ON o.id = CASE WHEN length(said.key) = 36 THEN said.key::uuid END
) AS meant GROUP BY value
UNION ALL
SELECT 'district', value, count(*) FILTER (WHERE by_topic AND by_group AND by_legal_form AND by_stage
    AND by_organisation AND by_best_practice)
FROM hits, unnest(districts) AS value GROUP BY value
UNION ALL
SELECT 'best_practice', 'true', count(*) FILTER (WHERE by_topic AND by_group AND by_legal_form AND by_stage
    AND by_organisation AND by_district)
FROM hits WHERE best_practice HAVING count(*) > 0
"""
)
ANY_WORDS = """
SELECT EXISTS (
    SELECT FROM search_project
    WHERE words @@ (websearch_to_tsquery('german', $1) || to_tsquery('simple', $2)) AND status = ANY($3::text[])
)
"""
# How alike letters must be for `<%`, in this transaction: two letters that changed places in a word of ten still pass.
RESEMBLE = "SELECT set_config('pg_trgm.word_similarity_threshold', '0.45', true)"

CURSOR: TypeAdapter[tuple[str, str, float, str, UUID]] = TypeAdapter(tuple[str, str, float, str, UUID])
PUBLIC = (ProjectStatus.PUBLISHED,)
# Characters of a part that can be searched. Folding may lengthen a text, and what a tsvector can hold is limited.
MOST_INDEXED = 30_000
LONG = 60.0  # seconds that the ids of everything may take
SIGNS = re.compile(r'"|(?:^|\s)-\w')

type Sort = Literal["relevance", "date", "title"]
type How = Literal["all", "words", "letters"]


class ProjectFilter(BaseModel):
    """What narrows the projects. Values of one parameter are alternatives; different parameters must all fit."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        default=None,
        description='Words, in any German spelling; their beginnings are enough. Also "phrases" and -exclusions.',
    )
    topic: tuple[str, ...] | None = Field(default=None, description="Codes of topics.")
    group: tuple[str, ...] | None = Field(default=None, description="Codes of groups of topics.")
    legal_form: tuple[LegalForm, ...] | None = None
    stage: tuple[Stage, ...] | None = None
    organisation: tuple[str, ...] | None = Field(default=None, description="Official keys (AGS) or ids.")
    like: Annotated[str, StringConstraints(max_length=36, to_lower=True)] | None = Field(
        default=None, description="Projects of the twenty bodies most like this one (official key or id)."
    )
    district: tuple[DistrictAgs, ...] | None = Field(
        default=None, description="Keys of districts where a participant is, or works."
    )
    best_practice: bool | None = None
    status: tuple[ProjectStatus, ...] | None = Field(
        default=None, description="For editors; everyone else sees what is published."
    )

    @property
    def beyond_public(self) -> bool:
        """Whether this asks for what not everybody may see."""
        return not set(self.status or ()) <= set(PUBLIC)


class ProjectQuery(ProjectFilter, Paging):
    """One page of the projects."""

    sort: Sort | None = Field(default=None, description="By relevance where something is asked for, else by date.")


class ParticipantShown(BaseModel):
    """Who takes part, on a card."""

    model_config = ConfigDict(frozen=True)

    organisation_id: str
    ags: str | None
    name: str
    type: OrganisationType
    role: Role


class Card(BaseModel):
    """What a list needs of a project's content."""

    model_config = ConfigDict(frozen=True)

    title: str
    short_title: str | None
    summary: str | None
    topics: tuple[str, ...]
    legal_form: LegalForm | None
    stage: Stage | None
    start: str | None
    region: str | None
    participations: tuple[dict[str, Any], ...]
    participations_complete: bool


class ProjectCard(BaseModel):
    """A project in a list. `labels[field][code]` is the German label of every code in it."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: ProjectStatus
    version: int
    revision_pending: bool | None = Field(description="For editors: whether a proposed version waits.")
    title: str
    short_title: str | None
    summary: str | None
    topics: tuple[str, ...]
    legal_form: LegalForm | None
    stage: Stage | None
    start: str | None
    region: str | None
    participations: tuple[ParticipantShown, ...]
    participations_complete: bool
    participations_note: str | None
    best_practice: bool
    published_at: datetime | None
    changed_at: datetime
    labels: dict[str, dict[str, str]]


class FacetValue(BaseModel):
    """A value that could be chosen and how many projects it would give."""

    model_config = ConfigDict(frozen=True)

    value: str
    label: str
    count: int


class Facets(BaseModel):
    """The values of every facet: `topic`, `group`, `legal_form`, `stage`, `organisation`, `district`, `best_practice`.

    A facet's own choice does not change its counts; the choices of the others do. Values stay, with 0, when the other
    choices leave nothing for them.
    """

    model_config = ConfigDict(frozen=True)

    facets: dict[str, list[FacetValue]]


@dataclass(frozen=True, slots=True)
class Name:
    """What a topic or an organisation is called, has been called, and where it belongs."""

    kind: Literal["topic", "organisation"]
    key: str
    names: tuple[str, ...]
    topic_group: str | None
    districts: tuple[str, ...] = ()


@dataclass(slots=True)
class Facts:
    """What a batch of events says of one project beside its content."""

    version: int = 0
    changed_at: datetime | None = None
    status: ProjectStatus | None = None
    pending: bool | None = None
    published_at: datetime | None = None
    best_practice: bool | None = None
    content: Content | None = None


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Brings contents, states and names up to date, then what follows from them."""
    names = await _names(connection, recorded)
    facts = _gathered(recorded)
    if not (names or facts):
        return
    if names:
        await connection.execute(KEEP_NAMES, [_name_row(name) for name in names])
    contents = [_content_row(key, fact, fact.content) for key, fact in facts.items() if fact.content is not None]
    if contents:
        await connection.execute(KEEP_CONTENT, contents)
    if facts:
        await connection.execute(KEEP_FACTS, [_facts_row(key, fact) for key, fact in facts.items()])
    topics = [name.key for name in names if name.kind == "topic"]
    organisations = [name.key for name in names if name.kind == "organisation"]
    await connection.execute(DERIVE, [row["id"] for row in contents], topics, organisations)


def _gathered(recorded: Iterable[Recorded[Any]]) -> dict[str, Facts]:
    """What the batch says of each project, the later word over the earlier."""
    facts: dict[str, Facts] = {}
    for each in recorded:
        if isinstance(each.event, PROJECT.events):
            fact = facts.setdefault(each.aggregate_id, Facts())
            fact.version = each.version
            if not isinstance(each.event, BESIDE_THE_LIVE_VERSION):
                fact.changed_at = each.event.at
            _note(fact, each.event)
    return facts


def _note(fact: Facts, event: ProjectEvent) -> None:
    match event:
        case ProjectDrafted():
            fact.content, fact.status = event.content, ProjectStatus.DRAFTED
        case ProjectEdited() | TopicReplaced():
            fact.content = event.content
        case ProjectSubmitted():
            fact.status = ProjectStatus.SUBMITTED
        case ProjectReturned():
            fact.status = ProjectStatus.RETURNED
        case ProjectPublished():
            fact.content, fact.status, fact.published_at = event.content, ProjectStatus.PUBLISHED, event.at
        case ProjectRevised():
            fact.content, fact.pending = event.content, False
        case RevisionProposed():
            fact.pending = True
        case RevisionReturned():
            fact.pending = False
        case BestPracticeAwarded() | BestPracticeWithdrawn():
            fact.best_practice = isinstance(event, BestPracticeAwarded) or event.marks_left > 0
        case ProjectArchived():
            fact.status, fact.pending = ProjectStatus.ARCHIVED, False
        case ProjectRestored():
            fact.status = ProjectStatus.PUBLISHED if event.was_published else ProjectStatus.DRAFTED
        case (
            UpdatePosted()
            | UpdateWithdrawn()
            | DocumentAttached()
            | DocumentRemoved()
            | ContactReviewDue()
            | ContactConfirmed()
        ):
            pass


def _content_row(project_id: str, fact: Facts, content: Content) -> dict[str, Any]:
    first = _text(content.title, content.short_title)
    second = _text(content.summary, content.region, *content.keywords)
    third = _text(
        content.description,
        *content.goals,
        *content.measures,
        *(each.text for each in content.effects),
        *(part for each in content.components for part in (each.name, each.text)),
        *(each.text for each in content.milestones),
        content.reuse.text if content.reuse else None,
        content.method.name if content.method else None,
    )
    card = content.model_dump(mode="json", include=set(Card.model_fields))
    return {
        "id": project_id,
        "version": fact.version,
        "changed_at": fact.changed_at,
        "title": content.title,
        "title_key": sort_key(content.title),
        "plain": [part[:MOST_INDEXED] for part in (first, second, third)],
        "folded": [" ".join(words(part))[:MOST_INDEXED] for part in (first, second, third)],
        "topics": content.topics,
        "legal_form": content.legal_form,
        "stage": content.stage,
        "participants": list(
            dict.fromkeys(key for each in content.participations for key in (each.organisation_id, each.ags) if key)
        ),
        "card": card,
    }


def _facts_row(project_id: str, fact: Facts) -> dict[str, Any]:
    return {
        "id": project_id,
        "version": fact.version,
        "changed_at": fact.changed_at,
        "status": fact.status,
        "pending": fact.pending,
        "published_at": fact.published_at,
        "best_practice": fact.best_practice,
    }


async def _names(connection: Connection, recorded: Sequence[Recorded[Any]]) -> list[Name]:
    """The names that the batch changes, as they are after it. A renamed topic keeps those it had."""
    events = [each.event for each in recorded]
    asked = {event.topic for event in events if isinstance(event, TopicRenamed | TopicMerged)}
    asked |= {event.into for event in events if isinstance(event, TopicMerged)}
    rows = await connection.fetch(TOPIC_NAMES, sorted(asked)) if asked else []
    topics = {row["key"]: Name("topic", row["key"], tuple(row["names"]), row["topic_group"]) for row in rows}
    organisations: dict[str, Name] = {}
    for event in events:
        if isinstance(event, OrganisationRegistered | OrganisationChanged):
            organisations[event.organisation_id] = _organisation_name(event.organisation_id, event.profile)
        elif isinstance(event, TopicDefined):
            topics[event.topic] = Name("topic", event.topic, (event.label,), event.group.code)
        elif isinstance(event, TopicRenamed):
            before = topics[event.topic]
            topics[event.topic] = replace(before, names=tuple(dict.fromkeys((event.label, *before.names))))
        elif isinstance(event, TopicMerged):
            gone, stays = topics[event.topic], topics[event.into]
            both = tuple(dict.fromkeys((*stays.names, *gone.names)))
            topics[event.into] = replace(stays, names=both)
            topics[event.topic] = replace(gone, names=both, topic_group=stays.topic_group)
    return [*organisations.values(), *topics.values()]


def _organisation_name(organisation_id: str, profile: Profile) -> Name:
    area = profile.service_area or ServiceArea()
    keys = [*area.municipalities, *([profile.ags] if profile.ags else [])]
    districts = sorted({*area.districts, *(key[:5] for key in keys)})
    return Name("organisation", organisation_id, (profile.name, *profile.aliases), None, tuple(districts))


def _name_row(name: Name) -> dict[str, Any]:
    keys = dict.fromkeys(key for each in name.names for key in name_keys(each))
    return {
        "kind": name.kind,
        "key": name.key,
        "names": name.names,
        "folded": " ".join(keys),
        "topic_group": name.topic_group,
        "districts": name.districts,
    }


def _text(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


SEARCH = Projection("search", ("search_project", "search_name"), project)


async def find(pool: Pool, query: ProjectQuery, *, editor: bool) -> Page[ProjectCard]:
    """One page of the projects that fit, in the order asked for."""
    sort = _sort(query, query.sort)
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        asked = await _asked(connection, query)
        after = _after(query, sort)
        rows = await connection.fetch(PAGE, *asked, sort, *after, query.limit + 1) if asked else []
        found = [row for row in rows if row["id"] is not None]
        items = await _cards(connection, found[: query.limit], editor=editor)
    last = found[query.limit - 1] if len(found) > query.limit else None
    cursor = last and encode_cursor([_digest(query), sort, last["number"], last["title_key"], last["id"]])
    return Page(items=items, next=cursor, total=rows[0]["total"] if rows else 0)


async def ids(
    pool: Pool, query: ProjectFilter, sort: Sort | None = None, *, batch: int = 1000
) -> AsyncIterator[Sequence[str]]:
    """The ids of all projects that fit, in the order asked for, in batches.

    They are those of one moment: none is missed and none comes twice while projects change. However slowly they are
    taken, no connection is held, and 16 bytes a project are.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        asked = await _asked(connection, query)
        packed = asked and await connection.fetchval(IDS, *asked, _sort(query, sort), timeout=LONG)
    found = memoryview(packed or b"")
    for start in range(0, len(found), batch * 16):
        part = found[start : start + batch * 16]
        yield [str(UUID(bytes=bytes(part[at : at + 16]))) for at in range(0, len(part), 16)]


def _sort(query: ProjectFilter, sort: Sort | None) -> Sort:
    return sort or ("relevance" if query.q else "date")


async def facets(pool: Pool, query: ProjectFilter) -> Facets:
    """Every facet's values with their counts, the most frequent first."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        asked = await _asked(connection, query)
        rows = await connection.fetch(FACETS, *asked) if asked else []
        counts: dict[str, dict[str, int]] = {name: {} for name in FACET_NAMES}
        for row in rows:
            counts[row["facet"]][row["value"]] = row["count"]
        organisations = await organisation_directory.named(connection, counts["organisation"])
        counts["organisation"] = {organisations[key].key: count for key, count in counts["organisation"].items()}
        absent = _absent(query, counts)
        labels = await _facet_labels(connection, counts, absent, organisations.values())
    for name, values in absent.items():
        counts[name] |= {value: 0 for value in values if value in labels[name]}
    return Facets(facets={name: _values(counts[name], labels[name]) for name in FACET_NAMES})


FACET_NAMES = ("topic", "group", "legal_form", "stage", "organisation", "district", "best_practice")


def _absent(query: ProjectFilter, counts: dict[str, dict[str, int]]) -> dict[str, set[str]]:
    """The values that were chosen and that no project has which holds the words."""
    chosen = {name: getattr(query, name) or () for name in FACET_NAMES if name != "best_practice"}
    return {name: {str(value) for value in values} - counts[name].keys() for name, values in chosen.items()}


def _values(counts: dict[str, int], labels: dict[str, str]) -> list[FacetValue]:
    values = [FacetValue(value=value, label=labels.get(value, value), count=n) for value, n in counts.items()]
    return sorted(values, key=lambda each: (-each.count, sort_key(each.label), each.value))


async def _facet_labels(
    connection: Connection,
    counts: dict[str, dict[str, int]],
    absent: dict[str, set[str]],
    organisations: Iterable[Named],
) -> dict[str, dict[str, str]]:
    """The labels of all values that are counted, and of those absent that exist."""
    known = {organisation.key: organisation.name for organisation in organisations}
    return {
        "topic": await topic_list.labels(connection, {*counts["topic"], *absent["topic"]}),
        "group": await topic_list.group_labels(connection),
        "legal_form": {str(term): term.label for term in LegalForm},
        "stage": {str(term): term.label for term in Stage},
        "organisation": known | await organisation_directory.names_of(connection, absent["organisation"]),
        "district": await organisation_directory.names_of(connection, {*counts["district"], *absent["district"]}),
        "best_practice": {"true": "Als gutes Beispiel ausgezeichnet"},
    }


async def _asked(connection: Connection, query: ProjectFilter) -> tuple[Any, ...] | None:
    """The statements' first thirteen parameters; None when the query holds no word at all."""
    states = query.status or PUBLIC
    how, prefixes, letters = await _how(connection, query.q, states)
    if how is None:
        return None
    topics = query.topic and await topic_list.same_topics(connection, query.topic)
    organisations = query.organisation and await organisation_directory.same_bodies(connection, query.organisation)
    return (
        how,
        query.q or "",
        prefixes,
        letters,
        states,
        topics,
        query.group,
        query.legal_form,
        query.stage,
        organisations,
        query.district,
        query.best_practice,
        query.like and await _bodies_like(connection, query.like),
    )


async def _bodies_like(connection: Connection, key: str) -> set[str]:
    """All ids and keys of the bodies most like one."""
    found = await organisation_similar.ids_like(connection, key)
    if found is None:
        wrong = FieldError("like", "unknown_organisation", "Diese Stelle ist nicht im Verzeichnis.")
        raise Problem("invalid_query", errors=[wrong])
    return await organisation_directory.same_bodies(connection, found)


async def _how(connection: Connection, q: str | None, states: Sequence[str]) -> tuple[How | None, str, str]:
    """By words where any project has them, else by letters; with the folded words as a tsquery and as letters.

    Who sets signs (a "phrase", a -word) means exactly that: neither beginnings nor similar letters are looked for.
    """
    if q is None or not q.strip():
        return "all", "", ""
    asked = words(q)
    if not asked:
        return None, "", ""
    if SIGNS.search(q):
        return "words", "", ""
    prefixes = " & ".join(f"'{word}':*" for word in asked)
    if await connection.fetchval(ANY_WORDS, q, prefixes, states):
        return "words", prefixes, ""
    await connection.execute(RESEMBLE)
    return "letters", prefixes, " ".join(asked)


def _digest(query: ProjectFilter) -> str:
    """What a cursor belongs to: the same filters, whatever the page."""
    asked = query.model_dump_json(exclude={"cursor", "limit"})
    return hashlib.blake2b(asked.encode(), digest_size=6).hexdigest()


def _after(query: ProjectQuery, sort: Sort) -> tuple[float | None, str | None, UUID | None]:
    if query.cursor is None:
        return None, None, None
    digest, sorted_by, number, title_key, last = decode_cursor(query.cursor, CURSOR)
    if (digest, sorted_by) != (_digest(query), sort):
        wrong = FieldError("cursor", "invalid_cursor", "Diese Angabe stammt nicht aus einer vorigen Seite.")
        raise Problem("invalid_query", errors=[wrong])
    return number, title_key, last


async def _cards(connection: Connection, rows: Sequence[asyncpg.Record], *, editor: bool) -> list[ProjectCard]:
    cards = [Card.model_validate(row["card"]) for row in rows]
    ids = {each["organisation_id"] for card in cards for each in card.participations}
    organisations = await organisation_directory.named(connection, ids) if ids else {}
    codes = {code for card in cards for code in card.topics}
    meant = await topic_list.present(connection, codes) if codes else {}
    cards = [_today(card, meant) for card in cards]
    topics = await topic_list.labels(connection, codes) if codes else {}
    topics |= {present: topics[code] for code, present in meant.items()}
    return [_card(row, card, organisations, topics, editor=editor) for row, card in zip(rows, cards, strict=True)]


def _today(card: Card, meant: dict[str, str]) -> Card:
    """The card with the topics that its codes mean today, each once."""
    return card.model_copy(update={"topics": tuple(dict.fromkeys(meant.get(code, code) for code in card.topics))})


def _card(
    row: asyncpg.Record, card: Card, organisations: dict[str, Named], topics: dict[str, str], *, editor: bool
) -> ProjectCard:
    status = ProjectStatus(row["status"])
    participants = tuple(_participant(each, organisations) for each in card.participations)
    return ProjectCard(
        **card.model_dump(exclude={"participations"}),
        id=row["id"],
        status=status,
        version=row["version"],
        revision_pending=row["pending"] if editor else None,
        participations=participants,
        participations_note=participations_note(card.participations_complete, len(participants)),
        best_practice=row["best_practice"],
        published_at=row["published_at"],
        changed_at=row["changed_at"],
        labels={
            "status": {status: status.label},
            "topics": {code: topics.get(code, code) for code in card.topics},
            "legal_form": {card.legal_form: card.legal_form.label} if card.legal_form else {},
            "stage": {card.stage: card.stage.label} if card.stage else {},
            "role": {each.role: each.role.label for each in participants},
        },
    )


def _participant(participation: dict[str, Any], organisations: dict[str, Named]) -> ParticipantShown:
    organisation = organisations[participation["organisation_id"]]
    return ParticipantShown(
        organisation_id=organisation.id,
        ags=organisation.ags,
        name=organisation.name,
        type=organisation.type,
        role=participation["role"],
    )
