"""Whether the new date of a postponed session suits: who is asked, who answers, and what becomes of the others.

Whoever has a place at the postponement owes an answer; a later postponement asks anew, and who registers after it owes
none. "I cannot come" is giving the place back.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import reduce

from services.events.life import AnswersEnded, Life, LifeEvent, SessionPostponed
from services.events.registration import Roster, evolve, promotions
from services.events.registration_commands import ForRegistration
from services.events.registration_events import RegistrationEvent, RegistrationReconfirmed, RegistrationWithdrawn
from shared.kernel.decider import NotThere, Refused


class ReconfirmRegistration(ForRegistration):
    """The person comes to the new date."""

    registration_id: str


def asked(roster: Roster, event: SessionPostponed) -> Roster:
    """The roster after a postponement: with a time to answer, everybody who has a place owes an answer."""
    if event.answer_by is None:
        return roster
    return replace(roster, asked=roster.asked + 1, owing=roster.seated + len(roster.queue))


def reconfirm(command: ReconfirmRegistration, roster: Roster, life: Life, at: datetime) -> list[RegistrationEvent]:
    """Says once that the new date suits; nothing to who has said so or was never asked."""
    found = roster.registrations.get(command.registration_id)
    if found is None:
        raise NotThere(command.registration_id)
    if not found.standing:
        raise Refused(f"registration_{found.status}")
    if obstacle := life.obstacle(at):
        raise Refused(obstacle)
    if roster.asked and not found.owes_answer(roster.asked):
        return []
    if life.answers_end is None or life.answers_end <= at:
        raise Refused("answer_not_asked")
    named = {"session_id": life.session_id, "registration_id": found.registration_id, "person_id": found.person_id}
    return [RegistrationReconfirmed(**named, at=at)]


def give_up(registration_ids: Iterable[str], roster: Roster, life: Life, at: datetime) -> list[RegistrationEvent]:
    """Withdraws those of the named registrations that owe an answer and have no time left for it, by choice."""
    if not life.unanswered_go(at) or life.obstacle(at):
        return []
    named = (roster.registrations.get(registration_id) for registration_id in dict.fromkeys(registration_ids))
    ends: list[RegistrationEvent] = [
        RegistrationWithdrawn(
            session_id=life.session_id,
            registration_id=found.registration_id,
            person_id=found.person_id,
            seat=found.seated,
            cause="no_answer",
            at=at,
        )
        for found in named
        if found and found.owes_answer(roster.asked)
    ]
    return [*ends, *promotions(reduce(evolve, ends, roster), life, at)]


def end(roster: Roster, life: Life, at: datetime) -> list[LifeEvent]:
    """The question ends with its time; where the silent have to go, when the last of them went."""
    if life.answers_end is None or life.answers_end > at:
        return []
    going = life.unanswered_go(at) and roster.owing > 0 and life.obstacle(at) is None
    return [] if going else [AnswersEnded(session_id=life.session_id, at=at)]
