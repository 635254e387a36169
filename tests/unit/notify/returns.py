"""Mails as they come back, written for these tests in the shapes that mail servers give them."""

from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from services.notify.bounce_address import BounceAddresses

MESSAGE = UUID("0190f3c2-1111-7abc-8def-0123456789ab")
DOMAIN = "interkommunal.example"
ADDRESSES = BounceAddresses.of_vault(f"bounces@{DOMAIN}", b"k" * 32)
TO = ADDRESSES.of(MESSAGE)
PLAIN = f"portal@{DOMAIN}"
WHO = "erika@gemeinde.example"


def original(message_id: UUID = MESSAGE) -> str:
    """The head of our mail, as servers return it."""
    return (
        f"Return-Path: <{PLAIN}>\r\nFrom: Interkommunales.NRW <{PLAIN}>\r\nTo: {WHO}\r\n"
        f"Subject: Neuer Termin\r\nMessage-ID: <{message_id}@{DOMAIN}>\r\n\r\n"
    )


def report(
    *,
    to: str = TO,
    status: str = "5.1.1",
    action: str = "failed",
    words: str = "smtp; 550 5.1.1 <erika@gemeinde.example>: kein solches Postfach",
    message_id: UUID = MESSAGE,
    returned: str = "text/rfc822-headers",
    boundary: str = "grenze-1",
) -> bytes:
    """A report as of RFC 3464."""
    return (
        f"Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.gemeinde.example>\r\nTo: {to}\r\n"
        "Subject: Nicht zustellbar\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nDie Nachricht kam nicht an.\r\n"
        f"--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.gemeinde.example\r\nArrival-Date: Tue, 01 Jul 2025 10:00:00 +0200\r\n\r\n"
        f"Final-Recipient: rfc822; {WHO}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Remote-MTA: dns; mx.gemeinde.example\r\nDiagnostic-Code: {words}\r\n\r\n"
        f"--{boundary}\r\nContent-Type: {returned}\r\n\r\n{original(message_id)}"
        f"\r\n--{boundary}--\r\n"
    ).encode()


def letter(text: str, *, to: str = TO, sender: str = "MAILER-DAEMON@mx.gemeinde.example", **headers: str) -> bytes:
    """A letter in somebody's own words."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"Return-Path: <>\r\nFrom: {sender}\r\nTo: {to}\r\nSubject: failure notice\r\n{more}\r\n"
        + text.replace("\n", "\r\n")
    ).encode()


QMAIL = f"""Hi. This is the qmail-send program at gemeinde.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<{WHO}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{original()}Text mit der Nummer 4.2.2 darin
"""
EXIM = f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {WHO}
    SMTP error from remote mail server after RCPT TO:<{WHO}>:
    host mx.gemeinde.example [192.0.2.7]: 552 5.2.2 Mailbox full

------ This is a copy of your message, including all the headers. ------

{original()}
"""


def complaint(kind: str = "abuse", *, to: str = "fbl@interkommunal.example") -> bytes:
    """A reader's provider says that the reader took it for junk (RFC 5965)."""
    return (
        f"From: <feedback@provider.example>\r\nTo: {to}\r\nSubject: Beschwerde\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b2"\r\n\r\n'
        "--b2\r\nContent-Type: text/plain\r\n\r\nEine Beschwerde.\r\n"
        f"--b2\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: Test/1\r\n"
        f"Version: 1\r\nOriginal-Mail-From: <{TO}>\r\n\r\n"
        f"--b2\r\nContent-Type: message/rfc822\r\n\r\n{original()}Text\r\n--b2--\r\n"
    ).encode()


def exchange() -> bytes:
    """A report with a letter in HTML, the whole mail below, and lines of its own between."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@stadt.example>"
    mail["To"] = TO
    mail["Subject"] = "Unzustellbar: Neuer Termin"
    mail["X-MS-Exchange-Message-Is-Ndr"] = ""
    mail.set_content("<p>Ihre Nachricht konnte nicht zugestellt werden.</p>", subtype="html")
    mail.make_mixed()
    raw = mail.as_bytes().replace(b"multipart/mixed;", b"multipart/report; report-type=delivery-status;")
    boundary = str(mail.get_boundary()).encode()
    parts = (
        b"--" + boundary + b"\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns;EX01.stadt.local\r\nReceived-From-MTA: dns;relay.example\r\n\r\n"
        b"Original-Recipient: rfc822;" + WHO.encode() + b"\r\nFinal-Recipient: rfc822;" + WHO.encode() + b"\r\n"
        b"Action: failed\r\nStatus: 5.1.10\r\n"
        b"Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.NotHere; Kein Postfach zu dieser Adresse\r\n"
        b"X-Display-Name: Erika\r\n\r\n--" + boundary + b"\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return raw.replace(b"--" + boundary + b"--", parts + original().encode() + b"\r\n--" + boundary + b"--")
