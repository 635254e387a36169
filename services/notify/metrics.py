"""The service in figures for Prometheus, asked of the database when somebody asks: every replica says the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.notify import message_numbers, messages
from services.notify.message_numbers import Numbers
from services.notify.messages import Count
from shared.kernel.postgres import Pool


@dataclass(frozen=True, slots=True)
class _Found(Collector):
    """What was found, as metrics."""

    now: datetime
    counts: list[Count]
    oldest: datetime | None
    open_mailings: int
    numbers: Numbers

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        kinds = GaugeMetricFamily(
            "ikz_notify_messages",
            "Messages by kind and status: all that have not ended, and those that did within a day.",
            labels=["kind", "status"],
        )
        for each in self.counts:
            kinds.add_metric([each.kind, each.status], each.count)
        yield kinds
        attempts = GaugeMetricFamily(
            "ikz_notify_attempts_last_minute", "Attempts of the last minute.", labels=["outcome"]
        )
        for rate in self.numbers.rate:
            attempts.add_metric([rate.outcome], rate.last_minute)
        yield attempts
        returned = GaugeMetricFamily("ikz_notify_came_back_last_day", "What came back within a day.", labels=["said"])
        for said in self.numbers.came_back:
            returned.add_metric([said.said], said.count)
        yield returned
        waits = (self.now - self.oldest).total_seconds() if self.oldest else 0.0
        yield GaugeMetricFamily(
            "ikz_notify_oldest_unsent_seconds", "Age of the oldest message to be sent.", value=waits
        )
        yield GaugeMetricFamily(
            "ikz_notify_open_mailings", "Mailings not yet turned into messages.", value=self.open_mailings
        )
        suppressed = self.numbers.suppressed
        yield GaugeMetricFamily(
            "ikz_notify_suppressed_addresses", "Addresses that nothing is sent to.", value=suppressed
        )
        if (mailbox := self.numbers.bounce_mailbox) is not None:
            up = mailbox.problem is None
            yield GaugeMetricFamily(
                "ikz_notify_bounce_mailbox_up", "Whether the bounces' mailbox can be read.", value=up
            )
            yield GaugeMetricFamily(
                "ikz_notify_bounces_set_aside", "Mails that cannot be read.", value=mailbox.set_aside
            )


async def exposition(pool: Pool, now: datetime) -> bytes:
    """The figures in Prometheus' text format."""
    found = _Found(
        now=now,
        counts=await messages.counts(pool, now),
        oldest=await messages.oldest(pool, now),
        open_mailings=await pool.fetchval(messages.OPEN),
        numbers=await message_numbers.numbers(pool, now),
    )
    return generate_latest(found)
