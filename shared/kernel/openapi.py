"""OpenAPI 3.1 from tables of endpoints: pydantic's JSON Schema is 2020-12, which is what OpenAPI 3.1 speaks."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from shared.kernel import problems
from shared.kernel.endpoint import Endpoint

type Json = dict[str, Any]
type Part = Literal["body", "query", "answer"]
type Key = tuple[str, str, Part]

MODES: dict[Part, JsonSchemaMode] = {"body": "validation", "query": "validation", "answer": "serialization"}
REF = "#/components/schemas/"
PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
ALWAYS = ("bad_request", "internal", "unauthenticated", "unavailable")
CHANGING = (
    "conflict",
    "stale_version",
    "idempotency_key_reused",
    "invalid_request",
    "body_too_large",
    "request_timeout",
)
WITH_BODY = ("malformed_json", "unsupported_media_type")

PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `code` is stable; titles and details are for people.",
    "required": ["type", "title", "status", "detail", "code", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": ["string", "null"]},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string", "description": "JSON pointer in a body, name in a query or header."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "details": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
    },
    "examples": [
        {
            "type": "/api/v1/openapi.json#/info/x-problem-codes/invalid_request",
            "title": "Angaben ungültig",
            "status": 422,
            "detail": "Bitte prüfen Sie die genannten Angaben.",
            "code": "invalid_request",
            "errors": [{"field": "/title", "code": "missing", "detail": "Diese Angabe fehlt."}],
        }
    ],
}

MIN_POSITION: Json = {
    "name": "min_position",
    "in": "query",
    "description": "Answers only once this position of the journal can be read (the `position` a command answered).",
    "schema": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
}
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Answers 304 when the ETag is still the same.",
    "schema": {"type": "string"},
}
IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that was read: its ETag or its number, or `*` for any.",
    "schema": {"type": "string"},
}
IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names the command: sent again with the same key it is not done again and answers the same, "
    "for as long as the operator keeps results (30 days by default).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
HEADERS: Json = {
    "ETag": {"description": "The version of what was read or written.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}


@dataclass(frozen=True, slots=True)
class Schemas:
    """The schemas of all endpoints' parts, and the components they refer to."""

    parts: Mapping[tuple[Key, JsonSchemaMode], Json]
    components: dict[str, Json]

    def of(self, endpoint: Endpoint, part: Part) -> Json:
        """The schema of one part."""
        return self.parts[(endpoint.method, endpoint.path, part), MODES[part]]

    def resolved(self, schema: Json) -> Json:
        """What a schema that only refers to a component refers to."""
        name = str(schema.get("$ref", "")).removeprefix(REF)
        return self.components.get(name, schema)


def describe(service: str, endpoints: Sequence[Endpoint]) -> Json:
    """The OpenAPI document of one service's endpoints, with a table of every problem code."""
    schemas = _schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(plain_path(endpoint.path), {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    info = _info(f"Interkommunal: {service}", service, _code_table())
    return _document(info, paths, schemas.components)


def merge(documents: Iterable[Json], *, title: str) -> Json:
    """One document out of several: internal paths are left out, schemas of one name but two shapes are told apart."""
    paths: dict[str, Json] = {}
    components: dict[str, Json] = {}
    codes: dict[str, Json] = {}
    for document in documents:
        renamed = _without_clashes(document, components)
        components |= renamed["components"]["schemas"]
        codes |= renamed["info"]["x-problem-codes"]
        for path, operations in renamed["paths"].items():
            if not path.startswith("/internal/"):
                paths.setdefault(path, {}).update(operations)
    return _document(_info(title, "gateway", codes), paths, components)


def rendered(document: Json) -> str:
    """The document as text that is the same for the same content, to be checked in."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def plain_path(path: str) -> str:
    """aiohttp's path without its regular expressions."""
    return PARAMETER.sub(r"{\1}", path)


def problem_codes(endpoint: Endpoint) -> list[str]:
    """Every code that the endpoint may answer."""
    changing = endpoint.method != "GET"
    return sorted(
        {
            *ALWAYS,
            *endpoint.codes,
            *(("forbidden",) if endpoint.roles else ()),
            *(("not_found",) if "{" in endpoint.path else ()),
            *(("precondition_required",) if endpoint.if_match else ()),
            *(CHANGING if changing else ("position_not_reached",)),
            *(WITH_BODY if endpoint.body else ()),
            *(("unsupported_media_type",) if endpoint.upload else ()),
            "invalid_query",
        }
    )


def _document(info: Json, paths: Json, components: Mapping[str, Json]) -> Json:
    everything = {**components, "Problem": PROBLEM}
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {name: everything[name] for name in sorted(_reachable(everything, _refs(paths)))},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _info(title: str, service: str, codes: Json) -> Json:
    table = dict(sorted(codes.items()))
    return {
        "title": title,
        "version": "1",
        "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        "description": _description(table),
        "x-service": service,
        "x-problem-codes": table,
    }


def _code_table() -> Json:
    return {
        code: {"status": meaning.status, "title": meaning.english, "title_de": meaning.german}
        for code, meaning in problems.codes().items()
    }


def _description(codes: Json) -> str:
    rows = [f"| `{code}` | {row['status']} | {row['title']} | {row['title_de']} |" for code, row in codes.items()]
    return "\n".join(["Problems:", "", "| code | status | title | German |", "|---|---|---|---|", *rows])


def _schemas(endpoints: Sequence[Endpoint]) -> Schemas:
    inputs = [
        ((endpoint.method, endpoint.path, part), MODES[part], TypeAdapter(shape))
        for endpoint in endpoints
        for part, shape in _shapes(endpoint)
    ]
    parts, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF + "{model}")
    components: dict[str, Json] = definitions.get("$defs", {})
    sent = [schema for (key, _), schema in parts.items() if key[2] == "body"]
    for schema in [*sent, *(components[name] for name in _reachable(components, _refs(sent)))]:
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return Schemas(parts, components)


def _shapes(endpoint: Endpoint) -> Iterator[tuple[Part, Any]]:
    if endpoint.body is not None:
        yield "body", endpoint.body
    if endpoint.query is not None:
        yield "query", endpoint.query
    if endpoint.answer is not None:
        yield "answer", endpoint.answer


def _operation(endpoint: Endpoint, schemas: Schemas) -> Json:
    changing = endpoint.method != "GET"
    operation: Json = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "tags": [_tag(endpoint.path)],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, schemas), *_headers(endpoint)],
        "responses": {str(endpoint.status): _success(endpoint, schemas), **_problem_responses(endpoint)},
        "security": [{"bearer": []}] if endpoint.roles else [{}, {"bearer": []}],
        "x-roles": sorted(endpoint.roles),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if changing and endpoint.body is not None:
        sent = {"schema": schemas.of(endpoint, "body")}
        if endpoint.example is not None:
            sent["example"] = dict(endpoint.example)
        operation["requestBody"] = {"required": endpoint.body_required, "content": {"application/json": sent}}
    if endpoint.upload is not None:
        operation["requestBody"] = {"required": True, "content": {kind: {} for kind in endpoint.upload.media_types}}
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"\w+", plain_path(endpoint.path).removeprefix("/api/v1"))
    return "_".join([endpoint.method.lower(), *words])


def _tag(path: str) -> str:
    return re.split(r"[/.]", path.removeprefix("/api/v1/").removeprefix("/"))[0]


def _path_parameters(endpoint: Endpoint) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if _is_id(name) else {"type": "string"},
        }
        for name in PARAMETER.findall(endpoint.path)
    ]


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("_id")


def _query_parameters(endpoint: Endpoint, schemas: Schemas) -> list[Json]:
    own: list[Json] = []
    if endpoint.query is not None:
        fields = schemas.resolved(schemas.of(endpoint, "query"))
        required = fields.get("required", ())
        own = [_query_parameter(name, schema, required) for name, schema in fields.get("properties", {}).items()]
    return own if endpoint.method != "GET" else [*own, MIN_POSITION]


def _query_parameter(name: str, schema: Json, required: Sequence[str]) -> Json:
    description = {"description": schema["description"]} if "description" in schema else {}
    plain = {key: value for key, value in schema.items() if key not in ("description", "title")}
    return {"name": name, "in": "query", "required": name in required, "schema": plain, **description}


def _headers(endpoint: Endpoint) -> list[Json]:
    if endpoint.method == "GET":
        return [IF_NONE_MATCH]
    return [IDEMPOTENCY_KEY, {**IF_MATCH, "required": endpoint.if_match}]


def _success(endpoint: Endpoint, schemas: Schemas) -> Json:
    response: Json = {"description": endpoint.summary, "headers": {"ETag": HEADERS["ETag"]}}
    if endpoint.answer is not None:
        schema = schemas.of(endpoint, "answer")
        response["content"] = {endpoint.media_type: {"schema": schema}}
    elif endpoint.media_type != "application/json":
        response["content"] = {endpoint.media_type: {}}
    return response


def _problem_responses(endpoint: Endpoint) -> Json:
    by_status: dict[int, list[str]] = {}
    for code in problem_codes(endpoint):
        by_status.setdefault(problems.meaning_of(code).status, []).append(code)
    return {str(status): _problem_response(status, codes) for status, codes in sorted(by_status.items())}


def _problem_response(status: int, codes: list[str]) -> Json:
    response: Json = {
        "description": "; ".join(f"`{code}`: {problems.meaning_of(code).english}" for code in codes),
        "content": {"application/problem+json": {"schema": {"$ref": REF + "Problem"}}},
        "x-codes": codes,
    }
    if status in (429, 503):
        response["headers"] = {"Retry-After": HEADERS["Retry-After"]}
    return response


def _without_clashes(document: Json, components: Mapping[str, Json]) -> Json:
    own: dict[str, Json] = document["components"]["schemas"]
    service = str(document["info"]["x-service"]).capitalize()
    clashing = {name for name, schema in own.items() if components.get(name, schema) != schema}
    if not clashing:
        return document
    text = orjson.dumps(document).decode()
    for name in clashing:
        text = text.replace(f'"{REF}{name}"', f'"{REF}{service}{name}"')
    renamed: Json = orjson.loads(text)
    schemas = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {
        f"{service}{name}" if name in clashing else name: schema for name, schema in schemas.items()
    }
    return renamed


def _refs(value: object) -> set[str]:
    """The names of all components that a document's part refers to."""
    if isinstance(value, dict):
        here = value.get("$ref")
        own = {here.removeprefix(REF)} if isinstance(here, str) and here.startswith(REF) else set()
        return own.union(*map(_refs, value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(_refs, value))
    return set()


def _reachable(components: Mapping[str, Json], start: set[str]) -> set[str]:
    found: set[str] = set()
    todo = set(start)
    while todo:
        name = todo.pop()
        if name in components and name not in found:
            found.add(name)
            todo |= _refs(components[name])
    return found
