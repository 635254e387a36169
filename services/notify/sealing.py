"""What a waiting message is made of, sealed: with the recipient's key, and with that of whose words it carries."""

import orjson

from services.notify.queue import Claimed
from shared.contracts.rpc import ContactLetter, QuestionLetter, Recipient
from shared.kernel.vault import Vault

PURPOSE = "message"


async def seal(vault: Vault, person_id: str, known: Recipient | QuestionLetter) -> str:
    """For one recipient; `Erased` when that person was."""
    await vault.ensure(person_id)
    return await vault.seal(person_id, PURPOSE, known)


async def seal_letter(vault: Vault, letter: ContactLetter) -> str:
    """For a recipient and a sender: either's erasure makes it unreadable. `Erased` when one of them was."""
    await vault.ensure(letter.person_id)
    await vault.ensure(letter.sender_id)
    sealed = await vault.seal(letter.sender_id, PURPOSE, letter)
    if letter.sender_id == letter.person_id:
        return sealed
    return await vault.seal(letter.person_id, PURPOSE, {"sealed": sealed})


async def opened(vault: Vault, claimed: Claimed) -> bytes | None:
    """The JSON that was sealed; None once its recipient, or who else it was sealed for, is erased."""
    known = await vault.open(claimed.person_id, PURPOSE, claimed.sealed)
    if known is None or claimed.sealed_for is None or claimed.sealed_for == claimed.person_id:
        return known
    return await vault.open(claimed.sealed_for, PURPOSE, orjson.loads(known)["sealed"])
