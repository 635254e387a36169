"""No table with people in it is forgotten where they are told what is kept about them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.catalog import about_person as catalog
from services.events import about_person as events
from services.gateway import about_person as gateway
from services.notify import about_person as notify
from shared.contracts.rpc import AboutPersonAsked, KeptRecord
from shared.kernel import about_person
from shared.kernel.about_person import AboutPerson, Source, detail
from shared.kernel.bootstrap import SERVICES
from shared.kernel.migrations import migrate
from shared.kernel.postgres import connect_pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault
from tests.conftest import Database, Servers, fresh_database

COLUMNS = """
SELECT DISTINCT table_name FROM information_schema.columns
WHERE table_schema = current_schema()
  AND column_name ~ '^(person_id|person|lookup|email|address|actor|sealed.*|token_hash|token_digest|address_mark)$'
"""
NOTHING: Any = None
SOURCES = {
    "catalog": catalog.sources(NOTHING, NOTHING),
    "events": events.sources(NOTHING, NOTHING),
    "notify": notify.sources(NOTHING, NOTHING, {}, NOTHING),
    "gateway": gateway.sources(NOTHING, None),
}
EVERYWHERE = {
    "journal": "what the told tables are made of; people by ids, what they say sealed",
    "vault": "keys alone",
}
NOT_TOLD = {
    "catalog": {
        "entry_step": "who changed an entry, by a token's label",
        "project_import": "who imported, by a token's label",
        "project_step": "who changed a project, by a token's label",
    },
    "events": {
        "feedback_answer": "sealed with a session's key: nobody knows whose it is",
        "feedback_text": "sealed with a session's key: nobody knows whose it is",
    },
    "notify": {
        "mail_text_version": "who changed a text, by a token's label",
        "message_decision": "what an operator decided, by a token's label; it goes with the message",
        "mailing": "whom a cause concerns, by id; what was written to the person is told as messages",
    },
    "gateway": {
        "erased_person": "ids of the erased alone, so that nobody comes back",
    },
}


@pytest.fixture(scope="module")
async def migrated(servers: Servers) -> AsyncIterator[Database]:
    async with fresh_database(servers) as database:
        for service in SERVICES:
            await migrate(database.dsn(service), service)
        yield database


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_with_people_in_it_is_told_or_has_a_reason_not_to(service: str, migrated: Database) -> None:
    async with await connect_pool(migrated.dsn(service), name="test", size=1) as pool:
        found = {row["table_name"] for row in await pool.fetch(COLUMNS)}
        everything = {row["tablename"] for row in await pool.fetch("SELECT tablename FROM pg_tables")}
    told = {table for source in SOURCES[service] for table in source.tables}
    excepted = NOT_TOLD[service].keys() | EVERYWHERE.keys()
    assert found - told - excepted == set(), "add a source to about_person.py, or a reason to NOT_TOLD"
    assert told <= everything
    assert excepted <= found, "reasons for what is no longer there"
    assert not told & excepted


@pytest.fixture
async def vault(migrated: Database) -> AsyncIterator[Vault]:
    async with await connect_pool(migrated.dsn("events"), name="test", size=2) as pool:
        yield Vault(pool, b"v" * 32)


def kept(label: str, text: str = "") -> KeptRecord:
    return KeptRecord(kind="k", label=label, details=(detail("text", "Text", text),))


def source(records: dict[str, KeptRecord]) -> Source:
    async def read(asked: AboutPersonAsked, after: str, limit: int) -> list[tuple[str, KeptRecord]]:
        return [(key, records[key]) for key in sorted(records) if key > after][:limit] if asked.person_id == "p" else []

    return Source((), read)


async def all_pages(about: AboutPerson, person_id: str) -> list[list[str]]:
    """The labels of every page's records."""
    asked, pages = AboutPersonAsked(person_id=person_id), []
    while True:
        answer = await about.page(asked)
        assert len(answer.model_dump_json().encode()) < 1_000_000, "fits into a message"
        pages.append([record.label for record in answer.records])
        if answer.next is None:
            return pages
        asked = asked.model_copy(update={"after": answer.next})


async def test_pages_hold_everything_once_in_order_and_fit_into_a_message(vault: Vault) -> None:
    many = {f"{number:03}": kept(f"a{number:03}") for number in range(about_person.AT_ONCE * 2 + 1)}
    long = {f"{number}": kept(f"b{number}", "ü" * 100_000) for number in range(5)}
    about = AboutPerson(vault, (source(many), source({}), source(long)))
    pages = await all_pages(about, "p")
    assert [label for page in pages for label in page] == [each.label for each in (*many.values(), *long.values())]
    assert len(pages) > 1
    assert await all_pages(about, "somebody else") == [[]]
    for place in ("x", "3:", "-1:", "²:a", ":"):
        with pytest.raises(Problem, match="invalid_query"):
            await about.page(AboutPersonAsked(person_id="p", after=place))


async def test_a_page_says_whether_the_person_was_erased(vault: Vault) -> None:
    about = AboutPerson(vault, ())
    assert not (await about.page(AboutPersonAsked(person_id="q"))).erased
    await vault.ensure("q")
    assert not (await about.page(AboutPersonAsked(person_id="q"))).erased
    await vault.erase("q")
    assert (await about.page(AboutPersonAsked(person_id="q"))).erased
