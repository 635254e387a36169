"""Reports of bounces from others, over HTTP: as JSON from a provider, or the mail itself from a mail server's script.

They are taken only with a proof. The answer is the same whatever becomes of a report.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from services.notify import bounces
from services.notify.address_mark import AddressMarks
from services.notify.bounces import Arrival, ReturnReason
from services.notify.mailbox_reader import read
from services.notify.report_proof import ReportProof, Unproven
from services.notify.returned_mail import Reader, Returned, message_id_in
from services.notify.suppression import SUPPRESSION, CountReturn
from shared.kernel.endpoint import Upload
from shared.kernel.http import Answer, Call, Endpoint
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import FieldError, Problem
from shared.kernel.recorded import Context

API = "/api/v1"
ACTOR = "notify"
LONGEST_MAIL = 1024 * 1024
REASONS: dict[str, ReturnReason] = {"hard": "mailbox_unknown", "soft": "returned", "complaint": "complaint"}


class BounceReport(BaseModel):
    """A message did not arrive, or its reader complained.

    `message_id` is the Message-ID of our mail, or the part before its @; `recipient` the address, where that is all
    that is known. One of both is needed.
    """

    model_config = ConfigDict(frozen=True)

    type: Literal["hard", "soft", "complaint"]
    message_id: str | None = Field(default=None, min_length=1, max_length=300)
    recipient: Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    status: str | None = Field(default=None, pattern=r"^[245]\.\d{1,3}\.\d{1,3}$", description="The RFC 3463 code.")


class ReportTaken(BaseModel):
    """The report has arrived."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do. Without a `proof` nothing is taken; `taken` is called when something came back."""

    journal: Journal
    pool: Pool
    marks: AddressMarks
    reader: Reader
    proof: ReportProof | None
    taken: Callable[[], None]

    async def report(self, call: Call) -> Answer:
        """A report as JSON."""
        digest = bounces.digest_of(self._proven(call).encode() + b"\0" + call.raw)
        report: BounceReport = call.body
        message_id = message_id_in(report.message_id, self.reader.domain) if report.message_id else None
        if message_id is not None and await bounces.is_known(self.pool, message_id):
            said: Literal["complaint", "failed"] = "complaint" if report.type == "complaint" else "failed"
            await self._take(call, digest, Returned(said, message_id, report.status), REASONS[report.type])
        elif report.recipient is not None:
            await self._count(call, digest, report)
        elif report.message_id is None:
            wrong = FieldError("/message_id", "missing", "Erwartet wird message_id oder recipient.")
            raise Problem("invalid_request", errors=[wrong])
        return _accepted()

    async def mail(self, call: Call) -> Answer:
        """The mail that came back."""
        self._proven(call)
        try:
            found = await asyncio.to_thread(read, self.reader, call.raw)
        except Exception as error:
            raise Problem("mail_unreadable") from error
        await self._take(call, bounces.digest_of(call.raw), found, bounces.reason_of(found))
        return _accepted()

    def _proven(self, call: Call) -> str:
        """The report's own id."""
        if self.proof is None:
            raise Problem("not_found")
        try:
            return self.proof.check(call.request.headers, call.raw, call.at)
        except Unproven as error:
            raise Problem("report_not_proven") from error

    async def _take(self, call: Call, digest: bytes, found: Returned, reason: ReturnReason | None) -> None:
        async with self.pool.acquire() as connection:
            await bounces.take(connection, Arrival("webhook", digest, call.at), found, reason)
        self.taken()

    async def _count(self, call: Call, digest: bytes, report: BounceReport) -> None:
        """What is known by its address alone counts against that, once."""
        report_id = UUID(bytes=digest)
        context = Context(
            command_id=uuid5(NAMESPACE_URL, f"ikz:bounce report:{report_id}"),
            actor=ACTOR,
            at=call.at,
            correlation_id=call.trace.trace_id,
        )
        counted = CountReturn(message_id=str(report_id), weight=report.type, status=report.status)
        await self.journal.transact(SUPPRESSION, str(self.marks.of(report.recipient or "")), counted, context)


def _accepted() -> Answer:
    return Answer(ReportTaken(accepted=True))


def endpoints(do: Handlers) -> list[Endpoint]:
    """What this area offers."""
    example = {"type": "hard", "message_id": "<0198f0a2-0000-5000-8000-000000000007@portal.example>", "status": "5.1.1"}
    proven = ("report_not_proven", "not_found")
    return [
        Endpoint(
            "POST",
            f"{API}/bounces",
            do.report,
            "Report that a message did not arrive",
            body=BounceReport,
            answer=ReportTaken,
            status=202,
            codes=proven,
            description="Proven by a signature of Standard Webhooks, or by the header `Webhook-Secret`.",
            example=example,
        ),
        Endpoint(
            "POST",
            f"{API}/bounces/mails",
            do.mail,
            "Hand in a mail that came back",
            upload=Upload(("message/rfc822",), LONGEST_MAIL),
            answer=ReportTaken,
            status=202,
            codes=(*proven, "mail_unreadable"),
            description="Proven as a report is.",
        ),
    ]
