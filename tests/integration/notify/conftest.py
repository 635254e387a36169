"""The notification service's parts on a real Postgres, with a clock that tests set."""

import base64
import datetime as dt
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from services.notify import (
    announcement_http,
    bounces_http,
    live_http,
    mail_text_http,
    mailings_http,
    messages_http,
    problems,
    webhook_http,
)
from services.notify.address_mark import AddressMarks
from services.notify.announcement_audience import Audiences
from services.notify.announcement_mailing_http import Announcing
from services.notify.announcement_matter import AnnouncementMatter
from services.notify.layout import Layout
from services.notify.live import Grown
from services.notify.live_http import LiveDesk
from services.notify.live_texts import LiveTexts
from services.notify.mail_text_http import MailTexts
from services.notify.reached import People
from services.notify.records import DECIDERS, PROJECTIONS
from services.notify.report_proof import ReportProof
from services.notify.returned_mail import Reader
from services.notify.trial_mail import TrialMatter, Trials
from services.notify.unsubscribing import Unsubscribing
from services.notify.webhook_client import open_client
from services.notify.webhook_http import WebhookDesk
from shared.contracts.rpc import PeopleAnswered, PeopleAsked, PersonReached
from shared.kernel.clock import Clock
from shared.kernel.health import Health
from shared.kernel.http import make_app
from shared.kernel.identity import ANONYMOUS, HEADER, Identity, Signer, Verifier, generate_keys
from shared.kernel.journal import Journal
from shared.kernel.migrations import migrate
from shared.kernel.postgres import Pool, connect_pool
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Waiter, Wakeup
from tests.conftest import Database, Servers, fresh_database
from tests.integration.notify import subscribing
from tests.integration.notify.known_people import KnownPeople
from tests.unit.notify import samples
from tests.unit.notify.returns import ADDRESSES, DOMAIN
from tests.unit.notify.samples import PORTAL, TEXTS

MARKS = AddressMarks.of_vault(b"k" * 32)
REPORT_SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
EDITOR = Identity(None, frozenset({"reader", "editor"}), None, "token:test")


class SetClock(Clock):
    """Shows the time it was set to."""

    def __init__(self) -> None:
        super().__init__()
        self.time = dt.datetime(2025, 7, 1, 8, tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self.time

    def forward(self, **by: float) -> None:
        self.time += dt.timedelta(**by)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return f"{self.status} {self.body.get('code', '') if isinstance(self.body, dict) else ''}".strip()


@dataclass
class AddressBook:
    """The gateway's answers to where people are reached; who is erased is taken out of `kept`."""

    kept: list[PersonReached] = field(default_factory=list)
    actors: dict[str, str] = field(default_factory=dict)
    page: int = 1000

    def add(self, email: str, *organisation_ids: str, actor: str = "") -> str:
        """Somebody new; the person's id."""
        person_id = str(uuid4())
        self.kept.append(PersonReached(person_id=person_id, email=email, organisation_ids=organisation_ids))
        self.actors[actor or person_id] = person_id
        return person_id

    async def answer(self, asked: PeopleAsked) -> PeopleAnswered:
        named = {*asked.person_ids, *(self.actors.get(actor) for actor in asked.actors)}
        found = sorted(
            (
                person
                for person in self.kept
                if person.person_id in named or set(person.organisation_ids) & set(asked.organisation_ids)
            ),
            key=lambda person: person.person_id,
        )
        found = [person for person in found if person.person_id > (asked.after or "")]
        page = found[: self.page]
        return PeopleAnswered(people=tuple(page), next=page[-1].person_id if len(found) > self.page else None)

    @property
    def people(self) -> People:
        """As the service asks."""
        return People(self.answer)


@dataclass
class Notify:
    """A service of this test's own."""

    dsn: str
    pool: Pool
    journal: Journal
    vault: Vault
    clock: SetClock
    base: str
    http: ClientSession
    signer: Signer
    texts: LiveTexts
    book: AddressBook
    webhooks: WebhookDesk
    live: LiveDesk
    people: KnownPeople
    announcements: AnnouncementMatter

    async def ask(
        self, method: str, path: str, body: Any = None, who: Identity | None = ANONYMOUS, **headers: str
    ) -> Reply:
        """One request, its body JSON or bytes; `headers` with underscores for hyphens."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent[HEADER] = self.signer.sign(who, "notify")
        content: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.http.request(method, self.base + path, headers=sent, **content) as response:
            answer = await response.json() if "json" in response.content_type else await response.read()
            return Reply(response.status, answer, response.headers)

    async def edit(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        return await self.ask(method, path, body, who=EDITOR, **headers)


# Only what a test has filled: to empty all the tables takes longer than most tests.
EMPTY = """
DO $$
DECLARE name text; is_filled boolean; filled text[];
BEGIN
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()
        AND tablename NOT IN ('migration', 'journal_counter', 'live_counter')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO is_filled;
        IF is_filled THEN filled := filled || name; END IF;
    END LOOP;
    IF filled IS NOT NULL THEN
        EXECUTE format('TRUNCATE %s RESTART IDENTITY CASCADE', array_to_string(filled, ', '));
    END IF;
END $$
"""
BEGIN_AGAIN = """
UPDATE journal_counter SET position = 0, store_id = gen_random_uuid(), created_at = clock_timestamp();
UPDATE live_counter SET last = 0
"""


@cache
def tls() -> ssl.SSLContext:
    """Made once: to read all authorities takes as long as a test."""
    return ssl.create_default_context()


@cache
def layout(portal: str) -> Layout:
    """Its templates are compiled once."""
    return Layout(portal, samples.NAME)


async def with_its_tables(database: Database) -> None:
    """All that the service has in its database."""
    await migrate(database.dsn("notify"), "notify")


@pytest.fixture(scope="module")
async def module_pool(servers: Servers) -> AsyncIterator[tuple[str, Pool]]:
    problems.register()
    async with fresh_database(servers, with_its_tables) as database:
        dsn = database.dsn("notify")
        async with await connect_pool(dsn, name="notify test") as pool:
            yield dsn, pool


@pytest.fixture
async def notify(module_pool: tuple[str, Pool]) -> AsyncIterator[Notify]:
    """A service with an empty database, on the first of July 2025."""
    dsn, pool = module_pool
    await pool.execute(EMPTY)
    await pool.execute(BEGIN_AGAIN)
    clock, keys = SetClock(), generate_keys()
    journal = Journal(dsn, pool, DECIDERS, PROJECTIONS, wakeup=Wakeup())
    vault, people = Vault(pool, secrets.token_bytes(32)), KnownPeople()
    matter = AnnouncementMatter(
        pool=pool,
        vault=vault,
        audiences=Audiences(pool, people.owners, clock),
        unsubscribing=Unsubscribing(samples.PORTAL, b"u" * 32),
        texts=samples.TEXTS,
        portal=samples.PORTAL,
        clock=clock,
    )
    week = dt.timedelta(days=7)
    announcing = Announcing(journal, pool, matter, layout(samples.PORTAL), lambda: None, samples.PORTAL, week)
    texts, book = LiveTexts(pool, TEXTS), AddressBook()
    trials = Trials(pool, book.people, TrialMatter(texts, PORTAL, book.people), lambda: None)
    client = open_client({443}, loopback=True, patience=2.0, tls=tls())
    webhooks = WebhookDesk(journal, pool, vault, client, client.ports, client.loopback, Waiter())
    live = LiveDesk(pool, Grown(), dt.timedelta(hours=24))
    reader, proof = Reader(DOMAIN, ADDRESSES), ReportProof.of(REPORT_SECRET)
    app = make_app(
        "notify",
        [
            *announcement_http.endpoints(journal, pool, announcing),
            *mailings_http.endpoints(pool),
            *messages_http.endpoints(journal, pool, MARKS),
            *bounces_http.endpoints(bounces_http.Handlers(journal, pool, MARKS, reader, proof, lambda: None)),
            *webhook_http.endpoints(webhooks),
            *live_http.endpoints(live),
            *mail_text_http.endpoints(MailTexts(journal, pool, texts, layout(PORTAL), PORTAL, trials)),
            *subscribing.endpoints(journal, pool, vault),
        ],
        clock=clock,
        health=Health(),
        verifier=Verifier(keys.public, "notify", clock),
        journal=journal,
    )
    async with journal.running(), TestServer(app) as server, ClientSession() as http:
        base = str(server.make_url("")).rstrip("/")
        signer = Signer(keys.private, clock)
        yield Notify(dsn, pool, journal, vault, clock, base, http, signer, texts, book, webhooks, live, people, matter)
    await client.close()
