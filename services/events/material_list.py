"""Which materials does a session have, and what is behind an address? The read model, what fills it, its answers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.events import material_downloads
from services.events.material import Material, MaterialStatus, changed, in_order, touched
from services.events.material_events import EVENTS, Details, MaterialKind, TalkRef
from services.events.programme import Talk
from services.events.session_shown import AgendaAnswer, TalkAnswer
from services.events.times import BERLIN
from shared.kernel.file_kinds import KINDS
from shared.kernel.postgres import Connection, Pool
from shared.kernel.projection import Projection
from shared.kernel.recorded import Recorded
from shared.kernel.stored_file import StoredFile

PRESENT = "SELECT material_id, version, material FROM material WHERE material_id = ANY($1::text[])"
UPSERT = """
INSERT INTO material (material_id, session_id, version, status, digests, material)
SELECT material_id, session_id, version, status, digests, material
FROM jsonb_to_recordset($1::jsonb) AS m(
    material_id text, session_id text, version bigint, status text, digests text[], material jsonb)
ON CONFLICT (material_id) DO UPDATE SET
    version = excluded.version, status = excluded.status, digests = excluded.digests, material = excluded.material
WHERE material.version < excluded.version
"""
OF_SESSION = """
SELECT material FROM material
WHERE session_id = $1 AND (status = 'released' OR $2 AND status IN ('draft', 'withdrawn'))
"""
ONE = "SELECT material FROM material WHERE material_id = $1 AND status <> 'deleted'"
IN_USE = """
SELECT DISTINCT digest FROM material, unnest(digests) AS digest WHERE digests && $1::text[] AND digest = ANY($1::text[])
"""

KIND_LABELS: dict[MaterialKind, str] = {
    "slides": "Vortragsfolien",
    "handout": "Handout",
    "photo": "Foto",
    "other": "Unterlage",
}

NO_DRAFTS = False
_MATERIAL = TypeAdapter(Material)


class MaterialFile(StoredFile):
    """A version of a material's file; `href` is for ever that of this version."""

    version: int
    type_label: str
    href: str


class MaterialAnswer(BaseModel):
    """A material. `href` is where its present file is, whatever version that is.

    Readers see released ones, in versions that were released; `downloads` and `withdrawn_for` are for editors.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    session_id: str
    kind: MaterialKind
    kind_label: str
    title: str
    description: str | None
    talk: TalkRef | None
    alt: str | None
    credit: str | None
    position: int | None
    status: MaterialStatus
    released_at: datetime | None
    href: str
    file: MaterialFile | None
    versions: tuple[MaterialFile, ...]
    downloads: int | None
    withdrawn_for: str | None
    version: int


async def project(connection: Connection, events: Sequence[Recorded[Any]]) -> None:
    """Keeps each material as its aggregate records it."""
    of_materials = [recorded for recorded in events if type(recorded.event) in EVENTS]
    if not of_materials:
        return
    ids = {key for recorded in of_materials for key in touched(recorded.event)}
    present = await connection.fetch(PRESENT, list(ids))
    known = {row["material_id"]: row["version"] for row in present}
    materials: dict[str, Material] = {row["material_id"]: _read(row) for row in present}
    told: set[str] = set()
    for recorded in of_materials:
        for key in touched(recorded.event):
            if recorded.version > known.get(key, 0):
                materials[key] = changed(materials.get(key), recorded.event, recorded.version)
                told.add(key)
    if told:
        await connection.execute(UPSERT, [_row(materials[key]) for key in sorted(told)])


PROJECTION = Projection("materials", ("material",), project)


def _row(material: Material) -> dict[str, Any]:
    return {
        "material_id": material.material_id,
        "session_id": material.session_id,
        "version": material.edited,
        "status": material.status,
        "digests": sorted({file.sha256 for file in material.kept}),
        "material": _MATERIAL.dump_python(material, mode="json"),
    }


def _read(row: Any) -> Material:
    return _MATERIAL.validate_python(row["material"], extra="ignore")


async def materials_of(pool: Pool, session_id: str, *, for_editors: bool) -> list[MaterialAnswer]:
    """A session's materials in order; drafts and what was taken back for editors only."""
    found = in_order(map(_read, await pool.fetch(OF_SESSION, session_id, for_editors)))
    ids = [each.material_id for each in found]
    counted = await material_downloads.totals(pool, ids) if for_editors and ids else {}
    return [answer(each, counted.get(each.material_id, 0) if for_editors else None) for each in found]


async def find_material(pool: Pool, material_id: str) -> Material | None:
    """A material that was not deleted, whoever may see it."""
    row = await pool.fetchrow(ONE, material_id)
    return _read(row) if row else None


async def in_use(pool: Pool, digests: Sequence[str]) -> set[str]:
    """Those of the files (by SHA-256) that a material refers to."""
    return {row["digest"] for row in await pool.fetch(IN_USE, list(digests))}


async def downloads_of(pool: Pool, material_id: str) -> int:
    """How often a material was downloaded."""
    return (await material_downloads.totals(pool, [material_id])).get(material_id, 0)


def file_of(material: Material, number: int | None, *, for_editors: bool) -> tuple[int, StoredFile] | None:
    """A version of a material's file, the present one unless named, and its number; None where there is none to see."""
    first = material.lost + 1 if for_editors else material.public_from
    if first is None or not material.kept:
        return None
    number = material.number if number is None else number
    return (number, material.files[number - 1]) if first <= number <= material.number else None


def address(material_id: str) -> str:
    """Where a material's present file is, for ever."""
    return f"/api/v1/materials/{material_id}/file"


def answer(material: Material, downloads: int | None) -> MaterialAnswer:
    """A material as it is shown; `downloads` is None for readers."""
    details, for_editors = material.details, downloads is not None
    versions = [
        _file(material.material_id, *found)
        for number in range(material.number, 0, -1)
        if (found := file_of(material, number, for_editors=for_editors))
    ]
    return MaterialAnswer(
        **{name: getattr(details, name) for name in Details.model_fields},
        id=material.material_id,
        session_id=material.session_id,
        kind_label=KIND_LABELS[details.kind],
        status=material.status,
        released_at=material.released_at.astimezone(BERLIN)
        if material.status == "released" and material.released_at
        else None,
        href=address(material.material_id),
        file=versions[0] if versions else None,
        versions=tuple(versions),
        downloads=downloads,
        withdrawn_for=material.withdrawn_for if for_editors else None,
        version=material.edited,
    )


def _file(material_id: str, number: int, file: StoredFile) -> MaterialFile:
    href = f"{address(material_id)}?version={number}"
    return MaterialFile(**file.model_dump(), version=number, type_label=KINDS[file.media_type].label, href=href)


async def with_slides(pool: Pool, session_id: str, agenda: AgendaAnswer) -> AgendaAnswer:
    """A programme whose talks name the slides that can be downloaded."""
    found = map(_read, await pool.fetch(OF_SESSION, session_id, NO_DRAFTS))
    slides = in_order(each for each in found if each.details.kind == "slides" and each.details.talk)
    if not slides:
        return agenda
    held = None if agenda.held is None else _with_files(agenda.held, slides)
    return agenda.model_copy(update={"planned": _with_files(agenda.planned, slides), "held": held})


def _with_files(talks: Sequence[TalkAnswer], slides: Sequence[Material]) -> tuple[TalkAnswer, ...]:
    files = slides_in(talks, slides)
    return tuple(_with_file(talk, file) if file else talk for talk, file in zip(talks, files, strict=True))


def _with_file(talk: TalkAnswer, file: str) -> TalkAnswer:
    return talk.model_copy(update={"slides": "published", "file": file, "file_label": None})


def slides_in(programme: Sequence[Talk | TalkAnswer], slides: Iterable[Material]) -> list[str | None]:
    """Where the slides of each talk are."""
    found: list[str | None] = [None] * len(programme)
    for material in slides:
        number = _number(material.details.talk, programme) if material.details.talk else None
        if number is not None and found[number] is None:
            found[number] = address(material.material_id)
    return found


def _number(said: TalkRef, programme: Sequence[Talk | TalkAnswer]) -> int | None:
    """Which talk is meant: the one with the id, whatever it is called now; else the place and title, or title."""
    same = [n for n, talk in enumerate(programme) if said.talk_id is not None and said.talk_id == talk.talk_id]
    named = [n for n, talk in enumerate(programme) if talk.title == said.title]
    at_its_place = [n for n in named if n + 1 == said.place]
    return next(iter([*same, *at_its_place, *named]), None)


def refer(programme: Sequence[Talk], *, talk_id: str | None, place: int | None, title: str | None) -> TalkRef | None:
    """The talk of a programme that is meant; None when there is none such."""
    for number, talk in enumerate(programme, 1):
        by_id = talk_id is not None and talk_id == talk.talk_id
        by_place = talk_id is None and place in (None, number) and title in (None, talk.title)
        if by_id or (by_place and (place or title)):
            return TalkRef(talk_id=talk.talk_id, place=number, title=talk.title)
    return None
