"""What subscribers rely on, as files: a JSON Schema for each contract, one for the envelope, and the AsyncAPI document.

`python -m shared.kernel.schemas --check` fails when a file is not what the code says, and when what the code says takes
something away from subscribers; `--write` writes the files and refuses that, too. Contracts grow by optional fields and
by new values; for anything else there is a new version of the contract beside the old one.
"""

import argparse
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

import shared.contracts
from shared.contracts.contract import Contract, schema_of

type Json = dict[str, Any]

FOLDER = Path(shared.contracts.__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPE = re.compile(r"ikz\.([a-z]+)\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*")
ENVELOPE, ASYNCAPI = "cloudevent.json", "asyncapi.json"
DESCRIPTIONS = frozenset({"title", "description", "examples", "default", "deprecated", "$schema", "$defs"})
STRUCTURE = frozenset(
    {"$ref", "enum", "const", "properties", "required", "anyOf", "oneOf", "allOf", "items", "additionalProperties"}
)
FORMAT = "application/schema+json;version=draft-2020-12"

TEXT: Json = {"type": "string", "minLength": 1}
TIME: Json = {"type": "string", "format": "date-time"}
COUNT: Json = {"type": "integer", "minimum": 1}

CLOUD_EVENT: Json = {
    "$schema": DIALECT,
    "title": "CloudEvent",
    "description": "A published event: CloudEvents 1.0, structured mode, with this system's extensions.",
    "type": "object",
    "required": [
        *("specversion", "id", "source", "type", "subject", "time", "recordedtime", "datacontenttype", "dataschema"),
        *("position", "prevposition", "aggregateversion", "partitionkey", "storeid", "correlationid", "data"),
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "pattern": "^.+@[1-9][0-9]*$", "description": "`stream@version`; deduplicate by it."},
        "source": {"type": "string", "format": "uri-reference", "pattern": "^/ikz/[a-z]+$"},
        "type": {"type": "string", "pattern": f"^{TYPE.pattern}$"},
        "subject": {"type": "string", "pattern": "^[a-z_]+/.+$", "description": "`<aggregate>/<id>`."},
        "time": {**TIME, "description": "When it happened."},
        "recordedtime": {**TIME, "description": "When it was recorded; long after `time` for loaded history."},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri"},
        "position": {**COUNT, "description": "In the publisher's journal; grows, with holes."},
        "prevposition": {
            "type": "integer",
            "minimum": 0,
            "description": "`position` of the message published before: whoever follows it has missed nothing.",
        },
        "aggregateversion": {**COUNT, "description": "Counts the aggregate's published events, without holes."},
        "partitionkey": {**TEXT, "description": "Events with the same key keep their order."},
        "storeid": {"type": "string", "format": "uuid", "description": "The journal; positions compare within one."},
        "correlationid": TEXT,
        "causationid": TEXT,
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
        "history": {"const": True, "description": "Loaded history: act towards nobody because of it."},
        "data": {"type": "object", "description": "By the schema that `dataschema` names."},
    },
}


def all_contracts() -> list[type[Contract]]:
    """Every contract, sorted by type; each checked for a proper type, the right module and a key that it has."""
    found: dict[str, type[Contract]] = {}
    for module in pkgutil.iter_modules(shared.contracts.__path__):
        for contract in _contracts_in(f"shared.contracts.{module.name}"):
            match = TYPE.fullmatch(contract.type)
            if match is None or match[1] != module.name or contract.key not in contract.model_fields:
                raise TypeError(f"{contract.__name__} has no proper type and key")
            if found.setdefault(contract.type, contract) is not contract:
                raise TypeError(f"{contract.type} is promised twice")
    return [found[name] for name in sorted(found)]


def _contracts_in(module: str) -> Iterator[type[Contract]]:
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, type) and issubclass(value, Contract) and "type" in vars(value):
            yield value


def generate() -> dict[str, Json]:
    """All files: name → content."""
    contracts = all_contracts()
    files = {f"{contract.type}.json": {"$schema": DIALECT, **schema_of(contract)} for contract in contracts}
    return {**files, ENVELOPE: CLOUD_EVENT, ASYNCAPI: asyncapi(contracts)}


def asyncapi(contracts: Sequence[type[Contract]]) -> Json:
    """The AsyncAPI 3.0 document: one channel and one message for each contract."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Interkommunal: published events",
            "version": "1",
            "description": (
                "CloudEvents on NATS JetStream, streams `IKZ_<SERVICE>`. Read them by a JetStream consumer; each is"
                " delivered at least once, in order within its `partitionkey`; deduplicate by `id`. Contracts carry no"
                " personal data. They grow by optional fields and new values only: ignore what you do not know."
            ),
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {contract.type: _channel(contract) for contract in contracts},
        "operations": {f"publish.{contract.type}": _operation(contract) for contract in contracts},
        "components": {
            "messages": {contract.type: _message(contract) for contract in contracts},
            "schemas": {
                "CloudEvent": _embedded("CloudEvent", CLOUD_EVENT),
                **{contract.type: _embedded(contract.type, schema_of(contract)) for contract in contracts},
            },
        },
    }


def _channel(contract: type[Contract]) -> Json:
    return {
        "address": f"{contract.type}.{{{contract.key}}}",
        "description": _sentence(contract),
        "parameters": {contract.key: {"description": f"The id of the {contract.type.split('.')[2]}."}},
        "messages": {"event": {"$ref": f"#/components/messages/{contract.type}"}},
    }


def _operation(contract: type[Contract]) -> Json:
    channel = f"#/channels/{contract.type}"
    return {"action": "send", "channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/event"}]}


def _message(contract: type[Contract]) -> Json:
    return {
        "name": contract.type,
        "title": contract.__name__,
        "summary": _sentence(contract),
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": FORMAT,
            "schema": {
                "allOf": [
                    {"$ref": "#/components/schemas/CloudEvent/schema"},
                    {
                        "properties": {
                            "type": {"const": contract.type},
                            "data": {"$ref": f"#/components/schemas/{contract.type}/schema"},
                        }
                    },
                ]
            },
        },
    }


def _sentence(contract: type[Contract]) -> str:
    return (contract.__doc__ or contract.__name__).strip().split("\n\n")[0].replace("\n", " ")


def _embedded(name: str, schema: Json) -> Json:
    """A schema as a component; what it refers to within itself is found where it now stands."""
    text = orjson.dumps({key: value for key, value in schema.items() if key != "$schema"}).decode()
    moved: Json = orjson.loads(text.replace('"#/$defs/', f'"#/components/schemas/{name}/schema/$defs/'))
    return {"schemaFormat": FORMAT, "schema": moved}


def losses(before: Json, after: Json) -> list[str]:
    """What the schema `after` takes away from readers of messages that follow `before`, or breaks for old messages."""
    return _Comparison(before, after).of(before, after, "")


class _Comparison:
    """Two whole schemas, within which references are resolved."""

    def __init__(self, before: Json, after: Json) -> None:
        self._roots = before, after
        self._under_way: set[tuple[str, str]] = set()

    def of(self, before: Json, after: Json, where: str) -> list[str]:
        """Each loss at this place and below, as a sentence."""
        refs = str(before.get("$ref", "")), str(after.get("$ref", ""))
        if all(refs) and refs in self._under_way:
            return []
        self._under_way.add(refs)
        before, after = (_resolved(root, part) for root, part in zip(self._roots, (before, after), strict=True))
        found = [
            *self._values(before, after, where),
            *self._fields(before, after, where),
            *self._branches(before, after, where),
            *self._parts(before, after, where),
        ]
        self._under_way.discard(refs)
        return found

    def _values(self, before: Json, after: Json, where: str) -> Iterator[str]:
        """Everything but enumerations must say the same; those may only grow."""
        missing = [value for value in _choices(before) if value not in _choices(after)]
        if missing:
            yield f"{where or '/'} no longer has {', '.join(map(str, missing))}"
        if _choices(after) and not _choices(before):
            yield f"{where or '/'} is narrowed to an enumeration"
        compared = {*before, *after} - DESCRIPTIONS - STRUCTURE
        for keyword in sorted(compared):
            if before.get(keyword) != after.get(keyword):
                yield f"{where or '/'} changes {keyword}: {before.get(keyword)} → {after.get(keyword)}"

    def _fields(self, before: Json, after: Json, where: str) -> Iterator[str]:
        old, new = before.get("properties", {}), after.get("properties", {})
        for name in old:
            if name not in new:
                yield f"{where}/{name} is gone"
            else:
                yield from self.of(old[name], new[name], f"{where}/{name}")
        required = set(before.get("required", ())), set(after.get("required", ()))
        for name in sorted(required[1] - required[0]):
            yield f"{where}/{name} becomes required"
        for name in sorted(required[0] - required[1] - (old.keys() - new.keys())):
            yield f"{where}/{name} is no longer always there"

    def _branches(self, before: Json, after: Json, where: str) -> Iterator[str]:
        for keyword in ("anyOf", "oneOf", "allOf"):
            old, new = before.get(keyword, []), after.get(keyword, [])
            if len(old) != len(new):
                yield f"{where or '/'} changes its kinds ({keyword})"
            else:
                for number, pair in enumerate(zip(old, new, strict=True)):
                    yield from self.of(*pair, f"{where}[{number}]")

    def _parts(self, before: Json, after: Json, where: str) -> Iterator[str]:
        for keyword in ("items", "additionalProperties"):
            old, new = before.get(keyword), after.get(keyword)
            if isinstance(old, dict) and isinstance(new, dict):
                yield from self.of(old, new, f"{where}/*")
            elif old != new:
                yield f"{where or '/'} changes {keyword}"


def _choices(schema: Json) -> list[Any]:
    return list(schema["enum"]) if "enum" in schema else [schema["const"]] if "const" in schema else []


def _resolved(root: Json, schema: Json) -> Json:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target: Json = root["$defs"][str(reference).removeprefix("#/$defs/")]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def breaking(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    """Every promise that the files `after` break of those `before`."""
    promised = [name for name in sorted(before) if name != ASYNCAPI]
    gone = [f"{name}: the contract is gone" for name in promised if name not in after]
    kept = [name for name in promised if name in after]
    lost = [f"{name}: {loss}" for name in kept for loss in losses(before[name], after[name])]
    return [*gone, *lost, *_moved(before, after)]


def _moved(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    """Contracts whose subject ends with another key: filters by id, and the count of the aggregate's events, break."""
    old, new = (files.get(ASYNCAPI, {}).get("channels", {}) for files in (before, after))
    for name in sorted(old.keys() & new.keys()):
        was, now = old[name]["address"], new[name]["address"]
        if was != now:
            yield f"{name}.json: the subject changes: {was} → {now}"


def stored(folder: Path = FOLDER) -> dict[str, Json]:
    """The files as they are checked in."""
    return {path.name: orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def check(before: Mapping[str, Json], after: Mapping[str, Json]) -> list[str]:
    """What is wrong with the checked-in files, given those that the code makes."""
    stale = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return [*breaking(before, after), *(f"{name}: not what the code says; run --write" for name in stale)]


def write(files: Mapping[str, Json], folder: Path = FOLDER) -> None:
    """Writes every file, formatted to be read and compared."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _complain(complaints: Iterable[str]) -> int:
    lines = [f"{complaint}\n" for complaint in complaints]
    sys.stderr.writelines(lines)
    return 1 if lines else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.kernel.schemas", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare the files with the code")
    what.add_argument("--write", action="store_true", help="write the files, unless that breaks a promise")
    chosen = parser.parse_args(arguments)
    before, after = stored(), generate()
    if chosen.check:
        return _complain(check(before, after))
    if broken := breaking(before, after):
        return _complain(broken)
    write(after)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
