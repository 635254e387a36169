"""Mails as they are mostly sent: an `EmailMessage` for each, handed over by aiosmtplib, eight at a time.

The letter is the same as ours (text, HTML, a calendar part and the file of it), its words ready-made but for a name and
a link; nothing is claimed, recorded or looked up.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime, make_msgid

from aiosmtplib import SMTP

from bench.rounds import Figures
from services.notify.mail import Bodies

AT_ONCE = 8
NAME, TOKEN, ADDRESS = "Erika Muster", "t" * 22, "erika.muster@stadt.example"


async def sent(port: int, bodies: Bodies, count: int) -> Figures:
    """So many mails, from the first to the last reply."""
    numbers = iter(range(count))
    clients = [SMTP(hostname="127.0.0.1", port=port) for _ in range(AT_ONCE)]
    for client in clients:
        await client.connect()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(_send(client, bodies, numbers))
    took = time.perf_counter() - started
    for client in clients:
        await client.quit()
    return {"1/s": count / took}


async def _send(client: SMTP, bodies: Bodies, numbers: Iterator[int]) -> None:
    for number in numbers:
        await client.send_message(_mail(bodies, number))


def _mail(bodies: Bodies, number: int) -> EmailMessage:
    mail = EmailMessage(policy=POLICY)
    mail["From"] = "Interkommunales.NRW <portal@interkommunal.example>"
    mail["To"] = f"person{number}@gemeinde.example"
    mail["Subject"] = "Verschoben: Digitale Sprechstunde – neuer Termin"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="interkommunal.example")
    named = (f"Person {number}", f"token-of-{number}")
    mail.set_content(_named(bodies.text, *named), cte="quoted-printable")
    mail.add_alternative(_named(bodies.html, *named), subtype="html", cte="quoted-printable")
    calendar = (bodies.calendar or "").replace(ADDRESS, f"person{number}@gemeinde.example")
    mail.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"}, cte="quoted-printable")
    mail.add_attachment(calendar.encode(), maintype="application", subtype="ics", filename="einladung.ics")
    return mail


def _named(text: str, name: str, token: str) -> str:
    return text.replace(NAME, name).replace(TOKEN, token)
