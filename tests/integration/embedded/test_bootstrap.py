"""Each role touches its own schemas and nothing else; running the bootstrap again changes nothing."""

import asyncpg
import pytest

from shared.kernel.bootstrap import SERVICES, bootstrap_database, scram_verifier
from tests.conftest import PASSWORDS, Database, drop_database

FOREIGN = (
    "CREATE TABLE events.x (a int)",
    "CREATE TABLE events_rebuild.x (a int)",
    "CREATE TABLE public.x (a int)",
    "CREATE TABLE ext.x (a int)",
    "CREATE SCHEMA x",
    "SET ROLE ikz_events",
    "SELECT * FROM events.probe",
    "SELECT rolpassword FROM pg_authid",
    "DROP EXTENSION pg_trgm",
    "CREATE DATABASE x",
)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_works_in_its_own_schemas(database: Database, service: str) -> None:
    connection = await asyncpg.connect(database.dsn(service))
    try:
        assert await connection.fetchval("SHOW search_path") == f"{service}, ext"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await connection.execute("CREATE TABLE own (a int); DROP TABLE own")
        await connection.execute(f"CREATE TABLE {service}_rebuild.own (a int); DROP TABLE {service}_rebuild.own")
        assert await connection.fetchval("SELECT unaccent('Brücke')") == "Brucke"
    finally:
        await connection.close()


@pytest.mark.parametrize("statement", FOREIGN)
async def test_a_service_touches_nothing_else(database: Database, statement: str) -> None:
    events = await asyncpg.connect(database.dsn("events"))
    await events.execute("CREATE TABLE IF NOT EXISTS probe (a int)")
    await events.close()
    catalog = await asyncpg.connect(database.dsn("catalog"))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await catalog.execute(statement)
    finally:
        await catalog.close()


async def test_umlauts_belong_to_words(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn("catalog"))
    try:
        assert await connection.fetchval("SELECT cardinality(show_trgm('Grün'))") == 5
        assert await connection.fetchval("SELECT lower('ÄÖÜ')") == "äöü"
    finally:
        await connection.close()


async def test_bootstrapping_again_changes_nothing_but_passwords(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn("notify"))
    await connection.execute("CREATE TABLE kept (a int)")
    await connection.close()
    try:
        await bootstrap_database(database.operator_dsn, PASSWORDS | {"notify": "Ünother 'one' with spaces"})
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(database.dsn("notify"))
        await bootstrap_database(database.operator_dsn, PASSWORDS)
        connection = await asyncpg.connect(database.dsn("notify"))
        assert await connection.fetchval("SELECT count(*) FROM kept") == 0
        await connection.close()
    finally:
        await bootstrap_database(database.operator_dsn, PASSWORDS)


async def test_an_operator_need_not_be_superuser(database: Database) -> None:
    superuser = await asyncpg.connect(database.operator_dsn)
    name = f"{database.name}_managed"
    try:
        await superuser.execute(f"CREATE ROLE {name} LOGIN CREATEROLE CREATEDB PASSWORD 'x'")
        await superuser.execute(f"CREATE DATABASE {name} OWNER {name}")
        for service in SERVICES:
            await superuser.execute(f"GRANT ikz_{service} TO {name} WITH ADMIN OPTION")
    finally:
        await superuser.close()
    managed = Database(name, database.postgres)
    try:
        await bootstrap_database(database.postgres.dsn(name, "x", name), PASSWORDS)
        connection = await asyncpg.connect(managed.dsn("gateway"))
        assert await connection.fetchval("SHOW search_path") == "gateway, ext"
        await connection.close()
    finally:
        await drop_database(managed)


async def test_no_password_no_entry(database: Database) -> None:
    for dsn in (
        database.postgres.dsn("postgres", "guessed"),
        database.postgres.tcp_dsn("postgres", "guessed"),
        database.postgres.tcp_dsn("ikz_catalog", PASSWORDS["events"], database.name),
    ):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn)


def test_a_verifier_is_what_postgres_would_store() -> None:
    made = scram_verifier("pencil", salt=bytes.fromhex("5b6d99689d123596") + b"12345678", iterations=4096)
    assert made.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNZYxMjM0NTY3OA==$")
    assert scram_verifier("pencil") != scram_verifier("pencil")
