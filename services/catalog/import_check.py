"""What would come of a whole file: a row for what can be imported, a line of the report for everything that cannot.

Nothing is written here.
"""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ValidationError

from services.catalog import lookup as lookups
from services.catalog import project_page
from services.catalog.cells import shortened, spelling
from services.catalog.import_row import Row, row_of
from services.catalog.import_sheet import ENOUGH, FEWEST_OF_A_ROW, MOST_OF_A_ROW, Line, Said, Sheet, said_by
from services.catalog.lookup import Lookup
from services.catalog.project import Project
from services.catalog.project_cells import CONTACTS, EXTERNAL_ID, ID, TOPICS
from services.catalog.project_import import Target
from services.catalog.vocabulary import Role
from shared.kernel.decider import Refused
from shared.kernel.ids import named_id, parse_id
from shared.kernel.parsing import german
from shared.kernel.postgres import Pool
from shared.kernel.problems import from_refusal, meaning_of, sentence

NO_TITLE = "Der Titel fehlt."
NO_PREDECESSOR = "Das Vorgängerprojekt steht in Zeile {}, und die wird nicht importiert."
NO_PROJECT = "Ein Projekt mit dieser ID gibt es nicht."
AT_A_TIME = 50  # projects that are read whole together: others must not wait for long
COLUMN_OF_RULE: Mapping[str, str] = {
    "summary_missing": "summary",
    "topic_missing": TOPICS,
    "too_many_topics": TOPICS,
    "topic_twice": TOPICS,
    "participations_missing": Role.PARTICIPANT,
    "participation_twice": Role.PARTICIPANT,
    "address_in_contact": CONTACTS,
}


@dataclass(slots=True)
class Checked:
    """A whole file looked through."""

    total: int
    rows: list[Row] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows are new, changed, unchanged; `bad` are those with at least one line."""
        return Counter([*(row.outcome for row in self.rows), *("bad" for _ in {line.row for line in self.lines})])


@dataclass(frozen=True, slots=True)
class Check:
    """One file's check. `source` keeps the external ids of different files apart."""

    sheet: Sheet
    lookup: Lookup
    target: Target
    source: str
    at: datetime

    def identify(self, saids: Sequence[Said]) -> None:
        """Which project each row is: by its id, by an external id, else by its title and who takes part."""
        seen: dict[str, int] = {}
        for said in saids:
            if said.project_id:
                said.by_id = True
                if parse_id(said.project_id) is None:
                    self._note(said, ID, "not_an_id", "Das ist keine Projekt-ID.", said.project_id)
                    continue
            elif said.external_id:
                said.project_id = project_id_of(self.source, said.external_id)
            elif said.left:
                continue
            elif title := said.fields.get("title"):
                said.project_id = project_id_by_content(title, [each["organisation_id"] for each in said.partners])
            elif "title" in self.sheet.columns:
                self._note(said, "title", "title_missing", NO_TITLE)
                continue
            else:
                self._note(said, ID, "not_an_id", "Die Projekt-ID fehlt.")
                continue
            before = seen.setdefault(said.project_id, said.number)
            if before != said.number:
                key = ID if said.by_id else EXTERNAL_ID if said.external_id else "title"
                self._note(said, key, "row_twice", f"Dasselbe Projekt steht schon in Zeile {before}.")

    def meant_before(self, saids: Sequence[Said]) -> dict[str, str]:
        """Each row's predecessor, named by an id or by the external id of another row or of an earlier import."""
        before: dict[str, str] = {}
        for said in saids:
            if asked := said.fields.get("predecessor"):
                meant = str(parse_id(asked) or project_id_of(self.source, asked))
                said.fields["predecessor"] = before[said.project_id] = meant
        return before

    def refuse_bad_predecessors(
        self, saids: Sequence[Said], before: Mapping[str, str], there: Mapping[str, str | None]
    ) -> None:
        """Who comes before a project must exist, here or there, and no project comes before itself."""
        here = {said.project_id for said in saids}
        after = {**there, **dict.fromkeys(here), **before}
        circling = _circling(after)
        for said in saids:
            meant = before.get(said.project_id)
            if meant is None:
                continue
            if meant not in after:
                self._rule(said, "predecessor", "unknown_predecessor")
            elif said.project_id in circling:
                self._rule(said, "predecessor", "circular_predecessor")

    def refuse_followers_of_none(
        self, saids: Sequence[Said], before: Mapping[str, str], known: Collection[str]
    ) -> None:
        """A project whose predecessor's row is bad would come after one that there is not; so would who follows it."""
        followers: dict[str, list[Said]] = defaultdict(list)
        for said in saids:
            if not said.lines and (meant := before.get(said.project_id)) and meant not in known:
                followers[meant].append(said)
        missing = [said for said in saids if said.lines and said.project_id not in known]
        while missing:
            lost = missing.pop()
            for said in followers.pop(lost.project_id, ()):
                self._note(said, "predecessor", "predecessor_refused", NO_PREDECESSOR.format(lost.number))
                if said.project_id not in known:
                    missing.append(said)

    def conclude(self, said: Said, project: Project | None) -> Row | None:
        """The row, unless something is wrong with it."""
        if not said.lines and project is None:
            if said.by_id:
                self._note(said, ID, "unknown_project", NO_PROJECT, said.project_id)
            elif not said.fields.get("title"):
                self._note(said, "title", "title_missing", NO_TITLE)
        if said.lines:
            return None
        try:
            return row_of(said, project, self.lookup, self.target, self.at)
        except ValidationError as error:
            self._note_shape(said, error)
        except Refused as refused:
            self._rule(said, COLUMN_OF_RULE.get(refused.code, "title"), refused.code, refused)
        return None

    def _note_shape(self, said: Said, error: ValidationError) -> None:
        """What has the wrong shape, by column."""
        for wrong in error.errors(include_url=False):
            name, *where = wrong["loc"] or ("title",)
            index = next((step for step in where if isinstance(step, int)), None)
            key = str(name)
            if key == "participations":
                key = str(said.partners[index]["role"] if index is not None else Role.PARTICIPANT)
            place = "" if index is None else f"{index + 1}. Angabe: "
            value = wrong.get("input")
            self._note(said, key, wrong["type"], place + german(wrong), value if isinstance(value, str) else "")

    def _rule(self, said: Said, key: str, code: str, refused: Refused | None = None) -> None:
        meaning = meaning_of(code)
        told = sentence(from_refusal(refused)) if refused else meaning.detail
        self._note(said, key, code, told or meaning.german)

    def _note(self, said: Said, key: str, code: str, detail: str, value: str = "") -> None:
        said.lines.append(Line(said.number, self.sheet.heading(key), code, detail, shortened(value)))


async def checked(pool: Pool, sheet: Sheet, target: Target, source: str, at: datetime) -> Checked:
    """Every row of a sheet, checked."""
    async with pool.acquire() as connection:
        lookup = await lookups.load(connection)
    check = Check(sheet, lookup, target, source, at)
    saids = []
    told = 0
    for number, cells in sheet.rows:
        said = said_by(sheet, number, cells, lookup, MOST_OF_A_ROW if told < ENOUGH else FEWEST_OF_A_ROW)
        told += len(said.lines)
        saids.append(said)
        await asyncio.sleep(0)
    await asyncio.to_thread(check.identify, saids)  # half a second for 12,000 rows
    found = await _known(pool, {said.project_id for said in saids if parse_id(said.project_id)})
    known = {key: project for key, (project, _) in found.items()}
    versions = {key: version for key, (_, version) in found.items()}
    before = check.meant_before(saids)
    outside = sorted(set(before.values()) - {said.project_id for said in saids})
    async with pool.acquire() as connection:
        check.refuse_bad_predecessors(saids, before, await project_page.predecessors_of(connection, outside))
    rows = []
    for said in saids:
        rows.append(check.conclude(said, known.get(said.project_id)))
        await asyncio.sleep(0)
    check.refuse_followers_of_none(saids, before, known)
    return Checked(
        total=len(sheet.rows),
        rows=[
            replace(row, version=versions.get(row.project_id, 0))
            for said, row in zip(saids, rows, strict=True)
            if row is not None and not said.lines
        ],
        lines=[line for said in saids for line in said.lines],
    )


def project_id_of(source: str, external_id: str) -> str:
    """The id of the project that a file calls `external_id`."""
    return str(named_id("imported project", f"{source}:{external_id}"))


def project_id_by_content(title: str, organisation_ids: Sequence[str]) -> str:
    """The id of a project that nobody gave one: the same title and the same bodies are the same project."""
    who = hashlib.blake2b("\n".join(sorted(organisation_ids)).encode(), digest_size=12).hexdigest()
    return str(named_id("imported project", f"{spelling(title)}/{who}"))


async def _known(pool: Pool, ids: set[str]) -> dict[str, tuple[Project, int]]:
    """The present state of those that exist, and their versions."""
    found: dict[str, tuple[Project, int]] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), AT_A_TIME):
        async with pool.acquire() as connection:
            found |= await project_page.states(connection, wanted[start : start + AT_A_TIME])
    return found


def _circling(after: Mapping[str, str | None]) -> set[str]:
    """Those who come before themselves; `after` says what each comes after. Each is passed once."""
    circling: set[str] = set()
    passed: set[str] = set()
    for start in after:
        line: dict[str, int] = {}
        now: str | None = start
        while now is not None and now not in passed and now not in line:
            line[now] = len(line)
            now = after.get(now)
        if now in line:
            circling.update(list(line)[line[now] :])
        passed.update(line)
    return circling
