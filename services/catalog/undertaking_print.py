"""An undertaking on paper: a tagged PDF (PDF/UA-1), with nothing but what Typst's wheel brings along.

The template gets everything as data; what people wrote is never read as markup.
"""

import asyncio
import datetime as dt
import re
import sys
import unicodedata
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from services.catalog.undertaking_shown import ProgressShown, UndertakingPage, UndertakingStep
from shared.kernel.problems import Problem

HERE = Path(__file__).parent
TEMPLATE = HERE / "templates" / "undertaking.typ"
TYPESETTER = HERE / "typesetter.py"
SECONDS = 20.0
UNDATED = "offen"
# What the font in the wheel has no sign for: PDF/UA-1 allows no text that nobody sees, so a box stands in its place.
UNPRINTABLE = re.compile(
    r"[^ -~\xa0-\xac\xae-\u024f\u0300-\u036f\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u045f\u1e00-\u1eff"
    r"\u2010-\u2027\u2030-\u2040\u2044-\u2052\u20a0-\u20bf\u2100-\u211e\u2190-\u219f\u2200-\u226f"
    r"\u25a0-\u25fe\u2713\u2714]"
)
BOX = "□"
ADDRESS = "%/:?#[]@!$&'()*+,;=~"  # what stays in an address as it is, beside letters and digits of ASCII

log = structlog.get_logger()


async def printed(page: UndertakingPage, today: dt.date) -> bytes:
    """The PDF of an undertaking as of a day; the same bytes for the same state. Takes half a second.

    Answers `unavailable` when it takes far too long. Nothing of our environment reaches the typesetter.
    """
    sheet = {
        "template": TEMPLATE.read_text("utf-8"),
        "data": displayable(orjson.dumps(_shown(page, today)).decode()),
        "at": page.changed_at.replace(microsecond=0).isoformat(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(TYPESETTER), stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}
    )
    try:
        async with asyncio.timeout(SECONDS):
            paper, complaint = await process.communicate(orjson.dumps(sheet))
    except TimeoutError as late:
        raise Problem("unavailable") from late
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.error("not_printed", undertaking_id=page.id, reason=complaint.decode(errors="replace")[-500:])
        raise Problem("internal")
    return paper


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
    links = [{"title": each.title, "link": each.link and quote(each.link, safe=ADDRESS)} for each in step.links]
    return {"title": step.title, "texts": [text for text in texts if text], "links": links}


def _progress(progress: ProgressShown) -> str:
    return f"{progress.done} von {progress.total} Schritten erledigt ({progress.percent} %)"


def _day(day: dt.date) -> str:
    return f"{day:%d.%m.%Y}"
