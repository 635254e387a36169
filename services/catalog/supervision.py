"""Which authority supervises a cooperation? A hint from § 29 GkG NRW and what the catalogue knows; never an answer.

§ 29 GkG NRW as of 2024 (recht.nrw.de, SGV. NRW. 202): a special-purpose association is supervised by the district
government of its seat where a district, a city of that rank, the state, the federation, another state's municipality or
an association with such members takes part, else by the district commissioner of its seat (paragraph 1; so are joint
municipal enterprises, where a regional association makes it the ministry). A public-law agreement is approved by those
of whoever does the task for the others (paragraph 4). Where seat or performer are not known, only their participants
tell where it could be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.catalog.vocabulary import LegalForm, OrganisationType

OUR_LAND = "05"
AACHEN = "05334002"

type Level = Literal["district_commissioner", "district_government", "ministry"]

NOTE = (
    "Hinweis nach § 29 GkG NRW, berechnet aus den bekannten Beteiligten; keine Rechtsauskunft. "
    "Maßgeblich ist, was die Aufsichtsbehörde selbst sagt."
)
MINISTRY = "das für Kommunales zuständige Ministerium des Landes Nordrhein-Westfalen"
COMMISSIONER = "Landrätin oder Landrat"
CITY_REGION = "Städteregionsrätin oder Städteregionsrat"
LAW_OF_FORM: dict[LegalForm, str] = {
    LegalForm.SPECIAL_PURPOSE_ASSOCIATION: "§ 29 Abs. 1 Satz 1 GkG NRW",
    LegalForm.JOINT_MUNICIPAL_ENTERPRISE: "§ 29 Abs. 1 Satz 2 GkG NRW",
    LegalForm.PUBLIC_LAW_AGREEMENT_DELEGATING: "§ 29 Abs. 4 Satz 2 GkG NRW",
    LegalForm.PUBLIC_LAW_AGREEMENT_MANDATING: "§ 29 Abs. 4 Satz 2 GkG NRW",
    LegalForm.MANDATORY_ASSOCIATION: "§ 29 Abs. 1 und 4 GkG NRW",
}
ANY_FORM = "§ 29 Abs. 1 und 4 GkG NRW"
ELSEWHERE: dict[LegalForm, str] = {
    LegalForm.WORKING_GROUP: (
        "Eine kommunale Arbeitsgemeinschaft (§§ 2–3 GkG NRW) nennt § 29 GkG NRW nicht; "
        "jede Beteiligte bleibt unter ihrer eigenen Aufsicht."
    ),
    LegalForm.PLANNING_ASSOCIATION: "Für Planungsverbände geht § 205 BauGB mit seinen eigenen Zuständigkeiten vor.",
    LegalForm.OTHER: "Ohne Rechtsform lässt sich keine Zuständigkeit nach § 29 GkG NRW nennen.",
}
PRIVATE = (
    "§ 29 GkG NRW gilt für diese Form nicht (§ 1 Abs. 3 GkG NRW); "
    "jede Beteiligte bleibt unter ihrer eigenen Aufsicht, für Beteiligungen gelten die §§ 107 ff. GO NRW."
)


class Rank(StrEnum):
    """What a participant means for § 29 GkG NRW."""

    BELONGING = auto()
    """A municipality of a district."""
    DISTRICT = auto()
    """A district, or a city of that rank."""
    ASSOCIATION = auto()
    """An association with districts or such cities as members."""
    REGIONAL = auto()
    """A regional association (LVR, LWL), or the Regionalverband Ruhr: an association of that kind, too."""
    STATE = auto()
    """The state itself, the federation, another state or one of its municipalities."""
    UNCLEAR = auto()
    """A body whose members are not known: they may matter."""
    OTHER = auto()
    """A body that does not matter here."""


RANK_OF_TYPE: dict[OrganisationType, Rank] = {
    OrganisationType.INDEPENDENT_CITY: Rank.DISTRICT,
    OrganisationType.INDEPENDENT_CITY_DISTRICT: Rank.DISTRICT,
    OrganisationType.DISTRICT: Rank.DISTRICT,
    OrganisationType.CITY_REGION: Rank.DISTRICT,
    OrganisationType.TOWN: Rank.BELONGING,
    OrganisationType.MUNICIPALITY: Rank.BELONGING,
    OrganisationType.REGIONAL_ASSOCIATION: Rank.REGIONAL,
    OrganisationType.RUHR_REGIONAL_ASSOCIATION: Rank.REGIONAL,
    OrganisationType.SPECIAL_PURPOSE_ASSOCIATION: Rank.UNCLEAR,
    OrganisationType.DISTRICT_GOVERNMENT: Rank.STATE,
    OrganisationType.MINISTRY: Rank.STATE,
    OrganisationType.FEDERAL_AGENCY: Rank.STATE,
    OrganisationType.MUNICIPALITY_OUTSIDE_NRW: Rank.STATE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body is: its district by name, and the Regierungsbezirk of that."""

    name: str
    district: str | None
    regierungsbezirk: str | None


@dataclass(frozen=True, slots=True)
class Participant:
    """Who takes part. `members` are the ranks of the members of an association, where they are known."""

    name: str
    type: OrganisationType | None
    ags: str | None = None
    place: Place | None = None
    performs: bool = False
    members: tuple[Rank, ...] = ()

    @property
    def rank(self) -> Rank:
        """What it means for § 29 GkG NRW. Aachen has the rights of a city of district rank (Aachen-Gesetz)."""
        if self.ags and not self.ags.startswith(OUR_LAND):
            return Rank.STATE
        if self.ags == AACHEN:
            return Rank.DISTRICT
        rank = RANK_OF_TYPE.get(self.type, Rank.OTHER) if self.type else Rank.OTHER
        if rank is not Rank.UNCLEAR or not self.members:
            return rank
        high = {Rank.DISTRICT, Rank.REGIONAL, Rank.STATE, Rank.ASSOCIATION}
        return Rank.ASSOCIATION if high & set(self.members) else Rank.OTHER


class SupervisionHint(BaseModel):
    """Which authority it is probably. `authority` is null where that cannot be said; `reasons` tell why it is or not.

    `candidates` are the authorities that come into question while the seat, or who performs the task, is not known.
    """

    model_config = ConfigDict(frozen=True)

    level: Level | None
    authority: str | None
    candidates: tuple[str, ...]
    law: str | None
    reasons: tuple[str, ...]
    note: str = NOTE


def hint(
    participants: Sequence[Participant], legal_form: LegalForm | None, seat: Place | None = None
) -> SupervisionHint:
    """The authority for a cooperation of these in this form, as far as the law's text and what is known tell."""
    law = LAW_OF_FORM.get(legal_form) if legal_form else ANY_FORM
    if law is None:
        assert legal_form is not None
        return _unsaid(None, ELSEWHERE.get(legal_form, PRIVATE))
    known = [each for each in participants if each.rank is not Rank.OTHER]
    seats = _seats(known, seat)
    if not seats:
        return _unsaid(law, "Keine Beteiligte mit bekanntem Sitz in Nordrhein-Westfalen ist genannt.")
    regional = _named(known, Rank.REGIONAL)
    if legal_form is LegalForm.JOINT_MUNICIPAL_ENTERPRISE and regional:
        why = f"Am gemeinsamen Kommunalunternehmen ist ein Landschaftsverband oder der RVR beteiligt: {regional}."
        return SupervisionHint(level="ministry", authority=MINISTRY, candidates=(MINISTRY,), law=law, reasons=(why,))
    reasons = [] if legal_form else ["Die Rechtsform ist nicht genannt; gerechnet ist, als gälte § 29 GkG NRW."]
    return _by_rank(known, seats, law, reasons)


def _by_rank(
    participants: Sequence[Participant], seats: Sequence[Place], law: str, reasons: list[str]
) -> SupervisionHint:
    """One participant of rank makes it the district government; one whose members nobody knows leaves it open."""
    ranked = [f"{why}: {names}." for rank, why in WHY_HIGHER.items() if (names := _named(participants, rank))]
    unclear = _named(participants, Rank.UNCLEAR)
    if ranked:
        return _at(seats, law, [*reasons, *ranked], ["district_government"])
    if unclear:
        why = f"Wer ihm angehört, ist nicht bekannt und kann die Zuständigkeit ändern: {unclear}."
        return _at(seats, law, [*reasons, why], ["district_commissioner", "district_government"])
    why = "Es sind nur kreisangehörige Städte und Gemeinden beteiligt."
    return _at(seats, law, [*reasons, why], ["district_commissioner"])


WHY_HIGHER: dict[Rank, str] = {
    Rank.DISTRICT: "Kreise oder Städte von deren Rang sind beteiligt",
    Rank.REGIONAL: "Ein Verband ist beteiligt, dem Kreise und kreisfreie Städte angehören",
    Rank.ASSOCIATION: "Ein Verband ist beteiligt, dem Kreise, kreisfreie Städte oder das Land angehören",
    Rank.STATE: "Das Land, der Bund oder eine Stelle eines anderen Landes ist beteiligt",
}


def _named(participants: Sequence[Participant], rank: Rank) -> str:
    return ", ".join(dict.fromkeys(each.name for each in participants if each.rank is rank))


def _seats(participants: Sequence[Participant], seat: Place | None) -> list[Place]:
    """Where the deciding body is: its seat, the one that performs the task, else wherever a participant is."""
    if seat:
        return [seat]
    performing = [each.place for each in participants if each.performs and each.place]
    return performing if len(performing) == 1 else [each.place for each in participants if each.place]


def _at(seats: Sequence[Place], law: str, reasons: list[str], levels: Sequence[Level]) -> SupervisionHint:
    """The one authority of all seats on one level; several are candidates, and none is told."""
    found = [_authority(seat, level) for level in levels for seat in seats]
    candidates = tuple(dict.fromkeys(each for each in found if each))
    sure = len(candidates) == 1 and None not in found
    if len(candidates) > 1 and len(levels) == 1:
        reasons.append("Es kommt auf den Sitz an oder darauf, wer die Aufgabe für die anderen übernimmt.")
    if None in found:
        reasons.append("Von einer Beteiligten ist der Kreis oder der Regierungsbezirk nicht bekannt.")
    return SupervisionHint(
        level=levels[0] if len(levels) == 1 else None,
        authority=candidates[0] if sure else None,
        candidates=candidates,
        law=law,
        reasons=tuple(reasons),
    )


def _authority(seat: Place, level: Level) -> str | None:
    if level == "district_government":
        return f"Bezirksregierung {seat.regierungsbezirk}" if seat.regierungsbezirk else None
    if seat.district is None:
        return None
    office = CITY_REGION if seat.district.startswith("Städteregion") else COMMISSIONER
    return f"{office} als untere staatliche Verwaltungsbehörde ({seat.district})"


def _unsaid(law: str | None, reason: str) -> SupervisionHint:
    return SupervisionHint(level=None, authority=None, candidates=(), law=law, reasons=(reason,))
