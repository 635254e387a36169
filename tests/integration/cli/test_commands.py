"""The operator's commands on a running system."""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from shared.embedded.folder import DataFolder
from tests.running import IKZ, RunningSystem, ikz, ikz_here


async def test_content_is_loaded_once(system: RunningSystem) -> None:
    code, output, errors = await ikz("import", "content", "catalog", "--json", "--data", str(system.folder))
    assert code == 0, errors
    again = json.loads(output)["loaded"]
    before = json.loads((system.folder / "content.json").read_text())["loaded"]
    assert again["projects"] == before["projects"] == 10


@pytest.mark.long
async def test_a_population_file_is_looked_at_before_it_is_imported(system: RunningSystem) -> None:
    """The numbers are invented, and none of them is recorded."""
    options = ("--dry-run", "--data", str(system.folder))
    file = system.folder / "einwohner.csv"
    file.write_bytes("AGS;Einwohner;Stand\n05766044;40.123;31.12.2024\n".encode("windows-1252"))
    code, output, errors = await ikz("import", "population", str(file), "--json", *options)
    assert code == 0, errors
    report = json.loads(output)
    assert (report["changed"], report["missing"], report["recorded"]) == (1, 395, False)
    file.write_text("AGS;Einwohner\n05766044;viele\n")
    code, output, _ = await ikz("import", "population", str(file), "--as-of", "2024-12-31", *options)
    assert code == 1
    assert output.splitlines()[0] == "line 2, Einwohner: Erwartet wird eine ganze Zahl ab 0."
    file.write_text("Name;Zahl\nLemgo;1\n")
    code, _, errors = await ikz("import", "population", str(file), *options)
    assert (code, "AGS und Einwohner" in errors) == (1, True)


async def test_projects_come_from_a_file_and_go_into_one(system: RunningSystem, tmp_path: Path) -> None:
    """All the way: the gateway takes the file, the clock of the catalogue does the rows, an export takes them out."""
    data, word = ("--data", str(system.folder)), uuid4().hex[:8]
    file, report, out = tmp_path / "projekte.csv", tmp_path / "bericht.csv", tmp_path / "aus.csv"
    rows = [f"{n};Ölwehr {word} {n};Ense, Stadt;Bauhof" for n in range(120)]
    file.write_text("\n".join(["Kennung;Titel;Beteiligte;Themen", *rows]), "cp1252")
    code, output, _ = await ikz("import", "projects", str(file), "--report", str(report), *data)
    assert code == 1
    assert output.startswith("refused: 120 rows (new 0, changed 0, unchanged 0, bad 120)")
    assert len(report.read_text("utf-8-sig").splitlines()) == 121
    file.write_text(file.read_text("cp1252").replace("Ense, Stadt", "Stadt Ense"), "cp1252")
    code, output, errors = await ikz("import", "projects", str(file), "--json", *data)
    assert code == 0, errors
    assert json.loads(output)["done"] == 120
    assert json.loads(output)["file"]["encoding"] == "windows-1252"
    filters = ("--filter", "status=drafted", "--q", word, "--sort", "title")
    code, _, errors = await ikz("export", "projects", "--format", "csv", "--out", str(out), *filters, *data)
    assert code == 0, errors
    assert len(out.read_text("utf-8-sig").splitlines()) == 121


@asynccontextmanager
async def halfway(system: RunningSystem, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A client whose import is some way on, and the import's address."""
    client = await asyncio.create_subprocess_exec(
        *(*IKZ, "import", "projects", *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    signed = {"Authorization": f"Bearer {system.editor_token}"}
    try:
        async with ClientSession(system.base_url, headers=signed) as session, asyncio.timeout(60):
            while True:
                async with session.get("/api/v1/projects/imports", params={"limit": "1"}) as answer:
                    items = (await answer.json()).get("items", [])  # none while the service comes back
                ours = [each for each in items if each["file"]["name"] == Path(options[0]).name and each["done"] > 0]
                if ours:
                    break
                await asyncio.sleep(0.02)
            assert ours[0]["status"] == "running", ours
            yield client, f"{system.base_url}/api/v1/projects/imports/{ours[0]['id']}"
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()


@pytest.mark.long
async def test_an_import_outlives_the_service_and_whoever_watches_it(system: RunningSystem, tmp_path: Path) -> None:
    """The service is killed in the middle, and comes back; then the same with the client, who asks again."""
    word, data = uuid4().hex[:8], ("--mode", "good_rows", "--json", "--data", str(system.folder))
    file, again, report, out = (tmp_path / f"{word}-{name}.csv" for name in ("erst", "dann", "bericht", "aus"))
    rows = [f"{n};Ölwehr {word} {n};Bauhof" for n in range(300)]
    file.write_text("\n".join(["Kennung;Titel;Themen", *rows, f"x;{word};Quantenphysik"]))
    async with halfway(system, str(file), "--key", f"{word}-1", "--report", str(report), *data) as (client, _):
        os.kill(DataFolder(system.folder).running().pids["catalog"], signal.SIGKILL)
        said, wrong = await asyncio.wait_for(client.communicate(), 60)
    assert client.returncode == 1, wrong
    first = json.loads(said)
    assert (first["status"], first["done"], first["failed"]) == ("finished", 300, 1), first
    assert len(report.read_text("utf-8-sig").splitlines()) == 2
    again.write_text(file.read_text().replace("Ölwehr", "Ölsperre"))
    async with halfway(system, str(again), "--key", f"{word}-2", *data) as (client, address):
        client.kill()
        await client.wait()
    code, output, errors = await ikz("import", "projects", str(again), "--key", f"{word}-2", *data)
    second = json.loads(output)
    assert (code, second["changed"], second["done"], second["failed"]) == (1, 300, 300, 1), errors
    assert address.endswith(second["id"])
    filters = ("--filter", "status=drafted", "--q", word, "--out", str(out), "--data", str(system.folder))
    code, _, errors = await ikz("export", "projects", *filters)
    assert code == 0, errors
    titles = [line.split(";")[1] for line in out.read_text("utf-8-sig").splitlines()[1:]]
    assert sorted(titles) == sorted(f"Ölsperre {word} {n}" for n in range(300))


async def test_tail_shows_domain_events_as_anyone_reads_them(system: RunningSystem) -> None:
    data = ("--data", str(system.folder))
    code, output, errors = await ikz("tail", "ikz.catalog.project.>", "--all", "--json", "-n", "3", *data)
    assert code == 0, errors
    envelopes = [json.loads(line) for line in output.splitlines()]
    assert len(envelopes) == 3
    assert all(
        envelope["specversion"] == "1.0" and envelope["type"].startswith("ikz.catalog.project.")
        for envelope in envelopes
    )
    code, output, errors = await ikz("tail", "--all", "-n", "2", *data)
    assert code == 0, errors
    assert len(output.splitlines()) == 2
    code, _, errors = await ikz_here("tail", "elsewhere.>", *data)
    assert code == 1
    assert "no subject of ours" in errors


async def test_tail_ends_quietly_when_nobody_reads_it_any_more(system: RunningSystem) -> None:
    """As `ikz tail --all | head` does, in both forms."""
    for form in ([], ["--json"]):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)  # less than there is to show
        process = await asyncio.create_subprocess_exec(
            *IKZ, "tail", "--all", *form, "--data", str(system.folder), stdout=writing, stderr=subprocess.PIPE
        )
        os.close(writing)
        assert await asyncio.to_thread(os.read, reading, 1)
        os.close(reading)
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, errors.decode()) == (0, "Reading ikz.>; Ctrl-C ends it.\n")


async def test_tail_waits_for_what_comes_and_ends_on_ctrl_c(system: RunningSystem) -> None:
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs aside ignore it
    try:
        process = await asyncio.create_subprocess_exec(
            *IKZ, "tail", "ikz.events.>", "--data", str(system.folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    finally:
        signal.signal(signal.SIGINT, heeded)
    assert process.stderr is not None
    said = await asyncio.wait_for(process.stderr.readline(), 60)
    assert said == b"Reading ikz.events.>; Ctrl-C ends it.\n"
    process.send_signal(signal.SIGINT)
    output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, errors
    assert output == b""


async def test_read_models_are_rebuilt(system: RunningSystem) -> None:
    data = ("--data", str(system.folder))
    code, listed, errors = await ikz("rebuild", "catalog", *data)
    assert code == 0, errors
    assert "topics" in listed.split()
    code, output, errors = await ikz("rebuild", "catalog", "topics", "--json", *data)
    assert code == 0, errors
    rebuilt = [json.loads(line)["rebuilt"] for line in output.splitlines() if "rebuilt" in json.loads(line)]
    assert [found["projection"] for found in rebuilt] == ["topics"]
    assert rebuilt[0]["different"] == []
    code, _, errors = await ikz("rebuild", "catalog", "unheard_of", *data)
    assert code == 1
    code, _, errors = await ikz_here("rebuild", "elsewhere", *data)
    assert code == 2


async def test_migrating_and_bootstrapping_again_does_nothing(system: RunningSystem) -> None:
    for more in ((), ("--contract",)):
        code, output, errors = await ikz_here("migrate", *more, "--data", str(system.folder))
        assert code == 0, errors
        assert output.count("nothing to do") == 4
    code, output, errors = await ikz("bootstrap", "--data", str(system.folder))
    assert code == 0, errors
    assert "all streams are there" in output


async def test_an_operator_says_how_much_room_files_have(system: RunningSystem) -> None:
    for environment in ({"IKZ_FILES_MAX_BYTES": str(5 * 1024**3)}, {}):
        code, output, errors = await ikz_here("bootstrap", "--data", str(system.folder), environment=environment)
        assert code == 0, errors
        assert "OBJ_IKZ_CATALOG_FILES, OBJ_IKZ_EVENTS_FILES made or changed" in output


async def test_no_message_waits(system: RunningSystem) -> None:
    data = ("--data", str(system.folder))
    code, output, errors = await ikz("dead-letters", "list", "--json", *data)
    assert code == 0, errors
    assert json.loads(output) == []
    for command in (("show", "notify", "1"), ("retry", "notify", "1"), ("discard", "notify", "1", "--reason", "x")):
        code, _, errors = await ikz_here("dead-letters", *command, *data)
        assert code == 1
        assert "no dead letter 1" in errors


async def test_a_service_is_named_where_the_environment_names_one_database(system: RunningSystem) -> None:
    elsewhere = {"IKZ_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    for command in (("migrate",), ("dead-letters", "list")):
        code, _, errors = await ikz_here(*command, environment=elsewhere)
        assert code == 1
        assert "name that service" in errors


async def test_a_service_says_which_setting_is_missing() -> None:
    without = {name: "" for name in os.environ if name.startswith("IKZ_")}
    code, _, errors = await ikz("run", "catalog", environment=without)
    assert code == 2
    assert "IKZ_DATABASE_URL" in errors
    code, _, errors = await ikz_here("run", "elsewhere")
    assert code == 2
