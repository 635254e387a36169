"""A project as a line of CSV, made in two halves: what speaks for itself when the project changes, the rest when asked.

Names of topics and organisations change without the project changing, so their cells are made while exporting; they
are few and the same again and again. Everything else lies ready as text beside the project's page.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from services.catalog.cells import escaped, joined
from services.catalog.german_time import german_day
from services.catalog.lookup import Lookup
from services.catalog.project_cells import AFTER, BEFORE, HEADINGS, ROLE_HEADINGS, speaking_cells
from services.catalog.project_content import Content
from services.catalog.vocabulary import ProjectStatus
from shared.kernel.csv_cells import SEPARATOR, csv_cell, csv_line
from shared.kernel.formulas import without_guard

CELL = re.compile(r'(?:^|;)(?:"([^"]*(?:""[^"]*)*)"|([^";]*))')
ROLE_AT: Mapping[str, int] = {str(role): at for at, role in enumerate(ROLE_HEADINGS)}


def cells_of(line: str) -> list[str]:
    """The cells of a line."""
    cells = (quoted.replace('""', '"') or plain for quoted, plain in CELL.findall(line))
    return [without_guard(cell) if cell[:1] == "'" else cell for cell in cells]


def _several(texts: Sequence[str]) -> str:
    """The cell of several texts: it holds a semicolon, so it is quoted; most often there is nothing else to do."""
    text = "; ".join(texts)
    return f'"{text}"' if text[0].isalnum() and '"' not in text else csv_cell(text)


HEADING_LINE = csv_line(HEADINGS)


def told_cells(status: ProjectStatus, published_at: datetime | None, changed_at: datetime) -> list[str]:
    """What readers are told of a project beside its content: status and days."""
    return [status.label, _day(published_at), _day(changed_at)]


def _day(at: datetime | None) -> str:
    return f"{german_day(at):%d.%m.%Y}" if at else ""


def kept_cells(
    content: Content, status: ProjectStatus, published_at: datetime | None, changed_at: datetime
) -> dict[str, str]:
    """The half that lies ready, and what the other half is made of: codes of topics, and who takes part as what."""
    after = [*speaking_cells(content, AFTER), *told_cells(status, published_at, changed_at)]
    return {
        "cells_before": csv_line(speaking_cells(content, BEFORE)),
        "cells_after": csv_line(after),
        "topics": " ".join(content.topics),
        "partners": partners_text(content),
    }


def partners_text(content: Content) -> str:
    """Who takes part and whom to ask, by ids: `[[[role, id, task], …], [[id, name, function, note], …]]`."""
    partners = [[each.role, each.organisation_id, each.task] for each in content.participations]
    contacts = [[each.organisation_id, each.organisation_name, each.function, each.note] for each in content.contacts]
    return orjson.dumps([partners, contacts]).decode()


class Names:
    """The cells with names, as they are now."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self._merged = lookup.presently.organisations
        self._texts: dict[str, str] = {}
        self._csv = lru_cache(maxsize=10_000)(csv_cell)
        self._csv_topics = lru_cache(maxsize=10_000)(lambda topics: csv_cell(self._topics(topics)))

    def line(self, topics: str, partners: str) -> str:
        """Topics, a cell for each role, contacts, as they stand in a line."""
        who, contacts = orjson.loads(partners)
        cells = [""] * len(ROLE_AT)
        for role, texts in self._by_role(who).items():
            cells[ROLE_AT[role]] = self._csv(texts[0]) if len(texts) == 1 else _several(texts)
        told = csv_cell(joined(map(self._contact, contacts))) if contacts else ""
        return f"{self._csv_topics(topics)};{SEPARATOR.join(cells)};{told}"

    def cells(self, topics: str, partners: str) -> list[str]:
        """The same as cells."""
        who, contacts = orjson.loads(partners)
        by_role = self._by_role(who)
        cells = ["; ".join(by_role.get(role, ())) for role in ROLE_AT]
        return [self._topics(topics), *cells, joined(map(self._contact, contacts))]

    def _by_role(self, who: Sequence[Any]) -> dict[str, list[str]]:
        by_role: dict[str, list[str]] = {}
        for role, organisation_id, task in self._once(who) if self._merged else who:
            text = self._texts.get(organisation_id) or self._text(organisation_id)
            by_role.setdefault(role, []).append(text if task is None else f"{text}: {escaped(task)}")
        return by_role

    def _once(self, who: Sequence[Any]) -> Iterable[Any]:
        """Of bodies that were merged into one, the first in each role."""
        kept: dict[tuple[str, str], Any] = {}
        for role, organisation_id, task in who:
            body = self._merged.get(organisation_id)
            kept.setdefault((role, body.organisation_id if body else organisation_id), [role, organisation_id, task])
        return kept.values()

    def of(self, content: Content) -> list[str]:
        """The same cells of a content."""
        return self.cells(" ".join(content.topics), partners_text(content))

    def _topics(self, codes: str) -> str:
        present = dict.fromkeys(map(self.lookup.topics.present, codes.split()))
        return joined(escaped(self.lookup.topics.label_of(code)) for code in present)

    def _text(self, organisation_id: str) -> str:
        text = self._texts[organisation_id] = escaped(self.lookup.organisations.text_of(organisation_id))
        return text

    def _contact(self, contact: Sequence[Any]) -> str:
        organisation_id, name, function, note = contact
        head = self._text(organisation_id) if organisation_id else escaped(name)
        labelled = (("Funktion", function), ("Hinweis", note))
        return " | ".join([head, *(f"{label}: {escaped(text)}" for label, text in labelled if text)])
