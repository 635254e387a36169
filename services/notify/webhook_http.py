"""Webhooks over HTTP: for members of an organisation those of their own, for operators all of them."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.notify import public_fact, webhook_list, webhook_log, webhook_queue, webhook_secrets
from services.notify.webhook import (
    WEBHOOK,
    Command,
    DisableWebhook,
    EnableWebhook,
    RegisterWebhook,
    RemoveWebhook,
    ReviseWebhook,
    RotateSecret,
    Wanted,
)
from services.notify.webhook_address import LONGEST, refusal
from services.notify.webhook_client import HookClient, signed
from services.notify.webhook_list import ShownWebhook, WebhookQuery
from services.notify.webhook_log import Busy, DeliveryQuery, ShownDelivery, Tested, TooMany
from shared.kernel.endpoint import Answer, Call, Committed, Endpoint, committed, page
from shared.kernel.identity import Identity, Role
from shared.kernel.journal import Journal
from shared.kernel.paging import Page
from shared.kernel.postgres import Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.recorded import Outcome
from shared.kernel.texts import ONE_LINE, Id
from shared.kernel.vault import Vault
from shared.kernel.wakeup import Waiter

API = "/api/v1/webhooks"
OWNERS: frozenset[Role] = frozenset({"member", "operator"})
MOST = 20
"""How many webhooks an organisation may have."""
TEST_WITHIN = 8.0  # seconds: less than whoever asks for a test waits for its end
URL_SENTENCES = {
    "webhook_url_unreadable": (
        "Erwartet wird eine Adresse wie https://example.org/pfad, ohne „#“ und Leerzeichen; Umlaute in der Domain "
        "als „xn--…“."
    ),
    "webhook_url_not_https": "Die Adresse muss mit https:// beginnen.",
    "webhook_url_with_credentials": "Zugangsdaten gehören nicht in die Adresse.",
    "webhook_url_port": "Dieser Port ist nicht vorgesehen.",
    "webhook_url_not_public": "Die Adresse muss aus dem Internet erreichbar sein.",
}


def _offered(wanted: str) -> str:
    if not public_fact.is_offered(wanted):
        raise PydanticCustomError("webhook_type_unknown", "Diese Ereignisse werden nicht angeboten.")
    return wanted


type Type = Annotated[str, StringConstraints(max_length=250), AfterValidator(_offered)]


class WantedBody(BaseModel):
    """Where to tell what.

    `types`: contracts (`ikz.catalog.project.published.v1`), all of a kind (`ikz.catalog.project.*`), or either of one
    thing alone, followed by `.` and its id.
    """

    model_config = ConfigDict(frozen=True)

    url: str = Field(max_length=LONGEST)
    types: tuple[Type, ...] = Field(min_length=1, max_length=50)
    description: str = Field(default="", max_length=300, pattern=ONE_LINE)


class WebhookBody(WantedBody):
    """A new webhook. `organisation_id`: whose it is, for operators to say; a member's is the own organisation's."""

    organisation_id: Id | None = None


class DisablingBody(BaseModel):
    """Why."""

    model_config = ConfigDict(frozen=True)

    note: str | None = Field(default=None, max_length=300, pattern=ONE_LINE)


class CommittedSecret(Committed):
    """What was done, and the new secret, which is shown here only. Null when it is no longer valid."""

    secret: str | None
    secret_id: str


class OfferedTypes(BaseModel):
    """What webhooks can be told of. `wildcards` stand for all of a kind."""

    types: tuple[str, ...]
    wildcards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebhookDesk:
    """What the endpoints do.

    `registering`: one at a time, who waits in the database for others to count must not hold all of the pool.
    """

    journal: Journal
    pool: Pool
    vault: Vault
    client: HookClient
    ports: Collection[int]
    loopback: bool
    due: Waiter
    registering: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def offered(self, _call: Call) -> Answer:
        """What there is to be told of."""
        return Answer(
            OfferedTypes(types=tuple(sorted(public_fact.TYPES)), wildcards=tuple(sorted(public_fact.WILDCARDS)))
        )

    async def listed(self, call: Call) -> Answer:
        """One page of those that the caller may see."""
        return page(await webhook_list.listed(self.pool, call.query, _scope(call.identity)), call)

    async def one(self, call: Call) -> Answer:
        """One of them; its version is the ETag."""
        found = await self._mine(call)
        return Answer(found, version=found.version)

    async def register(self, call: Call) -> Answer:
        """A new webhook, and its secret; whoever sends the same again gets both again."""
        context, owner, wanted = call.context(), _owner(call), self._wanted(call.body)
        webhook_id, secret_id = context.id_of_new("webhooks"), context.id_of_new("webhook-secrets")
        async with self.registering, self.pool.acquire() as connection, connection.transaction():
            number = await webhook_list.count(connection, owner)
            outcome = await self.journal.outcome(context)
            if outcome is None:
                if number >= MOST:
                    raise Problem("webhook_limit", details={"most": MOST})
                secret = await webhook_secrets.make(self.vault, webhook_id, secret_id, call.at)
                command = RegisterWebhook(webhook_id=webhook_id, organisation_id=owner, wanted=wanted, secret=secret)
                outcome = await self.journal.transact(WEBHOOK, webhook_id, command, context)
        answer = await self._with_secret(outcome, secret_id)
        return Answer(answer, 201, outcome.version, {"Location": f"{API}/{webhook_id}"})

    async def revise(self, call: Call) -> Answer:
        """Another address, or other facts."""
        wanted = self._wanted(call.body)
        await webhook_queue.begin_afresh(self.pool, (await self._mine(call)).id, call.at)
        return await self._command(call, ReviseWebhook(wanted=wanted))

    async def remove(self, call: Call) -> Answer:
        """Forgets it: what waits is not sent, and its log goes within minutes."""
        return await self._command(call, RemoveWebhook())

    async def enable(self, call: Call) -> Answer:
        """Tells it again, and at once what waits, however it had failed before."""
        await webhook_queue.begin_afresh(self.pool, (await self._mine(call)).id, call.at)
        answer = await self._command(call, EnableWebhook())
        self.due.ring()
        return answer

    async def disable(self, call: Call) -> Answer:
        """Tells it no longer."""
        note = call.body.note if call.body else None
        return await self._command(call, DisableWebhook(reason="asked", note=note))

    async def rotate(self, call: Call) -> Answer:
        """A new secret beside the one before."""
        context = call.context()
        secret_id = context.id_of_new("webhook-secrets")
        outcome = await self.journal.outcome(context)
        if outcome is None:
            webhook_id = (await self._mine(call)).id
            secret = await webhook_secrets.make(self.vault, webhook_id, secret_id, call.at)
            outcome = await self.journal.transact(WEBHOOK, webhook_id, RotateSecret(secret=secret), context)
        return Answer(await self._with_secret(outcome, secret_id), version=outcome.version)

    async def test(self, call: Call) -> Answer:
        """Sends a test at once and says how it ended."""
        found = await self._mine(call)
        fact = webhook_log.test_fact(found.id, call.context().command_id, call.at)
        try:
            begun = await webhook_log.begin_test(self.pool, found.id, fact, call.at)
        except Busy as busy:
            raise Problem("conflict") from busy
        except TooMany as many:
            raise Problem("too_many_requests", headers={"Retry-After": "60"}) from many
        if isinstance(begun, Tested):
            return Answer(begun)
        receiver = (await webhook_list.receivers(self.pool, [found.id])).get(found.id)
        kept = webhook_secrets.valid(receiver.secrets, call.at) if receiver else []
        secrets = await webhook_secrets.opened(self.vault, found.id, kept)
        if receiver is None or not secrets:
            raise Problem("not_found")
        body = fact.text()
        verdict = await self.client.tell(
            receiver.url, signed(fact.id, body, secrets, call.at), body, patience=TEST_WITHIN
        )
        await webhook_log.end_test(self.pool, begun, verdict, call.at)
        return Answer(webhook_log.tested(fact.id, verdict))

    async def deliveries(self, call: Call) -> Answer:
        """The log."""
        found = await self._mine(call)
        return page(await webhook_log.listed(self.pool, found.id, call.query), call)

    async def redeliver(self, call: Call) -> Answer:
        """Has one delivery sent again."""
        found = await self._mine(call)
        number = _number(call.request.match_info["delivery"])
        if await webhook_log.state_of(self.pool, found.id, number) in (None, "testing"):
            raise Problem("not_found")
        if found.status == "disabled":
            raise Problem("webhook_disabled")
        await webhook_log.send_again(self.pool, found.id, number, call.context().command_id, call.at)
        self.due.ring()
        return Answer(status=202)

    async def _command(self, call: Call, command: Command) -> Answer:
        """One that came before, by the same caller, answers as it did then, even about what is gone by now."""
        context = call.context()
        outcome = await self.journal.outcome(context)
        if outcome is None:
            webhook_id = (await self._mine(call)).id
            outcome = await self.journal.transact(
                WEBHOOK, webhook_id, command, context, expected_version=call.expected_version
            )
        return committed(outcome)

    async def _mine(self, call: Call) -> ShownWebhook:
        """The webhook in the path, if it is there and the caller's; everybody else's is not to be found."""
        scope, webhook_id = _scope(call.identity), call.path_id()
        found = await webhook_list.one(self.pool, webhook_id)
        if found is None or scope not in (None, found.organisation_id):
            raise Problem("not_found")
        return found

    def _wanted(self, body: WantedBody) -> Wanted:
        code = refusal(body.url, self.ports, loopback=self.loopback)
        if code is not None:
            raise Problem("invalid_request", errors=[FieldError("/url", code, URL_SENTENCES[code])])
        return Wanted(url=body.url, types=tuple(dict.fromkeys(body.types)), description=body.description.strip())

    async def _with_secret(self, outcome: Outcome, secret_id: str) -> CommittedSecret:
        """What the secret reads that this command made, as it is kept: a command that came before may have made it."""
        receiver = (await webhook_list.receivers(self.pool, [outcome.aggregate_id])).get(outcome.aggregate_id)
        kept = [each for each in receiver.secrets if each.secret_id == secret_id] if receiver else []
        found = await webhook_secrets.opened(self.vault, outcome.aggregate_id, kept)
        return CommittedSecret(
            id=outcome.aggregate_id,
            version=outcome.version,
            position=outcome.position,
            secret=found[0] if found else None,
            secret_id=secret_id,
        )


def _scope(identity: Identity) -> str | None:
    """Whose webhooks somebody may see: an organisation's; None for everybody's."""
    if "operator" in identity.roles:
        return None
    if identity.organisation_id is None:
        raise Problem("forbidden")
    return identity.organisation_id


def _owner(call: Call) -> str | None:
    """Whose a new one is to be."""
    scope, named = _scope(call.identity), call.body.organisation_id
    if scope is not None and named not in (None, scope):
        raise Problem("forbidden")
    return scope or named


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Problem("not_found")
    return int(text)


def endpoints(desk: WebhookDesk) -> list[Endpoint]:
    """Everything about webhooks."""
    hook, deliveries = f"{API}/{{id}}", f"{API}/{{id}}/deliveries"
    return [
        Endpoint("GET", f"{API}/types", desk.offered, "List what webhooks can be told of", answer=OfferedTypes),
        Endpoint("GET", API, desk.listed, "List webhooks", query=WebhookQuery, answer=Page[ShownWebhook], roles=OWNERS),
        Endpoint(
            "POST",
            API,
            desk.register,
            "Register a webhook; the secret is shown in this answer only",
            body=WebhookBody,
            answer=CommittedSecret,
            status=201,
            roles=OWNERS,
            codes=("webhook_limit", "webhook_exists"),
            example={
                "url": "https://fachverfahren.stadt.example/ikz",
                "types": ["ikz.catalog.project.published.v1", "ikz.events.session.*"],
                "description": "Fachverfahren Zusammenarbeit",
            },
        ),
        Endpoint("GET", hook, desk.one, "Read a webhook", answer=ShownWebhook, roles=OWNERS, codes=("not_found",)),
        Endpoint(
            "PUT",
            hook,
            desk.revise,
            "Change where a webhook leads, or what it is told of",
            body=WantedBody,
            answer=Committed,
            roles=OWNERS,
            codes=("not_found",),
            if_match=True,
        ),
        Endpoint(
            "DELETE",
            hook,
            desk.remove,
            "Remove a webhook",
            answer=Committed,
            roles=OWNERS,
            codes=("not_found",),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{hook}/rotations",
            desk.rotate,
            "Make a new secret; the one before is valid for another day",
            answer=CommittedSecret,
            roles=OWNERS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{hook}/activations",
            desk.enable,
            "Enable a webhook",
            answer=Committed,
            roles=OWNERS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{hook}/deactivations",
            desk.disable,
            "Disable a webhook",
            body=DisablingBody,
            body_required=False,
            answer=Committed,
            roles=OWNERS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{hook}/tests",
            desk.test,
            "Send a test at once and see how it ends",
            answer=Tested,
            roles=OWNERS,
            codes=("not_found", "conflict", "too_many_requests"),
        ),
        Endpoint(
            "GET",
            deliveries,
            desk.deliveries,
            "List a webhook's deliveries and their attempts",
            query=DeliveryQuery,
            answer=Page[ShownDelivery],
            roles=OWNERS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{deliveries}/{{delivery}}/redeliveries",
            desk.redeliver,
            "Have a delivery sent again",
            status=202,
            roles=OWNERS,
            codes=("not_found", "webhook_disabled"),
        ),
    ]
