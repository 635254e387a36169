"""A service is ready when everything that is required is well, and says why when not."""

import asyncio

import pytest

from shared.kernel import health as module
from shared.kernel.health import Health


async def test_what_is_expected_must_first_say_that_it_is_well() -> None:
    health = Health()
    health.expect("postgres")
    assert (await health.report()).body() == {
        "ready": False,
        "checks": {"postgres": {"ok": False, "why": "starting"}},
    }
    health.up("postgres")
    assert (await health.report()).body() == {"ready": True, "checks": {"postgres": {"ok": True}}}


async def test_what_is_not_required_shows_and_does_no_harm() -> None:
    health = Health()
    health.expect("smtp", required=False)
    health.down("smtp", "refused")
    report = await health.report()
    assert report.ready
    assert report.checks == {"smtp": "refused"}


async def test_expecting_again_forgets_nothing() -> None:
    health = Health()
    health.up("relay")
    health.expect("relay")
    assert (await health.report()).ready


async def test_a_probe_is_asked_each_time() -> None:
    answers = iter([None, "gone"])

    async def probe() -> str | None:
        return next(answers)

    health = Health()
    health.probe("nats", probe)
    assert [(await health.report()).ready for _ in range(2)] == [True, False]


async def test_a_probe_that_hangs_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_TIMEOUT", 0.01)

    async def probe() -> str | None:
        await asyncio.sleep(60)
        return None

    health = Health()
    health.probe("nats", probe)
    assert (await health.report()).checks == {"nats": "no answer in time"}
