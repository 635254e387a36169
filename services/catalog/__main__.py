"""The catalogue as a process: `python -m services.catalog`, or `ikz run catalog`."""

from functools import partial

from services.catalog import due, problems, undertaking_due
from services.catalog.contact_review import ask_for_review
from services.catalog.http import endpoints
from services.catalog.known import known
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.settings import CatalogSettings
from services.catalog.stored_files import Sweep
from services.catalog.topic_split import move_projects
from shared.contracts.rpc import KnownAsked
from shared.kernel.files import Files
from shared.kernel.journal import Journal
from shared.kernel.relay import Relay
from shared.kernel.rpc import RpcEndpoint, serve_rpc
from shared.kernel.service import Parts, Runtime, main


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
    files = Files(runtime.bus, settings.service)
    duties: list[due.Duty] = [
        ask_for_review,
        move_projects,
        Sweep(files),
        undertaking_due.remind,
        undertaking_due.draft_what_is_finished,
    ]
    clock = partial(due.keep_time, journal, runtime.pool, settings.database_url, runtime.clock, duties)
    questions = [RpcEndpoint(KnownAsked.subject, KnownAsked, partial(known, runtime.pool))]
    return Parts(
        endpoints=endpoints(journal, runtime.pool, files),
        journal=journal,
        tasks=[relay.run, clock, partial(serve_rpc, runtime.bus, settings.service, questions)],
    )


if __name__ == "__main__":
    raise SystemExit(main(CatalogSettings, build))
