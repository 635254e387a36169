"""How fast mails may go to the mailboxes of one host: so many a minute, so many at a time.

Nothing is waited for here: a message whose host has enough for now is put off to a time of its own, and others go. The
limits hold for each process. Single persons' messages are counted and never put off: there are few of them, and
somebody waits for each.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from services.notify.kind import Priority
from services.notify.matter import Claimed

ANY = "*"
AT_ONCE = timedelta(seconds=1)  # what may go at the same moment: as much as in a second, one at least
NO_TIME = timedelta(0)
SOON = timedelta(seconds=1)
REMEMBERED = 100_000


@dataclass(slots=True)
class Rates:
    """`a_minute` and `at_once` by host; that of `*` is every other host's."""

    a_minute: Mapping[str, float] = field(default_factory=dict)
    at_once: Mapping[str, int] = field(default_factory=dict)
    _free: dict[str, datetime] = field(default_factory=dict)
    _turns: dict[UUID, datetime] = field(default_factory=dict)
    _sending: Counter[str] = field(default_factory=Counter)

    def put_off(self, claimed: Claimed, address: str, now: datetime) -> datetime | None:
        """When it may be sent, if not now."""
        if not (self.a_minute or self.at_once):
            return None
        host = host_of(address)
        most, rate = _of(self.at_once, host), _of(self.a_minute, host)
        if claimed.priority > Priority.PERSONAL and most is not None and self._sending[host] >= most:
            return now + SOON
        if rate is None:
            return None
        return self._turn(claimed, host, timedelta(minutes=1) / rate, now)

    @contextmanager
    def sending(self, address: str) -> Iterator[None]:
        """While a mail is on its way."""
        host = host_of(address)
        self._sending[host] += 1
        try:
            yield
        finally:
            self._sending[host] -= 1
            if not self._sending[host]:
                del self._sending[host]

    def _turn(self, claimed: Claimed, host: str, apart: timedelta, now: datetime) -> datetime | None:
        """Turns are given out one behind the other; whoever was given one and comes for it is let go."""
        given = self._turns.pop(claimed.id, None)
        if given is not None and given <= now:
            return None
        if given is not None:
            self._turns[claimed.id] = given
            return given
        turn = max(self._free.get(host, now), now)
        self._free[host] = turn + apart
        if claimed.priority == Priority.PERSONAL or turn <= now + max(AT_ONCE - apart, NO_TIME):
            return None
        self._remember(claimed.id, turn, now)
        return turn

    def _remember(self, message: UUID, turn: datetime, now: datetime) -> None:
        """Turns that nobody came for, because another process had the message, are forgotten some day."""
        if len(self._turns) >= REMEMBERED:
            self._turns = {each: at for each, at in self._turns.items() if at > now}
        self._turns[message] = turn


def host_of(address: str) -> str:
    """The host of a mailbox, by which limits are named."""
    return address.rpartition("@")[2].lower()


def _of[N: (int, float)](limits: Mapping[str, N], host: str) -> N | None:
    return limits.get(host, limits.get(ANY))
