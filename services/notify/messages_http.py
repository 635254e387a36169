"""Single messages, what operators decide about them, and the addresses that nothing is sent to, over HTTP."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.notify import bounces, delivery_log, message_decisions, messages, suppression_list
from services.notify.address_mark import AddressMarks
from services.notify.bounces import BounceQuery, BounceShown
from services.notify.delivery_log import MessageEntry
from services.notify.message_decisions import Decision, What
from services.notify.messages import MessageQuery, Messages
from services.notify.suppression import SUPPRESSION, Command, LiftSuppression, SuppressAddress
from services.notify.suppression_list import SuppressionQuery, SuppressionShown
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Role, committed, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.texts import ONE_LINE

API = "/api/v1"
OPERATORS: frozenset[Role] = frozenset({"editor", "operator"})

type Grounds = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=ONE_LINE)]
type Typed = Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class ReasonBody(BaseModel):
    """Why it is done. It is kept: name no person in it."""

    model_config = ConfigDict(frozen=True)

    reason: Grounds


class SuppressionBody(ReasonBody):
    """An address that nothing is to be sent to, for good or `until`. The address itself is not kept."""

    email: Typed
    until: AwareDatetime | None = None


class LookupBody(BaseModel):
    """An address somebody asks for."""

    model_config = ConfigDict(frozen=True)

    email: Typed


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool
    marks: AddressMarks

    async def messages(self, call: Call) -> Answer:
        """The queue, and the log of a person."""
        return page(await messages.listed(self.pool, call.query, call.at), call)

    async def message(self, call: Call) -> Answer:
        """One message with its history."""
        return Answer(await self._entry(call.path_id()))

    async def retry(self, call: Call) -> Answer:
        """Tried again at once."""
        return await self._decided(call, "retry")

    async def discard(self, call: Call) -> Answer:
        """Given up."""
        return await self._decided(call, "discard")

    async def bounces(self, call: Call) -> Answer:
        """What came back."""
        return page(await bounces.listed(self.pool, call.query), call)

    async def read_again(self, call: Call) -> Answer:
        """A mail that could not be read is tried anew."""
        if not await bounces.read_again(self.pool, call.path_id()):
            raise Problem("not_found")
        return Answer(status=202)

    async def suppressions(self, call: Call) -> Answer:
        """The addresses, by their marks."""
        return page(await suppression_list.listed(self.pool, call.query, call.at), call)

    async def look_up(self, call: Call) -> Answer:
        """What is known of an address."""
        found = await suppression_list.one(self.pool, self.marks.of(call.body.email), call.at)
        if found is None:
            raise Problem("not_found", "Von dieser Adresse kam nichts zurück, und sie ist nicht gesperrt.")
        return Answer(found)

    async def suppress(self, call: Call) -> Answer:
        """Nothing more is sent to an address."""
        mark = str(self.marks.of(call.body.email))
        outcome = await self._told(call, mark, SuppressAddress(note=call.body.reason, until=call.body.until))
        return Answer(outcome.body, 201, outcome.version, {"Location": f"{API}/suppressions/{mark}"})

    async def suppression(self, call: Call) -> Answer:
        """One of them."""
        found = await suppression_list.one(self.pool, UUID(call.path_id()), call.at)
        if found is None:
            raise Problem("not_found")
        return Answer(found, version=found.version)

    async def lift(self, call: Call) -> Answer:
        """Mail is sent to an address again."""
        return await self._told(call, call.path_id(), LiftSuppression(note=call.body.reason))

    async def _told(self, call: Call, mark: str, command: Command) -> Answer:
        return committed(await self.journal.transact(SUPPRESSION, mark, command, call.context()))

    async def _decided(self, call: Call, what: What) -> Answer:
        decision = Decision(call.path_id(), what, call.body.reason)
        await message_decisions.decide(self.pool, decision, call.context())
        return Answer(await self._entry(decision.message_id))

    async def _entry(self, message_id: str) -> MessageEntry:
        found = await delivery_log.one(self.pool, message_id)
        if found is None:
            raise Problem("not_found")
        return found


def endpoints(journal: Journal, pool: Pool, marks: AddressMarks) -> list[Endpoint]:
    """What this area offers."""
    do = Handlers(journal, pool, marks)
    return [*_of_messages(do), *_of_suppressions(do)]


def _of_messages(do: Handlers) -> list[Endpoint]:
    message = f"{API}/messages/{{id}}"
    return [
        Endpoint(
            "GET",
            f"{API}/messages",
            do.messages,
            "See how the sending goes",
            query=MessageQuery,
            answer=Messages,
            roles=OPERATORS,
        ),
        Endpoint(
            "GET",
            message,
            do.message,
            "Read what became of a message",
            answer=MessageEntry,
            roles=OPERATORS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{message}/retries",
            do.retry,
            "Try a message again at once",
            body=ReasonBody,
            answer=MessageEntry,
            roles=OPERATORS,
            codes=("not_found", "message_ended"),
            example={"reason": "Der Mailserver der Stadt nimmt wieder an."},
        ),
        Endpoint(
            "POST",
            f"{message}/discards",
            do.discard,
            "Give up a message that is not sent yet",
            body=ReasonBody,
            answer=MessageEntry,
            roles=OPERATORS,
            codes=("not_found", "message_ended", "message_being_sent"),
            example={"reason": "Die Stelle wurde angerufen."},
        ),
        Endpoint(
            "GET",
            f"{API}/bounces",
            do.bounces,
            "List what came back",
            query=BounceQuery,
            answer=Page[BounceShown],
            roles=OPERATORS,
        ),
        Endpoint(
            "POST",
            f"{API}/bounces/{{id}}/retries",
            do.read_again,
            "Have a mail read anew that could not be read",
            roles=OPERATORS,
            status=202,
            codes=("not_found",),
        ),
    ]


def _of_suppressions(do: Handlers) -> list[Endpoint]:
    suppression = f"{API}/suppressions/{{id}}"
    return [
        Endpoint(
            "GET",
            f"{API}/suppressions",
            do.suppressions,
            "List addresses that nothing is sent to, or that something came back from",
            query=SuppressionQuery,
            answer=Page[SuppressionShown],
            roles=OPERATORS,
        ),
        Endpoint(
            "POST",
            f"{API}/suppressions",
            do.suppress,
            "Send nothing more to an address",
            body=SuppressionBody,
            answer=Committed,
            status=201,
            roles=OPERATORS,
            codes=("until_in_past",),
            example={"email": "postfach@gemeinde.example", "reason": "Auf Wunsch der Stelle."},
        ),
        Endpoint(
            "POST",
            f"{API}/suppressions/lookups",
            do.look_up,
            "Ask what is known of an address",
            body=LookupBody,
            answer=SuppressionShown,
            roles=OPERATORS,
            codes=("not_found",),
            example={"email": "postfach@gemeinde.example"},
        ),
        Endpoint(
            "GET",
            suppression,
            do.suppression,
            "Read what is known of an address",
            answer=SuppressionShown,
            roles=OPERATORS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{suppression}/liftings",
            do.lift,
            "Send to an address again",
            body=ReasonBody,
            answer=Committed,
            roles=OPERATORS,
            codes=("not_found",),
            example={"reason": "Die Stelle hat ein neues Postfach."},
        ),
    ]
