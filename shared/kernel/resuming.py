"""Files that are downloaded whole or on from where it broke off (RFC 9110, ranges), with their SHA-256 (RFC 9530).

A file's entity tag is its SHA-256: what a client resumes is the file it began with, or it gets another one whole.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from aiohttp import hdrs, web

from shared.kernel import digests, headers
from shared.kernel.downloads import disposition
from shared.kernel.endpoint import Call
from shared.kernel.files import FileMissing, Files
from shared.kernel.sending import send
from shared.kernel.stored_file import StoredFile

RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)
A_LOOK = 1024
"""Clients that ask for no more of the beginning only want to know whether ranges are heard."""
SHOWN = ("application/pdf", "image/png", "image/jpeg")
"""What a browser may show by itself; everything else is saved."""
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SANDBOX = f"{NOTHING}; sandbox"
VIEWER = f"{NOTHING}; object-src 'self'; style-src 'unsafe-inline'"
"""Of PDF: browsers refuse to show one in a sandbox, and run nothing of it as a page."""

type Span = tuple[int, int]
"""The first byte, and the one behind the last."""


async def resumable(
    call: Call, files: Files, file: StoredFile, *, caching: str, begun: Callable[[], Awaitable[None]]
) -> web.StreamResponse:
    """The answer to GET and HEAD of a file: 200, 206 for a `Range`, 304 or 416.

    `begun` is called when its beginning is about to be sent: a download that is resumed is the same one. Several ranges
    at once, and what is no range, are answered with the whole file.
    """
    request, etag = call.request, f'"{file.sha256}"'
    said = {
        "ETag": etag,
        "Cache-Control": caching,
        "Accept-Ranges": "bytes",
        "Repr-Digest": digests.said(file.sha256),
        "Content-Disposition": disposition(file.name, shown=file.media_type in SHOWN),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": VIEWER if file.media_type == "application/pdf" else SANDBOX,
    }
    if headers.matches(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers=said)
    span = None if request.method == hdrs.METH_HEAD else _wanted(request, etag, file.size)
    if span == ():
        return web.Response(status=416, headers=said | {"Content-Range": f"bytes */{file.size}"})
    return await _answer(call, files, file, said, span or (0, file.size), partial=bool(span), begun=begun)


async def _answer(
    call: Call,
    files: Files,
    file: StoredFile,
    said: dict[str, str],
    span: Span,
    *,
    partial: bool,
    begun: Callable[[], Awaitable[None]],
) -> web.StreamResponse:
    start, end = span
    said |= {"Content-Type": file.media_type, "Content-Length": str(end - start)}
    if partial:
        said["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    else:
        said["Content-Digest"] = said["Repr-Digest"]
    response = web.StreamResponse(status=206 if partial else 200, headers=said)
    if call.request.method == hdrs.METH_HEAD:
        await response.prepare(call.request)
        return response
    async with aclosing(files.get(file.sha256, start)) as found:
        parts = _cut(found, end - start, file.sha256)
        first = await anext(parts)  # before anything is sent: what is missing, or cannot be reached, is still a problem
        if start == 0 and end >= min(file.size, A_LOOK + 1):
            await begun()
        await response.prepare(call.request)
        await send(call.request, response, parts, first)
    return response


def _wanted(request: web.Request, etag: str, size: int) -> Span | tuple[()] | None:
    """The bytes that are asked for; `()` when there are none such, None for all of them."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != etag:
        return None
    asked = RANGE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    return (start, end) if start < end else ()


async def _cut(parts: AsyncGenerator[bytes], length: int, digest: str) -> AsyncIterator[bytes]:
    """As many bytes as were promised; what ends before that is damaged."""
    left = length
    async for part in parts:
        yield part[:left]
        left -= min(len(part), left)
        if not left:
            return
    raise FileMissing(digest)
