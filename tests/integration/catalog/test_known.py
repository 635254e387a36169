"""What other services ask about: is it in the catalogue?"""

from uuid import uuid4

import pytest

from services.catalog.known import known
from services.catalog.organisations_of_types import organisations_of_types
from services.catalog.titles import titles
from shared.contracts.rpc import KnownAnswered, KnownAsked, OrganisationsOfTypesAsked, TitlesAsked
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from tests.integration.catalog.conftest import Client

pytestmark = pytest.mark.usefixtures("journal")


async def test_topics_are_known_by_their_code_alone(pool: Pool) -> None:
    asked = KnownAsked(topics=("works_depot", "astrology", "bauhof", "treasury", ""))
    assert await known(pool, asked) == KnownAnswered(unknown_topics=("astrology", "bauhof", ""))


async def test_organisations_are_known_by_their_official_key(pool: Pool) -> None:
    asked = KnownAsked(ags=("05374028", "05999999", "05374", "0537402"))
    assert await known(pool, asked) == KnownAnswered(unknown_ags=("05999999", "0537402"))


async def test_organisations_are_known_by_their_id(editor: Client, pool: Pool) -> None:
    made = await editor.post("/organisations", {"name": "Verein für Rückfragen", "type": "cultural_institution"})
    there, missing = made.body["id"], "99999999-9999-4999-8999-999999999999"
    asked = KnownAsked(organisations=(missing, there))
    assert await known(pool, asked) == KnownAnswered(unknown_organisations=(missing,))


async def test_nothing_asked_is_nothing_unknown(pool: Pool) -> None:
    assert await known(pool, KnownAsked()) == KnownAnswered()


async def test_a_renamed_topic_keeps_its_code(editor: Client, pool: Pool, journal: Journal) -> None:
    renamed = await editor.post("/topics/works_depot/renamings", {"label": "Bauhöfe und Fuhrpark"})
    await journal.wait_for(renamed.body["position"])
    assert await known(pool, KnownAsked(topics=("works_depot",))) == KnownAnswered()


async def test_projects_are_known_once_everybody_can_read_them(editor: Client, pool: Pool, journal: Journal) -> None:
    published, draft = await editor.publish(), await editor.draft()
    await journal.wait_for(await journal.head())
    asked = KnownAsked(projects=(published, published.upper(), draft, str(uuid4()), "keines"))
    assert await known(pool, asked) == KnownAnswered(unknown_projects=asked.projects[2:])


async def test_organisations_of_a_type_come_in_pages(pool: Pool) -> None:
    types = ("district", "city_region", "castle")
    expected = await pool.fetchval("SELECT count(*) FROM organisation WHERE type = ANY($1::text[])", types)
    found: list[str] = []
    after: str | None = None
    while True:
        answer = await organisations_of_types(pool, OrganisationsOfTypesAsked(types=types, after=after, limit=10))
        assert answer.unknown_types == ("castle",)
        found += answer.organisation_ids
        after = answer.next
        if after is None:
            break
    assert len(set(found)) == len(found) == expected > 10
    with pytest.raises(Problem, match="invalid_request"):
        await organisations_of_types(pool, OrganisationsOfTypesAsked(types=types, after="x"))


async def test_what_is_known_has_a_title(editor: Client, pool: Pool, journal: Journal) -> None:
    published, draft = await editor.publish(), await editor.draft()
    renamed = await editor.post("/topics/works_depot/renamings", {"label": "Bauhöfe"})
    await journal.wait_for(renamed.body["position"])
    title = (await editor.get(f"/projects/{published}")).body["title"]
    asked = TitlesAsked(
        topics=("works_depot", "astrology"),
        ags=("05374028", "05374", "99999999"),
        projects=(published.upper(), draft, str(uuid4()), "keines"),
    )
    found = await titles(pool, asked)
    assert found.topics == {"works_depot": "Bauhöfe"}
    assert found.ags == {"05374028": "Morsbach", "05374": "Oberbergischer Kreis"}
    assert found.projects == {published.upper(): title}
