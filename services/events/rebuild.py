"""The read models built anew from the journal: `python -m services.events.rebuild`, or `ikz rebuild events`."""

from services.events.records import DECIDERS, PROJECTIONS
from services.events.settings import EventsSettings
from shared.kernel.rebuild import main

if __name__ == "__main__":
    raise SystemExit(main(EventsSettings, DECIDERS, PROJECTIONS))
