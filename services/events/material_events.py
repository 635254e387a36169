"""What is said of a session's materials, and what happens to them: values and facts of `material.py`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.events.programme import Value
from shared.kernel.decider import Event
from shared.kernel.stored_file import StoredFile
from shared.kernel.texts import Id, Line, Text

type MaterialKind = Literal["slides", "handout", "photo", "other"]


class TalkRef(Value):
    """The talk a file belongs to: by its id where it has one, else by its place in the programme and its title."""

    talk_id: Id | None = None
    place: Annotated[int, Field(ge=1, le=100)] | None = None
    title: Line


class Details(Value):
    """What is said of a file. A photo is described for those who do not see it, and says whose it is.

    `position` orders the list; those without one follow in the order in which they came.
    """

    kind: MaterialKind
    title: Line
    description: Text | None = None
    talk: TalkRef | None = None
    alt: Line | None = None
    credit: Line | None = None
    position: Annotated[int, Field(ge=1, le=1000)] | None = None


class MaterialAdded(Event):
    """A draft was uploaded. `place` counts what was ever put on the shelf."""

    session_id: str
    material_id: str
    place: int
    details: Details
    file: StoredFile


class MaterialRevised(Event):
    """Something else is said of a file."""

    material_id: str
    details: Details


class FileReplaced(Event):
    """The file has another version; they are counted from 1."""

    material_id: str
    number: int
    file: StoredFile


class MaterialDeleted(Event):
    """A draft is gone."""

    material_id: str


class ReleasedItem(BaseModel):
    """One of the materials of a release, as it was then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    material_id: str
    title: str
    talk: str | None = None
    file: StoredFile


class MaterialsReleased(Event):
    """These files can be downloaded."""

    session_id: str
    release_id: str
    series_id: str
    title: str
    items: tuple[ReleasedItem, ...]


class MaterialWithdrawn(Event):
    """A file was taken back."""

    material_id: str
    reason: str


type MaterialEvent = (
    MaterialAdded | MaterialRevised | FileReplaced | MaterialDeleted | MaterialsReleased | MaterialWithdrawn
)
EVENTS = (MaterialAdded, MaterialRevised, FileReplaced, MaterialDeleted, MaterialsReleased, MaterialWithdrawn)
