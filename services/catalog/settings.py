"""What the catalogue is told by its environment, beyond what every service is told."""

from datetime import timedelta

from pydantic import Field

from shared.kernel.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """The catalogue's name and port, and how long it keeps what people write."""

    service: str = "catalog"
    """Always `catalog`."""
    port: int = Field(default=8081, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    contact_text_retention_days: int = Field(default=30, ge=1, le=36_500)
    """Days for which a text to a contact, and who wrote it, are kept after it was passed on."""

    @property
    def contact_text_retention(self) -> timedelta:
        """How long a text to a contact is kept after it was passed on."""
        return timedelta(days=self.contact_text_retention_days)
