"""Every way to be told no, in one table: a stable code, its HTTP status, what it is called in German and English.

Services add theirs in `services/<name>/problems.py` with `register`, called by their composition root. A `Refused` of
a decider is looked up here by its code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from shared.kernel.decider import Refused

type Language = Literal["de", "en"]

TYPE = "/api/v1/openapi.json#/info/x-problem-codes/"


class Meaning(NamedTuple):
    """What a code means. `detail` is a German sentence; `{names}` in it are filled from the problem's details."""

    status: int
    german: str
    english: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its JSON pointer in a body, its plain name in a query or a header."""

    field: str
    code: str
    detail: str


@dataclass(eq=False)
class Problem(Exception):
    """An answer that says no. `details` are safe to show: they fill the sentence and stand beside it."""

    code: str
    detail: str | None = None
    errors: Iterable[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.code


GENERIC: dict[str, Meaning] = {
    "malformed_json": Meaning(
        400, "Kein gültiges JSON", "Malformed JSON", "Der Inhalt der Anfrage ist kein gültiges JSON in UTF-8."
    ),
    "bad_request": Meaning(400, "Anfrage nicht lesbar", "Bad request"),
    "unauthenticated": Meaning(
        401,
        "Anmeldung erforderlich",
        "Sign-in required",
        "Bitte melden Sie sich an oder senden Sie ein Token.",
    ),
    "forbidden": Meaning(
        403, "Keine Berechtigung", "Not permitted", "Für diese Handlung fehlt Ihnen die Berechtigung."
    ),
    "request_timeout": Meaning(408, "Zeit überschritten", "Request timeout", "Der Inhalt kam nicht rechtzeitig an."),
    "not_found": Meaning(404, "Nicht gefunden", "Not found", "Unter dieser Adresse gibt es nichts."),
    "method_not_allowed": Meaning(405, "Methode nicht erlaubt", "Method not allowed"),
    "conflict": Meaning(
        409,
        "Gleichzeitige Änderung",
        "Conflicting change",
        "Andere Änderungen kamen zuvor. Bitte versuchen Sie es erneut.",
    ),
    "weekday_mismatch": Meaning(
        409, "Wochentag passt nicht zum Datum", "Weekday does not match the date", "Der Tag ist ein {weekday}."
    ),
    "ends_before_start": Meaning(
        409, "Ende liegt vor dem Beginn", "Ends before it starts", "Das Ende muss nach dem Beginn liegen."
    ),
    "person_erased": Meaning(
        410, "Person gelöscht", "Person erased", "Die Daten dieser Person wurden auf Wunsch gelöscht."
    ),
    "stale_version": Meaning(
        412,
        "Stand ist veraltet",
        "Stale version",
        "Der Eintrag wurde inzwischen geändert. Bitte laden Sie ihn neu und wiederholen Sie Ihre Änderung.",
    ),
    "body_too_large": Meaning(
        413, "Anfrage zu groß", "Body too large", "Der Inhalt der Anfrage ist größer als erlaubt."
    ),
    "unsupported_media_type": Meaning(
        415, "Format nicht unterstützt", "Unsupported media type", "Erwartet wird application/json in UTF-8."
    ),
    "invalid_request": Meaning(422, "Angaben ungültig", "Invalid request", "Bitte prüfen Sie die genannten Angaben."),
    "invalid_query": Meaning(
        422, "Abfrage ungültig", "Invalid query", "Bitte prüfen Sie die genannten Parameter der Adresse."
    ),
    "idempotency_key_reused": Meaning(
        422,
        "Idempotency-Key bereits verwendet",
        "Idempotency key reused",
        "Dieser Schlüssel gehört zu einer anderen Anfrage.",
    ),
    "precondition_required": Meaning(
        428, "If-Match fehlt", "Precondition required", "Bitte senden Sie den gelesenen Stand als If-Match mit."
    ),
    "too_many_requests": Meaning(
        429, "Zu viele Anfragen", "Too many requests", "Bitte warten Sie einen Augenblick und versuchen Sie es erneut."
    ),
    "internal": Meaning(
        500,
        "Interner Fehler",
        "Internal error",
        "Die Anfrage konnte nicht bearbeitet werden. Der Fehler wurde aufgezeichnet.",
    ),
    "unavailable": Meaning(
        503, "Zurzeit nicht verfügbar", "Unavailable", "Bitte versuchen Sie es in wenigen Augenblicken erneut."
    ),
    "position_not_reached": Meaning(
        503,
        "Stand noch nicht erreicht",
        "Position not reached",
        "Die gewünschten Änderungen sind hier noch nicht lesbar. Bitte versuchen Sie es erneut.",
    ),
}

RULE_BROKEN = Meaning(409, "Nach den Regeln nicht möglich", "Refused by a rule")

_table: dict[str, Meaning] = dict(GENERIC)


def register(meanings: Mapping[str, tuple[int, str, str] | tuple[int, str, str, str | None]]) -> None:
    """Adds codes: `{code: (status, German title, English title[, German detail])}`. One code has one meaning."""
    for code, values in meanings.items():
        meaning = Meaning(*values)
        if _table.setdefault(code, meaning) != meaning:
            raise ValueError(f"the problem code {code} has two meanings")


def meaning_of(code: str) -> Meaning:
    """The row of a code. One that nobody registered is a rule of the domain (409)."""
    return _table.get(code, RULE_BROKEN)


def known(code: str) -> bool:
    """Whether the code is in the table."""
    return code in _table


def codes() -> dict[str, Meaning]:
    """The whole table, sorted by code."""
    return dict(sorted(_table.items()))


def from_refusal(refused: Refused) -> Problem:
    """A rule's no, for a client. A detail called `field` (a JSON pointer) also becomes an entry of `errors`."""
    problem = Problem(refused.code, details=refused.details)
    pointer = refused.details.get("field")
    if isinstance(pointer, str):
        problem.details = {name: value for name, value in refused.details.items() if name != "field"}
        problem.errors = [FieldError(pointer, refused.code, sentence(problem) or meaning_of(refused.code).german)]
    return problem


def of_fields(code: str, pointers: Iterable[str]) -> Problem:
    """A rule's no that names each field (a JSON pointer) it is about."""
    meaning = meaning_of(code)
    return Problem(code, errors=[FieldError(pointer, code, meaning.detail or meaning.german) for pointer in pointers])


def sentence(problem: Problem) -> str | None:
    """The German detail: the problem's own, else that of the table, filled in; None when a value for it is missing."""
    template = meaning_of(problem.code).detail
    if problem.detail is not None or template is None:
        return problem.detail
    try:
        return template.format_map(problem.details)
    except KeyError:
        return None


def render(problem: Problem, language: Language = "de") -> dict[str, Any]:
    """The body of `application/problem+json` (RFC 9457)."""
    meaning = meaning_of(problem.code)
    body: dict[str, Any] = {
        "type": f"{TYPE}{problem.code}",
        "title": meaning.german if language == "de" else meaning.english,
        "status": meaning.status,
        "detail": sentence(problem),
        "code": problem.code,
        "errors": [{"field": error.field, "code": error.code, "detail": error.detail} for error in problem.errors],
    }
    if problem.details:
        body["details"] = dict(problem.details)
    return body
