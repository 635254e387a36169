"""One connection to the mail server, kept open, and what its answers mean for a message.

The stages of a mail are sent one by one, because what an error means depends on where it happens: before DATA nothing
has been handed over; when the connection breaks during DATA nobody knows; and a server that refuses the sender refuses
us, not the recipient. A connection that breaks when a recipient is named is that message's trouble: it is tried later,
or it would stand before all others for ever.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

type Security = Literal["offered", "starttls", "tls"]

CONNECT_TIMEOUT = 10.0
COMMAND_TIMEOUT = 30.0
LONGEST = 170.0  # from taking up a mail to its end; what comes before DATA has its own limits and leaves enough of it
STALE_AFTER = 10.0
OF_THE_MESSAGE = (452, 552)  # MAIL FROM carries the size
ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


class Down(Exception):
    """The mail server cannot be used now; nothing was handed over. The text names no address and no secret."""


@dataclass(frozen=True, slots=True)
class Host:
    """A mail server and how it is spoken to: TLS if it is offered, required after STARTTLS, or from the first byte."""

    name: str
    port: int
    security: Security = "offered"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt.

    `delivered`: the server has taken it over. `refused`: it never will. `deferred`: not now. `lost`: the connection
    broke while the mail was on its way; it may have arrived. `status` is the RFC 3463 code; the server's own words are
    not kept, they may repeat the address.
    """

    outcome: Literal["delivered", "refused", "deferred", "lost"]
    code: int | None = None
    status: str | None = None


class Connection:
    """A conversation with the mail server; opened when it is needed, opened again when it broke."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._client: SMTP | None = None
        self._used_at = 0.0

    async def ready(self) -> None:
        """Makes sure that the server can be spoken to, or raises `Down`."""
        client = self._client
        if client is not None and client.is_connected and time.monotonic() - self._used_at < STALE_AFTER:
            return
        if client is not None and client.is_connected and await self._answers(client):
            return
        await self._open()

    async def send(self, sender: str, recipient: str, mail: bytes) -> Result:
        """Hands over one mail. Raises `Down` if the trouble is not this message's and nothing was handed over.

        When it is cancelled in the middle of a mail the conversation ends, for it cannot go on from there.
        """
        until = asyncio.get_running_loop().time() + LONGEST
        await self.ready()
        client, self._client = self._client, None
        assert client is not None
        try:
            result = await self._converse(client, sender, recipient, mail, until)
        except BaseException:
            client.close()
            raise
        self._client, self._used_at = client, time.monotonic()
        return result

    async def quit(self) -> None:
        """Says goodbye if there is anybody to say it to."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=1)
        except (SMTPException, OSError):
            client.close()

    def close(self) -> None:
        """Hangs up."""
        if self._client is not None:
            self._client.close()
        self._client = None

    async def _converse(self, client: SMTP, sender: str, recipient: str, mail: bytes, until: float) -> Result:
        try:
            await client.mail(sender)
        except SMTPSenderRefused as error:
            if error.code not in OF_THE_MESSAGE:
                raise Down(f"the server refuses the sender ({error.code})") from error
            return await self._refused(client, error)
        except (SMTPException, OSError) as error:
            raise Down(type(error).__name__) from error
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            return await self._refused(client, error)
        except (SMTPException, OSError):
            client.close()
            return Result("deferred")
        try:
            async with asyncio.timeout_at(until):
                response = await client.data(mail, timeout=None)
        except SMTPDataError as error:
            return await self._refused(client, error)
        except (SMTPException, OSError):
            client.close()
            return Result("lost")
        return Result("delivered", response.code, _status(response.message))

    async def _refused(self, client: SMTP, error: SMTPResponseException) -> Result:
        """The verdict on this message; the conversation goes on if the server lets it."""
        if error.code == 421 or not await self._reset(client):
            client.close()
        return Result("refused" if 500 <= error.code < 600 else "deferred", error.code, _status(error.message))

    async def _reset(self, client: SMTP) -> bool:
        try:
            await client.rset(timeout=CONNECT_TIMEOUT)
        except (SMTPException, OSError):
            return False
        return True

    async def _answers(self, client: SMTP) -> bool:
        try:
            await client.noop(timeout=CONNECT_TIMEOUT)
        except (SMTPException, OSError):
            return False
        self._used_at = time.monotonic()
        return True

    async def _open(self) -> None:
        self.close()
        host = self._host
        client = SMTP(
            hostname=host.name,
            port=host.port,
            username=host.username,
            password=host.password,
            use_tls=host.security == "tls",
            start_tls={"offered": None, "starttls": True, "tls": False}[host.security],
            timeout=CONNECT_TIMEOUT,
        )
        try:
            await client.connect()
        except SMTPResponseException as error:
            raise Down(f"the server says {error.code}") from error
        except (SMTPException, OSError) as error:
            raise Down(type(error).__name__) from error
        client.timeout = COMMAND_TIMEOUT
        self._client = client
        self._used_at = time.monotonic()


def _status(words: str) -> str | None:
    found = ENHANCED.search(words)
    return found[0] if found else None
