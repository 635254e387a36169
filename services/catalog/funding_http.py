"""Funding programmes and the estimate over HTTP."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.catalog import funding_estimate, history
from services.catalog.answers import API, EDITORS, SEE_DRAFTS, found_in_version
from services.catalog.funding_estimate import FundingEstimate, FundingQuery, ProgrammeShown
from services.catalog.funding_programme import FUNDING_PROGRAMME, RecordProgramme, Terms, WithdrawProgramme
from services.catalog.german_time import german_day
from services.catalog.history import History
from services.catalog.plain_text import PlainLine, PlainText
from shared.kernel.decider import NotThere
from shared.kernel.http import Answer, Call, Committed, Endpoint, Page, Paging, committed, page
from shared.kernel.journal import Journal
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem


class TermsBody(Terms):
    """What a guideline says, as an editor sends it."""

    title: PlainLine
    authority: PlainLine
    kind: PlainLine | None = None
    valid_to_note: PlainLine | None = None
    conditions: Annotated[tuple[PlainLine, ...], Field(max_length=20)] = ()
    sources: Annotated[tuple[PlainLine, ...], Field(min_length=1, max_length=20)]


class ProgrammeWithdrawalBody(BaseModel):
    """Why an entry is taken back."""

    model_config = ConfigDict(frozen=True)

    reason: PlainText


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the endpoints do."""

    journal: Journal
    pool: Pool

    async def estimate(self, call: Call) -> Answer:
        """What the programmes would give."""
        return Answer(await funding_estimate.estimated(self.pool, call.query, german_day(call.at)))

    async def programmes(self, call: Call) -> Answer:
        """One page of the programmes."""
        return page(await funding_estimate.listed(self.pool, call.query), call)

    async def programme(self, call: Call) -> Answer:
        """A programme; its version is the ETag for those who may change it."""
        return found_in_version(await funding_estimate.one(self.pool, call.path_id()), call)

    async def history(self, call: Call) -> Answer:
        """What was done to a programme, one that was withdrawn included."""
        answer = await history.of(self.pool, FUNDING_PROGRAMME.category, call.path_id())
        if not answer.steps:
            raise Problem("not_found")
        return Answer(answer)

    async def record(self, call: Call) -> Answer:
        """A new programme."""
        context = call.context()
        programme_id = context.id_of_new("funding-programmes")
        command = RecordProgramme(programme_id=programme_id, terms=_terms(call.body))
        outcome = await self.journal.transact(FUNDING_PROGRAMME, programme_id, command, context)
        return committed(outcome, 201, f"{API}/funding-programmes/{programme_id}")

    async def replace(self, call: Call) -> Answer:
        """What a programme's guideline says now."""
        programme_id = call.path_id()
        if (await self.journal.load(FUNDING_PROGRAMME, programme_id)).state is None:
            raise NotThere
        command = RecordProgramme(programme_id=programme_id, terms=_terms(call.body))
        outcome = await self.journal.transact(
            FUNDING_PROGRAMME, programme_id, command, call.context(), expected_version=call.expected_version
        )
        return committed(outcome)

    async def withdraw(self, call: Call) -> Answer:
        """A programme that was taken down by mistake."""
        command = WithdrawProgramme(reason=call.body.reason)
        outcome = await self.journal.transact(
            FUNDING_PROGRAMME, call.path_id(), command, call.context(), expected_version=call.expected_version
        )
        return committed(outcome)


def _terms(body: TermsBody) -> Terms:
    return Terms(**body.model_dump())


def endpoints(journal: Journal, pool: Pool) -> list[Endpoint]:
    """Everything about funding."""
    do = Handlers(journal, pool)
    programmes = f"{API}/funding-programmes"
    return [
        Endpoint(
            "GET",
            f"{API}/funding-estimate",
            do.estimate,
            "Estimate what funding programmes would give, with the formula step by step",
            query=FundingQuery,
            answer=FundingEstimate,
            description="An estimate from the programmes' dated terms; it is no promise. Amounts are alternatives.",
        ),
        Endpoint(
            "GET",
            programmes,
            do.programmes,
            "List funding programmes, those that ended included",
            query=Paging,
            answer=Page[ProgrammeShown],
        ),
        Endpoint(
            "GET",
            f"{programmes}/{{id}}",
            do.programme,
            "Read a funding programme",
            answer=ProgrammeShown,
            codes=("not_found",),
        ),
        Endpoint(
            "GET",
            f"{programmes}/{{id}}/history",
            do.history,
            "Read what was done to a funding programme, by whom and why",
            answer=History,
            roles=SEE_DRAFTS,
            codes=("not_found",),
        ),
        Endpoint(
            "POST",
            programmes,
            do.record,
            "Record a funding programme",
            body=TermsBody,
            answer=Committed,
            status=201,
            roles=EDITORS,
        ),
        Endpoint(
            "PUT",
            f"{programmes}/{{id}}",
            do.replace,
            "Replace what a funding programme says",
            body=TermsBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found", "programme_withdrawn"),
            if_match=True,
        ),
        Endpoint(
            "POST",
            f"{programmes}/{{id}}/withdrawals",
            do.withdraw,
            "Take a funding programme back that was recorded by mistake",
            body=ProgrammeWithdrawalBody,
            answer=Committed,
            roles=EDITORS,
            codes=("not_found",),
        ),
    ]
