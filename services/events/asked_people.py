"""Who is asked whether the new date of a session suits? What was asked last, and whether it still is."""

from collections.abc import Sequence
from typing import Any

from services.events.life import AnswersEnded, SessionHeld, SessionPostponed, SessionReinstated
from shared.kernel.postgres import Connection
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

ASK = """
INSERT INTO session_asking (session_id, asked_version, answer_by, go, open) VALUES ($1, $2, $3, $4, true)
ON CONFLICT (session_id) DO UPDATE SET
    asked_version = excluded.asked_version, answer_by = excluded.answer_by, go = excluded.go, open = true
"""
PUT_OFF = "UPDATE session_asking SET answer_by = $2 WHERE session_id = $1 AND open"
END = "UPDATE session_asking SET open = false WHERE session_id = $1 AND open"


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps what people are asked."""
    for recorded in events:
        match recorded.event:
            case SessionPostponed() as event if event.answer_by:
                going = event.unanswered == "go"
                await connection.execute(ASK, event.session_id, recorded.version, event.answer_by, going)
            case SessionPostponed() as event if event.when.day is None:
                await connection.execute(PUT_OFF, event.session_id, None)
            case SessionReinstated() as event if event.answer_by:
                await connection.execute(PUT_OFF, event.session_id, event.answer_by)
            case SessionPostponed() | AnswersEnded() | SessionHeld() as event:
                await connection.execute(END, event.session_id)
            case _:  # nobody is asked anything else
                pass


PROJECTION = Projection("answers", ("session_asking",), project)
