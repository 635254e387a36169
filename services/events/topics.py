"""Which topics of the catalogue are one by now? Sessions keep the codes they were written with; all codes find them."""

from collections.abc import Sequence

from shared.contracts.catalog import TopicMerged
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection, Pool

# One step always finds the topic that stays, in whatever order mergings of several topics arrive. What is heard later
# holds: a catalogue that was restored to an earlier day may merge two topics the other way round.
KEEP = """
WITH stays AS (
    SELECT coalesce((SELECT into_topic FROM topic_merged WHERE topic = $2 AND into_topic <> $1), $2) AS topic
), undone AS (
    DELETE FROM topic_merged WHERE topic = $2 AND into_topic = $1
), led AS (
    UPDATE topic_merged SET into_topic = stays.topic FROM stays
    WHERE topic_merged.into_topic = $1 AND topic_merged.topic <> $2
)
INSERT INTO topic_merged (topic, into_topic) SELECT $1, stays.topic FROM stays
ON CONFLICT (topic) DO UPDATE SET into_topic = excluded.into_topic
"""
MEANT = """
WITH present AS (
    SELECT DISTINCT coalesce(m.into_topic, asked.topic) AS topic
    FROM unnest($1::text[]) AS asked(topic) LEFT JOIN topic_merged m ON m.topic = asked.topic
)
SELECT topic FROM present
UNION SELECT m.topic FROM topic_merged m JOIN present ON m.into_topic = present.topic
"""


def effect() -> Effect:
    """What this service does when a topic goes into another: it remembers where the code leads."""

    async def remember(connection: Connection, merged: Sequence[Received[TopicMerged]]) -> None:
        for received in merged:
            await connection.execute(KEEP, received.data.topic, received.data.into)

    return Effect(TopicMerged, remember)


async def meant(pool: Pool, codes: Sequence[str] | None) -> list[str] | None:
    """All codes that mean the topics these mean, whatever was merged; None of nothing."""
    if codes is None:
        return None
    return [row["topic"] for row in await pool.fetch(MEANT, list(codes))]
