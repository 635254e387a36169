"""The code that stands for a registration at the door: short enough for a QR code, and no key to the person's page."""

import base64
import io
from uuid import UUID

import segno

CODE_LENGTH = 22


def code_of(registration_id: str) -> str:
    """The registration's id in 22 signs that every scanner passes on as they are."""
    return base64.urlsafe_b64encode(UUID(registration_id).bytes).decode().rstrip("=")


def registration_of(code: str) -> str | None:
    """The id that a code stands for; None of what is no code of ours."""
    text = code.strip()
    if len(text) != CODE_LENGTH:
        return None
    try:
        return str(UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True)))
    except ValueError:
        return None


def picture(registration_id: str) -> bytes:
    """The code as a QR code in SVG, dark on white with the margin that scanners need."""
    drawn = io.BytesIO()
    code = segno.make(code_of(registration_id), error="m", micro=False)
    code.save(drawn, kind="svg", scale=8, border=4, light="#fff", dark="#000", title="QR-Code für den Einlass")
    return drawn.getvalue()
