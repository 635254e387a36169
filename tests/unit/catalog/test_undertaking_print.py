"""What is written on paper can be seen there."""

import asyncio
import signal
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typst
from structlog.testing import capture_logs

from services.catalog import undertaking_print
from services.catalog.undertaking_plan import Pointer
from services.catalog.undertaking_print import TEMPLATE, printed
from services.catalog.undertaking_shown import (
    DATE_RULE,
    OrganisationNamed,
    ProgressShown,
    UndertakingPage,
    UndertakingStage,
    UndertakingStep,
)
from services.catalog.vocabulary import ChecklistStage, UndertakingStatus
from shared.kernel import typesetting
from shared.kernel.problems import Problem
from shared.kernel.typesetting import BOX, displayable

TODAY = date(2026, 3, 2)
EMPTY = UndertakingPage(
    id="0199d2c4-1b7e-7a3c-9c55-2f6d1f0a4b11",
    version=1,
    changed_at=datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC),
    organisation=OrganisationNamed(id="o", ags=None, name="Lemgo"),
    title="Gemeinsames Standesamt",
    summary=None,
    topics=(),
    starts_on=date(2027, 1, 4),
    status=UndertakingStatus.ABANDONED,
    status_label="Aufgegeben",
    progress=ProgressShown(done=0, total=0, percent=100),
    next_step=None,
    labels={"topics": {}},
    partners=(),
    partners_wanted=False,
    lead_days=7,
    checklist="2026-11",
    stages=(),
    readers=(),
    project_id=None,
    abandoned="Kein Partner gefunden.",
    date_rule=DATE_RULE,
    may_change=True,
)

LETTER = b'#set document(title: "x")\n#set text(font: "Libertinus Serif", lang: "de")\n#sys.inputs.text'


def test_whatever_is_let_through_has_a_sign_in_the_font() -> None:
    kept = [chr(code) for code in range(0x20, 0x10000) if displayable(chr(code)) == chr(code)]
    assert set("äöüßÄÖÜẞ§€–„“½²✓→éłşčğ") <= set(kept)
    assert len(kept) > 1400
    text = " ".join(kept)
    assert typst.compile(
        LETTER, format="pdf", pdf_standards=["ua-1"], ignore_system_fonts=True, sys_inputs={"text": text}
    ).startswith(b"%PDF")


def test_what_has_none_is_a_box() -> None:
    assert displayable("a🙂b日\u200bc\ufeff") == f"a{BOX}b{BOX}{BOX}c{BOX}"
    assert displayable("e\u0301") == "é"
    assert b"Libertinus Serif" in TEMPLATE.read_bytes()


async def test_the_same_state_is_the_same_sheet() -> None:
    assert await printed(EMPTY, TODAY) == await printed(EMPTY, TODAY)


async def test_an_address_leads_where_it_led_whatever_the_font_can_show() -> None:
    step = UndertakingStep(
        step_id="idea",
        title="Idee",
        hint=None,
        links=(Pointer(title="Seite", link="https://example.org/日本?a=1&b=%20#c"),),
        offset_days=None,
        due_on=None,
        by_hand=False,
        own=True,
        owner=None,
        note=None,
        done_on=None,
        dropped=None,
        sequence=0,
    )
    none = ProgressShown(done=0, total=1, percent=0)
    stage = UndertakingStage(stage=ChecklistStage.STARTING, label="Loslegen", progress=none, steps=(step,))
    paper = await printed(EMPTY.model_copy(update={"stages": (stage,)}), TODAY)
    assert b"/URI(https://example.org/%E6%97%A5%E6%9C%AC?a=1&b=%20#c)" in paper


async def test_a_typesetter_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow, started = tmp_path / "slow.py", []
    slow.write_text("import time\ntime.sleep(60)")
    start = asyncio.create_subprocess_exec

    async def watched(*command: str, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    monkeypatch.setattr(typesetting, "TYPESETTER", slow)
    monkeypatch.setattr(typesetting, "SECONDS", 0.1)
    with pytest.raises(Problem) as raised:
        await printed(EMPTY, TODAY)
    assert raised.value.code == "unavailable"
    assert [process.returncode for process in started] == [-signal.SIGKILL]


async def test_what_typst_refuses_is_a_problem_that_is_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.typ"
    broken.write_text("#no-such-function()")
    monkeypatch.setattr(undertaking_print, "TEMPLATE", broken)
    with capture_logs() as lines, pytest.raises(Problem) as raised:
        await printed(EMPTY, TODAY)
    assert raised.value.code == "internal"
    assert [line["event"] for line in lines] == ["not_printed"]
