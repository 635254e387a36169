"""A session's participants as a table, written while it is read: CSV and XLSX.

All rows are of one moment: a transaction that sees nothing of what comes later. A client that goes ends it.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.events import participant, participants
from services.events.life import Life
from services.events.participant import Contact
from services.events.participants import ParticipantFilter
from services.events.registration_http import ERASED, STATUS_LABELS
from services.events.registration_questions import Given
from services.events.times import BERLIN
from shared.kernel.csv_cells import BOM, LINE_END, csv_line
from shared.kernel.formulas import guarded_inside
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault
from shared.kernel.xlsx_stream import MOST_ROWS, Workbook

BEFORE = (
    "Anmeldung",
    "Name",
    "E-Mail",
    "Stelle",
    "Stelle (Kennung)",
    "Stand",
    "Platz auf der Warteliste",
    "Eingegangen am",
    "Zu bestätigen bis",
    "Neuer Termin passt",
    "Anwesend",
    "Anwesenheit erfasst am",
    "Ohne Anmeldung gekommen",
)
MORE_ANSWERS = "Weitere Antworten"
AT_A_TIME = 500
# Longer than a client may take for one part: the transaction lies idle while nobody reads.
IDLE = "SET LOCAL idle_in_transaction_session_timeout = '90s'"
HOW = {True: "ja", False: "nein", None: ""}


@dataclass(slots=True)
class Export:
    """One export; `rows` counts what was written so far, `questions` are the organiser's, as keys and labels."""

    pool: Pool
    vault: Vault
    life: Life
    wanted: ParticipantFilter
    rows: int = 0
    questions: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.questions = {question.key: question.label for question in self.life.content.registration_questions}

    @property
    def headings(self) -> tuple[str, ...]:
        """A column for everything we know, and one for each question."""
        return (*BEFORE, *self.questions.values(), MORE_ANSWERS)

    async def csv(self, *, bom: bool) -> AsyncGenerator[bytes]:
        """The lines, some at a time."""
        yield f"{BOM if bom else ''}{_line(self.headings)}".encode()
        async with aclosing(self._lines()) as lines:
            async for some in lines:
                yield "".join(map(_line, some)).encode()

    async def xlsx(self) -> AsyncGenerator[bytes]:
        """A workbook; a problem, before anything is sent, when they are too many for one."""
        if await participants.count(self.pool, self.life, self.wanted) > MOST_ROWS:
            raise Problem("too_many_rows", details={"most": MOST_ROWS})
        workbook = Workbook("Teilnehmende", self.headings)
        yield workbook.add(())
        async with aclosing(self._lines()) as lines:
            async for some in lines:
                yield workbook.add(some)
        yield workbook.finish()

    async def _lines(self) -> AsyncGenerator[list[list[str]]]:
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute(IDLE)
            async for found in participants.all_of(connection, self.vault, self.life, self.wanted, AT_A_TIME):
                answers = await participant.open_answers(self.vault, [row for row, _ in found])
                self.rows += len(found)
                yield [self._cells(*one, said) for one, said in zip(found, answers, strict=True)]

    def _cells(self, row: asyncpg.Record, contact: Contact | None, answers: Sequence[Given]) -> list[str]:
        return [
            row["registration_id"],
            contact.name if contact else ERASED,
            contact.email if contact else "",
            (contact and contact.organisation_name) or "",
            row["organisation_id"] or "",
            STATUS_LABELS[row["status"]],
            str(row["waiting_position"] or ""),
            _time(row["received_at"]),
            _time(row["confirm_by"]),
            _answer(row),
            HOW[row["present"]],
            _time(row["recorded_at"]),
            "ja" if row["walk_in"] else "",
            *self._answers(answers),
        ]

    def _answers(self, given: Sequence[Given]) -> list[str]:
        by_key = {each.key: each.answer_label for each in given}
        questions = self.questions
        others = [f"{each.label}: {each.answer_label}" for each in given if each.key not in questions]
        return [*(by_key.get(key, "") for key in questions), " | ".join(others)]


def _line(cells: Sequence[str]) -> str:
    """People write what they like into names and answers; no program may run any of it, whatever separates cells."""
    return f"{csv_line([guarded_inside(cell) for cell in cells])}{LINE_END}"


def _answer(row: asyncpg.Record) -> str:
    if row["reconfirmed_at"]:
        return "ja"
    return "noch offen" if row["owes_answer"] else ""


def _time(at: Any) -> str:
    return f"{at.astimezone(BERLIN):%d.%m.%Y %H:%M}" if at else ""
