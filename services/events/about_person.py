"""What is kept here about a person? The answer to `rpc.events.about_person`: nothing in it is of anybody else.

Feedback on sessions is not in it: no row says whose an answer is (ADR 0015).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg

from services.events import participant, question_list, question_sealing
from services.events.question import Question
from services.events.question_sealing import Opened
from services.events.question_shown import STATUS_LABELS as OF_QUESTIONS
from services.events.registration_http import STATUS_LABELS as OF_REGISTRATIONS
from services.events.session_list import session_rows
from services.events.times import when_label
from shared.contracts.rpc import AboutPersonAsked, Detail, KeptRecord
from shared.kernel.about_person import Source, detail, details_of
from shared.kernel.postgres import Pool
from shared.kernel.vault import Vault

REGISTRATIONS = """
SELECT r.registration_id, r.session_id, r.person_id, r.status, r.received_at, r.confirm_by, r.organisation_id, r.sealed,
       r.sealed_answers, r.sealed_for_days, r.promoted, r.reconfirmed_at
FROM registration r
WHERE r.person_id = $1 AND r.registration_id > $2 ORDER BY r.registration_id LIMIT $3
"""
ENDED = """
SELECT registration_id, session_id, left_at FROM registration_left
WHERE person_id = $1 AND registration_id > $2 ORDER BY registration_id LIMIT $3
"""
ATTENDANCE = """
SELECT registration_id, session_id, present, walk_in, how, recorded_at FROM attendance
WHERE person_id = $1 AND registration_id > $2 ORDER BY registration_id LIMIT $3
"""
CERTIFICATES = """
SELECT s.batch_id || '/' || s.registration_id AS place, b.session_id, s.state, b.expires_at
FROM certificate_sheet s JOIN certificate_batch b USING (batch_id)
WHERE s.person_id = $1 AND s.batch_id || '/' || s.registration_id > $2 ORDER BY place LIMIT $3
"""
CALENDARS = "SELECT person_id FROM calendar_address WHERE person_id = $1 AND person_id > $2 LIMIT $3"
EXPERT = """
SELECT series_id, title FROM series_view
WHERE content->'experts' ? $1 AND series_id > $2 ORDER BY series_id LIMIT $3
"""
PENDING = """
SELECT 'place/' || session_id AS place FROM erasure WHERE person_id = $1 AND 'place/' || session_id > $2
UNION ALL
SELECT 'calendar' FROM calendar_erasure WHERE person_id = $1 AND 'calendar' > $2
ORDER BY place LIMIT $3
"""
HOW = {"list": "in der Liste der Teilnehmenden", "qr": "mit dem QR-Code", "self": "von Ihnen selbst"}
SHEETS = {"wanted": "wird erstellt", "set": "liegt bereit", "failed": "konnte nicht erstellt werden"}
EXPERT_STAYS = (
    "Wer Fragen einer Reihe beantwortet, steht dort nur mit einer Kennung. Nach dem Löschen führt sie zu niemandem."
)

type Record = tuple[str, KeptRecord]


def sources(pool: Pool, vault: Vault) -> tuple[Source, ...]:
    """Everything with people in it, in the order in which it is told."""
    return (
        Source(("registration",), partial(_registrations, pool, vault)),
        Source(("registration_left",), _OfSessions(pool, ENDED, "registration_id", _ended).read),
        Source(("attendance",), _OfSessions(pool, ATTENDANCE, "registration_id", _attendance).read),
        Source(("certificate_sheet",), _OfSessions(pool, CERTIFICATES, "place", _certificate).read),
        Source(("question",), partial(_questions, pool, vault)),
        Source(("calendar_address",), partial(_calendar, pool)),
        Source(("series_view",), partial(_expert, pool)),
        Source(("erasure", "calendar_erasure"), partial(_pending, pool)),
    )


async def _registrations(pool: Pool, vault: Vault, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(REGISTRATIONS, asked.person_id, after, limit)
    sessions = await _sessions(pool, rows)
    contacts = await participant.open_contacts(vault, rows)
    answers = await participant.open_answers(vault, rows)
    return [
        (
            row["registration_id"],
            _record(
                "registration",
                "Anmeldung",
                *sessions[row["session_id"]],
                detail("registration_id", "Kennung der Anmeldung", row["registration_id"]),
                detail("status", "Stand", row["status"], OF_REGISTRATIONS[row["status"]]),
                detail("received_at", "Eingegangen", row["received_at"]),
                *details_of(contact, name="Name", email="E-Mail-Adresse", organisation_name="Stelle"),
                detail("organisation_id", "Kennung der Stelle", row["organisation_id"]),
                detail("promoted", "Von der Warteliste nachgerückt", row["promoted"]),
                detail("reconfirmed_at", "Neuen Termin bestätigt", row["reconfirmed_at"]),
                *(detail(f"answers/{given.key}", given.label, given.value, given.answer_label) for given in given_ones),
            ),
        )
        for row, contact, given_ones in zip(rows, contacts, answers, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _OfSessions:
    """Rows that are each about a session, with the column that orders them and how one is told."""

    pool: Pool
    query: str
    key: str
    told: Callable[[asyncpg.Record, Sequence[Detail]], KeptRecord]

    async def read(self, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
        rows = await self.pool.fetch(self.query, asked.person_id, after, limit)
        sessions = await _sessions(self.pool, rows)
        return [(row[self.key], self.told(row, sessions[row["session_id"]])) for row in rows]


def _ended(row: asyncpg.Record, session: Sequence[Detail]) -> KeptRecord:
    return _record("registration_ended", "Ende einer Anmeldung", *session, detail("left_at", "Seit", row["left_at"]))


def _attendance(row: asyncpg.Record, session: Sequence[Detail]) -> KeptRecord:
    return _record(
        "attendance",
        "Teilnahme",
        *session,
        detail("present", "Anwesend", row["present"]),
        detail("walk_in", "Ohne vorherige Anmeldung", row["walk_in"]),
        detail("how", "Erfasst", row["how"], HOW.get(row["how"])),
        detail("recorded_at", "Erfasst am", row["recorded_at"]),
    )


def _certificate(row: asyncpg.Record, session: Sequence[Detail]) -> KeptRecord:
    return _record(
        "certificate",
        "Teilnahmebescheinigung",
        *session,
        detail("state", "Stand", row["state"], SHEETS.get(row["state"])),
        detail("expires_at", "Wird gelöscht", row["expires_at"]),
    )


async def _questions(pool: Pool, vault: Vault, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    found = await question_list.of_person_after(pool, asked.person_id, after, limit)
    sessions = await _sessions(pool, [{"session_id": one.session_id} for one in found])
    opened = await question_sealing.opened(vault, found)
    return [
        (one.question_id, _question(one, texts, sessions[one.session_id]))
        for one, texts in zip(found, opened, strict=True)
    ]


def _question(one: Question, texts: Opened, session: Sequence[Detail]) -> KeptRecord:
    published = details_of(
        texts.publication,
        text="Veröffentlichter Wortlaut",
        answer="Veröffentlichte Antwort",
        organisation="Veröffentlichte Stelle",
    )
    return _record(
        "question",
        "Frage",
        *session,
        detail("status", "Stand", one.status, OF_QUESTIONS[one.status]),
        detail("asked_at", "Gestellt", one.asked_at),
        detail("text", "Ihre Frage", texts.text),
        *details_of(texts.asker, name="Name", email="E-Mail-Adresse", organisation_name="Stelle"),
        detail("organisation_id", "Kennung der Stelle", one.organisation_id),
        detail("may_publish", "Darf veröffentlicht werden", one.may_publish),
        detail("may_name_organisation", "Stelle darf genannt werden", one.may_name_organisation),
        detail("reason", "Begründung", texts.reason),
        detail("answer", "Antwort", texts.answer),
        *(each.model_copy(update={"name": f"published/{each.name}"}) for each in published),
    )


async def _calendar(pool: Pool, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(CALENDARS, asked.person_id, after, limit)
    shown = detail("address", "Geheime Adresse", value=True, shown="vorhanden; sie steht auf der Seite Ihrer Anmeldung")
    return [(row["person_id"], _record("calendar_address", "Eigener Kalender", shown)) for row in rows]


async def _expert(pool: Pool, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(EXPERT, asked.person_id, after, limit)
    return [
        (
            row["series_id"],
            KeptRecord(
                kind="expert",
                label="Zuständig für Fragen",
                details=(
                    detail("series_id", "Kennung der Reihe", row["series_id"]),
                    detail("series_title", "Reihe", row["title"]),
                ),
                stays=EXPERT_STAYS,
            ),
        )
        for row in rows
    ]


async def _pending(pool: Pool, asked: AboutPersonAsked, after: str, limit: int) -> Sequence[Record]:
    rows = await pool.fetch(PENDING, asked.person_id, after, limit)
    return [(row["place"], _record("erasure", "Wird gerade gelöscht")) for row in rows]


async def _sessions(pool: Pool, rows: Sequence[Mapping[str, Any] | asyncpg.Record]) -> dict[str, tuple[Detail, ...]]:
    """Which session each row is about."""
    ids = list(dict.fromkeys(row["session_id"] for row in rows))
    found = {row.life.session_id: row.life for row in await session_rows(pool, ids, drafts=True)} if ids else {}
    return {
        session_id: (
            detail("session_id", "Kennung der Veranstaltung", session_id),
            *(
                (
                    detail("session_title", "Veranstaltung", found[session_id].content.title),
                    detail("session_date", "Termin", when_label(found[session_id].when) or "noch offen"),
                )
                if session_id in found
                else ()
            ),
        )
        for session_id in ids
    }


def _record(kind: str, label: str, *details: Detail) -> KeptRecord:
    return KeptRecord(kind=kind, label=label, details=details)
