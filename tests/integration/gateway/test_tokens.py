"""The program that makes, lists and ends tokens."""

import asyncio
import base64
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.gateway import tokens
from services.gateway.addresses import lookup_key, parse_address
from services.gateway.reached import people_reached
from services.gateway.upstream import Down
from shared.contracts.rpc import PeopleAsked
from shared.kernel.identity import generate_keys
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault
from tests.integration.gateway.conftest import settings

ROOT = Path(__file__).parents[3]


async def run(dsn: str, *arguments: str, catalog: str = "http://127.0.0.1:9") -> tuple[int, str, str]:
    keys, key = generate_keys(), base64.b64encode(b"k" * 32).decode()
    environment = os.environ | {
        "IKZ_DATABASE_URL": dsn,
        "IKZ_NATS_URL": "nats://unused",
        "IKZ_VAULT_KEY": key,
        "IKZ_ADDRESS_KEY": key,
        "IKZ_IDENTITY_PUBLIC_KEY": keys.public,
        "IKZ_IDENTITY_PRIVATE_KEY": keys.private,
        **{f"IKZ_{name}_URL": "http://127.0.0.1:9" for name in ("EVENTS", "NOTIFY")},
        "IKZ_CATALOG_URL": catalog,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.gateway.tokens", *arguments),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_a_token_is_printed_once_listed_without_its_secret_and_ended(dsn: str, pool: Pool) -> None:
    code, output, errors = await run(dsn, "create", "--role", "editor", "--label", "redaktion")
    assert (code, errors) == (0, "")
    token = output.strip()
    holder = await tokens.Holders(pool).of(token)
    assert holder is not None
    assert (holder.role, holder.label) == ("editor", "redaktion")
    assert token not in str([tuple(row) for row in await pool.fetch("SELECT * FROM token")])

    code, output, _ = await run(dsn, "list")
    assert code == 0
    assert "redaktion\teditor\t" in output
    assert "in use" in output
    assert token not in output

    assert (await run(dsn, "revoke", "--label", "redaktion"))[0] == 0
    assert (await run(dsn, "revoke", "--label", "redaktion"))[0] == 1
    assert await tokens.Holders(pool).of(token) is None
    assert "revoked" in (await run(dsn, "list"))[1]


async def test_a_members_token_carries_the_organisation(
    dsn: str, pool: Pool, open_door: Any, services: Any, some_id: str
) -> None:
    services.answers["/api/v1/organisations/05766044"] = {"id": some_id}
    services.answers["/api/v1/undertakings"] = {"items": []}
    member = ("create", "--role", "member", "--label", "lemgo", "--organisation", "05766044")
    code, output, errors = await run(dsn, *member, catalog=services.url)
    assert (code, errors) == (0, "")
    door = await open_door()
    async with door.get("/api/v1/undertakings", headers={"Authorization": f"Bearer {output.strip()}"}) as answer:
        assert answer.status == 200
    identity = services.verified(services.asked[-1], "catalog")
    assert (identity.organisation_id, identity.roles) == (some_id, {"reader", "member"})


async def test_an_organisation_that_the_catalogue_does_not_know_has_no_members(services: Any) -> None:
    assert await tokens.organisation_id(settings(services.url), "05999999") is None
    with pytest.raises(Down):
        await tokens.organisation_id(settings("http://127.0.0.1:9"), "05766044")
    services.answers["/api/v1/organisations/05766020"] = lambda _: web.json_response({}, status=503)
    with pytest.raises(Down):
        await tokens.organisation_id(settings(services.url), "05766020")


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--role", "member", "--label", "x", "--organisation", "not-a-key"],
        ["create", "--role", "member", "--label", "x"],
        ["create", "--role", "editor", "--label", "x", "--organisation", "05766044"],
    ],
)
def test_a_member_has_an_organisation_and_nobody_else(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tokens._arguments(arguments)
    assert "organisation" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--role", "king", "--label", "x"],
        ["create", "--role", "editor", "--label", "a b"],
        ["create", "--role", "editor", "--label", "erika", "--email", "erika@stadt.example"],
        ["create", "--role", "editor"],
        ["create"],
        ["revoke"],
    ],
)
def test_what_makes_no_sense_makes_no_token(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        tokens._arguments(arguments)
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert "usage:" in printed.err


async def test_a_program_that_was_asked_nothing_says_what_it_can_do(dsn: str) -> None:
    code, output, errors = await run(dsn)
    assert (code, output) == (2, "")
    assert "usage:" in errors


async def test_a_token_may_be_one_persons_own_and_its_label_says_nothing_of_whom(dsn: str, pool: Pool) -> None:
    made = []
    for role in ("editor", "operator"):
        code, output, _ = await run(dsn, "create", "--role", role, "--email", "Erika.Muster@stadt.example")
        assert code == 0
        made.append(output.strip())
    own, other = [await tokens.Holders(pool).of(token) for token in made]
    assert own is not None
    assert other is not None
    assert own.lookup == other.lookup == lookup_key(parse_address("erika.muster@stadt.example"), b"k" * 32)
    assert [re.fullmatch("person-[0-9a-f]{16}", holder.label) is not None for holder in (own, other)] == [True, True]
    assert own.label != other.label
    people = Vault(pool, b"k" * 32)
    (person,) = (await people_reached(pool, people, PeopleAsked(actors=(f"token:{own.label}",)))).people
    assert (person.email, person.roles) == ("Erika.Muster@stadt.example", ("editor", "operator"))

    assert (await run(dsn, "revoke", "--email", "erika.muster@stadt.example"))[0] == 0
    assert [await tokens.Holders(pool).of(token) for token in made] == [None, None]
    for nobody, said in (("erika.muster@stadt.example", ""), ("no address", "This is no mail address.\n")):
        code, _, errors = await run(dsn, "revoke", "--email", nobody)
        assert (code, errors) == (1, said)
