"""What an operator makes once in a Postgres database: a role and two schemas for each service, and the extensions.

Services may none of it. Everything here can be run again at any time, on the embedded server and on an operator's own,
by a superuser or by a role that owns the database and may create roles.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

import asyncpg

SERVICES = ("catalog", "events", "notify", "gateway")
EXTENSIONS = ("pg_trgm", "unaccent")

LOCK = "SELECT pg_advisory_lock(hashtextextended('ikz bootstrap', 0))"
ROLE_IS_THERE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
DATABASE_IS_THERE = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
STATEMENT = "SELECT format($1, VARIADIC $2::text[])"
ATTEMPTS = 5


def role_of(service: str) -> str:
    """The database role and NATS-independent owner of a service's schema."""
    return f"ikz_{service}"


def scram_verifier(password: str, *, salt: bytes | None = None, iterations: int = 4096) -> str:
    """What Postgres stores for a password (RFC 5803), so that no statement and no log of the server holds it."""
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored, server = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt_text}${stored}:{server}"


async def create_database(operator_dsn: str, name: str) -> None:
    """Makes an empty database if it is not there."""
    connection = await asyncpg.connect(operator_dsn)
    try:
        if not await connection.fetchval(DATABASE_IS_THERE, name):
            await _run(connection, "CREATE DATABASE %I ENCODING 'UTF8' TEMPLATE template0", name)
    finally:
        await connection.close()


async def bootstrap_database(operator_dsn: str, passwords: Mapping[str, str]) -> None:
    """Makes roles, schemas and extensions in the database of `operator_dsn`; `passwords` are by service.

    Roles belong to the whole server: beside other databases of the same server they are shared.
    """
    connection = await asyncpg.connect(operator_dsn, server_settings={"synchronous_commit": "on"})
    try:
        await connection.execute(LOCK)
        database = await connection.fetchval("SELECT current_database()")
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with connection.transaction():
                    await _everything(connection, database, passwords)
                break
            except (asyncpg.UniqueViolationError, asyncpg.InternalServerError, asyncpg.DuplicateObjectError):
                # Another database of this server is being bootstrapped: roles are shared, advisory locks are not.
                if attempt == ATTEMPTS:
                    raise
    finally:
        await connection.close()


async def _everything(connection: asyncpg.Connection, database: str, passwords: Mapping[str, str]) -> None:
    await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", database)
    await _run(connection, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    await _run(connection, "CREATE SCHEMA IF NOT EXISTS ext")
    for extension in EXTENSIONS:
        await _run(connection, "CREATE EXTENSION IF NOT EXISTS %I SCHEMA ext", extension)
    owns_roles = not await connection.fetchval(IS_SUPERUSER)
    for service in SERVICES:
        await _service(connection, database, service, passwords[service], member=owns_roles)


async def _service(connection: asyncpg.Connection, database: str, service: str, password: str, *, member: bool) -> None:
    role = role_of(service)
    if not await connection.fetchval(ROLE_IS_THERE, role):
        await _run(connection, "CREATE ROLE %I", role)
    await _run(
        connection,
        "ALTER ROLE %I LOGIN NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD %L",
        role,
        scram_verifier(password),
    )
    if member:
        await _run(connection, "GRANT %I TO CURRENT_USER", role)
    await _run(connection, "GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I", database, role)
    await _run(connection, "GRANT USAGE ON SCHEMA ext TO %I", role)
    for schema in (service, f"{service}_rebuild"):
        await _run(connection, "CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", schema, role)
        await _run(connection, "ALTER SCHEMA %I OWNER TO %I", schema, role)
        await _run(connection, "REVOKE ALL ON SCHEMA %I FROM PUBLIC", schema)
    settings = "ALTER ROLE %I IN DATABASE %I SET "
    await _run(connection, settings + "search_path = %I, ext", role, database, service)
    await _run(connection, settings + "synchronous_commit = on", role, database)
    await _run(connection, settings + "timezone = 'UTC'", role, database)


async def _run(connection: asyncpg.Connection, template: str, *names: str) -> None:
    """Executes DDL, which takes no parameters: the server itself quotes names (%I) and values (%L)."""
    await connection.execute(await connection.fetchval(STATEMENT, template, list(names)))
