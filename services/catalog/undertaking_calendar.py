"""An undertaking as iCalendar (RFC 5545): an all-day entry for each step that has a date.

Entries are VEVENTs. VTODO would be the word for a step, but Outlook and Google leave every VTODO out of a calendar file
without a word, and Apple shows them in another program; an all-day event stands in every calendar. It blocks nobody's
time (TRANSPARENT), keeps its UID for ever, and its SEQUENCE rises whenever the step moves, is done or is dropped.
"""

import datetime as dt
import re

from icalendar import Calendar, Event

from services.catalog.undertaking_shown import UndertakingPage, UndertakingStep

PRODUCT = "-//Interkommunal//Vorhaben//DE"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ONE_DAY = dt.timedelta(days=1)


def calendar(page: UndertakingPage) -> bytes:
    """All steps with a date; dropped ones are cancelled, so that calendars that know them strike them out."""
    feed = Calendar()
    feed.add("prodid", PRODUCT)
    feed.add("version", "2.0")
    feed.add("calscale", "GREGORIAN")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", _text(page.title))
    for stage in page.stages:
        for step in stage.steps:
            if step.due_on is not None:
                feed.add_component(_entry(page, stage.label, step, step.due_on))
    text: bytes = feed.to_ical()
    return text


def _entry(page: UndertakingPage, stage: str, step: UndertakingStep, due_on: dt.date) -> Event:
    entry = Event()
    entry.add("uid", f"undertaking-{page.id}-{step.step_id}@interkommunal")
    entry.add("dtstamp", page.changed_at.astimezone(dt.UTC))
    entry.add("last-modified", page.changed_at.astimezone(dt.UTC))
    entry.add("sequence", step.sequence)
    off = step.dropped is not None or page.abandoned is not None
    entry.add("status", "CANCELLED" if off else "CONFIRMED")
    done = "Erledigt: " if step.done_on else ""
    entry.add("summary", _text(f"{done}{step.title} ({page.title})"))
    entry.add("description", _text("\n".join(_lines(stage, step))))
    entry.add("categories", [stage])
    entry.add("transp", "TRANSPARENT")
    entry.add("dtstart", due_on)
    entry.add("dtend", due_on + ONE_DAY)
    return entry


def _lines(stage: str, step: UndertakingStep) -> list[str]:
    said = [f"Abschnitt: {stage}"]
    said += [f"Zuständig: {step.owner}"] if step.owner else []
    said += [f"Erledigt am {step.done_on:%d.%m.%Y}"] if step.done_on else []
    said += [f"Entfällt: {step.dropped}"] if step.dropped else []
    return said + ([step.hint] if step.hint else [])


def _text(text: str) -> str:
    return CONTROLS.sub("", text)
