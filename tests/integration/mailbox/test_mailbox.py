"""The mailbox takes every mail, keeps it over a restart, and shows it safely."""

import asyncio
import json
import os
import signal
import smtplib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aiohttp
from structlog.testing import capture_logs

from shared.embedded.process import free_ports
from shared.mailbox.mail import read
from shared.mailbox.store import Store

ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//de\r
METHOD:CANCEL\r
BEGIN:VEVENT\r
UID:session-1@example\r
DTSTAMP:20250801T080000Z\r
DTSTART;TZID=Europe/Berlin:20250828T100000\r
SUMMARY:Digitale Sprechstunde\r
SEQUENCE:2\r
END:VEVENT\r
END:VCALENDAR\r
"""


@asynccontextmanager
async def mailbox(folder: Path, smtp: int, http: int) -> AsyncIterator[str]:
    environment = os.environ | {
        "IKZ_MAILBOX_SMTP_PORT": str(smtp),
        "IKZ_MAILBOX_HTTP_PORT": str(http),
        "IKZ_MAILBOX_DIR": str(folder),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "shared.mailbox", env=environment)
    url = f"http://127.0.0.1:{http}"
    try:
        async with aiohttp.ClientSession() as client:
            async with asyncio.timeout(20):
                while True:
                    try:
                        async with client.get(url):
                            break
                    except aiohttp.ClientConnectionError:
                        await asyncio.sleep(0.02)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0


def a_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = "Absage: Digitale Sprechstunde – „Förderung“"
    mail["From"] = "Portal <portal@example.org>"
    mail["To"] = "Erika <erika@example.org>"
    mail.set_content(
        "Sehr geehrte Damen und Herren,\n<script>alert(1)</script>\nhttp://127.0.0.1:8080/anmeldung/abc.\n"
    )
    mail.add_alternative(
        '<p>Guten Tag</p><script>alert(1)</script><a href="http://127.0.0.1/x">Link</a>', subtype="html"
    )
    mail.add_attachment(ICS.encode(), "text", "calendar", filename="absage.ics", params={"method": "CANCEL"})
    return mail


def send(port: int, mail: EmailMessage, to: list[str]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.send_message(mail, "bounce@example.org", to)


async def text(client: aiohttp.ClientSession, url: str) -> str:
    async with client.get(url) as answer:
        assert answer.status == 200, url
        return await answer.text()


async def test_a_mail_is_kept_and_shown(tmp_path: Path) -> None:
    smtp, http = free_ports(2)
    async with mailbox(tmp_path, smtp, http) as url, aiohttp.ClientSession() as client:
        assert "noch keine Nachricht" in await text(client, url)
        await asyncio.to_thread(send, smtp, a_mail(), ["Erika@example.org"])
        await asyncio.to_thread(send, smtp, a_mail(), ["other@example.org", "third@example.org"])

        listed = json.loads(await text(client, f"{url}/messages"))
        assert [entry["to"] for entry in listed] == ["Erika@example.org", "other@example.org, third@example.org"]
        assert listed[0].keys() == {"id", "to", "subject", "received_at"}
        assert listed[0]["subject"] == "Absage: Digitale Sprechstunde – „Förderung“"
        assert len(json.loads(await text(client, f"{url}/messages?to=erika@example.org"))) == 1
        assert len(json.loads(await text(client, f"{url}/messages?to=third@example.org"))) == 1
        assert json.loads(await text(client, f"{url}/messages?to=nobody@example.org")) == []

        mail_id = listed[0]["id"]
        assert "Subject: Absage" in (await text(client, f"{url}/messages/{mail_id}.eml")).replace("=?utf-8?q?", "")
        shown = await text(client, f"{url}/mails/{mail_id}")
        assert "Donnerstag, 28. August 2025, 10:00 Uhr" in shown
        assert "<h2>Absage</h2>" in shown
        assert "<script>" not in shown
        assert 'href="http://127.0.0.1:8080/anmeldung/abc"' in shown
        assert "absage.ics" in shown
        assert "2 Nachrichten" in await text(client, url)

        async with client.get(f"{url}/mails/{mail_id}/html") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "sandbox" in policy
            assert "allow-scripts" not in policy
            assert "default-src 'none'" in policy
        async with client.get(f"{url}/mails/{mail_id}/attachments/2") as answer:
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert (await answer.read()).startswith(b"BEGIN:VCALENDAR")
    async with mailbox(tmp_path, smtp, http) as url, aiohttp.ClientSession() as client:
        assert json.loads(await text(client, f"{url}/messages")) == listed


async def test_what_is_not_there_and_other_names_are_refused(tmp_path: Path) -> None:
    smtp, http = free_ports(2)
    async with mailbox(tmp_path, smtp, http) as url, aiohttp.ClientSession() as client:
        for path in ("/messages/none.eml", "/mails/none", "/messages/..%2F..%2Fetc%2Fpasswd.eml"):
            async with client.get(f"{url}{path}") as answer:
                assert answer.status == 404
        async with client.get(url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421


def an_entry(line: bytes) -> bytes:
    return (
        b"Subject: x\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
        b"METHOD:REQUEST\r\nBEGIN:VEVENT\r\n" + line + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


async def test_malformed_mails_are_kept_and_shown(tmp_path: Path) -> None:
    smtp, http = free_ports(2)
    raws = (
        an_entry(b"SEQUENCE:abc"),
        an_entry(b"SEQUENCE:1\r\nSEQUENCE:2"),
        an_entry(b"DTSTART:nonsense"),
        an_entry(b"DTSTART:20250101T100000\r\nDTSTART:20250101T100000"),
        an_entry(b"DTSTART;VALUE=PERIOD:20250101T100000Z/20250101T110000Z"),
        an_entry(b"DTSTART;VALUE=TIME:100000"),
        an_entry(b"DTSTART:99991231T235959Z"),
        an_entry(b"SUMMARY:a\r\nSUMMARY:b"),
        b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n\r\nx\r\n",
        b"Content-Type: text/plain; charset=\x00\r\n\r\nx\r\n",
        b"Content-Type: text/plain; charset=undefined\r\n\r\nx\r\n",
        b"From: =?x?q?a?=\r\nTo: a@b, :, <>\r\n\r",
        b"To: =?utf-8?b?\xff?=\r\n\r\nx\r\n",
        b"Subject: =?utf-\xa0?q?x?=\r\n\r\nx\r\n",
        b"",
        b"no headers at all\r\n",
        b"Subject: =?utf-8?b?\xff\xff?=\r\nContent-Type: text/plain; charset=unheard-of\r\n\r\n\xff\xfe\r\n",
        (
            b"Subject: x\r\nDate: nonsense\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
            b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nbroken\r\n"
        ),
    )
    async with mailbox(tmp_path, smtp, http) as url, aiohttp.ClientSession() as client:
        for raw in raws:
            await asyncio.to_thread(_send_raw, smtp, raw)
        for entry in json.loads(await text(client, f"{url}/messages")):
            await text(client, f"{url}/mails/{entry['id']}")
        assert f"{len(raws)} Nachrichten" in await text(client, url)


def test_what_cannot_be_taken_apart_is_said_in_the_log() -> None:
    with capture_logs() as logs:
        assert read(an_entry(b"SEQUENCE:abc")).invitations == ()
        assert "nicht" in str(read(b"From: =?x?q?a?=\r\nTo: a@b, :, <>\r\n\rnicht").text)
        assert read(an_entry(b"SEQUENCE:1")).invitations
    assert [entry["event"] for entry in logs] == ["invitation_only_attached", "mail_shown_as_it_came"]


async def test_a_line_that_a_kill_left_half_spoils_no_later_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.add(b"Subject: first\r\n\r\n", "a@example.org", ["b@example.org"])
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"id": "2026')
    second = Store(tmp_path).add(b"Subject: second\r\n\r\n", "a@example.org", ["b@example.org"])
    assert Store(tmp_path).entries() == [first, second]


def _send_raw(port: int, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], raw)
