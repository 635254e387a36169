"""What the gateway answers itself: registrations, texts for contacts, erasures, the feeds of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from pydantic import BaseModel, ConfigDict, Field
from yarl import URL

from services.gateway import tokens
from services.gateway.addresses import lookup_key
from services.gateway.contacts_api import Contacts
from services.gateway.contacts_api import endpoints as of_contacts
from services.gateway.invitations_api import Invitations
from services.gateway.invitations_api import endpoints as of_invitations
from services.gateway.limits import network_asking
from services.gateway.live_api import Live
from services.gateway.live_api import endpoints as of_live
from services.gateway.own_data_api import OwnDataApi
from services.gateway.own_data_api import endpoints as of_own_data
from services.gateway.participants_api import Participants
from services.gateway.participants_api import endpoints as of_participants
from services.gateway.people import People
from services.gateway.questions_api import Questions
from services.gateway.questions_api import endpoints as of_questions
from services.gateway.registrations import Accepted, Desk, Wanted, address_of, checked
from services.gateway.subscriptions_api import SubscriptionIntake
from services.gateway.subscriptions_api import endpoints as of_subscriptions
from services.gateway.upstream import Service, Upstream, passed_on
from shared.kernel import feed
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.feed import Feed, FeedAnswer, FeedQuery
from shared.kernel.identity import Role

EDITORS: frozenset[Role] = frozenset({"editor", "operator"})
ERASED = {"erased": True}


class Erasure(BaseModel):
    """Whom to forget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str = Field(max_length=1000, description="The person's address.", examples=["erika.muster@stadt.example"])


class Erased(BaseModel):
    """Nothing is kept of the person any more, or never was."""

    erased: bool


@dataclass(frozen=True, slots=True)
class Api:
    """The gateway's own endpoints."""

    desk: Desk
    people: People
    upstream: Upstream
    own_feed: Feed
    trusted_proxies: int
    contacts: Contacts
    questions: Questions
    subscriptions: SubscriptionIntake
    live: Live
    invitations: Invitations
    own_data: OwnDataApi

    async def register(self, call: Call) -> Answer:
        """Takes a registration; the answer tells nobody who is registered."""
        session_id = call.path_id()
        request = call.request
        limits = self.desk.admit(network_asking(request, self.trusted_proxies))
        context = call.context()
        holder = request.get(tokens.HOLDER)
        answer = await self.desk.register(
            session_id,
            checked(call.body),
            context,
            request.headers.get("Idempotency-Key"),
            holder and holder.lookup,
        )
        return passed_on(answer, limits)

    async def erase(self, call: Call) -> Answer:
        """Forgets a person in every service."""
        address, context = address_of(call.body.email), call.context()
        await tokens.forget(self.people.pool, lookup_key(address, self.people.key), context.at)
        await self.people.erase(address, context)
        return Answer(ERASED)

    async def feed(self, call: Call) -> Answer:
        """A service's published events in their order, for those who fell behind the stream."""
        service = call.request.match_info["service"]
        if service == "gateway":
            return await self.own_feed.read(call)
        target = URL.build(path=feed.PATH, query=call.query.model_dump())
        answer = await self.upstream.fetch(
            cast("Service", service), "GET", str(target), identity=call.identity, headers={}
        )
        return passed_on(answer, {})


def endpoints(api: Api) -> Sequence[Endpoint]:
    """What the gateway answers itself."""
    services = "|".join(("gateway", *get_args(Service.__value__)))
    return (
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/registrations",
            api.register,
            "Registers somebody for a session; the answer is the same for everyone",
            body=Wanted,
            answer=Accepted,
            status=202,
            codes=(
                "not_found",
                "registration_closed",
                "registration_questions_changed",
                "session_cancelled",
                "session_full",
                "session_over",
                "session_without_time",
                "too_many_requests",
                "unknown_organisation",
            ),
        ),
        Endpoint(
            "POST",
            "/api/v1/people/erasures",
            api.erase,
            "Forgets a person in every service",
            body=Erasure,
            answer=Erased,
            roles=EDITORS,
        ),
        Endpoint(
            "GET",
            f"/api/v1/feed/{{service:{services}}}",
            api.feed,
            "Published events of one service, in order",
            query=FeedQuery,
            answer=FeedAnswer,
        ),
        *of_contacts(api.contacts),
        *of_questions(api.questions),
        *of_subscriptions(api.subscriptions),
        *of_live(api.live),
        *of_invitations(api.invitations),
        *of_own_data(api.own_data),
        *of_participants(Participants(api.people, api.upstream)),
    )
