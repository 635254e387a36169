"""From what a client sent to values, or to a problem that names each field in German.

Bodies are read strictly (no text for a number, no field we do not know), queries from text. Nothing gets through that
Postgres cannot store (NUL characters, NaN, infinities), and no text of a body holds what no reader can see for what it
is: control characters, those that turn the direction of reading, and nothing but signs without a shape.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import UnionType
from typing import Union, get_args, get_origin

from multidict import MultiMapping
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, core_schema

from shared.kernel.problems import FieldError, Problem

MOST_ERRORS = 50
FALLBACK = "Diese Angabe ist ungültig."
PYDANTICS_OWN = frozenset(get_args(core_schema.ErrorType))
# Controls but tabs and line ends, what turns the direction of reading, halves of surrogate pairs, and the 66 that never
# stand for anything (Unicode, 23.7). What is unassigned may be tomorrow's emoji.
CONTROLS = "\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
SURROGATES = "\ud800-\udfff"
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
REFUSED = re.compile(f"[{CONTROLS}{DIRECTIONS}{SURROGATES}{NONCHARACTERS}]")
HIDDEN = "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
"""Signs that may stand within a text, and of which alone nobody would see anything."""
LOOKED_AT_AGAIN = re.compile(f"[{REFUSED.pattern[1:-1]}{HIDDEN}]")
NOTHING_TO_SEE = re.compile(f"[\\s{HIDDEN}]+")
NOT_STORABLE = re.compile(f"[\0{SURROGATES}]")

SENTENCES: dict[str, str] = {
    "missing": "Diese Angabe fehlt.",
    "extra_forbidden": "Dieses Feld ist unbekannt.",
    "model_type": "Erwartet wird ein Objekt.",
    "dict_type": "Erwartet wird ein Objekt.",
    "list_type": "Erwartet wird eine Liste.",
    "tuple_type": "Erwartet wird eine Liste.",
    "set_type": "Erwartet wird eine Liste.",
    "frozen_set_type": "Erwartet wird eine Liste.",
    "string_type": "Erwartet wird ein Text.",
    "string_too_short": "Der Text ist zu kurz (mindestens {min_length} Zeichen).",
    "string_too_long": "Der Text ist zu lang (höchstens {max_length} Zeichen).",
    "string_pattern_mismatch": "Der Text hat nicht die erwartete Form.",
    "string_unicode": "Der Text ist kein gültiges Unicode.",
    "too_short": "Es fehlen Einträge (mindestens {min_length}).",
    "too_long": "Es sind zu viele Einträge (höchstens {max_length}).",
    "bool_type": "Erwartet wird true oder false.",
    "bool_parsing": "Erwartet wird true oder false.",
    "int_type": "Erwartet wird eine ganze Zahl.",
    "int_parsing": "Erwartet wird eine ganze Zahl.",
    "int_parsing_size": "Die Zahl ist zu groß.",
    "int_from_float": "Erwartet wird eine ganze Zahl.",
    "float_type": "Erwartet wird eine Zahl.",
    "float_parsing": "Erwartet wird eine Zahl.",
    "decimal_type": "Erwartet wird eine Zahl.",
    "decimal_parsing": "Erwartet wird eine Zahl.",
    "finite_number": "Die Zahl muss endlich sein.",
    "greater_than": "Die Zahl muss größer als {gt} sein.",
    "greater_than_equal": "Die Zahl muss mindestens {ge} sein.",
    "less_than": "Die Zahl muss kleiner als {lt} sein.",
    "less_than_equal": "Die Zahl darf höchstens {le} sein.",
    "literal_error": "Dieser Wert ist hier nicht vorgesehen.",
    "enum": "Dieser Wert ist hier nicht vorgesehen.",
    "union_tag_invalid": "Diese Art ist hier nicht vorgesehen.",
    "union_tag_not_found": "Die Angabe der Art fehlt.",
    "date_type": "Erwartet wird ein Datum wie 2025-08-28.",
    "date_parsing": "Erwartet wird ein Datum wie 2025-08-28.",
    "date_from_datetime_parsing": "Erwartet wird ein Datum wie 2025-08-28.",
    "date_from_datetime_inexact": "Erwartet wird ein Datum ohne Uhrzeit.",
    "datetime_type": "Erwartet wird eine Zeit wie 2025-08-28T10:00:00+02:00.",
    "datetime_parsing": "Erwartet wird eine Zeit wie 2025-08-28T10:00:00+02:00.",
    "datetime_from_date_parsing": "Erwartet wird eine Zeit wie 2025-08-28T10:00:00+02:00.",
    "timezone_aware": "Die Zeit braucht einen Zeitzonenversatz, zum Beispiel +02:00.",
    "time_type": "Erwartet wird eine Uhrzeit wie 10:00.",
    "time_parsing": "Erwartet wird eine Uhrzeit wie 10:00.",
    "uuid_type": "Erwartet wird eine UUID.",
    "uuid_parsing": "Erwartet wird eine UUID.",
    "url_type": "Erwartet wird eine Adresse wie https://example.org.",
    "url_parsing": "Erwartet wird eine Adresse wie https://example.org.",
    "url_scheme": "Diese Art von Adresse ist nicht erlaubt.",
    "url_too_long": "Die Adresse ist zu lang.",
    "unknown_parameter": "Dieser Parameter ist unbekannt.",
    "repeated_parameter": "Dieser Parameter darf nur einmal stehen.",
}

DAY = re.compile(r"\d{4}-\d\d-\d\d")
OF_DATES: dict[str, str] = {
    "greater_than_equal": "Das Datum darf nicht vor dem {ge:%d.%m.%Y} liegen.",
    "less_than_equal": "Das Datum darf nicht nach dem {le:%d.%m.%Y} liegen.",
}


def parse_body[M: BaseModel](model: type[M], raw: bytes) -> M:
    """The body as `model`; `malformed_json` when it is no JSON, `invalid_request` when it has another shape."""
    try:
        value = model.model_validate_json(raw, strict=True, extra="forbid")
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        if any(problem["type"] == "json_invalid" for problem in problems):
            raise Problem("malformed_json") from error
        raise Problem("invalid_request", errors=_body_errors(problems, _document(raw))) from error
    _look_again(raw)
    return value


def parse_query[M: BaseModel](model: type[M], query: MultiMapping[str]) -> M:
    """The query string as `model`; a parameter is a list where its field is one. Else `invalid_query`."""
    values, errors = _gathered(model, query)
    if errors:
        raise Problem("invalid_query", errors=errors)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise Problem("invalid_query", errors=_query_errors(found)) from error


def refuse_unreadable(query: Mapping[str, object]) -> None:
    """`invalid_query` when a text that is kept holds what no text of a body may."""
    errors = list(_unreadable(dict(query), ""))
    if errors:
        raise Problem("invalid_query", errors=errors[:MOST_ERRORS])


def storable(text: str) -> bool:
    """Whether Postgres can hold the text: no NUL, no half of a surrogate pair."""
    return NOT_STORABLE.search(text) is None


def german(error: ErrorDetails) -> str:
    """What is wrong, for a reader. A `PydanticCustomError` of ours speaks for itself, in German."""
    days = {name: day for name, bound in error.get("ctx", {}).items() if (day := _day(bound))}
    if error["type"] in OF_DATES and days:
        return OF_DATES[error["type"]].format_map(days)
    if error["type"] in SENTENCES:
        bounds = {name: _number(bound) for name, bound in error.get("ctx", {}).items()}
        return SENTENCES[error["type"]].format_map(bounds)
    return FALLBACK if error["type"] in PYDANTICS_OWN else error["msg"]


def _number(bound: object) -> object:
    """A bound as it is written in German: 0 and 0,5 instead of 0.0 and 0.5."""
    if not isinstance(bound, float):
        return bound
    return int(bound) if bound.is_integer() else str(bound).replace(".", ",")


def _day(bound: object) -> date | None:
    """A bound that is a day, which comes as its text."""
    return date.fromisoformat(bound) if isinstance(bound, str) and DAY.fullmatch(bound) else None


def _body_errors(errors: Sequence[ErrorDetails], document: object) -> list[FieldError]:
    """Where a field may be of several types, and is of one of them, what is wrong with it there is all that is said."""
    found = [
        FieldError(pointer(error["loc"], document), error["type"], german(error)) for error in errors[:MOST_ERRORS]
    ]
    of_a_type = {one.field for one in found if not one.code.endswith("_type")}
    return [one for one in found if one.field not in of_a_type or not one.code.endswith("_type")]


def _query_errors(errors: Sequence[ErrorDetails]) -> list[FieldError]:
    return [FieldError(str(error["loc"][0]) if error["loc"] else "", error["type"], german(error)) for error in errors]


def pointer(location: tuple[int | str, ...], document: object) -> str:
    """The JSON pointer (RFC 6901) of an error's location; names of union members in it are left out."""
    steps: list[str] = []
    for step in location:
        if isinstance(document, Mapping):
            missing = step == location[-1] and step not in document
            if step not in document and not missing:
                continue
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            continue
        steps.append(str(step).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)


def _look_again(raw: bytes) -> None:
    """A second look, only at bodies that may hold what the model lets through and we do not."""
    if b"NaN" in raw or b"Infinity" in raw:
        _document(raw)
    if b"\\" in raw or LOOKED_AT_AGAIN.search("".join(set(raw.decode()))):
        errors = list(_unreadable(_document(raw), ""))
        if errors:
            raise Problem("invalid_request", errors=errors[:MOST_ERRORS])


def _not_allowed(where: str, character: str) -> FieldError:
    return FieldError(where, "character_not_allowed", f"Das Zeichen U+{ord(character):04X} ist nicht erlaubt.")


def _document(raw: bytes) -> object:
    """The plain JSON; `malformed_json` where pydantic's parser is more tolerant than the standard."""
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except ValueError as error:
        raise Problem("malformed_json") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unreadable(value: object, where: str) -> Iterator[FieldError]:
    """Every text that holds a refused character, or none that can be seen; a key's is its object's."""
    match value:
        case str():
            if refused := REFUSED.findall(value):
                yield _not_allowed(where, min(refused))
            elif value.strip() and NOTHING_TO_SEE.fullmatch(value):
                yield FieldError(where, "nothing_to_see", "Hier steht kein sichtbares Zeichen.")
        case list():
            for index, item in enumerate(value):
                yield from _unreadable(item, f"{where}/{index}")
        case dict():
            for key, item in value.items():
                yield from _unreadable(key, where)
                yield from _unreadable(item, f"{where}/{key}")
        case _:
            pass


def _gathered(model: type[BaseModel], query: MultiMapping[str]) -> tuple[dict[str, object], list[FieldError]]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    values: dict[str, object] = {}
    errors: list[FieldError] = []
    for name in dict.fromkeys(query):
        given = query.getall(name)
        if name not in fields:
            errors.append(_wrong(name, "unknown_parameter"))
        elif not all(map(storable, given)):
            errors.append(_not_allowed(name, min(REFUSED.findall("".join(given)))))
        elif is_list(fields[name].annotation):
            values[name] = given
        elif len(given) > 1:
            errors.append(_wrong(name, "repeated_parameter"))
        else:
            values[name] = given[0]
    return values, errors[:MOST_ERRORS]


def _wrong(name: str, code: str) -> FieldError:
    return FieldError(name, code, SENTENCES[code])


def is_list(annotation: object) -> bool:
    """Whether a field takes a repeated parameter."""
    if get_origin(annotation) in (Union, UnionType):
        return any(map(is_list, get_args(annotation)))
    return (get_origin(annotation) or annotation) in (list, tuple, set, frozenset)
