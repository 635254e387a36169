"""The mailbox over HTTP: a list for programs, pages for people."""

from datetime import datetime
from importlib.resources import files
from urllib.parse import urlencode

from aiohttp import hdrs, web
from aiohttp.helpers import content_disposition_header
from aiohttp.typedefs import Handler
from jinja2 import Environment, PackageLoader, StrictUndefined

from shared.mailbox.mail import BERLIN, Mail, read, with_links
from shared.mailbox.store import Entry, Store

STORE = web.AppKey("store", Store)
PAGES = Environment(
    loader=PackageLoader("shared.mailbox"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
SHOWN = 200


def make_app(store: Store, *, local_only: bool) -> web.Application:
    """The HTTP side of a mailbox. `local_only` answers only under names of this machine, against DNS rebinding."""
    app = web.Application(middlewares=[_refuse_other_names] if local_only else [])
    app[STORE] = store
    app.on_response_prepare.append(_secure)
    app.router.add_get("/", show_list)
    app.router.add_get("/style.css", style)
    app.router.add_get("/mails/{id}", show_mail)
    app.router.add_get("/mails/{id}/html", show_html)
    app.router.add_get("/mails/{id}/attachments/{number:[0-9]{1,4}}", attachment)
    app.router.add_get("/messages", list_messages)
    app.router.add_get("/messages/{id}.eml", raw_message)
    return app


async def list_messages(request: web.Request) -> web.Response:
    """`[{"id", "to", "subject", "received_at"}]`, oldest first; `?to=` for one address."""
    entries = request.app[STORE].entries(request.query.get("to"))
    return web.json_response([_for_programs(entry) for entry in entries])


async def raw_message(request: web.Request) -> web.Response:
    """The mail as it came."""
    return web.Response(body=_raw(request), content_type="message/rfc822")


async def show_list(request: web.Request) -> web.Response:
    """The newest mails for people."""
    to = request.query.get("to", "").strip()
    entries = request.app[STORE].entries(to or None)
    newest = entries[: -SHOWN - 1 : -1]
    return _page("list.html", entries=newest, total=len(entries), to=to, query=urlencode({"to": to}))


async def show_mail(request: web.Request) -> web.Response:
    """One mail for people."""
    raw = _raw(request)
    entry = request.app[STORE].entry(request.match_info["id"])
    return _page("mail.html", entry=entry, mail=read(raw), pieces=with_links, size=len(raw))


async def show_html(request: web.Request) -> web.Response:
    """The HTML part alone, in a sandbox: no script, no request to anywhere; links open a new tab."""
    html = read(_raw(request)).html
    if html is None:
        raise web.HTTPNotFound
    response = web.Response(text=f'<base target="_blank">{html}', content_type="text/html", charset="utf-8")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


async def attachment(request: web.Request) -> web.Response:
    """An attached file, to be saved and never shown by the browser."""
    mail: Mail = read(_raw(request))
    for part in mail.attachments:
        if part.number == int(request.match_info["number"]):
            disposition = content_disposition_header("attachment", quote_fields=True, filename=part.name)
            return web.Response(
                body=part.content,
                headers={hdrs.CONTENT_TYPE: part.content_type, hdrs.CONTENT_DISPOSITION: disposition},
            )
    raise web.HTTPNotFound


async def style(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's signature
    """The page's own style sheet."""
    return web.Response(text=(files("shared.mailbox") / "style.css").read_text("utf-8"), content_type="text/css")


def _raw(request: web.Request) -> bytes:
    raw = request.app[STORE].raw(request.match_info["id"])
    if raw is None:
        raise web.HTTPNotFound
    return raw


def _page(template: str, **values: object) -> web.Response:
    return web.Response(text=PAGES.get_template(template).render(**values), content_type="text/html", charset="utf-8")


def _for_programs(entry: Entry) -> dict[str, str]:
    return {"id": entry.id, "to": entry.to, "subject": entry.subject, "received_at": entry.received_at.isoformat()}


def _local(moment: datetime) -> str:
    return moment.astimezone(BERLIN).strftime("%d.%m.%Y, %H:%M:%S")


PAGES.filters["local"] = _local


@web.middleware
async def _refuse_other_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    name = (request.host or "").rpartition(":")[0] or request.host
    if name not in LOOPBACK_NAMES:
        raise web.HTTPMisdirectedRequest
    return await handler(request)


async def _secure(request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG001 - aiohttp's signature
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
