"""Topics over HTTP."""

from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from services.catalog import history, topic_list
from services.catalog.answers import API, EDITORS, SEE_DRAFTS, found_in_version
from services.catalog.findable import FindableLabel
from services.catalog.history import History
from services.catalog.in_turn import in_turn
from services.catalog.project_content import TopicCode
from services.catalog.search_live import Live
from services.catalog.topic import TOPIC, DefineTopic, Group, MergeTopic, RenameTopic, SplitTopic, TopicCommand
from services.catalog.topic_list import TopicQuery, TopicShown
from services.catalog.topic_split import PartBody, Reason, Slug, SplitBody, given_away
from shared.kernel.decider import NotThere
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, committed, page
from shared.kernel.ids import named_id
from shared.kernel.journal import Context, Journal, Outcome
from shared.kernel.postgres import Connection, Pool
from shared.kernel.problems import Problem, of_fields


class GroupBody(BaseModel):
    """A group of topics that is new."""

    model_config = ConfigDict(frozen=True)

    code: TopicCode
    slug: Slug
    label: FindableLabel


class TopicBody(BaseModel):
    """A new topic in a group, by the group's code or as a new one. `slug` is its German word in addresses."""

    model_config = ConfigDict(frozen=True)

    code: TopicCode
    slug: Slug
    label: FindableLabel
    group: TopicCode | GroupBody


class RenamingBody(BaseModel):
    """A topic's new label."""

    model_config = ConfigDict(frozen=True)

    label: FindableLabel
    reason: Reason | None = None


class TopicMergerBody(BaseModel):
    """The topic that stays, by its code, and why the other goes."""

    model_config = ConfigDict(frozen=True)

    into: TopicCode
    reason: Reason


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    live: Live

    async def topics(self, call: Call) -> Answer:
        """The topics."""
        return page(await topic_list.listed(self.live, call.query), call)

    async def topic(self, call: Call) -> Answer:
        """A topic by code or German slug, present or former; its version is the ETag for those who may change it."""
        return found_in_version(await topic_list.one(self.live, _code(call)), call)

    async def history(self, call: Call) -> Answer:
        """What was done to a topic; a merged one has its own."""
        code = await topic_list.own_code(self.pool, _code(call))
        if code is None:
            raise Problem("not_found")
        return Answer(await history.of(self.pool, TOPIC.category, code))

    async def define(self, call: Call) -> Answer:
        """A new topic."""
        context, body = call.context(), call.body
        if before := await self.journal.outcome(context):
            return committed(before, 201, f"{API}/topics/{body.code}")
        async with in_turn(self.pool) as connection:
            if await topic_list.taken(connection, body.code, body.label, body.slug):
                raise of_fields("topic_name_taken", ["/label"])
            if (await topic_list.present(connection, [body.code])).get(body.code, body.code) != body.code:
                raise of_fields("topic_merged", ["/code"])
            group = await _group(connection, body.group)
            command = DefineTopic(topic=body.code, slug=body.slug, label=body.label, group=group)
            outcome = await self.journal.transact(TOPIC, body.code, command, context)
        return committed(outcome, 201, f"{API}/topics/{body.code}")

    async def rename(self, call: Call) -> Answer:
        """A topic's new label."""
        context, body = call.context(), call.body
        if before := await self.journal.outcome(context):
            return committed(before)
        async with in_turn(self.pool) as connection:
            if await topic_list.taken(connection, _code(call), body.label):
                raise of_fields("topic_name_taken", ["/label"])
            command = RenameTopic(label=body.label, reason=body.reason)
            return committed(await self._written(call, command, context))

    async def merge(self, call: Call) -> Answer:
        """A topic goes into another; projects stand under that one from now on, unwritten as they are."""
        context, body = call.context(), call.body
        if before := await self.journal.outcome(context):
            return committed(before)
        async with in_turn(self.pool) as connection:
            stays = await topic_list.present(connection, [body.into])
            if not stays:
                raise of_fields("unknown_topic", ["/into"])
            command = MergeTopic(into=stays[body.into], reason=body.reason)
            return committed(await self._written(call, command, context))

    async def split(self, call: Call) -> Answer:
        """Some of a topic's projects go to others; they arrive in the moments after this is recorded."""
        context, body, code = call.context(), call.body, _code(call)
        if before := await self.journal.outcome(context):
            return committed(before)
        there = await self.journal.load(TOPIC, code)
        if (topic := there.state) is None:
            raise NotThere
        if call.expected_version not in (None, there.version):
            raise Problem("stale_version")
        async with self.pool.acquire() as connection:
            codes = await topic_list.same_topics(connection, [code])
        command = SplitTopic(parts=await given_away(self.live, codes, body.parts), reason=body.reason)
        TOPIC.decide(command, (await self.journal.load(TOPIC, code)).state, context.at)  # before a topic is made for it
        async with in_turn(self.pool) as connection:
            new = await self._new(connection, body.parts)
            for part in new:
                assert part.label is not None
                assert part.slug is not None
                define = DefineTopic(topic=part.topic, slug=part.slug, label=part.label, group=topic.group)
                await self.journal.transact(TOPIC, part.topic, define, _before(context, part.topic))
            return committed(await self._written(call, command, context))

    async def _written(self, call: Call, command: TopicCommand, context: Context) -> Outcome:
        return await self.journal.transact(TOPIC, _code(call), command, context, expected_version=call.expected_version)

    async def _new(self, connection: Connection, parts: tuple[PartBody, ...]) -> list[PartBody]:
        """The parts that are no topics yet; each has a name that nobody else has."""
        known = await topic_list.present(connection, [part.topic for part in parts])
        gone = [f"/parts/{n}/topic" for n, part in enumerate(parts) if known.get(part.topic, part.topic) != part.topic]
        new = [(n, part) for n, part in enumerate(parts) if part.topic not in known]
        unknown = [f"/parts/{n}/topic" for n, part in new if part.label is None or part.slug is None]
        if gone or unknown:
            raise of_fields("unknown_topic", gone or unknown)
        for n, part in new:
            if await topic_list.taken(connection, part.topic, part.label or "", part.slug):
                raise of_fields("topic_name_taken", [f"/parts/{n}/label"])
        return [part for _, part in new]


async def _group(connection: Connection, asked: str | GroupBody) -> Group:
    """The group of that code; a new one, unless its code is another's."""
    known = await topic_list.group(connection, asked if isinstance(asked, str) else asked.code)
    if isinstance(asked, str):
        if known is None:
            raise of_fields("unknown_group", ["/group"])
        return known
    new = Group(code=asked.code, slug=asked.slug, label=asked.label)
    if known not in (None, new):
        raise of_fields("topic_name_taken", ["/group/code"])
    return new


def _code(call: Call) -> str:
    return call.request.match_info["code"]


def _before(context: Context, topic: str) -> Context:
    """The circumstances of a topic that is defined on the way."""
    command_id = named_id("command", f"{context.command_id}/{topic}")
    return replace(context, command_id=command_id, fingerprint=None, fresh=False)


def endpoints(journal: Journal, pool: Pool, live: Live) -> list[Endpoint]:
    """Everything about topics."""
    do = Handlers(journal, pool, live)
    topic = f"{API}/topics/{{code}}"
    return [
        Endpoint("GET", f"{API}/topics", do.topics, "List topics", query=TopicQuery, answer=Page[TopicShown]),
        Endpoint(
            "GET",
            topic,
            do.topic,
            "Read a topic, by its code or its German word",
            answer=TopicShown,
            codes=("not_found",),
            description="The code of a topic that was merged into another answers the other one.",
        ),
        Endpoint(
            "GET",
            f"{topic}/history",
            do.history,
            "Read what was done to a topic, by whom and why",
            answer=History,
            roles=SEE_DRAFTS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{API}/topics",
            do.define,
            "Define a topic",
            body=TopicBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
            codes=("topic_exists", "topic_merged", "topic_name_taken", "unknown_group"),
        ),
        Endpoint(
            "POST",
            f"{topic}/renamings",
            do.rename,
            "Rename a topic; its code stays",
            body=RenamingBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "topic_merged", "topic_name_taken"),
        ),
        Endpoint(
            "POST",
            f"{topic}/mergers",
            do.merge,
            "Merge a topic into another; its code and its word lead there",
            body=TopicMergerBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "topic_merged", "topic_splitting", "merged_into_itself", "unknown_topic"),
        ),
        Endpoint(
            "POST",
            f"{topic}/splits",
            do.split,
            "Split a topic: some of its projects go to others, new or there, the rest stays",
            body=SplitBody,
            answer=Committed,
            roles=EDITORS,
            codes=(
                "not_found",
                "topic_merged",
                "topic_splitting",
                "topic_exists",
                "topic_name_taken",
                "unknown_topic",
                "project_not_under_topic",
                "split_into_same",
                "split_part_empty",
                "split_project_twice",
                "split_too_large",
            ),
        ),
    ]
