"""Personal invitations over the public API, by the token of the link in the mail."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.invitations import Accepting, InvitationDesk, InvitationShown, shown
from services.gateway.limits import network_asking
from services.gateway.registrations import Accepted
from services.gateway.upstream import passed_on
from shared.kernel.endpoint import Answer, Call, Committed, Endpoint
from shared.kernel.problems import Problem

TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
PATH = "/api/v1/invitations/{token}"


@dataclass(frozen=True, slots=True)
class Invitations:
    """The endpoints' handlers."""

    desk: InvitationDesk
    trusted_proxies: int

    async def look(self, call: Call) -> Answer:
        """The invitation; nothing changes."""
        return Answer(shown(await self.desk.look(_token(call))), headers=PRIVATE)

    async def accept(self, call: Call) -> Answer:
        """Registers who was invited."""
        limits = self.desk.desk.admit(network_asking(call.request, self.trusted_proxies))
        key = call.request.headers.get("Idempotency-Key")
        said: Accepting = call.body or Accepting()
        return passed_on(await self.desk.accept(_token(call), said, call.context(), key), limits)

    async def decline(self, call: Call) -> Answer:
        """Keeps that somebody will not come."""
        return passed_on(await self.desk.decline(_token(call)), {})


def _token(call: Call) -> str:
    token = call.request.match_info["token"]
    if not TOKEN.fullmatch(token):
        raise Problem("not_found")
    return token


def endpoints(invitations: Invitations) -> Sequence[Endpoint]:
    """For who holds the link."""
    return [
        Endpoint(
            "GET",
            PATH,
            invitations.look,
            "Read a personal invitation to a session",
            answer=InvitationShown,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            f"{PATH}/acceptances",
            invitations.accept,
            "Register by an invitation; the address is proven by its link",
            body=Accepting,
            body_required=False,
            answer=Accepted,
            status=202,
            codes=(
                "not_found",
                "registration_closed",
                "registration_questions_changed",
                "session_cancelled",
                "session_full",
                "session_over",
                "session_without_time",
                "too_many_requests",
                "unknown_organisation",
            ),
        ),
        Endpoint(
            "POST",
            f"{PATH}/declines",
            invitations.decline,
            "Decline an invitation; who declined is not reminded any more",
            answer=Committed,
            codes=("not_found", "invitation_accepted"),
        ),
    ]
