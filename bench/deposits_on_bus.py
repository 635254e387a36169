"""Deposits as the events service would publish them: it is the one that another service consumes."""

from dataclasses import replace
from typing import ClassVar

from bench.account import ACCOUNT, Account, Deposit, Deposited
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider

SERVICE, CONSUMER = "events", "notify"


class DepositNoted(Contract):
    """The contract of a deposit."""

    type: ClassVar[str] = "ikz.events.account.deposited.v1"
    key: ClassVar[str] = "account"
    account: str
    amount: int


def publish(event: Deposited) -> Contract:
    """Every event is published."""
    return DepositNoted(account=event.account, amount=event.amount)


NOTED: Decider[Account, Deposit, Deposited] = replace(ACCOUNT, publish=publish)
