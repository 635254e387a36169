"""What proves that a report of a bounce comes from whom the operator trusts: a signature, or the secret itself.

Signatures are those of Standard Webhooks, over the bytes of the body, which may be a mail and no text. Who cannot sign,
such as a mail server's script, sends the secret in a header, over TLS.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SHORTEST = 24
TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"


class Unproven(Exception):
    """Nobody knows who sent it."""


@dataclass(frozen=True, slots=True)
class ReportProof:
    """Checks reports with the secret of an operator's setting."""

    secret: str = field(repr=False)
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> "ReportProof":
        """`ValueError` for a secret that is none or too short."""
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX) + "==", validate=False)
        except binascii.Error as error:
            raise ValueError(f"expected {PREFIX} and base64") from error
        if not secret.startswith(PREFIX) or len(key) < SHORTEST:
            raise ValueError(f"expected {PREFIX} and at least {SHORTEST} bytes in base64")
        return cls(secret, key)

    def check(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> str:
        """The id that the sender gave the report, empty where it gave none; `Unproven` without a proof."""
        message_id = headers.get("Webhook-Id", "")
        if (given := headers.get("Webhook-Secret")) is not None:
            if not _same(given, self.secret):
                raise Unproven
            return message_id
        stamp = headers.get("Webhook-Timestamp", "")
        if not message_id or not _is_near(stamp, now):
            raise Unproven
        signed = hmac.digest(self.key, f"{message_id}.{stamp}.".encode() + raw, "sha256")
        expected = f"v1,{base64.b64encode(signed).decode()}"
        if not any(_same(each, expected) for each in headers.get("Webhook-Signature", "").split(" ")):
            raise Unproven
        return message_id


def _is_near(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):
        return False
    return abs(now - datetime.fromtimestamp(int(stamp), UTC)) <= TOLERANCE


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
