"""What the gateway is told by its environment, beyond what every service is told."""

from typing import Annotated

from pydantic import AfterValidator, Field
from yarl import URL

from services.gateway.upstream import Service
from shared.kernel.settings import Days, Key, Secret, ServiceSettings


def _origin(text: str) -> str:
    url = URL(text)
    if url.scheme not in {"http", "https"} or not url.host or url.path != "/" or url.query_string:
        raise ValueError("not an origin like http://127.0.0.1:8081")
    return str(url.origin())


Origin = Annotated[str, AfterValidator(_origin)]


class GatewaySettings(ServiceSettings):
    """The gateway's settings."""

    service: str = "gateway"
    port: int = Field(default=8080, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    identity_private_key: Secret
    """Signs the identity that goes with every request to a service."""
    address_key: Key
    """Finds people by their mail address; derives the key of form stamps."""
    catalog_url: Origin
    """Where the catalogue answers."""
    events_url: Origin
    """Where sessions and registrations answer."""
    notify_url: Origin
    """Where announcements answer."""
    deadline: float = Field(default=10.0, gt=0)
    """Seconds a service may take to answer."""
    max_body: int = Field(default=1024 * 1024, gt=0)
    """The longest request body in bytes."""
    max_upload: int = Field(default=25 * 1024 * 1024, gt=0)
    """The longest file in bytes that is passed on to a service."""
    max_material: int = Field(default=50 * 1024 * 1024, gt=0, le=1024**3)
    """The longest material of a session in bytes; the same as that of the events service."""
    rate_limits: bool = True
    """False lifts the limits against floods, for load tests."""
    registrations_per_network: int = Field(default=60, gt=0)
    """How often people of one network (/24, /64) may register within ten minutes."""
    registrations_per_address: int = Field(default=10, gt=0)
    """How often one mail address may be registered within an hour."""
    subscriptions_per_network: int = Field(default=60, gt=0)
    """How often people of one network (/24, /64) may subscribe or ask for their link within ten minutes."""
    subscriptions_per_address: int = Field(default=10, gt=0)
    """How often one mail address may be given to subscribe or for its link within an hour."""
    contact_requests_per_network: int = Field(default=20, gt=0)
    """How many texts to contacts people of one network (/24, /64) may send within ten minutes."""
    contact_requests_per_address: int = Field(default=5, gt=0)
    """How many texts to contacts one mail address may be given for within an hour."""
    streams: int = Field(default=2000, gt=0)
    """How many live streams may be open at once, as far as the system lets a process have open files (`ulimit -Hn`)."""
    streams_per_network: int = Field(default=200, gt=0)
    """How many live streams people of one network (/24, /64) may have open at once."""
    contact_text_retention_days: int = Field(default=30, ge=1, le=36_500)
    """The catalogue's setting, for the portal to say it."""
    registration_retention_days: Days = 90
    """The setting of `events`, for the portal to say it."""
    answers_retention_days: Days = 30
    """The setting of `events`, for the portal to say it."""
    question_retention_days: Days = 365
    """The setting of `events`, for the portal to say it."""
    data_link_minutes: int = Field(default=60, ge=5, le=24 * 60)
    """For how many minutes a link to one's own data leads there."""
    data_requests_per_address: int = Field(default=5, gt=0)
    """How often the link to one's own data may be asked for with one mail address within an hour."""
    trusted_proxies: int = Field(default=0, ge=0)
    """How many proxies of the operator's own stand in front and write X-Forwarded-For."""

    portal_name: str = "Interkommunales.NRW"
    """The portal's name."""
    demonstration: bool = True
    """Whether the portal says on every page that it is a demonstration."""
    operator_name: str = "Geschäftsstelle Interkommunales.NRW (Demonstrationssystem)"
    """Who runs the portal, for the imprint."""
    operator_street: str = "Musterstraße 1"
    """Street and number."""
    operator_city: str = "40000 Musterstadt"
    """Postcode and town."""
    operator_email: str = "geschaeftsstelle@interkommunal.example"
    """Where readers reach the operator."""
    operator_phone: str = "+49 211 000000"
    """Telephone for readers."""
    operator_represented_by: str = "die Leitung der Geschäftsstelle"
    """Who represents the operator in law."""
    privacy_email: str = "datenschutz@interkommunal.example"
    """The data protection officer."""

    @property
    def https(self) -> bool:
        """Whether readers come by https."""
        return self.public_url.startswith("https://")

    @property
    def services(self) -> dict[Service, URL]:
        """Where each service answers."""
        return {"catalog": URL(self.catalog_url), "events": URL(self.events_url), "notify": URL(self.notify_url)}
