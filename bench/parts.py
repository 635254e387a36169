"""The parts of the benchmark, in the order of the table."""

from bench import append_rows, folding_rows, idle_rows, large_rows, rebuild_rows, rush_rows
from bench.part import Part

PARTS: tuple[Part, ...] = (
    Part("appends", append_rows.measure),
    Part("rush", rush_rows.measure),
    Part("rebuild", rebuild_rows.measure),
    Part("folding", folding_rows.measure),
    Part("idle", idle_rows.measure),
    Part("large", large_rows.measure, large=True),
)
