"""The parts of the benchmark, in the order of the table."""

from bench import (
    append_rows,
    bus_rows,
    export_rows,
    folding_rows,
    http_rows,
    idle_rows,
    large_rows,
    matching_rows,
    notify_rows,
    participants_rows,
    pretix_rows,
    rebuild_rows,
    rush_rows,
    search_rows,
    sessions_rows,
)
from bench.part import Part

PARTS: tuple[Part, ...] = (
    Part("appends", append_rows.measure),
    Part("rush", rush_rows.measure),
    Part("commands", http_rows.commands),
    Part("registrations", http_rows.registrations),
    Part("pretix", pretix_rows.measure),
    Part("latency", bus_rows.latency),
    Part("relay", bus_rows.relay),
    Part("consumer", bus_rows.consumer),
    Part("rebuild", rebuild_rows.measure),
    Part("folding", folding_rows.measure),
    Part("search", search_rows.measure),
    Part("matching", matching_rows.measure),
    Part("sessions", sessions_rows.measure),
    Part("export", export_rows.measure),
    Part("participants", participants_rows.measure),
    Part("notify", notify_rows.measure),
    Part("idle", idle_rows.measure),
    Part("large", large_rows.measure, large=True),
    Part("search-large", search_rows.measure_large, large=True),
    Part("export-large", export_rows.measure_large, large=True),
)
