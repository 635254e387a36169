"""What messages of earlier versions hold of their recipients, sealed: opened to be sent, never written any more."""

import orjson

from services.notify.matter import Claimed
from shared.contracts.rpc import ContactLetter, QuestionLetter, Recipient
from shared.kernel.vault import Vault

PURPOSE = "message"
CARDS: dict[str, type[Recipient | QuestionLetter | ContactLetter]] = {
    "sessions": Recipient,
    "questions": QuestionLetter,
    "contacts": ContactLetter,
}


async def opened(vault: Vault, claimed: Claimed, matter: str) -> Recipient | QuestionLetter | ContactLetter | None:
    """What was sealed; None once its recipient, or who else it was sealed for, is erased."""
    assert claimed.sealed is not None
    known = await vault.open(claimed.person_id, PURPOSE, claimed.sealed)
    if known is not None and claimed.sealed_for is not None and claimed.sealed_for != claimed.person_id:
        known = await vault.open(claimed.sealed_for, PURPOSE, orjson.loads(known)["sealed"])
    return None if known is None else CARDS[matter].model_validate_json(known)
