"""What the catalogue is told by its environment: nothing beyond what every service is told."""

from pydantic import Field

from shared.kernel.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """The catalogue's name and port."""

    service: str = "catalog"
    """Always `catalog`."""
    port: int = Field(default=8081, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
