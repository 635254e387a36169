"""Bearer tokens of editors, members and machines: kept as hashes, printed once.

As a program: `python -m services.gateway.tokens create|revoke|list`.

Journals keep a token's label for ever as who did something. That of a function is chosen; a person's is made, says
nothing of whom, and is never used again.
"""

import argparse
import asyncio
import hashlib
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import orjson
from aiohttp import web

from services.gateway.addresses import MailAddress, Malformed, lookup_key, parse_address
from services.gateway.people import ERASURES, People
from services.gateway.person import PERSON
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import Down, Upstream, open_session
from shared.kernel.clock import Clock
from shared.kernel.identity import ANONYMOUS, Signer
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.logs import current_trace
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.recorded import Context
from shared.kernel.together import Together
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup

type TokenRole = Literal["member", "editor", "operator"]

ROLES: tuple[str, ...] = get_args(TokenRole.__value__)
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ORGANISATION = re.compile(r"\d{5}(\d{3})?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
PREFIX = "ikz_"

BY_DIGEST = """
SELECT digest, role, label, organisation::text, lookup FROM token WHERE digest = ANY($1) AND revoked_at IS NULL
"""
CREATE = """
INSERT INTO token (digest, role, label, organisation, created_at, lookup) VALUES ($1, $2, $3, $4, $5, $6)
"""
FORGET = "UPDATE token SET revoked_at = coalesce(revoked_at, $2), lookup = NULL WHERE lookup = $1"
REVOKE = "UPDATE token SET revoked_at = $2 WHERE label = $1 AND revoked_at IS NULL"
REVOKE_OF = "UPDATE token SET revoked_at = $2 WHERE lookup = $1 AND revoked_at IS NULL"
LIST = "SELECT label, role, organisation::text, created_at, revoked_at FROM token ORDER BY created_at, label"


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Whom a token stands for; `organisation` is a member's, by the catalogue's id.

    `lookup` finds the person whose address the token was made for, as `lookup_key` makes it.
    """

    role: TokenRole
    label: str
    organisation: str | None = None
    lookup: bytes | None = None


HOLDER = web.RequestKey("holder", TokenHolder)
"""Whose token came with a request, if one did."""


def borne_by(headers: Mapping[str, str]) -> str | None:
    """The token that comes with a request; empty where what comes is none."""
    authorization = headers.get("Authorization")
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Holders:
    """Finds out who bears a token; many who come at once are looked up by one statement, and nothing is remembered."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._finding = Together(self._find)

    async def of(self, token: str) -> TokenHolder | None:
        """Who bears `token`; None when nobody does, or does no longer."""
        return await self._finding.ask(_digest(token))

    async def _find(self, digests: Sequence[bytes]) -> list[TokenHolder | None]:
        rows = await self._pool.fetch(BY_DIGEST, digests)
        found = {
            row["digest"]: TokenHolder(row["role"], row["label"], row["organisation"], row["lookup"]) for row in rows
        }
        return [found.get(digest) for digest in digests]


async def create(
    pool: Pool,
    role: TokenRole,
    label: str,
    at: datetime,
    organisation: str | None = None,
    *,
    lookup: bytes | None = None,
) -> str:
    """A new token, which cannot be read again; an earlier one of the same label is revoked."""
    token = PREFIX + secrets.token_urlsafe(32)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(REVOKE, label, at)
        await connection.execute(CREATE, _digest(token), role, label, organisation, at, lookup)
    return token


async def revoke(pool: Pool, label: str, at: datetime) -> bool:
    """Ends the token of that label; False when there is none."""
    done: str = await pool.execute(REVOKE, label, at)
    return done != "UPDATE 0"


async def revoke_of(pool: Pool, lookup: bytes, at: datetime) -> bool:
    """Ends the tokens that were made for an address; False when there is none."""
    done: str = await pool.execute(REVOKE_OF, lookup, at)
    return done != "UPDATE 0"


async def forget(pool: Pool, lookup: bytes, at: datetime) -> None:
    """Ends the tokens of an erased person; nothing in them leads to the person any more."""
    await pool.execute(FORGET, lookup, at)


async def organisation_id(settings: GatewaySettings, key: str) -> str | None:
    """The catalogue's id of the organisation with this id or official key (AGS); None when it knows none.

    Raises `Down` when the catalogue does not say.
    """
    async with open_session(settings.deadline) as session:
        upstream = Upstream(
            session, Signer(settings.identity_private_key, Clock(settings.clock_offset)), settings.services
        )
        path = f"/api/v1/organisations/{key}"
        answer = await upstream.fetch("catalog", "GET", path, identity=ANONYMOUS, headers={})
    match answer.status:
        case 200:
            return str(orjson.loads(answer.content)["id"])
        case 404:
            return None
        case _:
            raise Down("catalog")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise argparse.ArgumentTypeError("letters, digits, '.', '_' and '-', at most 64")
    return text


def _organisation(text: str) -> str:
    if not ORGANISATION.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("an official key (AGS) of 5 or 8 digits, or an id of the catalogue")
    return text.lower()


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.gateway.tokens", description="Bearer tokens of the API.")
    commands = parser.add_subparsers(dest="command", required=True)
    creating = commands.add_parser("create", help="make a token and print it, once")
    creating.add_argument("--role", choices=ROLES, required=True)
    creating.add_argument("--organisation", type=_organisation, help="whose member it stands for: official key or id")
    bearer = creating.add_mutually_exclusive_group(required=True)
    bearer.add_argument(
        "--label", type=_label, help="what uses it, an office or a program: stays in journals and the audit log"
    )
    bearer.add_argument(
        "--email",
        help="whose it is: this person needs no link to confirm a registration, and mails for the role reach them",
    )
    revoking = commands.add_parser("revoke", help="end the token of a label, or those of a person")
    ended = revoking.add_mutually_exclusive_group(required=True)
    ended.add_argument("--label", type=_label)
    ended.add_argument("--email")
    commands.add_parser("list", help="labels, roles and dates; never the tokens")
    chosen = parser.parse_args(arguments)
    if chosen.command == "create" and (chosen.role == "member") != (chosen.organisation is not None):
        creating.error("a member has an organisation, and nobody else has one")
    return chosen


async def main(arguments: list[str]) -> int:
    """Runs one command against the gateway's database; the exit status."""
    chosen = _arguments(arguments)
    settings = GatewaySettings()
    now = Clock(settings.clock_offset).now()
    async with await connect_pool(settings.database_url, name="tokens", size=1) as pool:
        match chosen.command:
            case "create":
                return await _create(settings, pool, chosen, now)
            case "revoke":
                return await _revoke(settings, pool, chosen, now)
            case _:
                for row in await pool.fetch(LIST):
                    ended = f"revoked {row['revoked_at']:%Y-%m-%d %H:%M}" if row["revoked_at"] else "in use"
                    of = f"\t{row['organisation']}" if row["organisation"] else ""
                    _print(f"{row['label']}\t{row['role']}\t{row['created_at']:%Y-%m-%d %H:%M}\t{ended}{of}")
                return 0


async def _create(settings: GatewaySettings, pool: Pool, chosen: argparse.Namespace, now: datetime) -> int:
    organisation = None
    if chosen.organisation is not None:
        try:
            organisation = await organisation_id(settings, chosen.organisation)
        except Down:
            return _complain("The catalogue does not answer; it knows whether there is such an organisation.")
        if organisation is None:
            return _complain(f"The catalogue knows no organisation {chosen.organisation}.")
    label, lookup = chosen.label, None
    if chosen.email is not None:
        try:
            address = parse_address(chosen.email)
        except Malformed:
            return _complain("This is no mail address.")
        label, lookup = f"person-{secrets.token_hex(8)}", lookup_key(address, settings.address_key)
        await _make_known(settings, pool, address, now)
    _print(await create(pool, chosen.role, label, now, organisation, lookup=lookup))
    return 0


async def _revoke(settings: GatewaySettings, pool: Pool, chosen: argparse.Namespace, now: datetime) -> int:
    if chosen.email is None:
        return 0 if await revoke(pool, chosen.label, now) else 1
    try:
        address = parse_address(chosen.email)
    except Malformed:
        return _complain("This is no mail address.")
    return 0 if await revoke_of(pool, lookup_key(address, settings.address_key), now) else 1


async def _make_known(settings: GatewaySettings, pool: Pool, address: MailAddress, now: datetime) -> None:
    """Makes a person of who has this address, so that messages for editors and members reach them."""
    journal = Journal(settings.database_url, pool, (PERSON,), (ERASURES,), wakeup=Wakeup())
    vault = Vault(pool, settings.vault_key, settings.erasure_ledger)
    context = Context(command_id=new_id(), actor="tokens", at=now, correlation_id=current_trace().trace_id, fresh=True)
    async with journal.running():
        await People(pool, journal, vault, settings.address_key).find_or_make(address, context)


def _complain(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 1


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1:])))
