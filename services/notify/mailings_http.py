"""Mailings over HTTP: how far each is, and a word that pauses it, lets it go on or stops it."""

from dataclasses import dataclass

from services.notify.halts import Halts, MailingQuery, MailingShown
from shared.kernel.http import Answer, Call, Endpoint, Page, Role, page
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem

MAILINGS = "/api/v1/mailings"
MAY: frozenset[Role] = frozenset({"editor", "operator"})
MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    halts: Halts

    async def listed(self, call: Call) -> Answer:
        """The newest first."""
        return page(await self.halts.listed(call.query), call)

    async def one(self, call: Call) -> Answer:
        """One, with what became of its messages."""
        return Answer(await self.halts.one(_id(call)))

    async def pause(self, call: Call) -> Answer:
        """Until it goes on."""
        return Answer(await self.halts.pause(_id(call), call.at))

    async def resume(self, call: Call) -> Answer:
        """Where it was."""
        return Answer(await self.halts.resume(_id(call)))

    async def stop(self, call: Call) -> Answer:
        """For good."""
        return Answer(await self.halts.stop(_id(call), call.at))


def _id(call: Call) -> int:
    said = call.request.match_info["id"]
    if not (said.isascii() and said.isdecimal() and len(said) < 20 and 0 < int(said) <= MOST):
        raise Problem("not_found")
    return int(said)


def endpoints(pool: Pool) -> list[Endpoint]:
    """Everything about mailings."""
    do, one = Handlers(Halts(pool)), f"{MAILINGS}/{{id}}"
    return [
        Endpoint(
            "GET",
            MAILINGS,
            do.listed,
            "List the mailings, and what became of their messages",
            query=MailingQuery,
            answer=Page[MailingShown],
            roles=MAY,
        ),
        Endpoint("GET", one, do.one, "See one mailing", answer=MailingShown, roles=MAY, codes=("not_found",)),
        Endpoint(
            "POST",
            f"{one}/pauses",
            do.pause,
            "Send nothing more of a mailing for now",
            answer=MailingShown,
            roles=MAY,
            codes=("not_found", "mailing_ended"),
        ),
        Endpoint(
            "POST",
            f"{one}/resumptions",
            do.resume,
            "Let a paused mailing go on",
            answer=MailingShown,
            roles=MAY,
            codes=("not_found", "mailing_stopped"),
        ),
        Endpoint(
            "POST",
            f"{one}/stops",
            do.stop,
            "Stop a mailing for good",
            answer=MailingShown,
            roles=MAY,
            codes=("not_found", "mailing_ended"),
        ),
    ]
