"""The aggregate that is measured: one event of some 600 bytes for each command."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, Event, Snapshots
from shared.kernel.postgres import Connection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

NOTE = "x" * 500


class Deposit(BaseModel):
    """A command."""

    account: str
    amount: int


class Deposited(Event):
    """Its event."""

    account: str
    amount: int
    note: str


class DepositMade(Contract):
    """Its contract."""

    type: ClassVar[str] = "ikz.catalog.account.deposited.v1"
    key: ClassVar[str] = "account"
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class Account:
    """Its state."""

    total: int = 0


def decide(command: Deposit, _account: Account, at: datetime) -> Sequence[Deposited]:
    """Always accepts."""
    return [Deposited(at=at, account=command.account, amount=command.amount, note=NOTE)]


def evolve(account: Account, event: Deposited) -> Account:
    """Adds up."""
    return Account(account.total + event.amount)


def publish(event: Deposited) -> Contract:
    """Every event is published."""
    return DepositMade(account=event.account, amount=event.amount)


ACCOUNT: Decider[Account, Deposit, Deposited] = Decider(
    category="account", initial=Account(), decide=decide, evolve=evolve, publish=publish, events=(Deposited,)
)
SNAPSHOT_EVERY = 200
WITH_SNAPSHOTS: Decider[Account, Deposit, Deposited] = Decider(
    category="account",
    initial=Account(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=(Deposited,),
    snapshots=Snapshots(SNAPSHOT_EVERY, 1, lambda state: str(state.total).encode(), lambda raw: Account(int(raw))),
)

CREATE = "CREATE TABLE deposit (account text NOT NULL, version bigint NOT NULL, PRIMARY KEY (account, version))"
KEEP = """
INSERT INTO deposit (account, version) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING
"""


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """One row for each event."""
    await connection.execute(KEEP, [event.stream for event in events], [event.version for event in events])


DEPOSITS = Projection("deposits", ("deposit",), project)
