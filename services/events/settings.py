"""What the events service is told by its environment: limits, and how long what people say is kept."""

from datetime import timedelta

from pydantic import Field

from services.events.retention import Terms
from shared.kernel.settings import Days, ServiceSettings


class EventsSettings(ServiceSettings):
    """The events service's name and port, and how long files may be."""

    service: str = "events"
    """Always `events`."""
    check_in_until_minutes: int = Field(default=120, ge=0, le=10_080)
    """How long after the end of a session people may say of themselves that they were there; editors always may."""
    port: int = Field(default=8082, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    max_material: int = Field(default=50 * 1024 * 1024, gt=0, le=1024**3)
    """The longest material of a session in bytes; the same as the gateway's."""
    feedback_days: int = Field(default=14, ge=1, le=365)
    """Days after a session for which who took part may say how it was."""
    feedback_minimum: int = Field(default=5, ge=2, le=1000)
    """The fewest answers of which anything is shown, and of which any are counted together."""
    registration_retention_days: Days = 90
    """Days for which a registration is kept after the session took place or was cancelled; `never` to keep it."""
    ended_registration_retention_days: Days = 30
    """Days for which a registration that lapsed or was withdrawn is kept after that; `never` to keep it."""
    undated_registration_retention_days: Days = 1095
    """Days for which a registration waits for a session whose date is open; `never` to keep it."""
    answers_retention_days: Days = 30
    """Days for which answers to an organiser's questions are kept after the session, where a question says nothing."""
    question_retention_days: Days = 365
    """Days for which a question and who asked it are kept after what last happened to it; `never` to keep it."""
    feedback_text_retention_days: Days = 365
    """Days for which free texts of feedback are kept after it closed; `never` to keep them."""

    @property
    def question_retention(self) -> timedelta | None:
        """How long a question is kept after what last happened to it; None for ever."""
        return _days(self.question_retention_days)

    @property
    def terms(self) -> Terms:
        """How long each kind of what people say is kept."""
        return Terms(
            registrations=_days(self.registration_retention_days),
            ended_registrations=_days(self.ended_registration_retention_days),
            undated_registrations=_days(self.undated_registration_retention_days),
            answers=_days(self.answers_retention_days),
            feedback_texts=_days(self.feedback_text_retention_days),
        )


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
