"""The read models built anew from the journal: `python -m services.gateway.rebuild`, or `ikz rebuild gateway`."""

from services.gateway.records import DECIDERS, PROJECTIONS
from services.gateway.settings import GatewaySettings
from shared.kernel.rebuild import main

if __name__ == "__main__":
    raise SystemExit(main(GatewaySettings, DECIDERS, PROJECTIONS))
