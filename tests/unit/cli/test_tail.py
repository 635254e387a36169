"""Which streams a subject names, and how an event is shown."""

import pytest

from shared.cli.tail import filters_of, line_of

EVERYTHING = {service: f"ikz.{service}.>" for service in ("catalog", "events", "notify", "gateway")}


@pytest.mark.parametrize(
    ("subject", "filters"),
    [
        ("ikz.>", EVERYTHING),
        (">", EVERYTHING),
        ("ikz.events.>", {"events": "ikz.events.>"}),
        ("ikz.events", {"events": "ikz.events.>"}),
        ("ikz.events.session.*.v1.>", {"events": "ikz.events.session.*.v1.>"}),
        ("ikz.*.person.>", {service: f"ikz.{service}.person.>" for service in EVERYTHING}),
        ("ikz.nobody.>", {}),
        ("rpc.events.recipients", {}),
        ("ikz", {}),
        ("", {}),
        ("ikz.events.session postponed", {}),
        ("ikz.events..x", {}),
        ("ikz.events.>.x", {}),
        ("ikz.events.session-*.>", {}),
        ("ikz.events.", {}),
    ],
)
def test_a_subject_names_streams(subject: str, filters: dict[str, str]) -> None:
    assert filters_of(subject) == filters


def test_an_event_is_one_line() -> None:
    line = line_of(
        {
            "type": "ikz.events.session.postponed.v1",
            "time": "2025-07-21T08:00:00Z",
            "subject": "session/1",
            "position": 7,
            "history": True,
            "data": {"session_id": "1", "title": "Sprechstunde\nzwei", "ends_at": None, "topics": ["a"], "capacity": 1},
        }
    ).plain
    assert "events.session.postponed.v1  session/1  #7" in line
    assert 'topics=["a"]' in line
    assert "ends_at" not in line
    assert "session_id" not in line, "the subject says it"
    assert "capacity=1" in line
    assert line.endswith("(history)")
    assert "\n" not in line
