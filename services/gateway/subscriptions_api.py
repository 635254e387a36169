"""Subscribing over the public API: what the gateway answers itself, because it alone knows people."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway import tokens
from services.gateway.limits import network_asking
from services.gateway.registrations import Accepted, address_of
from services.gateway.subscriptions import LinkWanted, NewSubscriptions, SubscriptionDesk
from services.gateway.upstream import passed_on
from shared.kernel.endpoint import Answer, Call, Endpoint


@dataclass(frozen=True, slots=True)
class SubscriptionIntake:
    """The endpoints' handlers."""

    desk: SubscriptionDesk
    trusted_proxies: int

    async def subscribe(self, call: Call) -> Answer:
        """Takes wishes; the answer tells nothing of anybody."""
        request, body = call.request, call.body
        limits = self.desk.admit(network_asking(request, self.trusted_proxies))
        holder = request.get(tokens.HOLDER)
        answer = await self.desk.subscribe(
            address_of(body.email),
            body.subscriptions,
            call.context(),
            request.headers.get("Idempotency-Key"),
            holder and holder.lookup,
        )
        return passed_on(answer, limits)

    async def send_link(self, call: Call) -> Answer:
        """Has the link sent; the answer tells nothing of anybody."""
        limits = self.desk.admit(network_asking(call.request, self.trusted_proxies))
        key = call.request.headers.get("Idempotency-Key")
        return passed_on(await self.desk.send_link(address_of(call.body.email), key), limits)


def endpoints(intake: SubscriptionIntake) -> Sequence[Endpoint]:
    """For everybody."""
    return [
        Endpoint(
            "POST",
            "/api/v1/subscriptions",
            intake.subscribe,
            "Subscribes to topics, places, series, projects, kinds or searches; the same answer for everyone",
            body=NewSubscriptions,
            answer=Accepted,
            status=202,
            codes=("too_many_requests", "unknown_subject", "too_many_subscriptions"),
            description="The link to confirm is sent to the address. Who signed in with it needs none.",
        ),
        Endpoint(
            "POST",
            "/api/v1/subscriptions/links",
            intake.send_link,
            "Sends the link to one's own page once more; the same answer for everyone",
            body=LinkWanted,
            answer=Accepted,
            status=202,
            codes=("too_many_requests",),
        ),
    ]
