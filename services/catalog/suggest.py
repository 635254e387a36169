"""What could be meant by what is typed so far? Projects, topics and organisations whose names hold it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.catalog.naming import name_keys
from shared.kernel.http import Page
from shared.kernel.postgres import Pool

# $1 the key of what is typed: matched at the beginning of any word, best where a name begins with it.
SUGGEST = """
(
    SELECT 'project' AS kind, id::text AS value, title AS label, title_key AS key,
           folded[1] LIKE $1 || '%' AS begins
    FROM search_project WHERE status = 'published' AND ' ' || folded[1] LIKE '% ' || $1 || '%'
    ORDER BY begins DESC, key LIMIT $2
)
UNION ALL
(
    SELECT 'topic', code, label, label_key, label_key LIKE $1 || '%' AS begins
    FROM topic WHERE replace(keys, '|', ' ') LIKE '% ' || $1 || '%'
    ORDER BY begins DESC, label_key LIMIT $2
)
UNION ALL
(
    SELECT 'organisation', coalesce(ags, id::text), name, name_key, keys LIKE '%|' || $1 || '%' AS begins
    FROM organisation
    WHERE replace(keys, '|', ' ') LIKE '% ' || $1 || '%' AND type <> 'independent_city_district'
    ORDER BY begins DESC, name_key LIMIT $2
)
"""
MOST_OF_A_KIND = 5


class SuggestQuery(BaseModel):
    """What is typed so far."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, StringConstraints(max_length=200)] = Field(description="The beginning of a word, or several.")


class Suggestion(BaseModel):
    """A project (by id), a topic (by code) or an organisation (by official key, or id): a value for a filter."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["project", "topic", "organisation"]
    value: str
    label: str


async def suggest(pool: Pool, query: SuggestQuery) -> Page[Suggestion]:
    """At most five of each kind."""
    keys = name_keys(query.q)
    rows = await pool.fetch(SUGGEST, keys[-1], MOST_OF_A_KIND) if keys else []
    items = [Suggestion(kind=row["kind"], value=row["value"], label=row["label"]) for row in rows]
    return Page(items=items, next=None, total=len(items))
