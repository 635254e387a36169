"""Log lines carry their trace and no secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.kernel.logs import Trace, begin_trace, configure, current_trace, hidden

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_has_service_level_time_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    configure("catalog", style="json")
    trace = begin_trace()
    structlog.get_logger().info("project_published", took_ms=3)
    (line,) = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "project_published",
        "level": "info",
        "service": "catalog",
        "took_ms": 3,
        "trace_id": trace.trace_id,
    }


def test_the_libraries_lines_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure("catalog", style="json")
    logging.getLogger("aiohttp.server").warning("from %s", "erika@example.org")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["service"]) == ("from [hidden]", "aiohttp.server", "catalog")


def test_less_severe_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("catalog", "warning", "json")
    structlog.get_logger().info("quiet")
    assert lines(capsys) == []


def test_secrets_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure("catalog", style="json")
    error = RuntimeError("cannot reach nats://catalog:sesame@host for erika@example.org")
    structlog.get_logger().error("failed", token="sesame", email="erika@example.org", exc_info=error)
    (line,) = lines(capsys)
    assert (line["token"], line["email"]) == ("[hidden]", "[hidden]")
    assert "nats://catalog:[hidden]@host for [hidden]" in str(line["exception"])
    assert "sesame" not in str(line)


def test_anything_can_be_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure("catalog", style="json")
    structlog.get_logger().info("odd", number=2**80, text="\ud800", thing=object(), raw=b"x", keys={1: {"a"}})
    (line,) = lines(capsys)
    assert (line["number"], line["text"], line["raw"]) == (2**80, "\ud800", "b'x'")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("journal-1@7", "journal-1@7"),
        ("postgresql://u:p%40ss@h/db", "postgresql://u:[hidden]@h/db"),
        ("to Erika.Muster+x@staedte-nrw.example.org!", "to [hidden]!"),
    ],
)
def test_passwords_and_addresses_are_hidden_in_texts(text: str, shown: str) -> None:
    assert hidden(text) == shown


def test_a_trace_is_followed_with_a_span_of_our_own() -> None:
    trace = begin_trace(PARENT)
    assert trace.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert trace.span_id != "b7ad6b7169203331"
    assert trace.traceparent == f"00-{trace.trace_id}-{trace.span_id}-00"
    assert current_trace() is trace


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        PARENT.upper(),
        PARENT + "-more",
        PARENT.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
    ],
)
def test_what_is_no_trace_begins_a_new_one(text: str) -> None:
    assert begin_trace(text).trace_id != "0af7651916cd43dd8448eb211c80319c"


def test_a_later_version_of_the_header_is_followed() -> None:
    assert begin_trace(PARENT.replace("00-", "01-", 1) + "-more").trace_id == "0af7651916cd43dd8448eb211c80319c"


def test_a_trace_goes_on_with_our_version() -> None:
    assert Trace("a" * 32, "b" * 16).traceparent == f"00-{'a' * 32}-{'b' * 16}-01"
