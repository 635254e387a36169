"""What clients say of materials, and which talk they mean."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.events.life import Life
from services.events.material_events import Details, MaterialKind, TalkRef
from services.events.material_list import refer
from services.events.programme import Talk
from shared.kernel.parsing import refuse_unreadable
from shared.kernel.problems import of_fields
from shared.kernel.texts import ONE_LINE, Id, Line, Text

PHOTO_CODES = ("photo_needs_alt", "photo_needs_credit", "photo_is_no_image")
"""What is refused of photos."""

type ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=ONE_LINE)
]
type FileName = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Body(BaseModel):
    """A request's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TalkBody(Body):
    """A talk of the session: by its id, or by its place in the programme, counted from 1, or its title."""

    talk_id: Id | None = None
    place: Annotated[int, Field(ge=1, le=100)] | None = None
    title: Line | None = None


class MaterialBody(Body):
    """What is said of a material. Of a photo, what is to be seen (`alt`) and whose it is (`credit`)."""

    kind: MaterialKind
    title: Line
    description: Text | None = None
    talk: TalkBody | None = None
    alt: Line | None = None
    credit: Line | None = None
    position: Annotated[int, Field(ge=1, le=1000)] | None = None

    def details(self, talks: Sequence[Talk], before: Details) -> Details:
        """With the talk that is meant: the one of before even where the programme has none such any more."""
        if self.talk is None:
            return _details(self, None)
        said, kept = self.talk.model_dump(), before.talk
        same = kept is not None and said == kept.model_dump()
        return _details(self, kept if same else _meant(talks, **said))


class NewFileQuery(Body):
    """What the file is called."""

    filename: FileName = Field(description="Its name; a path, the ending and signs that no system keeps are mended.")


class UploadQuery(NewFileQuery):
    """What the file is called, and what is said of it."""

    kind: MaterialKind = Field(description="What it is.")
    title: ShortText = Field(description="Its title.")
    description: ShortText | None = Field(default=None, description="A word about it; more by PUT.")
    talk_id: Id | None = Field(default=None, description="The talk it belongs to, by its id.")
    talk: int | None = Field(default=None, ge=1, le=100, description="By its place in the programme, counted from 1.")
    alt: ShortText | None = Field(default=None, description="What is to be seen on a photo.")
    credit: ShortText | None = Field(default=None, description="Whose photo it is.")
    position: int | None = Field(default=None, ge=1, le=1000, description="Its place in the list.")

    def details(self, talks: Sequence[Talk]) -> Details:
        """With the talk that is meant."""
        refuse_unreadable(self.model_dump())
        named = self.talk_id is not None or self.talk is not None
        return _details(self, _meant(talks, talk_id=self.talk_id, place=self.talk, title=None) if named else None)


class ReleaseBody(Body):
    """Which drafts; all of them where none is named."""

    material_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=100)] | None = None


class WithdrawalBody(Body):
    """Why a material is taken back; whoever has its address reads it."""

    reason: Line


class FileQuery(Body):
    """Which version."""

    version: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="A version; the present one unless named."
    )


def programme(life: Life) -> tuple[Talk, ...]:
    """The talks of a session: as held once that is known, else as planned."""
    held = life.documentation.talks if life.documentation else ()
    return held or life.content.agenda


def _meant(talks: Sequence[Talk], *, talk_id: str | None, place: int | None, title: str | None) -> TalkRef:
    found = refer(talks, talk_id=talk_id, place=place, title=title)
    if found is None:
        raise of_fields("unknown_talk", ["/talk"])
    return found


def _details(said: Any, talk: TalkRef | None) -> Details:
    named = {name: getattr(said, name) for name in Details.model_fields if name != "talk"}
    return Details(**named, talk=talk)
