"""Is this in the catalogue? The answer to `rpc.catalog.known`, for services that refer to what it keeps."""

from services.catalog import organisation_directory, project_page, topic_list
from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool


async def known(pool: Pool, asked: KnownAsked) -> KnownAnswered:
    """What is no topic, no organisation, no published project. A topic's German word is not its code."""
    async with pool.acquire() as connection:
        topics = await topic_list.labels(connection, asked.topics)
        organisations = await organisation_directory.ids_of(connection, asked.ags)
        known_ids = await organisation_directory.ids_by_key(connection, asked.organisations)
        projects = await project_page.public_ones(connection, [each for each in asked.projects if parse_id(each)])
    return KnownAnswered(
        unknown_topics=tuple(code for code in asked.topics if code not in topics),
        unknown_ags=tuple(ags for ags in asked.ags if ags not in organisations),
        unknown_organisations=tuple(key for key in asked.organisations if key not in known_ids),
        unknown_projects=tuple(each for each in asked.projects if each.lower() not in projects),
    )
