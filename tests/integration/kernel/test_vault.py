"""What is sealed for a person is theirs, and gone for good once they are erased."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from shared.kernel.migrations import migrate
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.vault import Erased, NoKey, Unreadable, Vault, erased_people
from tests.conftest import Database

KEY = bytes(range(32))
ERIKA, MAX = "01a208f4-0000-7000-8000-000000000001", "01a208f4-0000-7000-8000-000000000002"
ROWS = "SELECT person_id, wrapped IS NULL AS erased FROM vault ORDER BY person_id"


class Contact(BaseModel):
    name: str
    email: str


CONTACT = Contact(name="Erika Muster", email="erika@example.org")


@pytest.fixture(scope="module")
async def shared_pool(database: Database) -> AsyncIterator[Pool]:
    await migrate(database.dsn("events"), "events")
    pool = await connect_pool(database.dsn("events"), name="tests")
    yield pool
    await pool.close()


@pytest.fixture
async def pool(shared_pool: Pool) -> Pool:
    await shared_pool.execute("TRUNCATE vault")
    return shared_pool


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "erasures" / "events.jsonl"


@pytest.fixture
def vault(pool: Pool, ledger: Path) -> Vault:
    return Vault(pool, KEY, ledger)


async def test_what_is_sealed_can_be_opened(vault: Vault) -> None:
    await vault.ensure(ERIKA)
    sealed = await vault.seal(ERIKA, "contact", CONTACT)
    assert "Erika" not in base64.b64decode(sealed).decode("latin-1")
    opened = await vault.open(ERIKA, "contact", sealed)
    assert opened is not None
    assert Contact.model_validate_json(opened) == CONTACT


async def test_the_same_sealed_twice_looks_different(vault: Vault) -> None:
    await vault.ensure(ERIKA)
    assert await vault.seal(ERIKA, "contact", CONTACT) != await vault.seal(ERIKA, "contact", CONTACT)


async def test_another_process_opens_it_and_another_key_does_not(vault: Vault, pool: Pool) -> None:
    await vault.ensure(ERIKA)
    sealed = await vault.seal(ERIKA, "answers", {"frage": "Ä"})
    assert await Vault(pool, KEY).open(ERIKA, "answers", sealed) == '{"frage":"Ä"}'.encode()
    with pytest.raises(Unreadable):
        await Vault(pool, os.urandom(32)).open(ERIKA, "answers", sealed)


async def test_it_opens_for_this_person_and_purpose_only(vault: Vault) -> None:
    await vault.ensure(ERIKA)
    await vault.ensure(MAX)
    sealed = await vault.seal(ERIKA, "contact", CONTACT)
    for person_id, purpose in ((ERIKA, "answers"), (MAX, "contact")):
        with pytest.raises(Unreadable):
            await vault.open(person_id, purpose, sealed)


@pytest.mark.parametrize(
    "text", ["", "x", "????", base64.b64encode(b"\x01short").decode(), base64.b64encode(b"\x02" * 60).decode()]
)
async def test_what_was_never_sealed_does_not_open(vault: Vault, text: str) -> None:
    await vault.ensure(ERIKA)
    with pytest.raises(Unreadable):
        await vault.open(ERIKA, "contact", text)


async def test_many_open_in_their_order_with_holes_for_the_erased(vault: Vault) -> None:
    people = [f"person-{number}" for number in range(50)]
    await asyncio.gather(*(vault.ensure(person) for person in people))
    sealed = [(person, "contact", await vault.seal(person, "contact", {"n": person})) for person in people]
    await vault.erase(people[7])
    opened = await vault.open_many([*sealed, sealed[0]])
    assert opened[7] is None
    assert opened[8] == b'{"n":"person-8"}'
    assert opened[50] == opened[0]
    assert await vault.open_many([]) == []


async def test_erasing_destroys_the_key_at_once_for_every_process(vault: Vault, pool: Pool) -> None:
    other = Vault(pool, KEY)
    await vault.ensure(ERIKA)
    sealed = await other.seal(ERIKA, "contact", CONTACT)
    await vault.erase(ERIKA)
    assert await vault.open(ERIKA, "contact", sealed) is None
    assert await other.open(ERIKA, "contact", sealed) is None
    assert await pool.fetchval("SELECT count(*) FROM vault WHERE wrapped IS NOT NULL") == 0


async def test_nobody_is_brought_back(vault: Vault, pool: Pool) -> None:
    await vault.ensure(ERIKA)
    await vault.erase(ERIKA)
    await vault.erase(ERIKA)
    for late in (vault, Vault(pool, KEY)):
        with pytest.raises(Erased):
            await late.ensure(ERIKA)
        with pytest.raises(Erased):
            await late.seal(ERIKA, "contact", CONTACT)


async def test_who_was_never_known_can_be_erased_ahead(vault: Vault) -> None:
    await vault.erase(MAX)
    with pytest.raises(Erased):
        await vault.ensure(MAX)


async def test_nothing_is_sealed_without_a_key(vault: Vault) -> None:
    with pytest.raises(NoKey):
        await vault.seal(ERIKA, "contact", CONTACT)


async def test_many_ensure_one_key(pool: Pool) -> None:
    vaults = [Vault(pool, KEY) for _ in range(20)]
    await asyncio.gather(*(vault.ensure(ERIKA) for vault in vaults))
    sealed = [await vault.seal(ERIKA, "contact", {"n": 1}) for vault in vaults]
    assert await vaults[0].open_many([(ERIKA, "contact", text) for text in sealed]) == [b'{"n":1}'] * 20


async def test_erasures_are_noted_once_and_without_personal_data(vault: Vault, ledger: Path) -> None:
    for person in (ERIKA, MAX, ERIKA):
        await vault.erase(person)
    assert erased_people(ledger) == [ERIKA, MAX]
    assert ledger.read_text().split("\n") == ["", f'{{"person_id":"{ERIKA}"}}', "", f'{{"person_id":"{MAX}"}}', ""]
    assert ledger.stat().st_mode & 0o777 == 0o600


async def test_a_restored_database_forgets_again(vault: Vault, pool: Pool, ledger: Path) -> None:
    await vault.ensure(ERIKA)
    await vault.ensure(MAX)
    sealed = await vault.seal(ERIKA, "contact", CONTACT)
    before = [tuple(row) for row in await pool.fetch("SELECT person_id, wrapped FROM vault")]
    await vault.erase(ERIKA)
    await pool.execute("DELETE FROM vault")
    await pool.executemany("INSERT INTO vault (person_id, wrapped) VALUES ($1, $2)", before)
    restored = Vault(pool, KEY, ledger)
    assert await restored.open(ERIKA, "contact", sealed) is not None
    assert await restored.reapply(ledger) == [ERIKA]
    assert await restored.open(ERIKA, "contact", sealed) is None
    assert await restored.reapply(ledger) == []
    assert [tuple(row) for row in await pool.fetch(ROWS)] == [(ERIKA, True), (MAX, False)]


def test_half_a_line_costs_nothing_but_itself(ledger: Path) -> None:
    ledger.parent.mkdir()
    ledger.write_bytes(b'\n{"person_id":"a"}\n\n{"person\n{"person_id":"b"}\n\n[]\n\n{"person_id":"a"}\n')
    assert erased_people(ledger) == ["a", "b"]


def test_a_ledger_that_is_not_there_is_empty(ledger: Path) -> None:
    assert erased_people(ledger) == []
