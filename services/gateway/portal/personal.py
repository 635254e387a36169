"""Pages behind the personal link of a mail: they are nobody else's business, and kept nowhere."""

import re

from aiohttp import web

from shared.kernel.problems import Problem

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}


def token_of(request: web.Request) -> str:
    """The token in the path, or the page „nicht gefunden“."""
    token = request.match_info["token"]
    if not TOKEN.fullmatch(token):
        raise Problem("not_found")
    return token
