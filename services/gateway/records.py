"""Everything that stands in the gateway's journal, and the read models made from it."""

from typing import Any

from services.gateway.people import ERASURES
from services.gateway.person import PERSON
from shared.kernel.decider import Decider

DECIDERS: tuple[Decider[Any, Any, Any], ...] = (PERSON,)
PROJECTIONS = (ERASURES,)
