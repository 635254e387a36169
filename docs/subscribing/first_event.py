#!/usr/bin/env python3
"""Shows what the portal has published and publishes now, as any subscriber sees it.

    pip install nats-py
    IKZ_READER_NATS_URL=nats://reader:password@host:4222 python first_event.py [--count N] [SUBJECT]

SUBJECT is a filter like `ikz.events.session.>`; without one everything of the events service is shown.
"""

import argparse
import asyncio
import json
import os

import nats
from nats.errors import TimeoutError as NothingNew
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy


async def main(url: str, subject: str, count: int | None) -> None:
    stream = "IKZ_" + subject.split(".")[1].upper()  # each service publishes into a stream of its own
    client = await nats.connect(url)
    # Without a durable name the consumer goes with us. A program that must miss nothing names one, and keeps the
    # `position` of what it has dealt with beside its own data.
    consumer = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.EXPLICIT, inactive_threshold=60, filter_subject=subject
    )
    subscription = await client.jetstream().pull_subscribe(subject, stream=stream, config=consumer)
    seen = 0
    while count is None or seen < count:
        try:
            messages = await subscription.fetch(min(100, (count or 100) - seen), timeout=5)
        except NothingNew:
            continue
        for message in messages:
            event = json.loads(message.data)
            print(f"{event['position']:>6} {event['time']} {event['type']} {event['subject']}")
            print(f"       {json.dumps(event['data'], ensure_ascii=False)}", flush=True)
            await message.ack()
        seen += len(messages)
    await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", nargs="?", default="ikz.events.>")
    parser.add_argument("--count", type=int, help="end after so many events")
    chosen = parser.parse_args()
    asyncio.run(main(os.environ["IKZ_READER_NATS_URL"], chosen.subject, chosen.count))
