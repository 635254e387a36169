"""What is to be said about cooperation requests, and to whom? The answer to `rpc.catalog.cooperation_letter`."""

from services.catalog import contact_list, cooperation_list, organisation_directory
from services.catalog.cooperation_list import CooperationRequestShown
from shared.contracts.rpc import CooperationLetter, CooperationLetterAnswered, CooperationLetterAsked
from shared.kernel.ids import parse_id
from shared.kernel.postgres import Connection, Pool


async def cooperation_letter(pool: Pool, asked: CooperationLetterAsked) -> CooperationLetterAnswered:
    """What everybody can read of each, and who is told of it."""
    ids = [each.lower() for each in asked.cooperation_request_ids if parse_id(each)]
    async with pool.acquire() as connection:
        found = await cooperation_list.some(connection, ids)
        letters = [await _letter(connection, found[each]) for each in dict.fromkeys(ids) if each in found]
    return CooperationLetterAnswered(letters=tuple(letters))


async def _letter(connection: Connection, request: CooperationRequestShown) -> CooperationLetter:
    contact = await contact_list.address_of(connection, "cooperation_request", request.id)
    meaning = await organisation_directory.ids_meaning(connection, request.organisation.id)
    return CooperationLetter(
        cooperation_request_id=request.id,
        open=request.status == "open",
        title=request.title,
        kind=request.kind,
        kind_label=request.labels["kind"][request.kind],
        topics=tuple(request.labels["topics"].values()),
        organisation=request.organisation.name,
        organisation_ids=tuple(sorted(meaning)),
        contact_id=contact["person_id"] if contact else None,
        expires_on=request.expires_on,
    )
