"""How much could a cooperation get? What each programme's formula gives, step by step; an estimate, not a promise."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from services.catalog.funding_programme import MOST_EUR, ProgrammeRecorded, ProgrammeWithdrawn, Terms
from shared.kernel.http import Page, Paging, decode_cursor, next_after
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded

KEEP = """
INSERT INTO funding_programme (id, version, withdrawn, dated, valid_from, valid_to, terms)
VALUES ($1::uuid, $2, false, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, withdrawn = false, dated = excluded.dated,
    valid_from = excluded.valid_from, valid_to = excluded.valid_to, terms = excluded.terms
"""
WITHDRAW = "UPDATE funding_programme SET withdrawn = true, version = $2 WHERE id = $1::uuid"
LIST = """
SELECT t.total, p.id::text, p.version, p.dated, p.terms
FROM (SELECT count(*) AS total FROM funding_programme WHERE NOT withdrawn) t LEFT JOIN LATERAL (
    SELECT id, version, dated, terms FROM funding_programme
    WHERE NOT withdrawn AND ($1::date IS NULL OR dated < $1 OR (dated = $1 AND id > $2::uuid))
    ORDER BY dated DESC, id LIMIT $3
) p ON true
"""
ONE = "SELECT id::text, version, terms FROM funding_programme WHERE id = $1::uuid AND NOT withdrawn"
VALID_ON = """
SELECT id::text, version, terms FROM funding_programme
WHERE NOT withdrawn AND valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1) ORDER BY dated DESC, id
"""
MOST_PARTNERS = 500
NOTE = (
    "Eine Schätzung nach dem Wortlaut der Richtlinie, keine Zusage: "
    "Ob und wie viel bewilligt wird, entscheidet die Bewilligungsbehörde."
)
END_UNKNOWN = "Ein Ende der Geltung ist nicht bekannt."

CURSOR: TypeAdapter[tuple[date, UUID]] = TypeAdapter(tuple[date, UUID])


class FundingQuery(BaseModel):
    """Who works together at what cost. Partners are counted in North Rhine-Westphalia."""

    model_config = ConfigDict(frozen=True)

    partners: Annotated[int, Field(ge=1, le=MOST_PARTNERS)] = Field(description="Municipalities of NRW, all together.")
    eligible_cost_eur: Annotated[int, Field(ge=1, le=MOST_EUR)] = Field(description="The eligible cost in whole euros.")
    cross_border: bool = Field(default=False, description="Whether partners beyond the border of NRW take part, too.")
    on: date | None = Field(default=None, description="The day of the application; today by default.")

    @model_validator(mode="after")
    def more_than_one_takes_part(self) -> Self:
        """One alone cooperates with nobody, unless partners beyond the border take part."""
        if self.partners == 1 and not self.cross_border:
            raise PydanticCustomError(
                "one_partner",
                "Eine Kommune allein arbeitet mit niemandem zusammen: nennen Sie mindestens zwei Partner, "
                "oder setzen Sie cross_border, wenn Partner außerhalb von NRW dabei sind.",
            )
        return self


class FormulaStep(BaseModel):
    """One line of the formula: what is counted, as text and as a number."""

    model_config = ConfigDict(frozen=True)

    text: str
    calculation: str
    amount_eur: int


class ProgrammeShown(Terms):
    """A programme; `validity` says in words how long it applies."""

    id: str
    version: int
    validity: str


class Estimate(BaseModel):
    """What one programme's formula gives. `amount_eur` is null where it has none: `reason` says why."""

    model_config = ConfigDict(frozen=True)

    programme: ProgrammeShown
    formula: str
    steps: tuple[FormulaStep, ...]
    amount_eur: int | None
    reason: str | None


class FundingEstimate(BaseModel):
    """What the programmes that are valid on the day would give, each by itself: they are alternatives, never a sum."""

    model_config = ConfigDict(frozen=True)

    on: date
    estimates: tuple[Estimate, ...]
    note: str = NOTE


async def project(connection: Connection, recorded: Sequence[Recorded[Any]]) -> None:
    """Keeps the newest terms of every programme."""
    for each in recorded:
        event = each.event
        if isinstance(event, ProgrammeRecorded):
            terms = event.terms
            said = terms.model_dump(mode="json")
            await connection.execute(
                KEEP, event.programme_id, each.version, terms.dated, terms.valid_from, terms.valid_to, said
            )
        elif isinstance(event, ProgrammeWithdrawn):
            await connection.execute(WITHDRAW, event.programme_id, each.version)


PROGRAMMES = Projection("funding_programmes", ("funding_programme",), project)


async def listed(pool: Pool, query: Paging) -> Page[ProgrammeShown]:
    """Programmes, the latest first, those that ended included."""
    after = decode_cursor(query.cursor, CURSOR) if query.cursor else (None, None)
    rows = await pool.fetch(LIST, *after, query.limit + 1)
    found = [row for row in rows if row["id"] is not None]
    return Page(
        items=[_shown(row) for row in found[: query.limit]],
        next=next_after(found, query.limit, "dated", "id"),
        total=rows[0]["total"],
    )


async def one(pool: Pool, programme_id: str) -> ProgrammeShown | None:
    """A programme by its id."""
    row = await pool.fetchrow(ONE, programme_id)
    return _shown(row) if row else None


async def estimated(pool: Pool, query: FundingQuery, today: date) -> FundingEstimate:
    """The estimate of every programme that is valid on the day."""
    on = query.on or today
    programmes = [_shown(row) for row in await pool.fetch(VALID_ON, on)]
    return FundingEstimate(on=on, estimates=tuple(estimate(each, query) for each in programmes))


def _shown(row: asyncpg.Record) -> ProgrammeShown:
    terms = Terms.model_validate(row["terms"])
    return ProgrammeShown(**terms.model_dump(), id=row["id"], version=row["version"], validity=validity(terms))


def validity(terms: Terms) -> str:
    """How long a programme applies, in words; that no end is known is said."""
    begins = f"Gilt seit {german_date(terms.valid_from)}"
    ends = f" bis {german_date(terms.valid_to)}." if terms.valid_to else f". {END_UNKNOWN}"
    return f"{begins}{ends} {terms.valid_to_note or ''}".strip()


def estimate(programme: ProgrammeShown, query: FundingQuery) -> Estimate:
    """What a programme's formula gives for these partners and this cost."""
    if query.partners < programme.base_partners:
        return _alone(programme, query)
    further = query.partners - programme.base_partners
    more = further * programme.per_further_partner_eur
    whole, cap = programme.base_amount_eur + more, capped(programme, query.eligible_cost_eur)
    base = german_euro(programme.base_amount_eur)
    steps = (
        FormulaStep(
            text=f"Grundbetrag für {programme.base_partners} Partner",
            calculation=base,
            amount_eur=programme.base_amount_eur,
        ),
        FormulaStep(
            text=f"Weitere Partner: {further}",
            calculation=f"{further} × {german_euro(programme.per_further_partner_eur)}",
            amount_eur=more,
        ),
        FormulaStep(
            text="Summe",
            calculation=f"{german_euro(programme.base_amount_eur)} + {german_euro(more)}",
            amount_eur=whole,
        ),
        *_ending(programme, query, whole, cap),
    )
    return Estimate(
        programme=programme, formula=formula(programme), steps=steps, amount_eur=min(whole, cap), reason=None
    )


def _alone(programme: ProgrammeShown, query: FundingQuery) -> Estimate:
    """Fewer partners here than the base is for: only what is said of cooperation across the border."""
    fixed = programme.cross_border_amount_eur
    if fixed is None or not query.cross_border or query.partners > 1:
        reason = f"Die Richtlinie nennt keinen Betrag für weniger als {programme.base_partners} Partner in NRW."
        return Estimate(programme=programme, formula=formula(programme), steps=(), amount_eur=None, reason=reason)
    cap = capped(programme, query.eligible_cost_eur)
    steps = (
        FormulaStep(
            text="Ein Partner in NRW, weitere jenseits der Landesgrenze",
            calculation=german_euro(fixed),
            amount_eur=fixed,
        ),
        *_ending(programme, query, fixed, cap),
    )
    said = f"min({german_euro(fixed)}, {german_share(programme.cap_share)} × zuwendungsfähige Ausgaben)"
    return Estimate(programme=programme, formula=said, steps=steps, amount_eur=min(fixed, cap), reason=None)


def _ending(programme: Terms, query: FundingQuery, whole: int, cap: int) -> tuple[FormulaStep, FormulaStep]:
    share, cost = german_share(programme.cap_share), german_euro(query.eligible_cost_eur)
    return (
        FormulaStep(
            text=f"Höchstens {share} der zuwendungsfähigen Ausgaben", calculation=f"{share} × {cost}", amount_eur=cap
        ),
        FormulaStep(
            text="Der kleinere der beiden Beträge",
            calculation=f"min({german_euro(whole)}, {german_euro(cap)})",
            amount_eur=min(whole, cap),
        ),
    )


def capped(programme: Terms, cost: int) -> int:
    """The most that the cost allows, in whole euros rounded down; a share has hundredths of a percent at most."""
    return cost * round(programme.cap_share * 10_000) // 10_000


def formula(programme: Terms) -> str:
    """The programme's formula with its numbers, n for the partners."""
    base, further = german_euro(programme.base_amount_eur), german_euro(programme.per_further_partner_eur)
    share = german_share(programme.cap_share)
    return f"min({base} + {further} × (n − {programme.base_partners}), {share} × zuwendungsfähige Ausgaben)"


def german_euro(amount: int) -> str:
    """Whole euros as a German reads them: 175.000 €."""
    return f"{amount:,} €".replace(",", ".")


def german_share(share: float) -> str:
    """A share in percent as a German reads it: 90 %."""
    return f"{round(share * 100, 2):g} %".replace(".", ",")


def german_date(day: date) -> str:
    """A day as a German reads it: 31.08.2021."""
    return f"{day:%d.%m.%Y}"
