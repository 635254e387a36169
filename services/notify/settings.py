"""What the notification service is told by its environment, beyond what every service is told."""

import re
from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, field_validator, model_validator

from services.notify.bounce_address import LONGEST_MAILBOX
from services.notify.mailboxes import Account, account
from services.notify.rates import Rates
from services.notify.report_proof import ReportProof
from services.notify.smtp import Host, Security
from services.notify.subscription_upkeep import Terms
from shared.kernel.settings import Days, Secret, ServiceSettings

SCHEMES: dict[str, Security] = {"smtp": "offered", "smtp+starttls": "starttls", "smtps": "tls"}
HOST = re.compile(r"\*|[A-Za-z0-9.-]{1,253}")
NUMBER = re.compile(r"[0-9]{1,6}")
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class NotifySettings(ServiceSettings):
    """The mail server, and in whose name mails are written; where webhooks may lead."""

    service: str = "notify"
    """Always `notify`."""
    port: int = Field(default=8083, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    smtp_url: Secret
    """The mail server: `smtp://host:port` (TLS if it offers it), `smtp+starttls://user:password@host` or `smtps://…`."""
    portal_name: str = "Interkommunales.NRW"
    """The portal's name, as mails, invitations and feeds say it; the same as the gateway's."""
    mail_from: str = "Interkommunales.NRW <portal@interkommunal.example>"
    """The mailbox that mails and invitations come from; its domain ends every Message-ID."""
    mail_max_age_days: float = Field(default=7.0, gt=0)
    """Nothing older than this many days is told to anybody."""
    smtp_connections: int = Field(default=4, ge=2, le=64)
    """Connections kept open to the mail server; one of them serves single persons' messages only."""
    bounce_address: str | None = None
    """The mailbox that bounces come back to; its server must deliver `local+anything@domain` to it, too."""
    bounce_mailbox_url: Annotated[str | None, Field(repr=False)] = None
    """Where bounces are read: `imaps://user:password@host/folder`, `pop3s://user:password@host`, also `+starttls`."""
    bounce_poll_seconds: float = Field(default=60.0, ge=1)
    """How often that mailbox is looked into."""
    bounce_webhook_secret: Annotated[str | None, Field(repr=False)] = None
    """Proves reports sent to `/api/v1/bounces`: `whsec_` and at least 24 bytes in base64. Without it none is taken."""
    delivery_log_retention_days: Days = 90
    """Days for which is kept what was sent to whom, why, and what became of it; more than mails may be old."""

    subscription_confirm_hours: int = Field(default=72, ge=1, le=720)
    """Hours within which a subscription is to be confirmed, or it lapses."""
    subscription_request_retention_days: Days = 7
    """Days for which a request that nobody confirmed is kept; `never` to keep it."""
    subscription_proof_retention_days: Days = 1095
    """Days for which a subscription and the proof of its confirmation are kept after its end; `never` to keep them."""
    webhook_ports: str = "443,8443"
    """The ports that webhooks may lead to."""
    webhook_loopback: bool = False
    """For development: webhooks may lead to this machine itself, at any port, and by http."""
    webhook_log_retention_days: int = Field(default=30, ge=4, le=36_500)
    """Days for which a webhook's deliveries are kept, with their attempts."""
    live_retention_hours: int = Field(default=24, ge=1, le=24 * 90)
    """Hours after which the live stream can no longer be resumed where it was left."""

    mail_rates: str = ""
    """How many mails a minute go to the mailboxes of a host at most, for each process: `t-online.de=60,*=600`; `*` is
    every other host. Empty: as many as the mail server takes. Mails that single persons wait for are never put off."""
    mail_at_once: str = ""
    """How many mails are on their way to the mailboxes of a host at the same time at most: `t-online.de=2`."""

    @field_validator("mail_rates", "mail_at_once")
    @classmethod
    def _are_limits(cls, value: str) -> str:
        limits_of(value)
        return value

    findings_retention_days: int = Field(default=60, ge=8)
    """Days for which is kept who was found to be told of what; nobody is told of anything that waited longer."""

    @field_validator("portal_name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        """It stands in headers and in calendars, which know no line ends and no quotation marks in names."""
        if value.strip() and value.isprintable() and not set(value) & set('"<>'):
            return value
        raise ValueError("expected a name in one line, without quotation marks and angle brackets")

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in SCHEMES or not url.hostname or _port(url) is None:
            raise ValueError(f"expected {', '.join(SCHEMES)}://host:port")
        return value

    @field_validator("webhook_ports")
    @classmethod
    def _are_ports(cls, value: str) -> str:
        if all(port.strip().isdecimal() and 0 < int(port) < 65536 for port in value.split(",")):
            return value
        raise ValueError("expected numbers of ports, separated by commas")

    @field_validator("mail_from")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        try:
            if value.isprintable() and Address(addr_spec=parseaddr(value)[1]).domain:
                return value
        except (HeaderParseError, ValueError, IndexError):
            pass
        raise ValueError("expected `Name <address>`")

    @field_validator("bounce_address")
    @classmethod
    def _takes_bounces(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            local = Address(addr_spec=value).username
        except (HeaderParseError, ValueError, IndexError) as error:
            raise ValueError("expected an address") from error
        if not (value.isascii() and value.isprintable() and value.count("@") == 1 and len(local) <= LONGEST_MAILBOX):
            raise ValueError(f"expected an address with at most {LONGEST_MAILBOX} characters before the @")
        return value

    @field_validator("bounce_mailbox_url")
    @classmethod
    def _is_a_bounce_mailbox(cls, value: str | None) -> str | None:
        if value is not None:
            account(value)
        return value

    @field_validator("bounce_webhook_secret")
    @classmethod
    def _is_a_webhook_secret(cls, value: str | None) -> str | None:
        if value is not None:
            ReportProof.of(value)
        return value

    @model_validator(mode="after")
    def _remembers_what_it_sent(self) -> Self:
        """What may still be told must be remembered, or it could be told again."""
        kept = self.delivery_log_retention_days
        if kept is not None and kept <= self.mail_max_age_days:
            raise ValueError("IKZ_DELIVERY_LOG_RETENTION_DAYS must be more than IKZ_MAIL_MAX_AGE_DAYS")
        return self

    @property
    def mail_domain(self) -> str:
        """What ends every Message-ID."""
        return Address(addr_spec=parseaddr(self.mail_from)[1]).domain

    @property
    def bounce_mailbox(self) -> Account | None:
        """The mailbox that bounces are read from, taken apart."""
        return account(self.bounce_mailbox_url) if self.bounce_mailbox_url else None

    @property
    def delivery_log_retention(self) -> timedelta | None:
        """How long messages are kept that are done with; None for ever."""
        days = self.delivery_log_retention_days
        return None if days is None else timedelta(days=days)

    @property
    def smtp_host(self) -> Host:
        """The mail server, taken apart."""
        url = urlsplit(self.smtp_url)
        return Host(
            name=url.hostname or "",
            port=_port(url) or PORTS[url.scheme],
            security=SCHEMES[url.scheme],
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
        )

    @property
    def ports_of_webhooks(self) -> frozenset[int]:
        """The ports that webhooks may lead to, one by one."""
        return frozenset(map(int, self.webhook_ports.split(",")))

    @property
    def live_retention(self) -> timedelta:
        """How long the live stream can be resumed where it was left."""
        return timedelta(hours=self.live_retention_hours)

    @property
    def rates(self) -> Rates:
        """The limits by host."""
        at_once = {host: int(most) for host, most in limits_of(self.mail_at_once).items()}
        return Rates(limits_of(self.mail_rates), at_once)

    @property
    def mail_max_age(self) -> timedelta:
        """The age beyond which nothing is told to anybody."""
        return timedelta(days=self.mail_max_age_days)

    @property
    def findings_kept(self) -> timedelta:
        """How long is kept who was found to be told of what."""
        return timedelta(days=self.findings_retention_days)

    @property
    def subscription_terms(self) -> Terms:
        """How long subscriptions are kept after their end."""
        kept = (self.subscription_request_retention_days, self.subscription_proof_retention_days)
        requests, proofs = (None if days is None else timedelta(days=days) for days in kept)
        return Terms(requests, proofs)

    @property
    def subscription_confirm_within(self) -> timedelta:
        """How long a request for a subscription waits."""
        return timedelta(hours=self.subscription_confirm_hours)


def limits_of(said: str) -> dict[str, float]:
    """`host=number` behind commas; anything else is a `ValueError`."""
    limits = {}
    for each in filter(None, (part.strip() for part in said.split(","))):
        host, _, number = each.partition("=")
        limit = float(number) if HOST.fullmatch(host) and NUMBER.fullmatch(number) else 0
        if limit < 1:
            raise ValueError("expected host=number,… with numbers of at least 1")
        limits[host.lower()] = limit
    return limits


def _port(url: SplitResult) -> int | None:
    """The port that is named or usual; None for one that is none."""
    try:
        return url.port or PORTS.get(url.scheme)
    except ValueError:
        return None
