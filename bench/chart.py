"""The chart of a run: how far each row came, as a multiple of its reach, readable on light and on dark pages."""

import math
from collections.abc import Iterator, Sequence

import svg

from bench.row import Row

WIDTH, LEFT, RIGHT, TOP, LINE, BAR = 960, 430, 110, 56, 26, 14
LEAST, MOST = 0.25, 16.0
STEPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 12px; fill: #59636e }
.title { font-weight: 600; font-size: 15px }
.grid { stroke: #d1d9e0 }
.reach { stroke: #1f2328; stroke-width: 2 }
.reached { fill: #1a7f64 }
.missed { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .reach { stroke: #f0f6fc }
  .reached { fill: #3fb995 }
  .missed { fill: #f0883e }
}
"""


def chart(rows: Sequence[Row]) -> str:
    """A bar for each row that has a reach; the line is where the reach is, and beyond it is more than was asked."""
    judged = [row for row in rows if row.reach is not None]
    height = TOP + len(judged) * LINE + 16
    elements: list[svg.Element] = [
        svg.Title(text="How far each measurement came, as a multiple of its reach"),
        svg.Style(text=STYLE),
        svg.Text(x=12, y=22, text="How far each figure came, as a multiple of its reach", class_=["title"]),
        *_grid(height),
    ]
    for index, row in enumerate(judged):
        elements += _bar(row, TOP + index * LINE)
    elements.append(svg.Line(x1=_x(1), x2=_x(1), y1=TOP - 6, y2=height - 10, class_=["reach"]))
    drawn = svg.SVG(viewBox=svg.ViewBoxSpec(0, 0, WIDTH, height), width=WIDTH, height=height, elements=elements)
    return f"{drawn}\n"


def _grid(height: int) -> Iterator[svg.Element]:
    for step in STEPS:
        label = "reach" if step == 1 else f"{step:g} ×"
        yield svg.Text(x=_x(step), y=TOP - 12, text=label, text_anchor="middle", class_=["small"])
        yield svg.Line(x1=_x(step), x2=_x(step), y1=TOP - 6, y2=height - 10, class_=["grid"])


def _bar(row: Row, top: int) -> Iterator[svg.Element]:
    assert row.reach is not None
    share = row.reach.share(row.judged)
    end = _x(share)
    yield svg.Text(x=LEFT - 10, y=top + BAR, text=_name(row), text_anchor="end")
    yield svg.Rect(
        x=LEFT, y=top + 2, width=max(2.0, end - LEFT), height=BAR, rx=2, class_=["reached" if row.reached else "missed"]
    )
    yield svg.Text(x=WIDTH - 12, y=top + BAR, text=f"{share:.2f} ×" if math.isfinite(share) else "∞", text_anchor="end")


def _name(row: Row) -> str:
    return row.what if row.peer is None else f"{row.what} ÷ {row.peer.name}"


def _x(share: float) -> float:
    """Where a multiple of the reach stands, on a logarithmic scale."""
    within = min(max(share, LEAST), MOST)
    along = math.log2(within / LEAST) / math.log2(MOST / LEAST)
    return round(LEFT + along * (WIDTH - RIGHT - LEFT), 1)
