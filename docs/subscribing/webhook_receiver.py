#!/usr/bin/env python3
"""Receives webhooks, checks their signatures, and prints what happened: `webhook_receiver.py PORT`.

    pip install standardwebhooks
    IKZ_WEBHOOK_SECRET=whsec_… python webhook_receiver.py 9000

While a secret is being rotated, name both, separated by a blank. Put a server that speaks TLS in front.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SECRETS = os.environ["IKZ_WEBHOOK_SECRET"].split()
LONGEST = 64 * 1024
SEEN: set[str] = set()  # yours is a table: what you have dealt with


def is_signed(body: bytes, headers: dict[str, str]) -> bool:
    """Whether one of our secrets signed exactly these bytes, and not long ago."""
    for secret in SECRETS:
        try:
            Webhook(secret).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


class Receiver(BaseHTTPRequestHandler):
    """Answers at once; what takes longer is done afterwards, by somebody else."""

    def do_POST(self) -> None:
        """401 for whoever is not the portal, 204 otherwise, however often the same comes."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
        if not is_signed(body, dict(self.headers.items())):
            self.send_response(401)
        else:
            fact = json.loads(body)
            if fact["id"] not in SEEN:
                SEEN.add(fact["id"])
                print(fact["type"], fact["subject"], flush=True)
            self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing of each request."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print("listening", flush=True)
    server.serve_forever()
