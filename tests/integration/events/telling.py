"""Who is told, as both questions answer it: with addresses at once, or ids first and addresses when they are needed."""

from services.events.addresses import addresses
from services.events.recipients import recipients, registrants
from shared.contracts.rpc import (
    AddressesAsked,
    RecipientsAnswered,
    RecipientsAsked,
    Registrant,
    RegistrantAddress,
    RegistrantsAnswered,
    RegistrantsAsked,
    Standing,
)
from tests.integration.events.conftest import Events


async def told(events: Events, asked: RecipientsAsked) -> RecipientsAnswered:
    """One page; both ways say the same of each person."""
    found = await recipients(events.pool, events.vault, asked)
    question = RegistrantsAsked.model_validate(asked.model_dump())
    standing = await _answer(events, question)
    together = await _answer(events, question.model_copy(update={"alike": True}))
    assert _each(together) == _each(standing)
    assert (standing.session, standing.group_message) == (found.session, found.group_message)
    assert [dict(each) for each in standing.registrants] == [
        each.model_dump(include=set(Registrant.model_fields)) for each in found.recipients
    ]
    assert standing.next is not None or found.next is None
    ids = tuple(each.registration_id for each in found.recipients)
    reached = await addresses(events.pool, events.vault, AddressesAsked(registration_ids=ids, feedback=asked.feedback))
    assert {each.registration_id: dict(each) for each in reached.addresses} == {
        each.registration_id: each.model_dump(include=set(RegistrantAddress.model_fields)) for each in found.recipients
    }
    return found


async def _answer(events: Events, question: RegistrantsAsked) -> RegistrantsAnswered:
    answer = await registrants(events.pool, question)
    return RegistrantsAnswered.model_validate_json(answer) if isinstance(answer, bytes) else answer


def _each(answer: RegistrantsAnswered) -> list[Registrant]:
    """Everybody alone, in the order of their ids."""
    alone = list(answer.registrants)
    for alike in answer.alike:
        standing = alike.model_dump(include=set(Standing.model_fields))
        for registration, person in zip(alike.registration_ids, alike.person_ids, strict=True):
            alone.append(Registrant(registration_id=registration, person_id=person, **standing))
    return sorted(alone, key=lambda each: each.registration_id)
