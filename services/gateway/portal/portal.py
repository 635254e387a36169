"""The portal's parts and how a page reads them: a service that is down costs its own part of a page only."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from services.gateway.contacts import ContactDesk
from services.gateway.guard import FormGuard
from services.gateway.invitations import InvitationDesk
from services.gateway.own_data_api import OwnDataApi
from services.gateway.portal.directory import Directory
from services.gateway.portal.reading import Listed
from services.gateway.portal.rendering import Pages, Static
from services.gateway.portal.services import Missing, Query, Refusal, Services
from services.gateway.questions import QuestionDesk
from services.gateway.registrations import Desk
from services.gateway.subscriptions import SubscriptionDesk
from services.gateway.upstream import Down, Service
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.kernel.problems import Problem

PATIENCE = 4.0
UNREADABLE_QUERY = {"invalid_query", "invalid_request"}


@dataclass(frozen=True, slots=True)
class Portal:
    """What the pages are made with."""

    pages: Pages
    static: Static
    services: Services
    guard: FormGuard
    desk: Desk
    contact_desk: ContactDesk
    directory: Directory
    question_desk: QuestionDesk
    subscription_desk: SubscriptionDesk
    invitation_desk: InvitationDesk
    own_data: OwnDataApi
    clock: Clock
    trusted_proxies: int

    async def listed[Item: BaseModel](
        self, service: Service, path: str, item: type[Item], query: Query | None = None
    ) -> Listed[Item]:
        """One page of a list; an unreadable query gives none."""
        try:
            return await self.services.read(service, path, _page_of(item), query)
        except Refusal as refusal:
            if refusal.code in UNREADABLE_QUERY:
                raise Problem("not_found") from refusal
            raise Problem("unavailable") from refusal

    async def one[Thing: BaseModel](self, service: Service, path: str, shape: type[Thing]) -> Thing:
        """One thing, or the page „nicht gefunden“."""
        try:
            return await self.services.read(service, path, shape)
        except Missing as missing:
            raise Problem("not_found") from missing
        except Refusal as refusal:
            raise Problem("unavailable") from refusal


@cache
def _page_of[Item: BaseModel](item: type[Item]) -> type[Listed[Item]]:
    """The model of a page of these, held: pydantic forgets it otherwise, and making it again costs milliseconds."""
    return Listed[item]  # type: ignore[valid-type]


async def together(*parts: Awaitable[Any]) -> list[Any]:
    """Every part of a page, read at once; None for a part whose service is down, or holds up the others."""
    return list(await asyncio.gather(*(_or_none(part) for part in parts)))


async def _or_none(part: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(PATIENCE):
            return await part
    except (Down, TimeoutError):
        return None


def path_id(request: web.Request, name: str = "id") -> str:
    """The id in the path in canonical form, or the page „nicht gefunden“."""
    found = parse_id(request.match_info[name])
    if found is None:
        raise Problem("not_found")
    return str(found)


def given(**parameters: str | int) -> Query:
    """A query without its empty parameters."""
    return {name: value for name, value in parameters.items() if value}
