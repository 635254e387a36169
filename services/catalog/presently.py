"""What do the topics and organisations mean today that a project was written with? Some were merged since."""

from collections.abc import Iterable

from services.catalog import organisation_directory, topic_list
from services.catalog.project_content import Body, Content, Presently
from shared.kernel.postgres import Connection


async def presently(connection: Connection, contents: Iterable[Content]) -> Presently:
    """Where the topics and organisations lead that these contents refer to."""
    said = list(contents)
    if not said:
        return Presently()
    topics = await topic_list.present(connection, {code for content in said for code in content.topics})
    ids = {key for content in said for key in (*content.organisation_ids, *_offices(content))}
    organisations = await organisation_directory.named(connection, ids)
    return Presently(
        topics={code: meant for code, meant in topics.items() if code != meant},
        organisations={
            asked: Body(organisation_id=named.id, ags=named.ags)
            for asked, named in organisations.items()
            if asked != named.id
        },
    )


def _offices(content: Content) -> Iterable[str]:
    return (each.organisation_id for each in content.contacts if each.organisation_id)
