"""The catalogue as a process: `python -m services.catalog`, or `ikz run catalog`."""

from services.catalog import problems
from services.catalog.http import endpoints
from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.settings import CatalogSettings
from shared.kernel.journal import Journal
from shared.kernel.relay import Relay
from shared.kernel.service import Parts, Runtime, main


async def build(runtime: Runtime[CatalogSettings]) -> Parts:
    """Commands and questions over HTTP, the journal behind them, and the relay that publishes it."""
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
    return Parts(endpoints=endpoints(journal, runtime.pool), journal=journal, tasks=[relay.run])


if __name__ == "__main__":
    raise SystemExit(main(CatalogSettings, build))
