"""What an announcement is made of: what is read, when it appeared, and whom it is mailed to."""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.notify import AnnouncementKind
from shared.kernel.texts import ONE_LINE, Id

BERLIN = ZoneInfo("Europe/Berlin")

type Target = Literal["session", "registration", "questions", "talks", "agenda", "project", "projects", "resource"]


class Action(BaseModel):
    """What a reader can do next: the words on the link and what of the announcement's references it leads to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=60, pattern=ONE_LINE)
    target: Target


class Content(BaseModel):
    """What is read. `body` is plain text, its paragraphs separated by an empty line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: AnnouncementKind = "news"
    title: str = Field(min_length=3, max_length=200, pattern=ONE_LINE)
    teaser: str = Field(min_length=3, max_length=500, pattern=ONE_LINE)
    body: str = Field(default="", max_length=20_000)
    session_id: Id | None = None
    project_id: Id | None = None
    resource_id: Id | None = None
    actions: tuple[Action, ...] = Field(default=(), max_length=4)


class Dating(BaseModel):
    """When an item of loaded history appeared, as far as known.

    `on` is a stated day. Without one, `placed_on` only says where the item stands in the list, and `note` (German,
    shown to readers) on what grounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: date | None = None
    placed_on: date | None = None
    note: str | None = Field(default=None, max_length=300)


type Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,79}$")]
type MunicipalityAgs = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
type DistrictAgs = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
type Several[T] = Annotated[tuple[T, ...], Field(max_length=50)]
type Part = Literal[
    "kinds", "topics", "series", "municipalities", "districts", "registrants", "attendees", "organisation_types"
]


class Audience(BaseModel):
    """Whom an announcement is mailed to: everybody who is in any of its parts, once.

    Subscribers of kinds of messages, topics, series, municipalities and districts; who is registered for a session or
    was there; the members of organisations of a type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Several[Name] = ()
    topics: Several[Name] = ()
    series: Several[Id] = ()
    municipalities: Several[MunicipalityAgs] = ()
    districts: Several[DistrictAgs] = ()
    registrants: Several[Id] = ()
    attendees: Several[Id] = ()
    organisation_types: Several[Name] = ()

    def parts(self) -> tuple[tuple[Part, str], ...]:
        """Each part once, in the order of the fields."""
        named: dict[Part, tuple[str, ...]] = {
            "kinds": self.kinds,
            "topics": self.topics,
            "series": self.series,
            "municipalities": self.municipalities,
            "districts": self.districts,
            "registrants": self.registrants,
            "attendees": self.attendees,
            "organisation_types": self.organisation_types,
        }
        return tuple((part, key) for part, keys in named.items() for key in dict.fromkeys(keys))


class MailPlan(BaseModel):
    """That an announcement is mailed when it is published: to whom, and in which words.

    Without a subject of its own a mail has the announcement's title, without a text its teaser and body. `text` is
    plain text, its paragraphs separated by an empty line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    audience: Audience
    subject: str | None = Field(default=None, min_length=3, max_length=150, pattern=ONE_LINE)
    text: str | None = Field(default=None, min_length=3, max_length=20_000)
