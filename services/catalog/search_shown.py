"""What a search can be asked for and what it answers: the filters, a project in a list, facets."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from services.catalog.organisation import DistrictAgs, MunicipalityAgs
from services.catalog.search_words import TOKEN
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import EffectKind, LegalForm, OrganisationType, ProjectStatus, Role, Stage
from shared.kernel.http import Page, Paging

PUBLIC = (ProjectStatus.PUBLISHED,)
LONGEST_QUERY, MOST_WORDS = 300, 24

type Sort = Literal["relevance", "date", "effect", "title", "distance"]
type RegionKey = Annotated[str, StringConstraints(pattern=r"^\d{3}$")]


def _few_words(q: str) -> str:
    """More words than anybody would look for are no question."""
    if len(TOKEN.findall(q)) > MOST_WORDS:
        raise PydanticCustomError("too_many_words", "Bitte nennen Sie höchstens {most} Wörter.", {"most": MOST_WORDS})
    return q


def _refuse_nowhere(told: ValidationInfo) -> None:
    if told.data.get("near") is None:
        raise PydanticCustomError("near_missing", "Bitte nennen Sie mit near, von wo aus gemessen wird.")


class ProjectFilter(BaseModel):
    """What narrows the projects. Values of one parameter are alternatives; different parameters must all fit.

    A code or a key that there is none of finds nothing; a value that is not on a parameter's list, or has not its form,
    is `invalid_query`. German labels of codes are in `GET /vocabularies`, and beside each value in
    `GET /projects/facets`.
    """

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, StringConstraints(max_length=LONGEST_QUERY), AfterValidator(_few_words)] | None = Field(
        default=None,
        description=(
            "Words, in any German spelling; their beginnings are enough (from three letters on), and the parts of"
            ' compounds. Also "phrases" and -exclusions; then only what is written so is found, and no slips. At most'
            f" {MOST_WORDS} words."
        ),
    )
    topic: tuple[str, ...] | None = Field(
        default=None, description="Codes of topics, of `GET /topics`; former ones too."
    )
    group: tuple[str, ...] | None = Field(default=None, description="Codes of groups of topics, of `GET /topics`.")
    legal_form: tuple[LegalForm, ...] | None = Field(default=None, description="The law the cooperation stands on.")
    stage: tuple[Stage, ...] | None = Field(default=None, description="How far the cooperation has come.")
    organisation: tuple[str, ...] | None = Field(
        default=None, description="Official keys (AGS) or ids, of `GET /organisations`, of those that take part."
    )
    like: Annotated[str, StringConstraints(max_length=36, to_lower=True)] | None = Field(
        default=None, description="Projects of the twenty bodies most like this one (official key or id)."
    )
    district: tuple[DistrictAgs, ...] | None = Field(
        default=None, description="Five-digit official keys of districts, where a participant is, or works."
    )
    regierungsbezirk: tuple[RegionKey, ...] | None = Field(
        default=None, description="The first three digits of official keys, where a participant is, or works."
    )
    size_class: tuple[SizeClass, ...] | None = Field(
        default=None, description="How large a municipality that takes part is, where its population is known."
    )
    effect_kind: tuple[EffectKind, ...] | None = Field(default=None, description="What the cooperation changed.")
    best_practice: bool | None = Field(default=None, description="Whether it was honoured as best practice.")
    funded: bool | None = Field(default=None, description="Whether public money was in it.")
    reuse: bool | None = Field(
        default=None, description="Whether others can use the result again, as far as is known: it is not ruled out."
    )
    near: MunicipalityAgs | None = Field(
        default=None, description="The eight-digit official key of a municipality: distances count from there."
    )
    within_km: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="With `near`: a participant is at most so many kilometres away, as the crow flies.",
    )
    status: tuple[ProjectStatus, ...] | None = Field(
        default=None, description="For editors; everyone else sees what is published."
    )

    @property
    def beyond_public(self) -> bool:
        """Whether this asks for what not everybody may see."""
        return not set(self.status or ()) <= set(PUBLIC)

    @field_validator("within_km")
    @classmethod
    def from_somewhere(cls, within_km: float | None, told: ValidationInfo) -> float | None:
        """A distance has a place that it is measured from."""
        if within_km is not None:
            _refuse_nowhere(told)
        return within_km


class ProjectList(ProjectFilter):
    """What narrows the projects, and their order."""

    sort: Sort | None = Field(
        default=None,
        description=(
            "By relevance where something is asked for, else by date (the newest first). `effect`: the highest stated"
            " number first, whatever it counts. `distance` needs `near`."
        ),
    )

    @field_validator("sort")
    @classmethod
    def by_distance_from_somewhere(cls, sort: Sort | None, told: ValidationInfo) -> Sort | None:
        """Nothing is far or near by itself."""
        if sort == "distance":
            _refuse_nowhere(told)
        return sort


class ProjectQuery(ProjectList, Paging):
    """One page of the projects."""


class ProjectSearch(ProjectQuery):
    """One page of the projects, and what they could be narrowed to."""

    facets: bool = Field(default=False, description="Whether the facets of `GET /projects/facets` are answered, too.")


@dataclass(slots=True)
class ParticipantShown:
    """Who takes part, on a card."""

    organisation_id: str
    ags: str | None
    name: str
    type: OrganisationType
    role: Role


@dataclass(slots=True)
class Piece:
    """A piece of a text as it is written; `mark`: it is what was looked for."""

    text: str
    mark: bool


@dataclass(frozen=True, slots=True)
class Highlights:
    """Texts in which something was found, in pieces; null where nothing was. `text` is a passage of the rest."""

    title: tuple[Piece, ...] | None = None
    summary: tuple[Piece, ...] | None = None
    text: tuple[Piece, ...] | None = None


@dataclass(slots=True, kw_only=True)
class ProjectCard:
    """A project in a list. `labels[field][code]` is the German label of every code in it."""

    id: str
    status: ProjectStatus
    version: int
    revision_pending: Annotated[bool | None, Field(description="For editors: whether a proposed version waits.")]
    title: str
    short_title: str | None
    summary: str | None
    topics: tuple[str, ...]
    legal_form: LegalForm | None
    stage: Stage | None
    start: str | None
    region: str | None
    participations: tuple[ParticipantShown, ...]
    participations_complete: bool
    participations_note: str | None
    best_practice: bool
    published_at: datetime | None
    changed_at: datetime
    labels: dict[str, dict[str, str]]
    contact_confirmed_on: Annotated[date | None, Field(description="When its contact was last known to be right.")]
    contact_note: Annotated[str | None, Field(description="Says so when that is more than a year ago.")]
    highlights: Annotated[Highlights | None, Field(description="Where something was asked for and found in it.")] = None
    distance_km: Annotated[float | None, Field(description="With `near`: how far the nearest participant is.")] = None


@dataclass(slots=True)
class FacetValue:
    """A value that could be chosen and how many projects it would give."""

    value: str
    label: str
    count: int


class Facets(BaseModel):
    """The values of every facet: `topic`, `group`, `legal_form`, `stage`, `organisation`, `district`,
    `regierungsbezirk`, `size_class`, `effect_kind`, `best_practice`, `funded`, `reuse`.

    A facet's own choice does not change its counts; the choices of the others do. Values stay, with 0, when the other
    choices leave nothing for them.
    """

    model_config = ConfigDict(frozen=True)

    facets: dict[str, list[FacetValue]]


class ProjectsFound(Page[ProjectCard]):
    """A page of a search.

    `did_you_mean` is the query as it may have been meant, where it finds nothing or little as it is. `all_words` is
    false where no project has all the words, and those are shown that have most. `facets` are those of
    `GET /projects/facets`, where they were asked for.
    """

    did_you_mean: str | None = None
    all_words: bool = True
    facets: dict[str, list[FacetValue]] | None = None
