"""What a server's answer says about an address: that it does not exist, that it cannot take mail for now, or nothing.

The codes are those of RFC 3463 and its registry; where a server names none, the reply code of RFC 5321 counts.
"""

import re
from typing import Literal

type Weight = Literal["hard", "soft", "complaint"]

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
NO_MAILBOX = frozenset({"1.1", "1.2", "1.3", "1.6", "1.9", "1.10", "2.1", "4.4"})
UNSPECIFIC = frozenset({"0.0", "1.0", "5.0"})
REFUSED_MAILBOX = frozenset({550, 551, 553})
OF_THE_MAIL = ("6.", "7.")


def weight_of(status: str | None, code: int | None = None) -> Weight | None:
    """How a final failure counts against its address; None when it says something about the mail, or about us."""
    kind, _, detail = (status or "").partition(".")
    if not detail or detail in UNSPECIFIC:
        return "hard" if code in REFUSED_MAILBOX and kind != "4" else "soft"
    if detail.startswith(OF_THE_MAIL):
        return None
    return "hard" if kind == "5" and detail in NO_MAILBOX else "soft"


def enhanced(text: str) -> str | None:
    """The most telling RFC 3463 code in a server's words."""
    found = ENHANCED.findall(text)
    return next((each for each in found if each.partition(".")[2] not in UNSPECIFIC), found[0] if found else None)


def reply_code(text: str) -> int | None:
    """The SMTP reply code in a server's words."""
    found = REPLY.search(text)
    return int(found[1]) if found else None
