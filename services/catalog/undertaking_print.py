"""An undertaking on paper: a tagged PDF (PDF/UA-1), with nothing but what Typst's wheel brings along.

The template gets everything as data; what people wrote is never read as markup.
"""

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from services.catalog.undertaking_shown import ProgressShown, UndertakingPage, UndertakingStep
from shared.kernel.problems import Problem
from shared.kernel.typesetting import NotSet, typesetter

TEMPLATE = Path(__file__).parent / "templates" / "undertaking.typ"
UNDATED = "offen"
ADDRESS = "%/:?#[]@!$&'()*+,;=~"  # what stays in an address as it is, beside letters and digits of ASCII

log = structlog.get_logger()


async def printed(page: UndertakingPage, today: dt.date) -> bytes:
    """The PDF of an undertaking as of a day; the same bytes for the same state. Takes half a second.

    Answers `unavailable` when it takes far too long.
    """
    try:
        async with typesetter() as setting:
            return await setting.set(TEMPLATE.read_text("utf-8"), _shown(page, today), page.changed_at)
    except TimeoutError as late:
        raise Problem("unavailable") from late
    except NotSet as refused:
        log.error("not_printed", undertaking_id=page.id, reason=str(refused))  # noqa: TRY400
        raise Problem("internal") from refused


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
