"""The catalogue as a process: `python -m services.catalog`, or `ikz run catalog`."""

from functools import partial
from typing import Any

from services.catalog import (
    about_person,
    contact_upkeep,
    cooperation_pairs,
    due,
    import_work,
    problems,
    undertaking_due,
)
from services.catalog.contact_letter import contact_letter
from services.catalog.contact_review import ask_for_review
from services.catalog.cooperation_letter import cooperation_letter
from services.catalog.http import endpoints
from services.catalog.known import known
from services.catalog.organisations_of_types import organisations_of_types
from services.catalog.project_letter import project_letter
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.saved_searches import Matcher
from services.catalog.search_live import Live
from services.catalog.settings import CatalogSettings
from services.catalog.stored_files import IN_USE
from services.catalog.titles import titles
from services.catalog.topic_split import move_projects
from services.catalog.undertaking_reminder import step_reminder
from shared.contracts.rpc import (
    AboutPersonAsked,
    ContactAsked,
    CooperationLetterAsked,
    FitsAsked,
    KnownAsked,
    OrganisationsOfTypesAsked,
    ProjectKeysAsked,
    ProjectLetterAsked,
    SearchKeysAsked,
    StepAsked,
    TitlesAsked,
)
from shared.kernel.about_person import AboutPerson
from shared.kernel.files import Files
from shared.kernel.inbox import Consumer
from shared.kernel.journal import Journal
from shared.kernel.relay import Relay
from shared.kernel.rpc import RpcEndpoint, serve_rpc
from shared.kernel.service import Parts, Runtime, main
from shared.kernel.unwanted_files import Sweep


async def build(runtime: Runtime[CatalogSettings]) -> Parts:
    """Commands and questions over HTTP and request/reply, the journal behind them, its relay, and what time brings."""
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
    files, vault = Files(runtime.bus, settings.service), runtime.vault
    consumers = [
        Consumer(
            name=settings.service,
            source=source,
            effects=effects,
            dsn=settings.database_url,
            pool=runtime.pool,
            nats_url=settings.nats_url,
            health=runtime.health,
        )
        for source, effects in (("gateway", contact_upkeep.of_gateway(vault)), ("notify", contact_upkeep.of_notify()))
    ]
    duties: list[due.Duty] = [
        ask_for_review,
        move_projects,
        Sweep(files, IN_USE),
        undertaking_due.remind,
        undertaking_due.draft_what_is_finished,
        contact_upkeep.record_reports,
        contact_upkeep.record_erasures,
        partial(contact_upkeep.forget_texts, settings.contact_text_retention),
        partial(contact_upkeep.forget_addresses, settings.contact_text_retention),
        partial(contact_upkeep.destroy_keys, vault),
        cooperation_pairs.compare,
        cooperation_pairs.let_age,
        import_work.go_on,
        import_work.Tidy(),
    ]
    clock = partial(due.keep_time, journal, runtime.pool, settings.database_url, runtime.clock, duties)
    live = Live(runtime.pool)
    runtime.health.probe("search", live.check)
    await live.ready()
    letter = partial(contact_letter, runtime.pool, vault, runtime.clock)
    matcher = Matcher(journal, live)
    about = AboutPerson(vault, about_person.sources(runtime.pool, vault))
    questions: list[RpcEndpoint[Any]] = [
        RpcEndpoint(AboutPersonAsked.subject(settings.service), AboutPersonAsked, about.page),
        RpcEndpoint(KnownAsked.subject, KnownAsked, partial(known, runtime.pool)),
        RpcEndpoint(TitlesAsked.subject, TitlesAsked, partial(titles, runtime.pool)),
        RpcEndpoint(ContactAsked.subject, ContactAsked, letter),
        RpcEndpoint(StepAsked.subject, StepAsked, partial(step_reminder, runtime.pool)),
        RpcEndpoint(SearchKeysAsked.subject, SearchKeysAsked, matcher.search_keys),
        RpcEndpoint(ProjectKeysAsked.subject, ProjectKeysAsked, matcher.project_keys),
        RpcEndpoint(FitsAsked.subject, FitsAsked, matcher.fits),
        RpcEndpoint(ProjectLetterAsked.subject, ProjectLetterAsked, partial(project_letter, runtime.pool)),
        RpcEndpoint(CooperationLetterAsked.subject, CooperationLetterAsked, partial(cooperation_letter, runtime.pool)),
        RpcEndpoint(
            OrganisationsOfTypesAsked.subject,
            OrganisationsOfTypesAsked,
            partial(organisations_of_types, runtime.pool),
        ),
    ]
    return Parts(
        endpoints=endpoints(journal, runtime.pool, live, files, vault, site=settings.site),
        journal=journal,
        tasks=[
            partial(live.keep, runtime.wakeup.waiter()),
            relay.run,
            *(consumer.run for consumer in consumers),
            clock,
            partial(serve_rpc, runtime.bus, settings.service, questions),
        ],
    )


if __name__ == "__main__":
    raise SystemExit(main(CatalogSettings, build))
