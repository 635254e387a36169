"""A gateway whose services are one small real HTTP server that answers what a test tells it to."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from services.gateway import problems
from services.gateway.api import Api
from services.gateway.audit import Audit
from services.gateway.contacts import ContactDesk
from services.gateway.contacts_api import Contacts
from services.gateway.data_links import DataLinks
from services.gateway.guard import FormGuard
from services.gateway.http import Gateway, build
from services.gateway.invitations import InvitationDesk
from services.gateway.invitations_api import Invitations
from services.gateway.limits import Limit
from services.gateway.live_api import Live
from services.gateway.live_api import Open as Streams
from services.gateway.live_hub import Hub, LiveReader
from services.gateway.own_data import OwnDataDesk
from services.gateway.own_data_api import OwnDataApi
from services.gateway.people import ERASURES, People
from services.gateway.person import PERSON
from services.gateway.portal.directory import Directory
from services.gateway.portal.portal import Portal
from services.gateway.portal.rendering import Pages, Site, Static, site_of
from services.gateway.portal.services import Services
from services.gateway.questions import QuestionDesk
from services.gateway.questions_api import Questions
from services.gateway.registrations import Desk
from services.gateway.settings import GatewaySettings
from services.gateway.subscriptions import SubscriptionDesk
from services.gateway.subscriptions_api import SubscriptionIntake
from services.gateway.tokens import Holders
from services.gateway.upstream import Service, Upstream, open_session
from shared.contracts.rpc import AboutPersonAnswered, AboutPersonAsked, KeptRecord
from shared.kernel.clock import Clock
from shared.kernel.feed import Feed
from shared.kernel.health import Health
from shared.kernel.identity import Signer, Verifier, generate_keys
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Wakeup
from tests.conftest import Database, Servers, fresh_database

problems.register()
KEYS = generate_keys()
NOW = datetime(2025, 8, 1, 8, 0, tzinfo=UTC)
CLOCK = Clock((NOW - datetime.now(UTC)).total_seconds())
type Respond = Callable[[web.Request], Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a service got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


TOGETHER = {"/internal/enrolments": "look", "/internal/registrations": "take"}


@dataclass(slots=True)
class StandIn:
    """A server in the place of the three services: `answers[path]` is a JSON value or a function of the request.

    What is in `streamed` reads the request itself.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    streamed: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path in self.streamed:
            answer = await self.streamed[request.path](request)
            assert isinstance(answer, web.StreamResponse)
            return answer
        body = await request.read()
        if request.path in TOGETHER:
            together: web.StreamResponse = await getattr(self, TOGETHER[request.path])(request, json.loads(body))
            return together
        self.asked.append(Asked(request.method, request.path_qs, dict(request.headers), body))
        alone: web.StreamResponse = await self._answer(request, request.path)
        return alone

    async def look(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        """What sessions say of registration, by how everybody sees them."""
        self.asked.append(Asked(request.method, request.path_qs, dict(request.headers), b""))
        found = [await self._answer(request, f"/api/v1/sessions/{each}") for each in asked["session_ids"]]
        if any(each.status >= 500 for each in found):
            return web.Response(status=503)
        shown = [json.loads(each.body) if each.status == 200 else None for each in found]
        enrolments = [each and each | {"asks": bool(each.get("registration_questions"))} for each in shown]
        return web.json_response({"enrolments": enrolments})

    async def take(self, request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
        """Registrations that came together, each noted and answered as if it had come alone."""
        answers = []
        for one in asked["registrations"]:
            path, headers = f"/internal/sessions/{one['session_id']}/registrations", dict(request.headers)
            headers |= {"Idempotency-Key": one["key"], "traceparent": one["traceparent"]}
            self.asked.append(Asked("POST", path, headers, one["said"].encode()))
            answer = await self._answer(request, path)
            if answer.status >= 500:
                return web.Response(status=503)
            answers.append({"status": answer.status, "body": json.loads(answer.body)})
        return web.json_response({"answers": answers})

    async def _answer(self, request: web.Request, path: str) -> Any:
        answer = self.answers.get(path)
        if callable(answer):
            answer = answer(request)
            answer = await answer if asyncio.iscoroutine(answer) else answer
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.json_response({"code": "not_found"}, status=404, content_type="application/problem+json")
        return web.json_response(answer)

    def verified(self, asked: Asked, service: str) -> Any:
        """Whom the gateway says a request is from."""
        return Verifier(KEYS.public, service, CLOCK).verify(asked.headers["Ikz-Identity"])


@pytest.fixture
async def services() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", stand_in.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stand_in
    await runner.cleanup()


async def with_its_tables(database: Database) -> None:
    """All that the service has in its database."""
    await migrate(database.dsn("gateway"), "gateway")


@pytest.fixture(scope="module")
async def database(servers: Servers) -> AsyncIterator[Database]:
    async with fresh_database(servers, with_its_tables) as made:
        yield made


@pytest.fixture(scope="module")
def dsn(database: Database) -> str:
    return database.dsn("gateway")


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with await connect_pool(dsn, name="test") as pool:
        yield pool


@pytest.fixture
async def people(dsn: str, pool: Pool) -> AsyncIterator[People]:
    journal = Journal(dsn, pool, [PERSON], [ERASURES], wakeup=Wakeup())
    async with journal.running():
        yield People(pool, journal, Vault(pool, b"v" * 32), b"a" * 32)


def settings(services_url: str, **more: Any) -> GatewaySettings:
    """Settings of a gateway in front of `services_url`."""
    return GatewaySettings(
        database_url="postgresql://unused",
        nats_url="nats://unused",
        vault_key=base64.b64encode(b"v" * 32).decode(),
        identity_public_key=KEYS.public,
        identity_private_key=KEYS.private,
        address_key=base64.b64encode(b"a" * 32).decode(),
        catalog_url=services_url,
        events_url=services_url,
        notify_url=services_url,
        **more,
    )


@dataclass(slots=True)
class Owners:
    """What the services say they keep about a person, in pages of one record; who is `down` says nothing."""

    kept: dict[tuple[Service, str], list[KeptRecord]] = field(default_factory=dict)
    erased: set[tuple[Service, str]] = field(default_factory=set)
    down: set[Service] = field(default_factory=set)

    async def tell(self, service: Service, asked: AboutPersonAsked) -> AboutPersonAnswered:
        if service in self.down:
            raise Problem("unavailable")
        records, number = self.kept.get((service, asked.person_id), []), int(asked.after or 0)
        return AboutPersonAnswered(
            records=tuple(records[number : number + 1]),
            erased=(service, asked.person_id) in self.erased,
            next=str(number + 1) if len(records) > number + 1 else None,
        )


@dataclass(slots=True)
class Door:
    """A running gateway and a client for it."""

    client: ClientSession
    url: URL
    gateway: Gateway
    owners: Owners

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(self.url.join(URL(path, encoded=True)), allow_redirects=False, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self.client.post(self.url.join(URL(path, encoded=True)), allow_redirects=False, **more)

    def send(self, method: str, path: str, **more: Any) -> Any:
        return self.client.request(method, self.url.join(URL(path, encoded=True)), allow_redirects=False, **more)


def gateway_of(
    set_to: GatewaySettings, upstream: Upstream, pool: Pool, people: People, seconds: Any, *, owners: Owners
) -> Gateway:
    """A gateway without its process."""
    limited = set_to.rate_limits
    links = DataLinks(
        people,
        CLOCK,
        set_to.data_link_minutes,
        Limit("data-requests", 5, 600, seconds) if limited else None,
        Limit("data-requests-of-one-address", 3, 600, seconds) if limited else None,
    )
    own_data = OwnDataApi(OwnDataDesk(people, owners.tell), links, set_to.public_url, set_to.trusted_proxies)
    desk = Desk(
        people,
        upstream,
        Limit("registrations", 5, 600, seconds) if limited else None,
        Limit("address", 3, 600, seconds) if limited else None,
    )
    contact_desk = ContactDesk(
        people,
        upstream,
        Limit("contact-requests", 5, 600, seconds) if limited else None,
        Limit("contact-requests-of-one-address", 3, 600, seconds) if limited else None,
    )
    question_desk = QuestionDesk(
        people,
        upstream,
        Limit("questions", 5, 600, seconds) if limited else None,
        Limit("questions-of-one-address", 3, 600, seconds) if limited else None,
    )
    subscription_desk = SubscriptionDesk(
        people,
        upstream,
        Limit("subscriptions", 5, 600, seconds) if limited else None,
        Limit("subscriptions-of-one-address", 3, 600, seconds) if limited else None,
    )
    invitation_desk = InvitationDesk(people, upstream, desk)
    feed = Feed("gateway", people.journal, pool, set_to.public_url)
    portal = Portal(
        pages=pages_of(site_of(set_to)),
        static=static(),
        services=Services(upstream),
        guard=FormGuard(b"g" * 32),
        desk=desk,
        contact_desk=contact_desk,
        directory=Directory(Services(upstream)),
        question_desk=question_desk,
        subscription_desk=subscription_desk,
        invitation_desk=invitation_desk,
        own_data=own_data,
        clock=CLOCK,
        trusted_proxies=set_to.trusted_proxies,
    )
    holders = Holders(pool)
    return Gateway(
        own=Api(
            desk,
            people,
            upstream,
            feed,
            set_to.trusted_proxies,
            Contacts(contact_desk, set_to.trusted_proxies),
            Questions(question_desk, set_to.trusted_proxies),
            SubscriptionIntake(subscription_desk, set_to.trusted_proxies),
            live_of(set_to, upstream, people, holders),
            Invitations(invitation_desk, set_to.trusted_proxies),
            own_data,
        ),
        portal=portal,
        holders=holders,
        audit=Audit(pool),
        clock=CLOCK,
        health=Health(),
        max_body=set_to.max_body,
        max_upload=set_to.max_upload,
        max_material=set_to.max_material,
        fingerprint_key=bytes(32),
        https=set_to.https,
    )


def live_of(set_to: GatewaySettings, upstream: Upstream, people: People, holders: Holders) -> Live:
    """The live stream; nobody reads for it unless a test does."""
    hub = Hub()
    streams = Streams(set_to.streams, set_to.streams_per_network)
    return Live(hub, LiveReader(upstream, hub, 1.0), people, holders, streams, 0, heartbeat=0.2, patience=1.0)


@cache
def static() -> Static:
    """Its files are read and compressed once."""
    return Static()


@cache
def pages_of(site: Site) -> Pages:
    """Its templates are compiled once."""
    return Pages(site, static(), CLOCK)


type Open = Callable[..., Any]


@pytest.fixture
async def open_door(services: StandIn, pool: Pool, people: People) -> AsyncIterator[Open]:
    """Starts a gateway with other settings than the usual."""
    running: list[tuple[web.AppRunner, ClientSession, ClientSession]] = []

    async def start(**more: Any) -> Door:
        set_to = settings(more.pop("services_url", services.url), **more)
        session = open_session(set_to.deadline)
        upstream = Upstream(session, Signer(KEYS.private, CLOCK), set_to.services)
        owners = Owners()
        gateway = gateway_of(set_to, upstream, pool, people, asyncio.get_running_loop().time, owners=owners)
        runner = web.AppRunner(build(gateway), access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = ClientSession(auto_decompress=True)
        running.append((runner, session, client))
        return Door(client, URL(f"http://127.0.0.1:{runner.addresses[0][1]}"), gateway, owners)

    yield start
    for runner, session, client in running:
        await client.close()
        await runner.cleanup()
        await session.close()


@pytest.fixture
async def door(open_door: Open) -> Any:
    return await open_door()


@pytest.fixture
def some_id() -> str:
    return str(uuid4())
