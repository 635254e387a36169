"""The library `eventsourcing` with PostgreSQL, as its documentation uses it: an application, aggregates, `save`.

Its settings are the safe ones: an insert locks the table, so that notification ids become visible in their order.
Requests: {"do": "save", "threads", "total", "within"}: so many saves, but none begins after so many seconds.
{"do": "fill", "events", "more"}: an aggregate of so many events, with a snapshot then and `more` events after it if
`more` is not null. {"do": "load", "id", "times"}.
"""

import json
import os
import sys
import threading
import time
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

NOTE = "x" * 500
AT_ONCE = 100


class Account(Aggregate):
    """The same as ours: a total, and a note of 500 characters in every event."""

    def __init__(self) -> None:
        self.total = 0

    @event("Deposited")
    def deposit(self, amount: int, note: str) -> None:  # noqa: ARG002 -- the event has it
        """Adds up."""
        self.total += amount


class Accounts(Application[UUID]):
    """Keeps them; snapshots are taken when asked for."""

    is_snapshotting_enabled = True


def save(app: Accounts, threads: int, total: int, within: float) -> dict[str, float]:
    """Each thread deposits into an account of its own that it has in memory, and saves it; for so many seconds."""
    took: list[float] = []

    def work(account: Account) -> None:
        for _ in range(total // threads):
            began = time.perf_counter()
            if began - started > within:
                return
            account.deposit(1, NOTE)
            app.save(account)
            took.append(time.perf_counter() - began)

    accounts = [Account() for _ in range(threads)]
    app.save(*accounts)
    workers = [threading.Thread(target=work, args=(account,)) for account in accounts]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - started
    took.sort()
    return {"1/s": len(took) / seconds, "p99 ms": took[len(took) * 99 // 100] * 1000}


def fill(app: Accounts, events: int, more: int | None) -> dict[str, str]:
    """An account of so many events, its creation included."""
    account = Account()
    _deposit(app, account, events - 1)
    if more is not None:
        app.take_snapshot(account.id)
        _deposit(app, account, more)
    return {"id": str(account.id)}


def _deposit(app: Accounts, account: Account, times: int) -> None:
    for number in range(times):
        account.deposit(1, NOTE)
        if number % AT_ONCE == AT_ONCE - 1:
            app.save(account)
    app.save(account)


def load(app: Accounts, number: str, times: int) -> dict[str, float]:
    """How often a second the account is had from the repository, and what its version is."""
    started = time.perf_counter()
    versions = [app.repository.get(UUID(number)).version for _ in range(times)]
    return {"1/s": times / (time.perf_counter() - started), "version": versions[0]}


def answer(app: Accounts, request: dict[str, Any]) -> dict[str, Any]:
    """What a request comes to."""
    match request:
        case {"do": "save", "threads": threads, "total": total, "within": within}:
            return save(app, threads, total, within)
        case {"do": "fill", "events": events, "more": more}:
            return fill(app, events, more)
        case {"do": "load", "id": number, "times": times}:
            return load(app, number, times)
        case _:
            raise ValueError(request)


def main() -> None:
    """Serves requests until there are no more."""
    os.environ["PERSISTENCE_MODULE"] = "eventsourcing.postgres"
    with Accounts() as app:
        for line in sys.stdin:
            print(json.dumps(answer(app, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
