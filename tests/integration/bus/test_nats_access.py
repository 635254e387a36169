"""Every user may do what it needs and nothing else."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import nats as nats_py
import pytest
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy

from shared.embedded.nats import EmbeddedNats
from shared.kernel.bus import ApiError, Connection, Denied, Lost, open_connection
from shared.kernel.nats_access import MANIFEST, USERS, Variable, permissions, render_config
from shared.kernel.pull import Pull
from shared.kernel.streams import FILE_KEEPERS, PUBLISHERS, bucket_of, bucket_stream_of, stream_of
from tests.integration.bus.conftest import NATS_PASSWORDS

pytestmark = pytest.mark.usefixtures("streams")

SERVICES = [access.service for access in MANIFEST]
STREAMS = [stream_of(service) for service in PUBLISHERS]
STORES = [bucket_stream_of(service) for service in FILE_KEEPERS]
QUESTIONS = [
    ("rpc.events.recipients", "events", "notify"),
    ("rpc.events.question", "events", "notify"),
    ("rpc.catalog.titles", "catalog", "notify"),
    ("rpc.catalog.contact", "catalog", "notify"),
    ("rpc.catalog.project_letter", "catalog", "notify"),
    ("rpc.catalog.cooperation_letter", "catalog", "notify"),
    ("rpc.gateway.people", "gateway", "notify"),
    ("rpc.notify.sign_in", "notify", "gateway"),
    *((f"rpc.{owner}.about_person", owner, "gateway") for owner in ("catalog", "events", "notify")),
    ("rpc.gateway.data_link", "gateway", "notify"),
]
SERVING = {access.service for access in MANIFEST if access.serves}
CONSUMES = {(access.service, source) for access in MANIFEST for source in access.consumes}
MANAGING = (
    "STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.SNAPSHOT",
    "STREAM.RESTORE", "STREAM.LEADER.STEPDOWN", "STREAM.PEER.REMOVE",
)  # fmt: skip


@pytest.fixture(params=["reader", *SERVICES])
async def user(nats: EmbeddedNats, request: pytest.FixtureRequest) -> AsyncIterator[Connection]:
    """Everybody but the operator, one after the other."""
    connection = await open_connection(nats.url(request.param), request.param)
    yield connection
    await connection.close()


@pytest.fixture
async def reader(nats: EmbeddedNats) -> AsyncIterator[Connection]:
    connection = await open_connection(nats.url("reader"), "reader")
    yield connection
    await connection.close()


async def denied(connection: Connection, subject: str, body: bytes = b"") -> bool:
    """Whether the server refuses a message."""
    try:
        await connection.request(subject, body, timeout=10)
    except Denied:
        return True
    except Exception as error:  # noqa: BLE001 -- whatever else comes, it was let through
        print(subject, repr(error))  # noqa: T201 -- shown when the test fails
    return False


async def may_not_hear(nats: EmbeddedNats, name: str, subject: str) -> bool:
    """Whether a subscription ends the connection that dared."""
    connection = await open_connection(nats.url(name), name)

    async def hear(_message: Msg) -> None: ...

    try:
        await connection.subscribe(subject, hear)
        with contextlib.suppress(Lost):
            await connection.pulse()
        return "may not subscribe" in connection.reason
    finally:
        await connection.close()


async def test_nobody_manages_streams_but_the_operator(user: Connection) -> None:
    for stream in STREAMS:
        for call in MANAGING:
            assert await denied(user, f"$JS.API.{call}.{stream}"), (call, stream)


async def test_nobody_publishes_another_ones_subjects(user: Connection) -> None:
    for service in PUBLISHERS:
        refused = await denied(user, f"ikz.{service}.x.y.v1.z")
        assert refused == (user.name != service), service
    assert await denied(user, "ikz.other.x")
    assert await denied(user, "anything")
    assert await denied(user, "$SYS.REQ.SERVER.PING")


async def test_files_are_for_whom_they_belong_to(user: Connection) -> None:
    for service in FILE_KEEPERS:
        for call in ("INFO", "MSG.GET", "PURGE"):
            refused = await denied(user, f"$JS.API.STREAM.{call}.{bucket_stream_of(service)}")
            assert refused == (user.name != service), (call, service)
        for part in ("C", "M"):
            assert await denied(user, f"$O.{bucket_of(service)}.{part}.x") == (user.name != service), part
        assert await denied(user, f"$O.{bucket_of(service)}.x")
    for stream in STORES:
        for call in MANAGING:
            own = call == "STREAM.PURGE" and stream == bucket_stream_of(user.name)
            assert await denied(user, f"$JS.API.{call}.{stream}") == (not own), (call, stream)
        assert await denied(user, f"$JS.API.CONSUMER.CREATE.{stream}.{user.name}")


async def test_the_operator_publishes_no_events(operator: Connection) -> None:
    assert await denied(operator, "ikz.events.x.y.v1.z")


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize(
    "subject", ["ikz.>", "ikz.events.>", ">", "$JS.ACK.>", "$SYS.>", "_INBOX_notify.*.*.x", "rpc.>"]
)
async def test_nobody_listens_past_the_streams(nats: EmbeddedNats, name: str, subject: str) -> None:
    if subject.startswith("_INBOX_notify") and name == "notify":
        return
    assert await may_not_hear(nats, name, subject)


async def test_only_the_owner_serves_and_only_who_must_asks(nats: EmbeddedNats, user: Connection) -> None:
    for subject, serves, asks in QUESTIONS:
        assert await may_not_hear(nats, user.name, subject) == (user.name != serves), subject
        assert await denied(user, subject) == (user.name != asks), subject
    assert await may_not_hear(nats, user.name, f"rpc.{user.name}.x") == (user.name not in SERVING)
    assert await denied(user, "rpc.catalog.x")
    assert await denied(user, "$SRV.PING")


@pytest.mark.parametrize("source", PUBLISHERS)
async def test_services_consume_what_the_manifest_says(user: Connection, source: str) -> None:
    if user.name == "reader":
        return
    stream = stream_of(source)
    allowed = (user.name, source) in CONSUMES
    for call in ("INFO", "DELETE", "MSG.NEXT"):
        assert await denied(user, f"$JS.API.CONSUMER.{call}.{stream}.{user.name}") == (not allowed)
        assert await denied(user, f"$JS.API.CONSUMER.{call}.{stream}.other")
    create = json.dumps({"stream_name": stream, "config": {"name": user.name, "durable_name": user.name}}).encode()
    for subject in (f"CREATE.{stream}", f"CREATE.{stream}.other.>", f"DURABLE.CREATE.{stream}.{user.name}"):
        assert await denied(user, f"$JS.API.CONSUMER.{subject}", create)
    assert await denied(user, f"$JS.API.STREAM.INFO.{stream}") == (not allowed and user.name != source)
    assert await denied(user, f"$JS.API.STREAM.MSG.GET.{stream}") == (user.name != source)


async def test_a_consumer_of_the_manifest_works(nats: EmbeddedNats) -> None:
    events = await open_connection(nats.url("events"), "events")
    await events.request("ikz.events.x.y.v1.z", b"body")
    await events.close()
    notify = await open_connection(nats.url("notify"), "notify", bodies_only=True)
    pull = Pull(notify, "events", "notify", 10)
    await pull.start(1)
    (message,) = await pull.batch(2)
    assert message.data == b"body"
    await pull.acknowledge([message])
    await notify.pulse()
    info = await notify.api("CONSUMER.INFO.IKZ_EVENTS.notify")
    assert (info["num_ack_pending"], info["ack_floor"]["stream_seq"]) == (0, 1)
    await pull.check()
    await notify.close()


async def test_a_reader_reads_with_an_ordinary_client(nats: EmbeddedNats) -> None:
    events = await open_connection(nats.url("events"), "events")
    await events.request("ikz.events.x.y.v1.z", b"body")
    await events.close()
    client = await nats_py.connect(f"nats://127.0.0.1:{nats.port}", user="reader", password=NATS_PASSWORDS["reader"])
    try:
        js = client.jetstream()
        every = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        for durable in (None, "mine"):
            pull = await js.pull_subscribe("ikz.events.>", durable=durable, config=every)
            (message,) = await pull.fetch(1, timeout=2)
            await message.ack_sync()
            assert message.data == b"body"
        ordered = await js.subscribe("ikz.events.>", ordered_consumer=True)
        assert (await ordered.next_msg(timeout=2)).data == b"body"
        await js.delete_consumer("IKZ_EVENTS", "mine")
    finally:
        await client.close()


def creation(**config: Any) -> bytes:
    return json.dumps({"stream_name": "IKZ_EVENTS", "config": {"deliver_policy": "all"} | config}).encode()


async def test_the_services_consumers_are_out_of_a_readers_reach(nats: EmbeddedNats, reader: Connection) -> None:
    notify = await open_connection(nats.url("notify"), "notify", bodies_only=True)
    pull = Pull(notify, "events", "notify", 10)
    await pull.start(1)
    api = "$JS.API.CONSUMER."
    mine = creation(name="notify", durable_name="notify", ack_policy="explicit")
    for subject in (
        "CREATE.IKZ_EVENTS.notify",
        "CREATE.IKZ_EVENTS.notify.ikz.events.>",
        "DURABLE.CREATE.IKZ_EVENTS.notify",
        "DELETE.IKZ_EVENTS.notify",
        "MSG.NEXT.IKZ_EVENTS.notify",
        "RESET.IKZ_EVENTS.notify",
        "PAUSE.IKZ_EVENTS.notify",
        "UNPIN.IKZ_EVENTS.notify",
        "LEADER.STEPDOWN.IKZ_EVENTS.notify",
    ):
        assert await denied(reader, api + subject, mine), subject
    assert await denied(reader, "$JS.ACK.IKZ_EVENTS.notify.1.1.1.1.0")
    assert await denied(reader, "$JS.ACK._.hash.IKZ_EVENTS.notify.1.1.1.1.0.x")
    for config in ({"name": "notify"}, {"durable_name": "notify"}, {"name": "notify", "durable_name": "notify"}):
        with pytest.raises(ApiError):  # the old subject without a name takes no name in the body either
            await reader.api("CONSUMER.CREATE.IKZ_EVENTS", json.loads(creation(ack_policy="explicit", **config)))
    with pytest.raises(ApiError):
        await reader.api("CONSUMER.CREATE.IKZ_EVENTS.own", json.loads(mine))
    await pull.check()
    await notify.close()


async def test_a_push_consumer_is_no_way_to_publish(
    nats: EmbeddedNats, reader: Connection, operator: Connection
) -> None:
    """A consumer's deliver subject is bound by no permission; what it carries must be refused where it arrives."""
    events = await open_connection(nats.url("events"), "events")
    headers = {"Nats-Expected-Stream": "IKZ_EVENTS"}  # as the relay writes it on every message
    for _ in range(3):
        await events.request("ikz.events.x.y.v1.z", b"body", headers=headers)
    await events.close()
    targets = ["ikz.catalog.x", "$JS.API.STREAM.PURGE.IKZ_CATALOG", "$JS.API.STREAM.DELETE.IKZ_CATALOG"]
    targets += ["$JS.API.CONSUMER.DELETE.IKZ_EVENTS.notify", "ikz.events.again"]
    for number, target in enumerate(targets):
        with contextlib.suppress(ApiError):
            config = {"name": f"push{number}", "deliver_subject": target, "ack_policy": "none"}
            await reader.api(
                f"CONSUMER.CREATE.IKZ_EVENTS.push{number}",
                json.loads(creation(headers_only=target.startswith("$JS"), **config)),
            )
    await asyncio.sleep(0.5)
    assert (await operator.api("STREAM.INFO.IKZ_CATALOG"))["state"]["messages"] == 0
    assert (await operator.api("STREAM.INFO.IKZ_EVENTS"))["state"]["messages"] == 3


async def test_a_reader_publishes_nothing(reader: Connection) -> None:
    for subject in ("ikz.events.x.y.v1.z", "rpc.events.recipients", "_INBOX_notify.x", "$KV.x", "$SRV.PING", "$JS.API"):
        assert await denied(reader, subject), subject


async def test_without_a_user_nobody_gets_in(nats: EmbeddedNats) -> None:
    with pytest.raises(Denied):
        await open_connection(f"nats://127.0.0.1:{nats.port}", "test")


def test_names_are_listed_in_full() -> None:
    """A star inside a token is no wildcard: it would silently match nothing."""
    for user in USERS:
        rules = permissions(user)
        for direction in ("publish", "subscribe"):
            for subject in [*rules[direction]["allow"], *rules[direction].get("deny", [])]:
                assert not any("*" in token and token != "*" for token in subject.split("."))


def test_a_password_may_come_from_the_servers_environment(tmp_path: Any) -> None:
    text = render_config(
        port=4222,
        monitor_port=8222,
        store_dir=tmp_path,
        passwords={user: Variable(f"IKZ_NATS_{user.upper()}") for user in USERS},
        host="0.0.0.0",
    )
    assert "password: $IKZ_NATS_CATALOG," in text
    assert 'listen: "0.0.0.0:4222"' in text
