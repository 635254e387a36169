"""What is this called? The answer to `rpc.catalog.titles`, for services that show what they refer to."""

from services.catalog import organisation_directory, project_page, topic_list
from shared.contracts.rpc import TitlesAnswered, TitlesAsked
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Pool


async def titles(pool: Pool, asked: TitlesAsked) -> TitlesAnswered:
    """Of topics (of a merged one that of the topic that stays), of bodies by key, of projects that readers can see."""
    projects = {str(parsed): each for each in asked.projects if (parsed := parse_id(each))}
    async with pool.acquire() as connection:
        topics = await topic_list.labels(connection, asked.topics)
        names = await organisation_directory.names_of(connection, asked.ags) if asked.ags else {}
        shown = await project_page.public_titles(connection, list(projects))
    return TitlesAnswered(
        topics=topics,
        ags={key: names[key] for key in asked.ags if key in names},
        projects={projects[project_id]: title for project_id, title in shown.items()},
    )
