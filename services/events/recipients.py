"""Who has to be told of something? The answers to `rpc.events.registrants` and, with addresses, `.recipients`."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.events import attendance_list, feedback_list, feedback_token, group_message_list, registration_list
from services.events.group_message import Audience
from services.events.life import Life
from services.events.participant import Contact, open_contacts
from services.events.registration import Status
from services.events.session_list import session_row
from services.events.session_shown import SessionRow, status_of
from services.events.session_steps import step_at
from shared.contracts.rpc import (
    GroupMessage,
    Recipient,
    RecipientsAnswered,
    RecipientsAsked,
    Registrant,
    RegistrantsAnswered,
    RegistrantsAsked,
    SessionCard,
)
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem
from shared.kernel.vault import Vault

type Asked = RecipientsAsked | RegistrantsAsked


async def recipients(pool: Pool, vault: Vault, asked: RecipientsAsked) -> RecipientsAnswered:
    """One page of the people to tell, with what to say about the session; `not_found` without the session."""
    found = await session_row(pool, asked.session_id)
    if found is None:
        raise Problem("not_found")
    if asked.feedback and not await _is_asked(pool, asked.session_id):
        return RecipientsAnswered(session=card(found), recipients=(), next=None)
    message = await _message(pool, asked)
    rows = await _rows(pool, asked, found.life, message)
    shown = rows[: asked.limit]
    more = str(shown[-1]["received_version"]) if len(rows) > asked.limit else None
    shown = await _asked_for_feedback(pool, found.life, shown) if asked.feedback else shown
    contacts = await open_contacts(vault, shown)
    tokens = await _tokens(vault, asked, shown)
    people = (
        _recipient(row, contact, found.life, token)
        for row, contact, token in zip(shown, contacts, tokens, strict=True)
        if contact
    )
    written = GroupMessage(subject=message["subject"], text=message["text"]) if message else None
    told = await _as_of(pool, card(found), asked.session_as_of)
    return RecipientsAnswered(session=told, recipients=tuple(people), group_message=written, next=more)


async def registrants(pool: Pool, asked: RegistrantsAsked) -> RegistrantsAnswered | bytes:
    """One page of ids and how each stands, with what to say about the session; `not_found` without the session.

    Of everybody the page comes from the database as the JSON that is sent: thousands of people are no objects here.
    """
    found = await session_row(pool, asked.session_id)
    if found is None:
        raise Problem("not_found")
    told = await _as_of(pool, card(found), asked.session_as_of)
    if asked.group_message_id is None and not asked.feedback:
        return await _everybody(pool, asked, told, found.life)
    if asked.feedback and not await _is_asked(pool, asked.session_id):
        return RegistrantsAnswered(session=told, registrants=())
    message = await _message(pool, asked)
    rows = await _rows(pool, asked, found.life, message)
    shown = rows[: asked.limit]
    more = str(shown[-1]["received_version"]) if len(rows) > asked.limit else None
    shown = await _asked_for_feedback(pool, found.life, shown) if asked.feedback else shown
    return RegistrantsAnswered(
        session=told,
        registrants=tuple(_registrant(row, found.life) for row in shown),
        group_message=GroupMessage(subject=message["subject"], text=message["text"]) if message else None,
        next=more,
    )


async def _everybody(pool: Pool, asked: RegistrantsAsked, told: SessionCard, life: Life) -> bytes:
    people, last = await registration_list.standing_of_session(
        pool,
        asked.session_id,
        after=_version(asked.after),
        limit=asked.limit,
        statuses=_statuses(asked),
        before=asked.as_of_version,
        registration_id=asked.registration_id,
        answer_by=life.answers_end,
        unanswered=life.asking.unanswered if life.asking else None,
        alike=asked.alike,
    )
    following, named = "null" if last is None else f'"{last}"', "alike" if asked.alike else "registrants"
    return f'{{"session":{told.model_dump_json()},"{named}":{people},"next":{following}}}'.encode()


async def _as_of(pool: Pool, told: SessionCard, version: int | None) -> SessionCard:
    """With the times and the SEQUENCE of that version, if one is asked for and known."""
    step = None if version is None else await step_at(pool, told.session_id, version)
    return told.model_copy(update={"sequence": step.sequence, **dict(step.times)}) if step else told


async def _message(pool: Pool, asked: Asked) -> asyncpg.Record | None:
    """The organiser's message that the question is about, if it is about one; `not_found` of another session's."""
    if asked.group_message_id is None:
        return None
    message = await group_message_list.one(pool, asked.session_id, asked.group_message_id)
    if message is None:
        raise Problem("not_found")
    return message


async def _rows(pool: Pool, asked: Asked, life: Life, message: asyncpg.Record | None) -> list[asyncpg.Record]:
    """One more than a page: with a message whoever is in its audience now."""
    after, limit = _version(asked.after), asked.limit + 1
    if message is not None:
        audience = Audience.model_validate(message["audience"])
        return await group_message_list.reached(
            pool, life, audience, after=after, before=asked.as_of_version, limit=limit
        )
    return await registration_list.of_session(
        pool,
        asked.session_id,
        after=after,
        before=asked.as_of_version,
        limit=limit,
        statuses=_statuses(asked),
        registration_id=asked.registration_id,
    )


async def _is_asked(pool: Pool, session_id: str) -> bool:
    found = await feedback_list.find(pool, session_id)
    return found is not None and not found.closed


def _statuses(asked: Asked) -> Sequence[Status] | None:
    """Whoever came is asked how it was, whatever became of the registration."""
    return None if asked.registration_id or asked.feedback else registration_list.STANDING


async def _asked_for_feedback(pool: Pool, life: Life, rows: Sequence[Any]) -> list[Any]:
    """Who came, if that was recorded of anybody; else who had a seat."""
    came = await attendance_list.who_came(pool, life)
    return [row for row in rows if (row["registration_id"] in came if came else row["status"] == "confirmed")]


async def _tokens(vault: Vault, asked: RecipientsAsked, rows: Sequence[Any]) -> Sequence[str | None]:
    """Whoever is asked how it was gets a link that names nobody."""
    if not asked.feedback:
        return [None] * len(rows)
    given = await feedback_token.tokens(vault, asked.session_id, [row["registration_id"] for row in rows])
    return given or [None] * len(rows)


def _version(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise Problem("invalid_request")
    return int(after)


def card(found: SessionRow) -> SessionCard:
    """What a message says about a session."""
    life, content = found.life, found.life.content
    return SessionCard(
        **life.when.times().model_dump(),
        session_id=life.session_id,
        series_id=content.series_id,
        series_title=found.series.title if found.series else "",
        title=content.title,
        summary=content.summary,
        status=status_of(life, found.seated, found.waiting),
        mode=content.mode,
        previous=life.earlier[-1].when.times() if life.earlier else None,
        reason=_reason(life),
        venue=content.venue.place() if content.venue else None,
        hosts=content.hosts,
        free_of_charge=content.free_of_charge,
        sequence=life.sequence,
        version=found.version,
    )


def _reason(life: Life) -> str | None:
    return life.cancelled_for or (life.earlier[-1].reason if life.earlier else None)


def _registrant(row: Any, life: Life) -> Registrant:
    answer_by = life.answers_end if row["owes_answer"] else None
    return Registrant(
        registration_id=row["registration_id"],
        person_id=row["person_id"],
        status=row["status"],
        confirm_by=row["confirm_by"],
        waiting_position=row["waiting_position"],
        answer_by=answer_by,
        unanswered=life.asking.unanswered if life.asking and answer_by else None,
    )


def _recipient(row: Any, contact: Contact, life: Life, token: str | None) -> Recipient:
    return Recipient(
        **dict(_registrant(row, life)),
        email=contact.email,
        name=contact.name,
        token=contact.token,
        access_link=life.content.access_link if row["status"] == "confirmed" else None,
        feedback_token=token,
    )
