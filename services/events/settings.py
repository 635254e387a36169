"""What the events service is told by its environment."""

from datetime import timedelta

from pydantic import Field

from shared.kernel.settings import ServiceSettings


class EventsSettings(ServiceSettings):
    """The events service's name and port, and how long files may be."""

    service: str = "events"
    """Always `events`."""
    check_in_until_minutes: int = Field(default=120, ge=0, le=10_080)
    """How long after the end of a session people may say of themselves that they were there; editors always may."""
    port: int = Field(default=8082, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    question_retention_days: int = Field(default=365, ge=1, le=36_500)
    """Days for which a question and who asked it are kept after the last thing that happened to it."""

    @property
    def question_retention(self) -> timedelta:
        """How long a question is kept after the last thing that happened to it."""
        return timedelta(days=self.question_retention_days)

    max_material: int = Field(default=50 * 1024 * 1024, gt=0, le=1024**3)
    """The longest material of a session in bytes; the same as the gateway's."""
