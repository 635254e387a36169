"""Pages from templates, and the files they refer to."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from aiohttp import web

from services.gateway.portal import german
from services.gateway.settings import GatewaySettings
from shared.kernel import headers
from shared.kernel.clock import Clock

HERE = Path(__file__).parent
COMPRESSED = frozenset({".css", ".svg", ".js"})
WORTH_COMPRESSING = 1024
A_YEAR = "public, max-age=31536000, immutable"


class Link(NamedTuple):
    """Where to and what it is called."""

    href: str
    label: str


NAVIGATION = (
    Link("/projekte", "Projekte"),
    Link("/partnersuche", "Partnersuche"),
    Link("/veranstaltungen", "Veranstaltungen"),
    Link("/aktuelles", "Aktuelles"),
    Link("/arbeitshilfen", "Arbeitshilfen"),
)


class Operator(NamedTuple):
    """Who runs the portal."""

    name: str
    street: str
    city: str
    email: str
    phone: str
    represented_by: str
    privacy_email: str


@dataclass(frozen=True, slots=True)
class Site:
    """What every page knows."""

    name: str
    url: str
    demonstration: bool
    operator: Operator
    contact_text_days: int
    registration_days: int | None
    answers_days: int | None
    question_days: int | None
    navigation: tuple[Link, ...] = NAVIGATION


def site_of(settings: GatewaySettings) -> Site:
    """The site as its operator set it up."""
    operator = Operator(
        settings.operator_name,
        settings.operator_street,
        settings.operator_city,
        settings.operator_email,
        settings.operator_phone,
        settings.operator_represented_by,
        settings.privacy_email,
    )
    return Site(
        settings.portal_name,
        settings.public_url.rstrip("/"),
        settings.demonstration,
        operator,
        settings.contact_text_retention_days,
        settings.registration_retention_days,
        settings.answers_retention_days,
        settings.question_retention_days,
    )


@dataclass(frozen=True, slots=True)
class File:
    """A static file in memory, as it is sent."""

    content: bytes
    compressed: bytes | None
    content_type: str


class Static:
    """The portal's files, read once; their addresses change with their content, so browsers keep them for good."""

    def __init__(self, folder: Path = HERE / "static") -> None:
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): _file(path) for path in found}
        digest = hashlib.sha256()
        for name, file in self._files.items():
            digest.update(name.encode() + b"\0" + file.content)
        self.version = digest.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Where a page finds the file."""
        return f"/static/{self.version}/{name}"

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def respond(self, name: str, version: str, accept_encoding: str) -> web.Response:
        """The file, compressed where the browser can read that; 404 when there is none."""
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        zipped = file.compressed is not None and "gzip" in accept_encoding
        response = web.Response(body=file.compressed if zipped else file.content)
        response.headers["Content-Type"] = file.content_type
        response.headers["Cache-Control"] = A_YEAR if version == self.version else "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        return response


def _file(path: Path) -> File:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return File(content, gzip.compress(content, 9) if path.suffix in COMPRESSED else None, kind)


class Pages:
    """Renders pages of the portal."""

    def __init__(self, site: Site, static: Static, clock: Clock) -> None:
        self.site = site
        self._static = static
        self._clock = clock

    @cached_property
    def _templates(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for filter_ in (
            german.day, german.short_day, german.month, german.clock, german.moment, german.span, german.number,
            german.euro, german.file_size, german.partial_date, german.listed, german.paragraphs, german.iso,
        ):  # fmt: skip
            environment.filters[filter_.__name__] = filter_
        defaults = {"site": self.site, "static": self._static.address, "section": "", "crumbs": (), "here": ""}
        environment.globals.update(defaults | {"noindex": False, "description": "", "canonical": ""})
        return environment

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """The page's HTML; a name the template expects and does not get is an error."""
        return self._templates.get_template(template).render(context)

    def respond(
        self, request: web.Request, template: str, *, status: int = 200, keep: bool = False, **context: Any
    ) -> web.Response:
        """The page as an answer, compressed where the browser can read that.

        `keep`: an unchanged page is not sent again. Every other page is never stored.
        """
        body = self.render(
            template, {"path": request.path, "status": status, "now": self._clock.now(), **context}
        ).encode()
        response = web.Response(status=status, headers={"Vary": "Accept-Encoding"})
        response.content_type, response.charset = "text/html", "utf-8"
        response.headers["Cache-Control"] = "no-cache" if keep else "no-store"
        if keep:
            tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            response.headers["ETag"] = tag
            if headers.matches(request.headers.get("If-None-Match"), tag):
                return web.Response(
                    status=304, headers={"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
                )
        if len(body) > WORTH_COMPRESSING and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 5)
            response.headers["Content-Encoding"] = "gzip"
        response.body = body
        return response
