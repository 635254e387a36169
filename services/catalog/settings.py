"""What the catalogue is told by its environment, beyond what every service is told."""

from datetime import timedelta

from pydantic import Field

from services.catalog.site import Site
from shared.kernel.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """The catalogue's name and port, how long it keeps what people write, and what its exports say of the portal."""

    service: str = "catalog"
    """Always `catalog`."""
    port: int = Field(default=8081, ge=0, le=65535)
    """The port to listen at; 0 takes a free one."""
    contact_text_retention_days: int = Field(default=30, ge=1, le=36_500)
    """Days for which a text to a contact is kept after it was passed on, and an address after the end of its use."""
    portal_name: str = "Interkommunales.NRW"
    """The portal's name, as exports say it; the same as the gateway's."""
    operator_name: str = "Geschäftsstelle Interkommunales.NRW (Demonstrationssystem)"
    """Who publishes the catalogue, as exports say it; the same as the gateway's."""
    operator_email: str = "geschaeftsstelle@interkommunal.example"
    """Where those who use exports ask; the same as the gateway's."""
    contributor_id: str | None = Field(default=None, pattern=r"^http://dcat-ap\.de/def/contributors/\S+$")
    """The id that GovData gave to who publishes the catalogue: `http://dcat-ap.de/def/contributors/…`."""

    @property
    def contact_text_retention(self) -> timedelta:
        """How long a text to a contact is kept after it was passed on."""
        return timedelta(days=self.contact_text_retention_days)

    @property
    def site(self) -> Site:
        """The portal, for exports."""
        url = self.public_url.rstrip("/")
        return Site(url, self.portal_name, self.operator_name, self.operator_email, self.contributor_id)
