"""The part of the service that deals with what comes back, step by step, and messages that were handed over."""

import base64
import datetime as dt
import hmac
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from services.notify import bounces, suppression_list
from services.notify.counting import Counting
from services.notify.mailbox_reader import MailboxReader
from services.notify.mailboxes import Account
from services.notify.matter import Claimed, Told
from services.notify.reports import Reports
from services.notify.returned_mail import Reader
from services.notify.writing import Mail, Ready
from shared.contracts import notify as contracts
from shared.kernel.health import Health
from shared.kernel.wakeup import Waiter, Wakeup
from tests.integration.notify.conftest import MARKS, Notify
from tests.integration.notify.mailbox_servers import PASSWORD, USER, MailServer
from tests.unit.notify import samples
from tests.unit.notify.returns import ADDRESSES, DOMAIN, MESSAGE, WHO

MAILING = """
INSERT INTO mailing (cause, recorded_at, kind, type, data, priority, happened_at, correlation_id, created_at, state,
                     ready_at, session)
VALUES ($1, $2, $4, 'ikz.events.session.postponed.v1', '{}', 1, $2, 'c', $2, 'expanded', $2, $3)
RETURNING id
"""
MESSAGE_ROW = """
INSERT INTO message (id, mailing_id, kind, channel, person_id, lane, priority, state, attempts, ready_at, created_at,
                     finished_at, address_mark, reported, calendar)
VALUES ($1, $2, $11, 'email', $3, $4, 1, $5, 1, $6, $6, $7, $8, $9, $10)
"""
ATTEMPT = """
INSERT INTO attempt (message_id, number, at, outcome, code, status, took_ms, host) VALUES ($1, 1, $2, $3, $4, $5, 3, $6)
"""
WHEN = dt.timedelta(minutes=1)
PERSON = "0198f0a2-0000-7000-8000-0000000000e1"


class Post:
    """Reads a mailbox, by POP3 unless another protocol is named."""

    def __init__(self, notify: Notify, server: MailServer) -> None:
        self.notify, self.server = notify, server
        self.reports = Reports(notify.pool, notify.journal, Waiter(), lambda: False)
        self.counting = Counting(notify.pool, notify.journal, notify.clock, Waiter(), Wakeup())
        self.use("pop3")

    def use(self, protocol: str, **changes: Any) -> None:
        account = Account(
            protocol="pop3" if protocol.startswith("pop3") else "imap",
            security="tls" if protocol.endswith("s") else "offered",
            host="127.0.0.1",
            port=getattr(self.server, protocol),
            username=USER,
            password=PASSWORD,
            trusted=self.server.trusted,
        )
        self.reader = MailboxReader(
            pool=self.notify.pool,
            dsn=self.notify.dsn,
            mailbox=replace(account, **changes).mailbox,
            reader=Reader(DOMAIN, ADDRESSES),
            clock=self.notify.clock,
            health=Health(),
            every=60,
            taken=lambda: None,
        )

    async def sent(
        self,
        message_id: UUID = MESSAGE,
        state: str = "delivered",
        *,
        address: str | None = WHO,
        kind: str = "postponement",
        reported: bool = False,
        calendar: str | None = None,
        session: Any = None,
    ) -> str:
        """A message that was handed over a minute ago, or is on its way."""
        at = self.notify.clock.now() - WHEN
        pool = self.notify.pool
        mailing = await pool.fetchval(MAILING, f"session-{uuid4()}@1", at, session, kind)
        finished = at if state in ("delivered", "bounced") else None
        mark = MARKS.of(address) if address else None
        row = (PERSON, str(message_id), state, at, finished, mark, reported, calendar, kind)
        await pool.execute(MESSAGE_ROW, message_id, mailing, *row)
        if state in ("delivered", "bounced"):
            await pool.execute(ATTEMPT, message_id, at, "delivered" if finished else "deferred", 250, "2.0.0", None)
        return str(message_id)

    async def looks(self) -> None:
        """The mailbox is read, and everything follows from it."""
        await self.reader.look()
        await self.follow()

    async def takes(self, raw: bytes) -> None:
        """A mail is read, wherever it lay."""
        found = self.reader.reader.read(raw)
        arrival = bounces.Arrival("mailbox", bounces.digest_of(raw), self.notify.clock.now())
        async with self.notify.pool.acquire() as connection:
            await bounces.take(connection, arrival, found, bounces.reason_of(found))

    async def follow(self) -> None:
        await bounces.settle(self.notify.pool)
        while await self.reports.step():
            pass

    async def end(self, message_id: object = MESSAGE) -> tuple[str, str | None, str | None]:
        row = await self.notify.pool.fetchrow("SELECT state, reason, status FROM message WHERE id = $1", message_id)
        assert row is not None
        return row["state"], row["reason"], row["status"]

    async def suppressed(self, address: str = WHO) -> bool:
        mark = MARKS.of(address)
        return mark in await suppression_list.suppressed(self.notify.pool, [mark, uuid4()], self.notify.clock.now())

    async def said(self) -> list[str]:
        return [row["said"] for row in await self.notify.pool.fetch("SELECT said FROM bounce ORDER BY said")]

    async def contracts(self, kind: type[contracts.MessageBounced]) -> int:
        events = [each.event for each in await self.notify.journal.read(0, 1000)]
        return sum(type(event).__name__ == kind.__name__ for event in events)


class Anything:
    """Writes the same to the same person, whatever it is about."""

    composer = samples.COMPOSER

    async def look_up(self, claimed: Sequence[Claimed]) -> list[Ready]:
        told = Told(1, "session", "", None, "", samples.STAMP)
        nothing: Any = None
        return [Ready(each, nothing, told, SimpleNamespace(email=WHO)) for each in claimed]

    def write(self, _ready: Ready, _now: dt.datetime) -> Mail:
        return Mail(WHO, b"Subject: x\r\n\r\nx\r\n")


def signed(body: bytes, at: dt.datetime, message_id: str = "msg_1", key: bytes = b"s" * 32) -> dict[str, str]:
    """The headers of a signed report."""
    stamp = str(int(at.timestamp()))
    mac = base64.b64encode(hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")).decode()
    return {"Webhook_Id": message_id, "Webhook_Timestamp": stamp, "Webhook_Signature": f"v1,AAAA v1,{mac}"}
