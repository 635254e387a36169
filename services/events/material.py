"""The materials of a session as one aggregate, its shelf: drafts, releases of several at once, files in versions.

A material keeps its id, and with it its address, whatever becomes of its file, its title or the session's date.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from services.events.material_events import (
    EVENTS,
    Details,
    FileReplaced,
    MaterialAdded,
    MaterialDeleted,
    MaterialEvent,
    MaterialRevised,
    MaterialsReleased,
    MaterialWithdrawn,
    ReleasedItem,
)
from shared.contracts import events as contracts
from shared.contracts.contract import Contract
from shared.kernel.decider import Decider, NotThere, Refused
from shared.kernel.stored_file import StoredFile
from shared.kernel.texts import Line

type MaterialStatus = Literal["draft", "released", "withdrawn", "deleted"]

MOST = 100
BEHIND_ALL = 1001


class Command(BaseModel):
    """What can be asked of a shelf."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AddMaterial(Command):
    """A draft, which nobody but editors sees."""

    session_id: str
    material_id: str
    details: Details
    file: StoredFile


class ReviseMaterial(Command):
    """Other words about a file. `seen` is the version the editor saw."""

    material_id: str
    details: Details
    seen: int | None = None


class ReplaceFile(Command):
    """Another version of the file under the same address; of one that was taken back a draft again."""

    material_id: str
    file: StoredFile


class DeleteMaterial(Command):
    """A draft goes without a trace; what readers have seen is taken back instead."""

    material_id: str


class ReleaseMaterials(Command):
    """These materials, or all drafts, can be downloaded from now on; the session is named as its readers know it."""

    release_id: str
    series_id: str
    title: str
    material_ids: tuple[str, ...] | None = None


class WithdrawMaterial(Command):
    """A file that readers have seen is taken back, for a reason that its address tells; its bytes are not kept."""

    material_id: str
    reason: Line


type MaterialCommand = AddMaterial | ReviseMaterial | ReplaceFile | DeleteMaterial | ReleaseMaterials | WithdrawMaterial


@dataclass(frozen=True, slots=True)
class Material:
    """A material. Its file is the last of `files`; the first `lost` of them were taken back, and are not kept.

    Readers may have the versions from `public_from` on; None as long as it was never released. `edited` is the shelf's
    version when it last changed.
    """

    material_id: str
    session_id: str
    place: int
    details: Details
    files: tuple[StoredFile, ...]
    status: MaterialStatus = "draft"
    lost: int = 0
    public_from: int | None = None
    released_at: datetime | None = None
    withdrawn_for: str | None = None
    edited: int = 0

    @property
    def number(self) -> int:
        """The present version of its file."""
        return len(self.files)

    @property
    def kept(self) -> tuple[StoredFile, ...]:
        """The versions whose bytes are wanted."""
        return () if self.status in {"withdrawn", "deleted"} else self.files[self.lost :]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A session's materials, deleted ones included; `version` counts its events."""

    materials: Mapping[str, Material] = field(default_factory=dict)
    releases: frozenset[str] = frozenset()
    version: int = 0

    @property
    def drafts(self) -> list[Material]:
        """What no reader sees yet, in the order of the list."""
        return in_order(each for each in self.materials.values() if each.status == "draft")


def in_order(materials: Iterable[Material]) -> list[Material]:
    """As they are listed."""
    return sorted(materials, key=lambda each: (each.details.position or BEHIND_ALL, each.place))


def evolve(shelf: Shelf, event: MaterialEvent) -> Shelf:
    """Records an event."""
    version = shelf.version + 1
    after = {key: changed(shelf.materials.get(key), event, version) for key in touched(event)}
    materials = {**shelf.materials, **after}
    releases = shelf.releases | {event.release_id} if isinstance(event, MaterialsReleased) else shelf.releases
    return Shelf(materials, releases, version)


def touched(event: MaterialEvent) -> tuple[str, ...]:
    """The materials that an event is about."""
    if isinstance(event, MaterialsReleased):
        return tuple(item.material_id for item in event.items)
    return (event.material_id,)


def changed(material: Material | None, event: MaterialEvent, version: int) -> Material:
    """One material after an event about it, which is the shelf's event number `version`."""
    if isinstance(event, MaterialAdded):
        return Material(event.material_id, event.session_id, event.place, event.details, (event.file,), edited=version)
    assert material is not None, "a material begins with its draft"
    return replace(_changed(material, event), edited=version)


def _changed(
    material: Material,
    event: MaterialRevised | FileReplaced | MaterialDeleted | MaterialsReleased | MaterialWithdrawn,
) -> Material:
    match event:
        case MaterialRevised():
            return replace(material, details=event.details)
        case FileReplaced():
            return _with_file(material, event)
        case MaterialDeleted():
            return replace(material, status="deleted")
        case MaterialsReleased():
            first = material.number if material.public_from is None else material.public_from
            return replace(material, status="released", public_from=first, released_at=event.at)
        case MaterialWithdrawn():
            return replace(material, status="withdrawn", withdrawn_for=event.reason, lost=material.number)
    assert_never(event)


def _with_file(material: Material, event: FileReplaced) -> Material:
    files = (*material.files, event.file)
    if material.status == "withdrawn":
        return replace(material, files=files, status="draft", public_from=None, withdrawn_for=None)
    return replace(material, files=files)


def decide(command: MaterialCommand, shelf: Shelf, at: datetime) -> Sequence[MaterialEvent]:
    """What becomes of a command; one that wants what is there already changes nothing."""
    match command:
        case AddMaterial():
            return _add(command, shelf, at)
        case ReviseMaterial():
            return _revise(command, shelf, at)
        case ReplaceFile():
            return _replace(command, shelf, at)
        case DeleteMaterial():
            return _delete(command, shelf, at)
        case ReleaseMaterials():
            return _release(command, shelf, at)
        case WithdrawMaterial():
            return _withdraw(command, shelf, at)
    assert_never(command)


def check(details: Details, media_type: str) -> None:
    """What every photo needs, and that it is one."""
    if details.kind != "photo":
        return
    for name in ("alt", "credit"):
        if getattr(details, name) is None:
            raise Refused(f"photo_needs_{name}", field=f"/{name}")
    if not media_type.startswith("image/"):
        raise Refused("photo_is_no_image", field="/kind")


def _add(command: AddMaterial, shelf: Shelf, at: datetime) -> list[MaterialEvent]:
    if command.material_id in shelf.materials:
        return []
    check(command.details, command.file.media_type)
    if sum(each.status != "deleted" for each in shelf.materials.values()) >= MOST:
        raise Refused("too_many_materials", most=MOST)
    added = MaterialAdded(
        at=at,
        session_id=command.session_id,
        material_id=command.material_id,
        place=len(shelf.materials) + 1,
        details=command.details,
        file=command.file,
    )
    return [added]


def _there(shelf: Shelf, material_id: str) -> Material:
    material = shelf.materials.get(material_id)
    if material is None or material.status == "deleted":
        raise NotThere
    return material


def _revise(command: ReviseMaterial, shelf: Shelf, at: datetime) -> list[MaterialEvent]:
    material = _there(shelf, command.material_id)
    if command.details == material.details:
        return []
    if material.status == "withdrawn":
        raise Refused("material_withdrawn")
    check(command.details, material.files[-1].media_type)
    if command.seen is not None and not material.edited <= command.seen <= shelf.version:
        raise Refused("stale_version")
    return [MaterialRevised(at=at, material_id=material.material_id, details=command.details)]


def _replace(command: ReplaceFile, shelf: Shelf, at: datetime) -> list[MaterialEvent]:
    material = _there(shelf, command.material_id)
    if material.status != "withdrawn" and command.file == material.files[-1]:
        return []
    check(material.details, command.file.media_type)
    replaced = FileReplaced(at=at, material_id=material.material_id, number=material.number + 1, file=command.file)
    return [replaced]


def _delete(command: DeleteMaterial, shelf: Shelf, at: datetime) -> list[MaterialEvent]:
    material = shelf.materials.get(command.material_id)
    if material is None:
        raise NotThere
    if material.status == "deleted":
        return []
    if material.released_at is not None:
        raise Refused("material_released")
    return [MaterialDeleted(at=at, material_id=material.material_id)]


def _release(command: ReleaseMaterials, shelf: Shelf, at: datetime) -> list[MaterialEvent]:
    if command.release_id in shelf.releases:
        return []
    named = shelf.drafts if command.material_ids is None else _named(command.material_ids, shelf)
    drafts = [each for each in named if each.status == "draft"]
    if not drafts:
        if command.material_ids:
            return []
        raise Refused("nothing_to_release")
    released = MaterialsReleased(
        at=at,
        session_id=drafts[0].session_id,
        release_id=command.release_id,
        series_id=command.series_id,
        title=command.title,
        items=tuple(map(_item, drafts)),
    )
    return [released]


def _named(material_ids: Sequence[str], shelf: Shelf) -> list[Material]:
    found: dict[str, Material] = {}
    for number, key in enumerate(material_ids):
        material = shelf.materials.get(key)
        if material is None or material.status == "deleted":
            raise Refused("unknown_material", field=f"/material_ids/{number}")
        if material.status == "withdrawn":
            raise Refused("material_withdrawn", field=f"/material_ids/{number}")
        found[key] = material
    return in_order(found.values())


def _item(material: Material) -> ReleasedItem:
    details = material.details
    talk = details.talk.title if details.talk else None
    return ReleasedItem(material_id=material.material_id, title=details.title, talk=talk, file=material.files[-1])


def _withdraw(command: WithdrawMaterial, shelf: Shelf, at: datetime) -> list[MaterialEvent]:
    material = _there(shelf, command.material_id)
    if material.status == "withdrawn":
        if material.withdrawn_for == command.reason:
            return []
        raise Refused("material_withdrawn")
    if material.released_at is None:
        raise Refused("material_not_released")
    return [MaterialWithdrawn(at=at, material_id=material.material_id, reason=command.reason)]


def publish(event: MaterialEvent) -> Contract | None:
    """Others learn of releases, of each once and whole."""
    match event:
        case MaterialsReleased():
            return contracts.MaterialPublished(
                release_id=event.release_id,
                session_id=event.session_id,
                series_id=event.series_id,
                title=event.title,
                items=tuple(map(_published, event.items)),
            )
        case MaterialAdded() | MaterialRevised() | FileReplaced() | MaterialDeleted() | MaterialWithdrawn():
            return None
    assert_never(event)


def _published(item: ReleasedItem) -> contracts.PublishedMaterial:
    return contracts.PublishedMaterial(
        material_id=item.material_id,
        title=item.title,
        talk=item.talk,
        file_name=item.file.name,
        media_type=item.file.media_type,
        size=item.file.size,
    )


DECIDER: Decider[Shelf, MaterialCommand, MaterialEvent] = Decider(
    category="material",
    initial=Shelf(),
    decide=decide,
    evolve=evolve,
    publish=publish,
    events=EVENTS,
)
