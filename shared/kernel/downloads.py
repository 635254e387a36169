"""Files on their way to a reader: always saved, never opened by the browser in our name."""

import unicodedata
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from shared.kernel import headers
from shared.kernel.endpoint import Call
from shared.kernel.files import Files
from shared.kernel.sending import send
from shared.kernel.stored_file import StoredFile

UMLAUTS = {
    ord(umlaut): plain for umlaut, plain in zip("äöüÄÖÜß", ("ae", "oe", "ue", "Ae", "Oe", "Ue", "ss"), strict=True)
}


async def attachment(
    call: Call, files: Files, file: StoredFile, begun: Callable[[], Awaitable[None]] | None = None
) -> web.StreamResponse:
    """The answer to GET and HEAD of a file, part by part as the store gives it; 304 when the client has it.

    `begun` is called when the file is there and begins to be sent, always whole: a `Range` is not heard.

    A file that breaks off, or proves damaged, breaks off for the client, too, and never looks whole.
    """
    etag = f'"{file.sha256}"'
    said = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if headers.matches(call.request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers=said)
    response = web.StreamResponse(headers=said | {"Content-Type": file.media_type, "Content-Length": str(file.size)})
    if call.request.method == "HEAD":
        await response.prepare(call.request)
        return response
    parts = files.get(file.sha256)
    first = await anext(parts)  # before anything is sent: what is missing, or cannot be reached, is still a problem
    if begun is not None:
        await begun()
    await response.prepare(call.request)
    await send(call.request, response, parts, first)
    return response


def disposition(name: str, *, shown: bool = False) -> str:
    """`Content-Disposition` of a file, saved or shown (RFC 6266), its name for old clients and in full (RFC 8187)."""
    spelled = name.translate(UMLAUTS)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    quoted = "".join("_" if c in '"\\%' or not c.isprintable() else c for c in plain)
    way = "inline" if shown else "attachment"
    return f"{way}; filename=\"{quoted}\"; filename*=UTF-8''{quote(name, safe='')}"
