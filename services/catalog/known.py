"""Is this in the catalogue? The answer to `rpc.catalog.known`, for services that refer to topics and organisations."""

from services.catalog import organisation_directory, topic_list
from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.kernel.postgres import Pool


async def known(pool: Pool, asked: KnownAsked) -> KnownAnswered:
    """What of the question no topic or organisation answers to. A topic's German word is not its code."""
    async with pool.acquire() as connection:
        topics = await topic_list.labels(connection, asked.topics)
        organisations = await organisation_directory.ids_of(connection, asked.ags)
    return KnownAnswered(
        unknown_topics=tuple(code for code in asked.topics if code not in topics),
        unknown_ags=tuple(ags for ags in asked.ags if ags not in organisations),
    )
