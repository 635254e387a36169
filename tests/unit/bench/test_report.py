"""The report of the benchmark says what was measured."""

import json
import math
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.chart import chart
from bench.machine import machine
from bench.report import Measured, Report
from bench.rounds import Figures, alternate, drive, percentile
from bench.row import Peer, Row, at_least, at_most

FASTER = Row("appends", "1/s", (300.0, 200.0, 900.0), Peer("inserts", (100.0, 200.0, 300.0)), at_least(2.5))
SLOWER = Row("appends: p99", "ms", (4.0, 5.0, 6.0), None, at_most(4.5))
TO_READ = Row("loads", "1/s", (7.0, 7.0, 7.0), Peer("theirs", (14.0, 7.0, 7.0)))
SVG = "{http://www.w3.org/2000/svg}"


def report() -> Report:
    rows = (FASTER, SLOWER, TO_READ)
    measured = Measured("appends", rows, 12.34, 0.5, 1.5)
    return Report(datetime(2026, 11, 22, 10, tzinfo=UTC), 3, machine({"eventsourcing": "9.5.6"}), [measured])


def test_a_ratio_is_the_median_of_paired_rounds_and_not_that_of_medians() -> None:
    assert FASTER.ratio == 3.0
    assert FASTER.median == 300.0
    assert TO_READ.ratio == 1.0


def test_a_reach_is_one_of_the_ratio_where_there_is_a_peer_and_else_of_the_figure() -> None:
    assert (FASTER.judged, FASTER.reached) == (3.0, True)
    assert (SLOWER.judged, SLOWER.reached) == (5.0, False)
    assert TO_READ.reached is None
    assert at_least(2.0).share(3.0) == 1.5
    assert at_most(2.0).share(4.0) == 0.5
    assert at_most(2.0).share(0.0) == math.inf


def test_the_table_shows_figures_peers_and_what_was_reached() -> None:
    lines = report().text().splitlines()
    faster = next(line for line in lines if "appends " in line and "inserts" in line)
    for shown in ("300 (200 – 900) 1/s", "200 (100 – 300) 1/s", "3.00 ×", "≥ 2.5 ×", "yes"):
        assert shown in faster
    slower = next(line for line in lines if "p99" in line)
    for shown in ("5 (4 – 6) ms", "≤ 4.5 ms", "NO"):
        assert shown in slower
    assert any("eventsourcing 9.5.6" in line for line in lines)
    assert any("appends 0.5 → 1.5" in line for line in lines)


def test_the_chart_has_a_bar_for_each_row_with_a_reach() -> None:
    root = ET.fromstring(chart([FASTER, SLOWER, TO_READ]))
    bars = {bar.get("class"): float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect")}
    assert bars.keys() == {"reached", "missed"}
    assert bars["reached"] > bars["missed"]
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"1.20 ×", "0.90 ×", "appends ÷ inserts", "appends: p99"} <= set(words)
    assert "prefers-color-scheme: dark" in "".join(root.itertext())


def test_a_row_that_needs_nothing_at_all_has_the_longest_bar() -> None:
    root = ET.fromstring(chart([Row("more memory", "MB", (0.0, 0.0), None, at_most(32)), FASTER]))
    nothing, some = (float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect"))
    assert nothing > some
    assert "∞" in [element.text for element in root.iter(f"{SVG}text")]


def test_everything_is_written_and_names_no_place(tmp_path: Path) -> None:
    report().write(tmp_path, "bench")
    kept = json.loads((tmp_path / "bench.json").read_text())
    (part,) = kept["parts"]
    assert part["load"] == {"before": 0.5, "after": 1.5}
    assert part["rows"][0]["values"] == [300.0, 200.0, 900.0]
    assert part["rows"][0]["peer"] == {"name": "inserts", "values": [100.0, 200.0, 300.0]}
    assert [row["reached"] for row in part["rows"]] == [True, False, None]
    assert (tmp_path / "bench.txt").read_text() == report().text()
    assert str(Path.cwd()) not in "".join(file.read_text() for file in tmp_path.iterdir())


async def test_contenders_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    async def measured(name: str) -> Figures:
        order.append(name)
        return {"turn": float(len(order))}

    found = await alternate(2, {"a": lambda: measured("a"), "b": lambda: measured("b")})
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found["a"]["turn"] == (4.0, 5.0)
    assert found["b"]["turn"] == (3.0, 6.0)


async def test_a_slow_machine_has_three_rounds_and_no_more() -> None:
    async def measured() -> Figures:
        return {"turn": 1.0}

    found = await alternate(9, {"a": measured}, within=0)
    assert len(found["a"]["turn"]) == 3


async def test_as_many_calls_are_made_as_were_asked_for() -> None:
    called: list[None] = []

    async def call() -> None:
        called.append(None)

    figures = await drive(10, 3, call)
    assert len(called) == 10
    assert 0 <= figures["p50 ms"] <= figures["p99 ms"]


@pytest.mark.parametrize(("percent", "value"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0)])
def test_a_percentile_is_a_value_that_occurred(percent: float, value: float) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == value
