"""Messages about undertakings: to the members of an organisation, that a step of their checklist is due."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.notify import catalog_letter
from services.notify.kind import Kind, Priority
from services.notify.matter import About, Claimed, Draft, Mailing, Page, Row, Told
from services.notify.reached import People
from services.notify.texts import Text
from services.notify.wishes import Wishes
from shared.contracts.catalog import StepDue, StepDueWithdrawn
from shared.contracts.rpc import PeopleAsked, StepAnswered, StepAsked, StepReminder
from shared.kernel.clock import Clock
from shared.kernel.inbox import Effect, Received
from shared.kernel.postgres import Connection

NAME = "undertakings"
# `0` comes right after `/`: the lanes of one step, whosever they are. What was told again since then stays.
TAKE_BACK = """
WITH taken_back AS (
    SELECT line, due_on, version FROM jsonb_to_recordset($1::jsonb) AS t(line text, due_on date, version bigint)
), given_up AS (
    UPDATE mailing g SET state = 'abandoned', problem = 'taken_back'
    FROM taken_back t
    WHERE g.state = 'open' AND coalesce(g.line, g.session_id) = t.line AND (g.data->>'due_on')::date = t.due_on
      AND split_part(g.cause, '@', 2)::bigint < t.version
)
UPDATE message m SET state = 'withheld', reason = 'outdated', finished_at = $2
FROM taken_back t, mailing g
WHERE m.lane >= t.line || '/' AND m.lane < t.line || '0' AND m.state = 'waiting' AND g.id = m.mailing_id
  AND (g.data->>'due_on')::date = t.due_on AND split_part(g.cause, '@', 2)::bigint < t.version
"""

KINDS: dict[type[Any], Kind] = {
    StepDue: Kind("checklist_due", Priority.LATER, transactional=False, wished="checklist_due")
}


@dataclass(frozen=True, slots=True)
class StepCard:
    """What is to be done, and where to say so."""

    email: str
    reminder: StepReminder


@dataclass(frozen=True, slots=True)
class UndertakingMatter:
    """What is told of steps that are due. A date that holds no more is told to nobody who has not been told yet."""

    texts: Mapping[str, Text]
    portal: str
    step: Callable[[StepAsked], Awaitable[StepAnswered]]
    people: People
    wishes: Wishes
    name: str = NAME
    kinds: Mapping[type[Any], Kind] = field(default_factory=lambda: KINDS)

    def kind(self, cause: StepDue) -> Kind:
        """As its type is."""
        return KINDS[type(cause)]

    def about(self, cause: StepDue, _cause_id: str) -> About:
        """What is told of one step keeps its order."""
        return About(line=_line(cause.undertaking_id, cause.step_id))

    async def recipients(self, mailing: Mailing, _limit: int) -> Page:
        """The members of whose undertaking it is."""
        reminder = (await self.step(_question(mailing.what))).reminder
        if reminder is None:
            return Page(())
        bodies = reminder.organisation_ids or (reminder.organisation_id,)
        found = await self.people.reached(PeopleAsked(organisation_ids=bodies))
        wanted = await self.wishes.wanted(mailing.kind, (person.person_id for person in found))
        lane = _line(mailing.what.undertaking_id, mailing.what.step_id)
        return Page([Row(person, lane=f"{lane}/{person}") for person in wanted])

    async def cards(self, messages: Sequence[tuple[Claimed, Told]]) -> list[StepCard | None]:
        """What the catalogue says now, and where they are reached who still want it."""
        questions = list(dict.fromkeys(_question(told.cause) for _, told in messages))
        answers = await asyncio.gather(*map(self.step, questions))
        reminders = {asked: answer.reminder for asked, answer in zip(questions, answers, strict=True)}
        wanted = await self.wishes.wanted(KINDS[StepDue].name, (claimed.person_id for claimed, _ in messages))
        addresses = await self.people.addresses(wanted)
        return [_card(addresses.get(claimed.person_id), reminders[_question(told.cause)]) for claimed, told in messages]

    def letter(self, claimed: Claimed, told: Told, card: StepCard, _now: datetime) -> Draft:
        """What is due, and when."""
        letter = catalog_letter.step(card.reminder, told.cause.due_on, self.texts, self.portal)
        return Draft(letter, unsubscribe=self.wishes.unsubscribe(claimed.person_id, told.kind))


def taking_back(clock: Clock) -> Effect:
    """A date that holds no more is told to nobody who has not been told yet, though it may come to hold again."""

    async def take_back(connection: Connection, received: Sequence[Received[StepDueWithdrawn]]) -> None:
        withdrawn = [
            {
                "line": _line(each.data.undertaking_id, each.data.step_id),
                "due_on": each.data.due_on,
                "version": int(each.id.rpartition("@")[2]),
            }
            for each in received
        ]
        await connection.execute(TAKE_BACK, withdrawn, clock.now())

    return Effect(StepDueWithdrawn, take_back)


def _question(cause: StepDue) -> StepAsked:
    return StepAsked(undertaking_id=cause.undertaking_id, step_id=cause.step_id, due_on=cause.due_on)


def _line(undertaking_id: str, step_id: str) -> str:
    return f"step/{undertaking_id}/{step_id}"


def _card(email: str | None, reminder: StepReminder | None) -> StepCard | None:
    return StepCard(email, reminder) if email and reminder else None
