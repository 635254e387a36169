"""What `ikz migrate` says: what it did, what waits, and why it could not go on."""

from collections.abc import AsyncIterator

import pytest
import typer

from shared.cli.database import _migrate
from shared.cli.target import OperatorSettings, Target
from shared.kernel import migrations
from shared.kernel.migrations import Migration, migrate, migrations_of
from shared.kernel.postgres import connect
from tests.conftest import Servers, fresh_database

CONTRACT = Migration(
    "catalog/0009_narrower", "-- contract: nobody reads fingerprints\nALTER TABLE command DROP fingerprint"
)


@pytest.fixture
async def dsn(servers: Servers) -> AsyncIterator[str]:
    """The catalog service's role in a database where nothing was ever applied."""
    async with fresh_database(servers) as database:
        yield database.dsn("catalog")


async def test_what_takes_away_waits_for_a_word(
    dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = Target({"catalog": {"IKZ_DATABASE_URL": dsn}}, OperatorSettings(), {})
    await _migrate(target, ["catalog"], contract=False)
    assert capsys.readouterr().out.startswith("catalog: kernel/0001_journal, ")
    everything = [*migrations_of("catalog"), CONTRACT]
    monkeypatch.setattr(migrations, "migrations_of", lambda _service: everything)
    await _migrate(target, ["catalog"], contract=False)
    said = "catalog: nothing to do\ncatalog: catalog/0009_narrower once no older version runs: ikz migrate --contract\n"
    assert capsys.readouterr().out == said
    await _migrate(target, ["catalog"], contract=True)
    assert capsys.readouterr().out == "catalog: catalog/0009_narrower\n"


async def test_a_file_that_cannot_be_applied_is_named(
    dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(migrations, "BETWEEN_ATTEMPTS", 0.01)
    await migrate(dsn, "catalog")
    target = Target({"catalog": {"IKZ_DATABASE_URL": dsn}}, OperatorSettings(), {})
    everything = [*migrations_of("catalog"), CONTRACT]
    monkeypatch.setattr(migrations, "migrations_of", lambda _service: everything)
    holder = await connect(dsn, name="tests")
    async with holder.transaction():
        await holder.fetch("SELECT id FROM command")
        with pytest.raises(typer.Exit):
            await _migrate(target, ["catalog"], contract=True)
    assert "catalog: catalog/0009_narrower was not applied: others hold a table" in capsys.readouterr().err
    await holder.execute("UPDATE migration SET checksum = 'another' WHERE label = 'kernel/0001_journal'")
    await holder.close()
    with pytest.raises(typer.Exit):
        await _migrate(target, ["catalog"], contract=False)
    assert "catalog: kernel/0001_journal was changed after it was applied" in capsys.readouterr().err
