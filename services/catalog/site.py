"""What the catalogue says of the portal it belongs to, in files that leave it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """Where the portal is, what it is called, who runs it; GovData's id of who that is, once it gave one."""

    url: str = "http://127.0.0.1:8080"
    name: str = "Interkommunales.NRW"
    operator: str = "Geschäftsstelle Interkommunales.NRW (Demonstrationssystem)"
    email: str = "geschaeftsstelle@interkommunal.example"
    contributor_id: str | None = None

    def page_of(self, project_id: str) -> str:
        """A project's page, for people."""
        return f"{self.url}/projekte/{project_id}"

    def api(self, path: str) -> str:
        """An address of the API."""
        return f"{self.url}/api/v1{path}"
