"""Who may do what on NATS: one manifest, from which the server's configuration is made.

- A service publishes its own subjects, reads the streams it consumes through its own durable consumer, and asks the
  request/reply endpoints it needs. `notify-*` is no wildcard in NATS, so every name is listed in full.
- One that keeps files writes, reads and purges its own object store.
- `reader` is for everybody else (`ikz tail`, third parties): consumers of its own on every stream, and no publishing.
  The services' consumers are out of its reach.
- `operator` makes streams.
- Nobody subscribes to `ikz.>` itself: that would also show what a stream refused. Each user has an inbox of its own.

A reader's push consumer may name any subject to deliver to. The server's API ignores what arrives that way, and another
stream refuses it because every message of ours names its stream (`Nats-Expected-Stream`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from shared.kernel.streams import FILE_KEEPERS, PUBLISHERS, bucket_of, bucket_stream_of, stream_of, subjects_of

OPERATOR, READER = "operator", "reader"

# A client that has gone without a word is dropped after `PING * (PINGS_MISSED + 1)`. The server's own 2 minutes would
# leave it among those who answer questions, and every second one would go to it.
PING, PINGS_MISSED = "2s", 2


@dataclass(frozen=True, slots=True)
class Access:
    """A service's needs: whose streams it consumes (by a durable consumer with its own name), which endpoints it asks.

    `serves`: it answers on `rpc.<service>.…`.
    """

    service: str
    consumes: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    serves: bool = False


MANIFEST = (
    Access("catalog", consumes=("gateway", "notify"), serves=True),
    Access("events", consumes=("gateway", "catalog"), asks=("rpc.catalog.known",), serves=True),
    Access(
        "notify",
        consumes=("events", "catalog", "gateway", "notify"),
        asks=(
            "rpc.events.recipients",  # by an earlier version beside this one
            "rpc.events.registrants",
            "rpc.events.addresses",
            "rpc.events.question",
            "rpc.events.askers",
            "rpc.events.series_titles",
            "rpc.events.audience",
            "rpc.catalog.contact",
            "rpc.catalog.step",
            "rpc.catalog.titles",
            "rpc.catalog.search_keys",
            "rpc.catalog.project_keys",
            "rpc.catalog.fits",
            "rpc.catalog.known",
            "rpc.catalog.organisations_of_types",
            "rpc.catalog.project_letter",
            "rpc.catalog.cooperation_letter",
            "rpc.gateway.people",
            "rpc.gateway.data_link",
        ),
        serves=True,
    ),
    Access(
        "gateway",
        asks=(
            "rpc.notify.sign_in",
            "rpc.catalog.about_person",
            "rpc.events.about_person",
            "rpc.notify.about_person",
        ),
        serves=True,
    ),
)
USERS = (OPERATOR, READER, *(access.service for access in MANIFEST))


class Variable(str):
    """A password that the server itself reads from its environment: the variable's name."""

    __slots__ = ()


def permissions(user: str) -> dict[str, Any]:
    """What the server lets a user do, in the server's own terms."""
    if user == OPERATOR:
        return _rules(user, publish=["$JS.API.>", "$SRV.>"], subscribe=["$JS.EVENT.ADVISORY.>"])
    if user == READER:
        # `_INBOX.>` is what every NATS client uses unless told otherwise; no service does.
        return _rules(user, publish=_reading(), subscribe=["_INBOX.>"], deny=_consumers_of_services())
    access = next(access for access in MANIFEST if access.service == user)
    publish = [subjects_of(user), *(f"$JS.API.STREAM.{call}.{stream_of(user)}" for call in ("INFO", "MSG.GET"))]
    publish += access.asks
    if user in FILE_KEEPERS:
        publish += _keeping_files(user)
    for source in access.consumes:
        publish.append(f"$JS.API.STREAM.INFO.{stream_of(source)}")
        publish += _consuming(source, user)
    rules = _rules(user, publish=publish, subscribe=[])
    if access.serves:
        controls = [f"$SRV.{verb}{ending}" for verb in ("PING", "INFO", "STATS") for ending in ("", f".{user}.>")]
        controls += [f"$SRV.{verb}.{user}" for verb in ("PING", "INFO", "STATS")]
        rules["subscribe"]["allow"] += [f"rpc.{user}.>", *controls]
        rules["allow_responses"] = {"max": 1, "expires": "1m"}
    return rules


def _rules(user: str, *, publish: Sequence[str], subscribe: Sequence[str], deny: Sequence[str] = ()) -> dict[str, Any]:
    inbox = f"_INBOX_{user}.>"  # published to as well: the watchdog's round trip
    rules: dict[str, Any] = {"publish": {"allow": [inbox, *publish]}, "subscribe": {"allow": [inbox, *subscribe]}}
    if deny:
        rules["publish"]["deny"] = list(deny)
    return rules


def _consuming(source: str, consumer: str) -> list[str]:
    """Making, reading, acknowledging and dropping one durable consumer of a whole stream."""
    stream = stream_of(source)
    return [
        f"$JS.API.CONSUMER.CREATE.{stream}.{consumer}.{subjects_of(source)}",
        *(f"$JS.API.CONSUMER.{call}.{stream}.{consumer}" for call in ("INFO", "DELETE", "MSG.NEXT")),
        f"$JS.ACK.{stream}.{consumer}.>",
    ]


def _keeping_files(service: str) -> list[str]:
    """Writing, reading, listing and purging a service's own object store."""
    stream, own = bucket_stream_of(service), f"$O.{bucket_of(service)}"
    return [f"{own}.C.*", f"{own}.M.*", *(f"$JS.API.STREAM.{call}.{stream}" for call in ("INFO", "MSG.GET", "PURGE"))]


def _reading() -> list[str]:
    """Consumers of any name on every stream."""
    rules = ["$JS.API.INFO", "$JS.API.STREAM.NAMES"]
    for stream in map(stream_of, PUBLISHERS):
        rules += [f"$JS.API.STREAM.INFO.{stream}", f"$JS.API.CONSUMER.CREATE.{stream}.>"]
        rules += [f"$JS.API.CONSUMER.{call}.{stream}.*" for call in ("DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT")]
        rules += [f"$JS.API.CONSUMER.CREATE.{stream}", f"$JS.ACK.{stream}.>", f"$JS.FC.{stream}.>"]
    return rules


def _consumers_of_services() -> list[str]:
    """Everything by which somebody could touch the consumer of a service."""
    rules = []
    for access in MANIFEST:
        for source in access.consumes:
            stream, name = stream_of(source), access.service
            rules += [f"$JS.API.CONSUMER.{call}.{stream}.{name}" for call in ("CREATE", "DURABLE.CREATE", "DELETE")]
            rules += [f"$JS.API.CONSUMER.CREATE.{stream}.{name}.>", f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"]
            rules += [f"$JS.ACK.{stream}.{name}.>", f"$JS.FC.{stream}.{name}.>"]
    return rules


def render_config(
    *,
    port: int,
    monitor_port: int,
    store_dir: PurePath,
    passwords: Mapping[str, str],
    host: str = "127.0.0.1",
    name: str = "ikz",
    max_file_bytes: int = 16 * 1024**3,
) -> str:
    """The server's configuration file: users and rights of the manifest, JetStream that syncs before it answers."""
    users = ",\n".join(_user(user, passwords[user]) for user in USERS)
    return f"""\
server_name: {_quoted(name)}
listen: {_quoted(f"{host}:{port}")}
http: {_quoted(f"{host}:{monitor_port}")}
max_payload: 1MB
ping_interval: {_quoted(PING)}
ping_max: {PINGS_MISSED}
jetstream {{
  store_dir: {_quoted(str(store_dir))}
  max_memory_store: 67108864
  max_file_store: {max_file_bytes}
  sync_interval: always
}}
accounts {{
  IKZ {{
    jetstream: enabled
    users: [
{users}
    ]
  }}
}}
"""


def _quoted(text: str) -> str:
    """A string for the server; it knows no escapes for letters like ä."""
    return json.dumps(text, ensure_ascii=False)


def _user(user: str, password: str) -> str:
    shown = f"${password}" if isinstance(password, Variable) else _quoted(password)
    return f"      {{user: {user}, password: {shown}, permissions: {json.dumps(permissions(user))}}}"
