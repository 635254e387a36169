"""The read models built anew from the journal: `python -m services.notify.rebuild`, or `ikz rebuild notify`."""

from services.notify.records import DECIDERS, PROJECTIONS
from services.notify.settings import NotifySettings
from shared.kernel.rebuild import main

if __name__ == "__main__":
    raise SystemExit(main(NotifySettings, DECIDERS, PROJECTIONS))
