"""Statements about things, in Turtle and in JSON-LD, one thing after the other.

A thing is a node of JSON-LD: `@id` (none for a nameless one), `@type`, and for every property a value or a list of
them, each `{"@id": …}`, `{"@value": …, "@type" or "@language": …}` or another thing. Both forms say the same.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

type Node = Mapping[str, Any]

IRI_SAFE = "".join(map(chr, range(0x21, 0x7F))).translate(str.maketrans("", "", '<>"{}|^`\\')) + "%"
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
CONTROLS = re.compile("[\x00-\x1f\x7f]")
SPECIAL = re.compile('["\\\\\x00-\x1f\x7f]')
SAME_AGAIN = 4096  # most addresses stand in every statement


@lru_cache(maxsize=SAME_AGAIN)
def iri(text: str) -> str:
    """The address with everything escaped that may not stand in one."""
    return quote(text, safe=IRI_SAFE)


def prefix_lines(prefixes: Mapping[str, str]) -> str:
    """The beginning of a Turtle document."""
    return "".join(f"@prefix {name}: <{address}> .\n" for name, address in prefixes.items()) + "\n"


def turtle(node: Node) -> str:
    """A thing that has an address, as Turtle."""
    return f"<{iri(node['@id'])}> {_properties(node)} .\n"


def _properties(node: Node) -> str:
    said = [f"a {node['@type']}"] if "@type" in node else []
    for name, values in node.items():
        if not name.startswith("@"):
            said += [f"{name} {', '.join(map(_object, _listed(values)))}"] if values not in (None, [], ()) else []
    return " ;\n    ".join(said)


def _object(value: Node) -> str:
    if "@value" in value:
        literal = f'"{_escaped(str(value["@value"]))}"'
        if "@language" in value:
            return f"{literal}@{value['@language']}"
        return f"{literal}^^{value['@type']}" if "@type" in value else literal
    if set(value) == {"@id"}:
        return f"<{iri(value['@id'])}>"
    if "@id" in value:
        raise ValueError("a thing with an address is a statement of its own")
    return f"[ {_properties(value)} ]"


def _escaped(text: str) -> str:
    return CONTROLS.sub("", text.translate(ESCAPES)) if SPECIAL.search(text) else text


def _listed(values: Any) -> Iterable[Node]:
    return values if isinstance(values, list | tuple) else [values]


def json_ld(node: Node) -> dict[str, Any]:
    """The same thing as JSON-LD, beside a context with the same prefixes."""
    return {name: _json_value(value) for name, value in node.items() if value not in (None, [], ())}


def _json_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    if not isinstance(value, Mapping):
        return iri(value) if isinstance(value, str) and value.startswith("http") else value
    if "@value" in value:
        return {**value, "@value": CONTROLS_BUT_SPACE.sub("", str(value["@value"]))}
    return json_ld(value)


CONTROLS_BUT_SPACE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def text(value: str | None, language: str | None = "de") -> Node | None:
    """A text, in German unless said otherwise."""
    if value is None:
        return None
    return {"@value": value, "@language": language} if language else {"@value": value}


def typed(value: str, kind: str) -> Node:
    """A value of a type."""
    return {"@value": value, "@type": kind}


def ref(address: str) -> Node:
    """Another thing, by its address."""
    return {"@id": address}
