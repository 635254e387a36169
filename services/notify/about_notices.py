"""What is kept here about a person besides messages and subscriptions: what comes to nobody's mailbox by itself.

An address that nothing is sent to is found by its mark alone, as long as the address is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg

from services.notify.address_mark import AddressMarks
from services.notify.wished_kinds import WISHED
from shared.contracts.rpc import AboutPersonAsked, Detail, KeptRecord
from shared.kernel.about_person import Source, detail
from shared.kernel.postgres import Pool

SUPPRESSION = """
SELECT address_mark::text AS place, state, cause, soft, since, until, changed_at FROM suppression
WHERE address_mark = $1 AND address_mark::text > $2 LIMIT $3
"""
SIGN_IN = """
SELECT request_id::text AS place, valid_until FROM sign_in
WHERE person_id = $1 AND request_id::text > $2 ORDER BY place LIMIT $3
"""
FINDINGS = """
SELECT lpad(f.mailing_id::text, 20, '0') AS place, f.kind, f.thing_kind, f.thing_id, t.title, f.rhythm, f.found_at,
       f.digest_day::text
FROM finding f LEFT JOIN published_thing t ON t.kind = f.thing_kind AND t.id = f.thing_id
WHERE f.person_id = $1 AND lpad(f.mailing_id::text, 20, '0') > $2 ORDER BY place LIMIT $3
"""
DIGESTS = """
SELECT day::text AS place, closed_at FROM digest WHERE person_id = $1 AND day::text > $2 ORDER BY place LIMIT $3
"""
INVITED = """
SELECT announcement_id::text AS place, invited_at FROM invited
WHERE person_id = $1 AND announcement_id::text > $2 ORDER BY place LIMIT $3
"""
ANSWERS = """
SELECT id::text AS place, announcement_id::text, answer, answered_at FROM invited_answer
WHERE person_id = $1 AND id::text > $2 ORDER BY place LIMIT $3
"""
LIVE = """
SELECT lpad(id::text, 20, '0') AS place, type, created_at FROM live_item
WHERE person_id = $1 AND lpad(id::text, 20, '0') > $2 ORDER BY place LIMIT $3
"""
LISTENING = """
SELECT person_id AS place, until FROM live_listener WHERE person_id = $1 AND person_id > $2 LIMIT $3
"""
STATES = {
    "counted": "Rückläufer gezählt",
    "suppressed": "An diese Adresse wird nichts gesendet",
    "lifted": "Sperre aufgehoben",
}
CAUSES = {
    "hard": "Adresse nicht erreichbar",
    "soft": "mehrmals nicht zustellbar",
    "complaint": "als unerwünscht gemeldet",
    "operator": "vom Betrieb eingetragen",
}
ANSWERED = {"accepted": "zugesagt", "declined": "abgesagt"}
RHYTHMS = {"immediate": "sofort", "daily": "einmal am Tag", "weekly": "einmal in der Woche"}
SUPPRESSION_STAYS = (
    "Ein Prüfwert Ihrer Adresse sagt uns, dass wir dorthin nichts senden dürfen oder können. Die Adresse ist daraus "
    "nicht zu lesen. Ohne ihn würden wir Ihnen versehentlich wieder schreiben."
)

type Record = tuple[str, KeptRecord]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a person, each told by `details` under a label. A query orders them by `place`."""

    pool: Pool
    query: str
    kind: str
    label: str
    details: Callable[[asyncpg.Record], tuple[Detail, ...]]

    async def read(self, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
        rows = await self.pool.fetch(self.query, asked.person_id, after, limit)
        return [(row["place"], KeptRecord(kind=self.kind, label=self.label, details=self.details(row))) for row in rows]


def sources(pool: Pool, marks: AddressMarks) -> tuple[Source, ...]:
    """Everything of that kind."""

    def rows(query: str, kind: str, label: str, details: Callable[[asyncpg.Record], tuple[Detail, ...]]) -> _Rows:
        return _Rows(pool, query, kind, label, details)

    return (
        Source(("suppression",), partial(_suppression, pool, marks)),
        Source(("sign_in",), rows(SIGN_IN, "sign_in", "Link zum Anmelden", _sign_in).read),
        Source(("finding",), rows(FINDINGS, "finding", "Treffer zu Abonnements", _finding).read),
        Source(("digest",), rows(DIGESTS, "digest", "Sammelmail", _digest).read),
        Source(("invited",), rows(INVITED, "invitation", "Einladung", _invited).read),
        Source(("invited_answer",), rows(ANSWERS, "invitation_answer", "Antwort auf eine Einladung", _answer).read),
        Source(("live_item",), rows(LIVE, "live_item", "Hinweis auf der Seite", _live).read),
        Source(("live_listener",), rows(LISTENING, "live_listener", "Geöffnete Seite mit Hinweisen", _listening).read),
    )


async def _suppression(
    pool: Pool, marks: AddressMarks, asked: AboutPersonAsked, after: str, limit: int
) -> Sequence[Record]:
    if asked.email is None:
        return []
    rows = await pool.fetch(SUPPRESSION, marks.of(asked.email), after, limit)
    return [
        (
            row["place"],
            KeptRecord(
                kind="suppression",
                label="Zustellung an Ihre Adresse",
                details=(
                    detail("state", "Stand", row["state"], STATES[row["state"]]),
                    detail("cause", "Grund", row["cause"], CAUSES.get(row["cause"])),
                    detail("soft", "Zuletzt nicht zustellbar", row["soft"], f"{row['soft']} Mal"),
                    detail("since", "Seit", row["since"]),
                    detail("until", "Bis", row["until"]),
                    detail("changed_at", "Zuletzt geändert", row["changed_at"]),
                ),
                stays=SUPPRESSION_STAYS,
            ),
        )
        for row in rows
    ]


def _sign_in(row: asyncpg.Record) -> tuple[Detail, ...]:
    return (detail("valid_until", "Gilt bis", row["valid_until"]),)


def _finding(row: asyncpg.Record) -> tuple[Detail, ...]:
    known = WISHED.get(row["kind"])
    return (
        detail("kind", "Art", row["kind"], known.label if known else None),
        detail("thing_id", "Kennung", f"{row['thing_kind']}/{row['thing_id']}"),
        detail("title", "Titel", row["title"]),
        detail("rhythm", "Wie oft", row["rhythm"], RHYTHMS[row["rhythm"]]),
        detail("found_at", "Gefunden", row["found_at"]),
        detail("digest_day", "In der Sammelmail vom", row["digest_day"]),
    )


def _digest(row: asyncpg.Record) -> tuple[Detail, ...]:
    return (detail("day", "Tag", row["place"]), detail("closed_at", "Zusammengestellt", row["closed_at"]))


def _invited(row: asyncpg.Record) -> tuple[Detail, ...]:
    about = detail("announcement_id", "Kennung der Meldung", row["place"])
    return (about, detail("invited_at", "Eingeladen", row["invited_at"]))


def _answer(row: asyncpg.Record) -> tuple[Detail, ...]:
    return (
        detail("announcement_id", "Kennung der Meldung", row["announcement_id"]),
        detail("answer", "Antwort", row["answer"], ANSWERED[row["answer"]]),
        detail("answered_at", "Geantwortet", row["answered_at"]),
    )


def _live(row: asyncpg.Record) -> tuple[Detail, ...]:
    return (detail("type", "Art", row["type"]), detail("created_at", "Geschrieben", row["created_at"]))


def _listening(row: asyncpg.Record) -> tuple[Detail, ...]:
    return (detail("until", "Bis", row["until"]),)
