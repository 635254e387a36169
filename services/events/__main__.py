"""The events service as a process: `python -m services.events`, or `ikz run events`."""

from datetime import timedelta
from functools import partial
from typing import Any

from services.events import (
    about_person,
    certificate_batch,
    due,
    erasure,
    kinds,
    material_list,
    organisations,
    problems,
    question_upkeep,
    retention,
    series_list,
    topics,
)
from services.events.addresses import addresses
from services.events.askers import askers
from services.events.feedback_clock import FeedbackClock, FeedbackRules
from services.events.http import endpoints
from services.events.question_letter import question_letter
from services.events.recipients import recipients, registrants
from services.events.records import DECIDERS, PROJECTIONS
from services.events.session_audience import audience
from services.events.settings import EventsSettings
from shared.contracts.rpc import (
    AboutPersonAsked,
    AddressesAsked,
    AskersAsked,
    AudienceAsked,
    QuestionLetterAsked,
    RecipientsAsked,
    RegistrantsAsked,
    SeriesTitlesAsked,
)
from shared.kernel.about_person import AboutPerson
from shared.kernel.files import Files
from shared.kernel.forgetting import keep_forgetting
from shared.kernel.inbox import Consumer
from shared.kernel.journal import Journal
from shared.kernel.relay import Relay
from shared.kernel.rpc import RpcEndpoint, serve_rpc
from shared.kernel.service import Parts, Runtime, main
from shared.kernel.unwanted_files import Sweep


async def build(runtime: Runtime[EventsSettings]) -> Parts:
    """Sessions and their people over HTTP and request/reply, what time brings, certificates, news of the others."""
    problems.register()
    settings, pool = runtime.settings, runtime.pool
    self_until = timedelta(minutes=settings.check_in_until_minutes)
    journal = Journal(settings.database_url, pool, DECIDERS, PROJECTIONS, wakeup=runtime.wakeup)
    relay = Relay(
        service=settings.service,
        dsn=settings.database_url,
        nats_url=settings.nats_url,
        journal=journal,
        wakeup=runtime.wakeup,
        public_url=settings.public_url,
        health=runtime.health,
    )
    people = Consumer(
        name=settings.service,
        source="gateway",
        effects=[erasure.effect(runtime.vault)],
        dsn=settings.database_url,
        pool=pool,
        nats_url=settings.nats_url,
        health=runtime.health,
    )
    catalogue = Consumer(
        name=settings.service,
        source="catalog",
        effects=[topics.effect(), organisations.effect()],
        dsn=settings.database_url,
        pool=pool,
        nats_url=settings.nats_url,
        health=runtime.health,
    )
    about = AboutPerson(runtime.vault, about_person.sources(pool, runtime.vault))
    questions: list[RpcEndpoint[Any]] = [
        RpcEndpoint(AboutPersonAsked.subject(settings.service), AboutPersonAsked, about.page),
        RpcEndpoint(RecipientsAsked.subject, RecipientsAsked, partial(recipients, pool, runtime.vault)),
        RpcEndpoint(RegistrantsAsked.subject, RegistrantsAsked, partial(registrants, pool)),
        RpcEndpoint(AddressesAsked.subject, AddressesAsked, partial(addresses, pool, runtime.vault)),
        RpcEndpoint(AskersAsked.subject, AskersAsked, partial(askers, pool)),
        RpcEndpoint(SeriesTitlesAsked.subject, SeriesTitlesAsked, partial(series_list.titles, pool)),
        RpcEndpoint(QuestionLetterAsked.subject, QuestionLetterAsked, partial(question_letter, pool, runtime.vault)),
        RpcEndpoint(AudienceAsked.subject, AudienceAsked, partial(audience, pool)),
    ]
    sweep = Sweep(Files(runtime.bus, settings.service), (material_list.in_use,))
    certificates = partial(certificate_batch.keep_making, pool, runtime.vault, settings.database_url, runtime.clock)
    feedback = FeedbackClock(
        journal, pool, runtime.vault, FeedbackRules(settings.feedback_days, settings.feedback_minimum)
    )
    forgetting = retention.Retention(
        kinds.kinds(settings.terms, journal, pool, runtime.vault, feedback), pool, runtime.vault
    )
    duties: list[due.Duty] = [
        partial(sweep, journal, pool),
        partial(erasure.revoke_addresses, journal, pool),
        feedback,
        forgetting,
    ]
    clock = partial(due.keep_time, journal, pool, settings.database_url, runtime.clock, duties)
    stray = partial(retention.destroy_stray_keys, pool, runtime.vault)
    return Parts(
        endpoints=endpoints(
            journal,
            pool,
            runtime.vault,
            runtime.bus,
            settings.public_url,
            max_material=settings.max_material,
            self_until=self_until,
        ),
        journal=journal,
        tasks=[
            relay.run,
            people.run,
            catalogue.run,
            clock,
            certificates,
            partial(
                question_upkeep.tend,
                journal,
                pool,
                runtime.vault,
                settings.question_retention,
                dsn=settings.database_url,
                clock=runtime.clock,
            ),
            partial(keep_forgetting, "keys of registrations that are not there", stray),
            partial(serve_rpc, runtime.bus, settings.service, questions),
        ],
    )


if __name__ == "__main__":
    raise SystemExit(main(EventsSettings, build))
