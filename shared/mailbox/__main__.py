"""`python -m shared.mailbox`: takes mails by SMTP and shows them over HTTP, until SIGTERM."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.mailbox.page import LOOPBACK_NAMES, make_app
from shared.mailbox.store import Store

LARGEST = 32 * 1024 * 1024


class MailboxSettings(BaseSettings):
    """From the environment: `IKZ_MAILBOX_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="IKZ_MAILBOX_", frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """The address both ports listen at."""
    smtp_port: int = 8026
    """Where mail is taken."""
    http_port: int = 8025
    """Where mail is shown."""
    dir: Path
    """The folder that keeps the mails."""


class Sink:
    """Takes every mail for everybody."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd's signature
        """Keeps the mail before it says so."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        self._store.add(raw, envelope.mail_from or "", envelope.rcpt_tos)
        return "250 OK"


async def main(settings: MailboxSettings) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    store = Store(settings.dir)

    def connection() -> Any:
        return SMTP(Sink(store), hostname="mailbox", data_size_limit=LARGEST, enable_SMTPUTF8=True, loop=loop)

    smtp = await loop.create_server(connection, settings.host, settings.smtp_port)
    runner = web.AppRunner(make_app(store, local_only=settings.host in LOOPBACK_NAMES), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.http_port, shutdown_timeout=1).start()
        await stopping.wait()
    finally:
        smtp.close()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(MailboxSettings()))
