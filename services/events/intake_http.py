"""What the gateway brings for many people at once: whether sessions take registrations, and registrations.

Each registration is answered by itself, as if it had come alone: what is wrong with one spoils no other.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.events import participant, session
from services.events.asking import Asking, Questions
from services.events.bodies import Body, RegistrationBody, StatedBody
from services.events.enrolment import Enrolment, enrolments
from services.events.participant import Contact
from services.events.registration_commands import RegisterParticipant
from services.events.registration_http import Accepted
from services.events.registration_questions import Given
from shared.kernel.decider import Refused
from shared.kernel.http import Answer, Call, Endpoint, problem_of
from shared.kernel.ids import new_id
from shared.kernel.journal import Journal
from shared.kernel.parsing import parse_body
from shared.kernel.postgres import Pool
from shared.kernel.problems import Problem, meaning_of, render
from shared.kernel.recorded import Context, Outcome
from shared.kernel.texts import Id
from shared.kernel.vault import Erased, Vault

MOST = 100
ACCEPTED = Accepted().model_dump()


class Sessions(Body):
    """Which sessions somebody wants to register for."""

    session_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=500)]


class Enrolments(BaseModel):
    """What they say, in the order of the question; null for one that is not there for the public."""

    model_config = ConfigDict(frozen=True)

    enrolments: tuple[Enrolment | None, ...]


class Asked(Body):
    """One registration: `said` is a `RegistrationBody` as JSON; `again`: the command's `key` may have come before."""

    session_id: Id
    key: Annotated[str, Field(min_length=1, max_length=255)]
    again: bool
    traceparent: str
    said: str


class AskedTogether(Body):
    """Registrations that wait at the same time."""

    registrations: Annotated[tuple[Asked, ...], Field(min_length=1, max_length=MOST)]


class Told(BaseModel):
    """What one of them is answered."""

    model_config = ConfigDict(frozen=True)

    status: int
    body: dict[str, Any]


class ToldTogether(BaseModel):
    """The answers, in the order of the registrations."""

    model_config = ConfigDict(frozen=True)

    answers: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers and what they work with."""

    journal: Journal
    pool: Pool
    vault: Vault
    asking: Asking

    async def look(self, call: Call) -> Answer:
        body: Sessions = call.body
        found = await enrolments(self.pool, body.session_ids, call.at)
        return Answer(Enrolments(enrolments=tuple(found.get(each) for each in body.session_ids)))

    async def check(self, call: Call) -> Answer:
        body: StatedBody = call.body
        await self.asking.check(call.path_id(), body.organisation_id, body.answers)
        return Answer(Accepted())

    async def take(self, call: Call) -> Answer:
        async with asyncio.TaskGroup() as tasks:
            taking = [tasks.create_task(self._told(call, asked)) for asked in call.body.registrations]
        return Answer(ToldTogether(answers=tuple(task.result() for task in taking)))

    async def take_one(self, call: Call) -> Answer:
        """As a gateway of the version before brings it: gateways are replaced last."""
        key = call.request.headers.get("Idempotency-Key")
        asked = Asked(
            session_id=call.path_id(),
            key=key or str(new_id()),
            again=key is not None,
            traceparent=call.trace.traceparent,
            said=call.raw.decode(),
        )
        await self._register(call, asked)
        return Answer(Accepted())

    async def _told(self, call: Call, asked: Asked) -> Told:
        try:
            await self._register(call, asked)
        except Exception as error:  # noqa: BLE001 -- each is answered by itself; unknown ones are logged whole
            problem = problem_of(error)
            return Told(status=meaning_of(problem.code).status, body=render(problem, "de"))
        return Told(status=202, body=ACCEPTED)

    async def _register(self, call: Call, asked: Asked) -> None:
        body = parse_body(RegistrationBody, asked.said.encode())
        said = f"{asked.session_id}\n{asked.said}".encode()
        context = call.context_of(body.person_id, asked.key, said, asked.traceparent, again=asked.again)

        async def take(questions: Questions, answers: tuple[Given, ...]) -> Outcome:
            command = await self._sealed(body, questions, answers)
            return await self.journal.transact(session.DECIDER, asked.session_id, command, context)

        try:
            await self.asking.organisations.refuse_unknown(body.organisation_id)
            await self.asking.taken(asked.session_id, body.answers, take)
        except Erased:  # whoever is forgotten is answered like everybody else
            pass
        except (Problem, Refused):
            if await self._taken_before(context) is None:
                raise

    async def _taken_before(self, context: Context) -> Outcome | None:
        return None if context.fresh else await self.journal.outcome(context)

    async def _sealed(
        self, body: RegistrationBody, questions: Questions, answers: tuple[Given, ...]
    ) -> RegisterParticipant:
        registration_id, token = str(new_id()), participant.new_token()
        contact = Contact(email=body.email, name=body.name, organisation_name=body.organisation_name, token=token)
        sealed = await participant.seal(
            self.vault, registration_id=registration_id, person_id=body.person_id, contact=contact, answers=answers
        )
        return RegisterParticipant(
            registration_id=registration_id,
            person_id=body.person_id,
            member=body.member,
            organisation_id=body.organisation_id,
            token_hash=participant.token_hash(token),
            questions=questions,
            **sealed.fields,
        )


def endpoints(journal: Journal, pool: Pool, vault: Vault, asking: Asking) -> list[Endpoint]:
    """For the gateway, which knows the people."""
    desk = Desk(journal, pool, vault, asking)
    return [
        Endpoint(
            "POST",
            "/internal/enrolments",
            desk.look,
            "Whether sessions take registrations",
            body=Sessions,
            answer=Enrolments,
        ),
        Endpoint(
            "POST",
            "/internal/sessions/{id}/registration-checks",
            desk.check,
            "Whether anybody could register with these answers; nothing is kept, and nothing is asked of a person",
            body=StatedBody,
            answer=Accepted,
            codes=("unknown_organisation",),
        ),
        Endpoint(
            "POST",
            "/internal/sessions/{id}/registrations",
            desk.take_one,
            "Registers somebody whom the gateway knows; the answer tells nothing",
            body=RegistrationBody,
            answer=Accepted,
            status=202,
        ),
        Endpoint(
            "POST",
            "/internal/registrations",
            desk.take,
            "Registers people whom the gateway knows; the answers tell nothing",
            body=AskedTogether,
            answer=ToldTogether,
        ),
    ]
