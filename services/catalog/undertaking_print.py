"""An undertaking on paper: a tagged PDF (PDF/UA-1), with nothing but what Typst's wheel brings along.

The template gets everything as data; what people wrote is never read as markup.
"""

import datetime as dt
import re
import unicodedata
from pathlib import Path
from typing import Any

import orjson
import typst

from services.catalog.undertaking_page import ProgressShown, UndertakingPage, UndertakingStep

TEMPLATE = Path(__file__).with_name("templates") / "undertaking.typ"
UNDATED = "offen"
# What the font in the wheel has no sign for: PDF/UA-1 allows no text that nobody sees, so a box stands in its place.
UNPRINTABLE = re.compile(
    r"[^ -~\xa0-\xac\xae-\u024f\u0300-\u036f\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u045f\u1e00-\u1eff"
    r"\u2010-\u2027\u2030-\u2040\u2044-\u2052\u20a0-\u20bf\u2100-\u211e\u2190-\u219f\u2200-\u226f"
    r"\u25a0-\u25fe\u2713\u2714]"
)
BOX = "□"


def printed(page: UndertakingPage, today: dt.date) -> bytes:
    """The PDF of an undertaking as of a day; the same bytes for the same state. Takes up to a tenth of a second."""
    return typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
        sys_inputs={"undertaking": displayable(orjson.dumps(_shown(page, today)).decode())},
        timestamp=page.changed_at.replace(microsecond=0),
    )


def displayable(text: str) -> str:
    """The text without what the font cannot show."""
    return UNPRINTABLE.sub(BOX, unicodedata.normalize("NFC", text))


def _shown(page: UndertakingPage, today: dt.date) -> dict[str, Any]:
    steps = [step for stage in page.stages for step in stage.steps]
    return {
        "title": page.title,
        "organisation": page.organisation.name,
        "summary": page.summary or None,
        "today": _day(today),
        "facts": _facts(page),
        "stages": [
            {
                "label": stage.label,
                "progress": _progress(stage.progress),
                "steps": [_row(step, today) for step in stage.steps],
            }
            for stage in page.stages
            if stage.steps
        ],
        "details": [
            _details(step) for step in steps if step.dropped is None and (step.hint or step.note or step.links)
        ],
        "rule": page.date_rule,
    }


def _facts(page: UndertakingPage) -> list[tuple[str, str]]:
    partners = [each.name for each in page.partners] + (["weitere gesucht"] if page.partners_wanted else [])
    found = [
        ("Stelle", page.organisation.name),
        ("Geplanter Start", _day(page.starts_on)),
        ("Partner", ", ".join(partners) or "noch nicht benannt"),
        ("Themengebiete", ", ".join(page.labels["topics"].values())),
        ("Stand", page.status_label),
        ("Fortschritt", _progress(page.progress)),
        ("Aufgegeben", page.abandoned or ""),
    ]
    return [(label, value) for label, value in found if value]


def _row(step: UndertakingStep, today: dt.date) -> dict[str, str]:
    return {
        "title": step.title,
        "due": _day(step.due_on) if step.due_on else UNDATED,
        "owner": step.owner or "–",
        "state": _state(step, today),
    }


def _state(step: UndertakingStep, today: dt.date) -> str:
    if step.done_on:
        return f"erledigt am {_day(step.done_on)}"
    if step.dropped:
        return f"entfällt: {step.dropped}"
    return "überfällig" if step.due_on and step.due_on < today else "offen"


def _details(step: UndertakingStep) -> dict[str, Any]:
    texts = [step.hint or "", f"Notiz: {step.note}" if step.note else ""]
    links = [{"title": each.title, "link": each.link} for each in step.links]
    return {"title": step.title, "texts": [text for text in texts if text], "links": links}


def _progress(progress: ProgressShown) -> str:
    return f"{progress.done} von {progress.total} Schritten erledigt ({progress.percent} %)"


def _day(day: dt.date) -> str:
    return f"{day:%d.%m.%Y}"
