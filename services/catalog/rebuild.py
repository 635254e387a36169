"""The read models built anew from the journal: `python -m services.catalog.rebuild`, or `ikz rebuild catalog`."""

from services.catalog.records import DECIDERS, PROJECTIONS
from services.catalog.settings import CatalogSettings
from shared.kernel.rebuild import main

if __name__ == "__main__":
    raise SystemExit(main(CatalogSettings, DECIDERS, PROJECTIONS))
