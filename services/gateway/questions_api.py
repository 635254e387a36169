"""Asking questions over the public API: what the gateway answers itself, because it alone knows people."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.limits import network_asking
from services.gateway.questions import Asking, QuestionDesk, checked
from services.gateway.registrations import Accepted
from services.gateway.upstream import passed_on
from shared.kernel.endpoint import Answer, Call, Endpoint


@dataclass(frozen=True, slots=True)
class Questions:
    """The endpoints' handlers."""

    desk: QuestionDesk
    trusted_proxies: int

    async def ask(self, call: Call) -> Answer:
        """Takes a question; the answer tells nothing of anybody."""
        session_id, request = call.path_id(), call.request
        limits = self.desk.admit(network_asking(request, self.trusted_proxies))
        key = request.headers.get("Idempotency-Key")
        return passed_on(await self.desk.ask(session_id, checked(call.body), call.context(), key), limits)


def endpoints(questions: Questions) -> Sequence[Endpoint]:
    """Asking."""
    return [
        Endpoint(
            "POST",
            "/api/v1/sessions/{id}/questions",
            questions.ask,
            "Asks a question about a session; the answer is the same for everyone",
            body=Asking,
            answer=Accepted,
            status=202,
            codes=(
                "not_found",
                "questions_closed",
                "session_cancelled",
                "session_over",
                "unknown_organisation",
                "too_many_requests",
            ),
            description="The asker gets a link; once it is confirmed, the question waits for moderation.",
        )
    ]
