"""Topics over HTTP."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from services.catalog import topic_list
from services.catalog.answers import API, EDITORS, found, page_of
from services.catalog.topic import TOPIC, RenameTopic
from services.catalog.topic_list import TopicQuery, TopicShown
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, committed
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.texts import ONE_LINE


class RenamingBody(BaseModel):
    """A topic's new label."""

    model_config = ConfigDict(frozen=True)

    label: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=ONE_LINE)]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def topics(self, call: Call) -> Answer:
        """The topics."""
        return page_of(await topic_list.listed(self.pool, call.query), call)

    async def topic(self, call: Call) -> Answer:
        """A topic by code or German slug."""
        return found(await topic_list.one(self.pool, call.request.match_info["code"]))

    async def rename_topic(self, call: Call) -> Answer:
        """A topic's new label."""
        command = RenameTopic(label=call.body.label)
        outcome = await self.journal.transact(TOPIC, call.request.match_info["code"], command, call.context())
        return committed(outcome)


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about topics."""
    do = Handlers(journal, pool)
    return [
        Endpoint("GET", f"{API}/topics", do.topics, "List topics", query=TopicQuery, answer=Page[TopicShown]),
        Endpoint(
            "GET",
            f"{API}/topics/{{code}}",
            do.topic,
            "Read a topic, by its code or its German word",
            answer=TopicShown,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{API}/topics/{{code}}/renamings",
            do.rename_topic,
            "Rename a topic; its code stays",
            body=RenamingBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
        ),
    ]
