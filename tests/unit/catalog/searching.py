"""An index as the projections and the read model would make it, without a database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from services.catalog.organisation import RegisterOrganisation
from services.catalog.organisation_directory import _row as directory_row
from services.catalog.project_content import Content
from services.catalog.search import said_in
from services.catalog.search_index import Index
from services.catalog.search_live import body_of, entry_of, topic_of
from services.catalog.search_names import names_of
from services.catalog.topic import DefineTopic

AT = datetime(2025, 5, 27, 10, tzinfo=UTC)


def row(project_id: str, content: Content, **facts: Any) -> dict[str, Any]:
    """A published project's row, or that of another as `facts` say."""
    return {
        **said_in(content),
        "id": UUID(project_id),
        "status": "published",
        "moment": AT,
        "best_practice": False,
        **facts,
    }


def index_of(
    contents: Mapping[str, Content],
    topics: Sequence[DefineTopic] = (),
    organisations: Sequence[RegisterOrganisation] = (),
) -> Index:
    """Projects, all published, with the topics and organisations there are."""
    index = Index()
    named(index, topics, organisations)
    index.fill(entry_of(row(project_id, content)) for project_id, content in contents.items())
    index.settle()
    return index


def named(
    index: Index,
    topics: Sequence[DefineTopic],
    organisations: Sequence[RegisterOrganisation],
    merged: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Gives the index these names; `merged` entries lead to others."""
    topic_rows: list[dict[str, Any]] = [
        {
            "code": each.topic,
            "label": each.label,
            "former_labels": [],
            "group_code": each.group.code,
            "group_label": each.group.label,
            "merged_into": merged.get(each.topic),
        }
        for each in topics
    ]
    body_rows = [
        {**directory_row(each.organisation_id, each.profile), "merged_into": merged.get(each.organisation_id)}
        for each in organisations
    ]
    index.rename(names_of(map(topic_of, topic_rows), map(body_of, body_rows), index.words))
