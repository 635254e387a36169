"""The gateway as a process: `python -m services.gateway`, or `ikz run gateway`."""

import asyncio
from functools import partial
from typing import Any

from services.gateway import problems
from services.gateway.api import Api
from services.gateway.audit import Audit
from services.gateway.contacts import ContactDesk
from services.gateway.contacts_api import Contacts
from services.gateway.data_links import DataLinks
from services.gateway.guard import FormGuard, form_key
from services.gateway.http import Gateway, starting
from services.gateway.http import build as build_app
from services.gateway.invitations import InvitationDesk
from services.gateway.invitations_api import Invitations
from services.gateway.limits import Limit
from services.gateway.live_api import Live, Open, room_for
from services.gateway.live_hub import LONGEST_WAIT, Hub, LiveReader
from services.gateway.own_data import OwnDataDesk
from services.gateway.own_data_api import OwnDataApi
from services.gateway.people import People
from services.gateway.portal.directory import Directory
from services.gateway.portal.portal import Portal
from services.gateway.portal.rendering import Pages, Static, site_of
from services.gateway.portal.services import Services
from services.gateway.questions import QuestionDesk
from services.gateway.questions_api import Questions
from services.gateway.reached import people_reached
from services.gateway.records import DECIDERS, PROJECTIONS
from services.gateway.registrations import Desk
from services.gateway.settings import GatewaySettings
from services.gateway.subscriptions import SubscriptionDesk
from services.gateway.subscriptions_api import SubscriptionIntake
from services.gateway.tokens import Holders
from services.gateway.upstream import Service, Upstream, open_session
from shared.contracts.rpc import AboutPersonAnswered, AboutPersonAsked, DataLinkAsked, PeopleAsked
from shared.kernel.feed import Feed
from shared.kernel.identity import Signer
from shared.kernel.journal import Journal
from shared.kernel.relay import Relay
from shared.kernel.rpc import RpcEndpoint, ask, serve_rpc
from shared.kernel.service import Parts, Runtime, main


async def build(runtime: Runtime[GatewaySettings]) -> Parts:
    """The API and the portal in front of the services; people, their journal, and the relay that publishes it."""
    problems.register()
    settings = runtime.settings
    journal = Journal(settings.database_url, runtime.pool, DECIDERS, PROJECTIONS, wakeup=runtime.wakeup)
    relay = Relay(
        service=settings.service,
        dsn=settings.database_url,
        nats_url=settings.nats_url,
        journal=journal,
        wakeup=runtime.wakeup,
        public_url=settings.public_url,
        health=runtime.health,
    )
    feed = Feed(settings.service, journal, runtime.pool, settings.public_url)
    people = People(runtime.pool, journal, runtime.vault, settings.address_key)
    await people.forget_erased()

    session = open_session(settings.deadline)
    signer = Signer(settings.identity_private_key, runtime.clock)
    upstream = Upstream(session, signer, settings.services)

    seconds = asyncio.get_running_loop().time
    networks = Limit("registrations", settings.registrations_per_network, 600, seconds)
    addresses = Limit("registrations-of-one-address", settings.registrations_per_address, 3600, seconds)
    limited = settings.rate_limits
    desk = Desk(people, upstream, networks if limited else None, addresses if limited else None)
    writing = Limit("contact-requests", settings.contact_requests_per_network, 600, seconds)
    writers = Limit("contact-requests-of-one-address", settings.contact_requests_per_address, 3600, seconds)
    contact_desk = ContactDesk(people, upstream, writing if limited else None, writers if limited else None)

    static, services = Static(), Services(upstream)
    asking = Limit("questions", settings.registrations_per_network, 600, seconds)
    askers = Limit("questions-of-one-address", settings.registrations_per_address, 3600, seconds)
    question_desk = QuestionDesk(people, upstream, asking if limited else None, askers if limited else None)
    subscribing = Limit("subscriptions", settings.subscriptions_per_network, 600, seconds)
    subscribers = Limit("subscriptions-of-one-address", settings.subscriptions_per_address, 3600, seconds)
    subscription_desk = SubscriptionDesk(
        people, upstream, subscribing if limited else None, subscribers if limited else None
    )

    hub = Hub()
    live_reader = LiveReader(upstream, hub, min(LONGEST_WAIT, settings.deadline / 2))
    streams = Open(room_for(settings.streams), settings.streams_per_network) if limited else Open(None, None)
    asked_for = Limit("data-requests", settings.registrations_per_network, 600, seconds)
    about_one = Limit("data-requests-of-one-address", settings.data_requests_per_address, 3600, seconds)
    links = DataLinks(
        people,
        runtime.clock,
        settings.data_link_minutes,
        asked_for if limited else None,
        about_one if limited else None,
    )

    async def about_person(service: Service, question: AboutPersonAsked) -> AboutPersonAnswered:
        return await ask(runtime.bus, AboutPersonAsked.subject(service), question, AboutPersonAnswered)

    own_data = OwnDataApi(OwnDataDesk(people, about_person), links, settings.public_url, settings.trusted_proxies)

    invitation_desk = InvitationDesk(people, upstream, desk)

    portal = Portal(
        pages=Pages(site_of(settings), static, runtime.clock),
        static=static,
        services=services,
        guard=FormGuard(form_key(settings.address_key)),
        desk=desk,
        contact_desk=contact_desk,
        directory=Directory(services),
        question_desk=question_desk,
        subscription_desk=subscription_desk,
        invitation_desk=invitation_desk,
        own_data=own_data,
        clock=runtime.clock,
        trusted_proxies=settings.trusted_proxies,
    )
    holders = Holders(runtime.pool)
    gateway = Gateway(
        own=Api(
            desk,
            people,
            upstream,
            feed,
            settings.trusted_proxies,
            Contacts(contact_desk, settings.trusted_proxies),
            Questions(question_desk, settings.trusted_proxies),
            SubscriptionIntake(subscription_desk, settings.trusted_proxies),
            Live(hub, live_reader, people, holders, streams, settings.trusted_proxies),
            Invitations(invitation_desk, settings.trusted_proxies),
            own_data,
        ),
        portal=portal,
        holders=holders,
        audit=Audit(runtime.pool),
        clock=runtime.clock,
        health=runtime.health,
        max_body=settings.max_body,
        max_upload=settings.max_upload,
        max_material=settings.max_material,
        fingerprint_key=settings.vault_key,
        https=settings.https,
    )
    questions: list[RpcEndpoint[Any]] = [
        RpcEndpoint(PeopleAsked.subject, PeopleAsked, partial(people_reached, runtime.pool, runtime.vault)),
        RpcEndpoint(DataLinkAsked.subject, DataLinkAsked, links.letter),
    ]
    serve = partial(serve_rpc, runtime.bus, settings.service, questions)
    return Parts(
        app=build_app(gateway), journal=journal, tasks=[relay.run, serve, live_reader.run], closing=[session.close]
    )


if __name__ == "__main__":
    raise SystemExit(main(GatewaySettings, build, starting))
