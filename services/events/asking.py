"""What is asked of people who register for a session, and whether what they say can be taken.

Which questions those are is remembered, so that a rush reads no session again and again. That is safe: the session
itself refuses what answers other questions than its own, and then they are read anew.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.events.known_organisations import Organisations
from services.events.registration_answers import answered
from services.events.registration_questions import Given, RegistrationQuestion, Said
from services.events.session import DECIDER
from shared.kernel.decider import Refused
from shared.kernel.journal import Journal
from shared.kernel.problems import Problem

REMEMBERED = 1000
CHANGED = "registration_questions_changed"
CHANGES = 3
"""How often questions may change while one person's answers are taken."""

type Questions = tuple[RegistrationQuestion, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions of sessions, and the directory of organisations."""

    journal: Journal
    organisations: Organisations
    _remembered: OrderedDict[str, Questions] = field(default_factory=OrderedDict)

    async def check(self, session_id: str, organisation_id: str | None, said: Mapping[str, Said]) -> None:
        """`invalid_request` or `unknown_organisation` for what nobody could register with; `not_found`."""
        answered(await self._read(session_id), said)
        await self.organisations.refuse_unknown(organisation_id)

    async def taken[Done](
        self,
        session_id: str,
        said: Mapping[str, Said],
        do: Callable[[Questions, tuple[Given, ...]], Awaitable[Done]],
        before: Sequence[Given] | None = None,
    ) -> Done:
        """What `do` makes of the answers to the questions as they are, whoever changes them meanwhile."""
        questions = self._remembered.get(session_id)
        for _ in range(CHANGES):
            read = questions is None
            if questions is None:
                questions = await self._read(session_id)
            try:
                answers = answered(questions, said, before)
            except Problem:
                if read:
                    raise
            else:
                try:
                    return await do(questions, answers)
                except Refused as refused:
                    if refused.code != CHANGED:
                        raise
            questions = None
        raise Refused(CHANGED)

    async def _read(self, session_id: str) -> Questions:
        life = (await self.journal.load(DECIDER, session_id)).state.life
        if life is None or life.stage == "drafted":
            raise Problem("not_found")
        self._remembered[session_id] = questions = life.content.registration_questions
        self._remembered.move_to_end(session_id)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return questions
