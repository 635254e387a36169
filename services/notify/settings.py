"""What the notification service is told by its environment, beyond what every service is told."""

from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, field_validator

from services.notify.smtp import Host, Security
from services.notify.subscription_upkeep import Terms
from shared.kernel.settings import Days, Secret, ServiceSettings

SCHEMES: dict[str, Security] = {"smtp": "offered", "smtp+starttls": "starttls", "smtps": "tls"}
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class NotifySettings(ServiceSettings):
    """The mail server, and in whose name mails are written."""

    service: str = "notify"
    """Always `notify`."""
    port: int = Field(default=8083, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    smtp_url: Secret
    """The mail server: `smtp://host:port` (TLS if it offers it), `smtp+starttls://user:password@host` or `smtps://…`."""
    mail_from: str = "Interkommunales.NRW <portal@interkommunal.example>"
    """The mailbox that mails and invitations come from; its domain ends every Message-ID."""
    mail_max_age_days: float = Field(default=7.0, gt=0)
    """Nothing older than this many days is told to anybody."""
    smtp_connections: int = Field(default=4, ge=2, le=64)
    """Connections kept open to the mail server; one of them serves single persons' messages only."""

    subscription_confirm_hours: int = Field(default=72, ge=1, le=720)
    """Hours within which a subscription is to be confirmed, or it lapses."""
    subscription_request_retention_days: Days = 7
    """Days for which a request that nobody confirmed is kept; `never` to keep it."""
    subscription_proof_retention_days: Days = 1095
    """Days for which a subscription and the proof of its confirmation are kept after its end; `never` to keep them."""

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme not in SCHEMES or not url.hostname or _port(url) is None:
            raise ValueError(f"expected {', '.join(SCHEMES)}://host:port")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        try:
            if value.isprintable() and Address(addr_spec=parseaddr(value)[1]).domain:
                return value
        except (HeaderParseError, ValueError, IndexError):
            pass
        raise ValueError("expected `Name <address>`")

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
    def mail_max_age(self) -> timedelta:
        """The age beyond which nothing is told to anybody."""
        return timedelta(days=self.mail_max_age_days)

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


def _port(url: SplitResult) -> int | None:
    """The port that is named or usual; None for one that is none."""
    try:
        return url.port or PORTS.get(url.scheme)
    except ValueError:
        return None
