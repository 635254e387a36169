"""Messages to people who registered for a session: whom a cause concerns, and what is looked up when they are sent.

A letter says how its recipient stood when the cause happened, which the row remembers. What has become wrong since is
not sent: nobody is offered a place that was taken or given back meanwhile, or thanked for coming after withdrawing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from services.notify import queue, session_letter
from services.notify.cause import KINDS, OFFERED, Cause, ReminderDue, behind, in_line, kind_of, registered
from services.notify.invitation import Method
from services.notify.kind import Kind
from services.notify.letter import plain_name
from services.notify.matter import About, Alike, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.scene import GONE, Scene, as_left_by, concerns, while_registered
from services.notify.session_calendar import calendar_method
from services.notify.texts import Text
from services.notify.wishes import Wishes
from shared.contracts.events import (
    FeedbackOpened,
    RegistrationLapsed,
    RegistrationWithdrawn,
    SessionGroupMessageRequested,
)
from shared.contracts.rpc import (
    AddressesAnswered,
    AddressesAsked,
    Recipient,
    RegistrantAddress,
    RegistrantsAnswered,
    RegistrantsAsked,
    SessionCard,
    Standing,
)
from shared.kernel.postgres import Pool

STANDING = set(Standing.model_fields)


@dataclass(frozen=True, slots=True)
class SessionMatter:
    """What is told of sessions and registrations; the events service knows the people."""

    pool: Pool
    texts: Mapping[str, Text]
    portal: str
    registrants: Callable[[RegistrantsAsked], Awaitable[RegistrantsAnswered]]
    addresses: Callable[[AddressesAsked], Awaitable[AddressesAnswered]]
    wishes: Wishes
    name: str = "sessions"
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: Cause) -> Kind:
        """See `cause.py`."""
        return kind_of(cause)

    def about(self, cause: Cause, cause_id: str) -> About:
        """Everybody who was registered before it happened, or one of them."""
        one = registered(cause)
        everybody = one is None and not isinstance(cause, OFFERED)
        return About(
            session_id=cause.session_id,
            registration_id=one.registration_id if one else None,
            person_id=one.person_id if one else None,
            line=in_line(cause),
            behind=behind(cause),
            as_of_version=int(cause_id.rpartition("@")[2]) if everybody else None,
        )

    async def recipients(self, mailing: Mailing, limit: int) -> Page:
        """As the events service answers, without those whom it concerns no more."""
        answer = await self.registrants(_question(mailing, limit))
        if isinstance(mailing.what, ReminderDue) and not _holds(mailing.what, answer.session):
            return Page((), session=answer.session)
        if isinstance(mailing.what, SessionGroupMessageRequested) and answer.group_message is None:
            raise ValueError("recipients without what is to be said to them")
        ended = isinstance(mailing.what, RegistrationWithdrawn | RegistrationLapsed)
        rows = self._rows(mailing, answer, await self._in_calendar(mailing, answer))
        if isinstance(mailing.what, ReminderDue):
            wanted = set(await self.wishes.wanted(mailing.kind, [row.person_id for row in rows]))
            rows = [row for row in rows if row.person_id in wanted]
        return Page(
            rows=rows,
            next=answer.next,
            session=mailing.session or answer.session,
            group_message=answer.group_message,
            ended=((mailing.what.person_id, mailing.what.registration_id),) if ended else (),
        )

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[Recipient | None]:
        """The recipients as their rows remember them, at their present addresses."""
        asked = {
            feedback: [c.registration_id for c, told in messages if isinstance(told.cause, FeedbackOpened) is feedback]
            for feedback in (False, True)
        }
        answers = await asyncio.gather(
            *(
                self.addresses(AddressesAsked(registration_ids=tuple(filter(None, ids)), feedback=feedback))
                for feedback, ids in asked.items()
                if ids
            )
        )
        found = {address.registration_id: address for answer in answers for address in answer.addresses}
        return [_card(claimed, told, found.get(claimed.registration_id or "")) for claimed, told in messages]

    def letter(self, claimed: Claimed, told: Told, card: Recipient, now: datetime) -> Draft:
        """The letter that the cause asks for. Nobody gets an empty message."""
        assert told.session is not None
        if isinstance(told.cause, SessionGroupMessageRequested) and told.group_message is None:
            raise ValueError("what was to be said is gone")
        scene = Scene(
            told.cause,
            as_left_by(told.cause, told.session),
            card,
            self.portal,
            told.happened_at,
            now,
            in_calendar=claimed.calendar == "CANCEL",
            group_message=told.group_message,
        )
        reminded = isinstance(told.cause, ReminderDue)
        unsubscribe = self.wishes.unsubscribe(claimed.person_id, told.kind) if reminded else None
        return Draft(session_letter.compose(scene, self.texts), unsubscribe=unsubscribe)

    def alike(self, claimed: Claimed, told: Told, card: Recipient) -> Alike[Recipient] | None:
        """Whoever stood alike is written to alike, unless each mail has a link of its own to unsubscribe."""
        if isinstance(told.cause, ReminderDue):
            return None
        name = plain_name(card.name)
        own = {"name": name, "token": card.token, "feedback": card.feedback_token or ""}
        standing = None if claimed.standing is None else orjson.dumps(claimed.standing)
        key = (told.mailing_id, standing, claimed.calendar, card.access_link, bool(name), bool(card.feedback_token))

        def called(own: Mapping[str, str]) -> Recipient:
            texts: dict[str, str | None] = {"name": own["name"] if name else "", "token": own["token"]}
            return card.model_copy(update={**texts, "feedback_token": own["feedback"] if card.feedback_token else None})

        return Alike(key, own, called)

    async def _in_calendar(self, mailing: Mailing, answer: RegistrantsAnswered) -> set[str]:
        """Only who withdraws has to be looked up: for all others their standing tells."""
        if not isinstance(mailing.what, RegistrationWithdrawn) or not answer.registrants:
            return set()
        asked = [(each.person_id, each.registration_id) for each in answer.registrants]
        return await queue.in_calendar(self.pool, asked)

    def _rows(self, mailing: Mailing, answer: RegistrantsAnswered, in_calendar: Collection[str]) -> list[Row]:
        """Whoever stands alike is told alike: what follows from that is found once for all of them."""
        alike: dict[tuple[Any, ...], _Alike | None] = {}
        rows = []
        for each in answer.registrants:
            known = each.registration_id in in_calendar
            key = (each.status, each.confirm_by, each.waiting_position, each.answer_by, each.unanswered, known)
            if key not in alike:
                alike[key] = _alike(mailing, answer, each, in_calendar=known)
            rows += _told_alike(mailing, alike[key], [(each.registration_id, each.person_id)])
        for many in answer.alike:
            found = _alike(mailing, answer, many, in_calendar=False)
            rows += _told_alike(mailing, found, zip(many.registration_ids, many.person_ids, strict=True))
        return rows


type _Alike = tuple[dict[str, Any], Method | None, bool]


def _told_alike(mailing: Mailing, alike: _Alike | None, people: Iterable[tuple[str, str]]) -> list[Row]:
    """Rows of these registrations, each with its person; none of whom it does not concern."""
    if alike is None:
        return []
    standing, method, while_there = alike
    session = mailing.session_id
    return [Row(person, standing, session, own, None, method, None, while_there) for own, person in people]


def _alike(mailing: Mailing, answer: RegistrantsAnswered, each: Standing, *, in_calendar: bool) -> _Alike | None:
    """What is remembered of who stands like this, what happens to their calendars, and if they must stay registered."""
    cause, session, person = mailing.what, as_left_by(mailing.what, mailing.session or answer.session), _recipient(each)
    if not concerns(cause, person):
        return None
    happened = mailing.happened_at
    scene = Scene(cause, session, person, portal="", stamp=happened, now=happened, in_calendar=in_calendar)
    standing = each.model_dump(mode="json", include=STANDING, exclude_none=True)
    return standing, calendar_method(scene), while_registered(cause, person)


def _question(asked: Mailing, limit: int) -> RegistrantsAsked:
    """What concerns one person is told with the date that held when it happened: others may be told of by then."""
    assert asked.session_id is not None
    return RegistrantsAsked(
        session_id=asked.session_id,
        registration_id=asked.registration_id,
        group_message_id=asked.what.message_id if isinstance(asked.what, SessionGroupMessageRequested) else None,
        feedback=isinstance(asked.what, FeedbackOpened),
        as_of_version=asked.as_of_version,
        session_as_of=asked.session_version,
        after=asked.after,
        limit=limit,
        alike=asked.registration_id is None,
    )


def _holds(reminder: ReminderDue, session: SessionCard) -> bool:
    """Whether the session still begins when its people were to be reminded of it."""
    return session.starts_at == reminder.starts_at and session.status != "cancelled"


def _recipient(standing: Standing) -> Recipient:
    """Somebody who stands like this, whoever it is."""
    nobody = {"registration_id": "", "person_id": "", "email": "", "name": "", "token": ""}
    return Recipient.model_validate(nobody | standing.model_dump(include=STANDING))


def _card(claimed: Claimed, told: Told, address: RegistrantAddress | None) -> Recipient | None:
    """None of who is not known any more, or whom the message would be wrong for by now."""
    if address is None or address.person_id != claimed.person_id or claimed.standing is None:
        return None
    known = dict(address)
    now, then = Recipient.model_validate(known), Recipient.model_validate(known | dict(claimed.standing))
    return None if outdated(told.cause, then, now) else then


def outdated(cause: Cause, then: Recipient, now: Recipient) -> bool:
    """Whether what was to be told would be wrong by now."""
    gone = while_registered(cause, then) and now.status in GONE
    unasked = isinstance(cause, FeedbackOpened) and now.feedback_token is None
    return gone or unasked or not concerns(cause, now)
