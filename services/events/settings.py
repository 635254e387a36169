"""What the events service is told by its environment: nothing beyond what every service is told."""

from pydantic import Field

from shared.kernel.settings import ServiceSettings


class EventsSettings(ServiceSettings):
    """The events service's name and port."""

    service: str = "events"
    """Always `events`."""
    port: int = Field(default=8082, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
