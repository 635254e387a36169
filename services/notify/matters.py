"""Everything that messages can be about, each with whom to ask."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from services.notify.asker_matter import AskerMatter
from services.notify.contact_matter import ContactMatter
from services.notify.data_link_matter import DataLinkMatter
from services.notify.matter import Matter, Matters
from services.notify.question_matter import QuestionMatter
from services.notify.session_matter import SessionMatter
from services.notify.texts import Text
from services.notify.wishes import Wishes
from shared.contracts.rpc import (
    AddressesAnswered,
    AddressesAsked,
    AskersAnswered,
    AskersAsked,
    ContactAnswered,
    ContactAsked,
    DataLinkAnswered,
    DataLinkAsked,
    QuestionLetterAnswered,
    QuestionLetterAsked,
    RegistrantsAnswered,
    RegistrantsAsked,
)
from shared.kernel.bus import Bus
from shared.kernel.rpc import ask


def all_matters(
    bus: Bus, texts: Mapping[str, Text], portal: str, wishes: Wishes, more: Sequence[Matter[Any]] = ()
) -> Matters:
    """A new matter is one line here; `more` are those that are parts of something else."""
    registrants = asking(bus, RegistrantsAsked.subject, RegistrantsAnswered)
    addresses = asking(bus, AddressesAsked.subject, AddressesAnswered)
    question = asking(bus, QuestionLetterAsked.subject, QuestionLetterAnswered)
    askers = asking(bus, AskersAsked.subject, AskersAnswered)
    contact = asking(bus, ContactAsked.subject, ContactAnswered)
    data_link = asking(bus, DataLinkAsked.subject, DataLinkAnswered)
    return Matters(
        [
            SessionMatter(wishes.pool, texts, portal, registrants, addresses, wishes),
            QuestionMatter(texts, portal, question),
            AskerMatter(texts, portal, askers, question),
            ContactMatter(texts, portal, contact),
            DataLinkMatter(texts, portal, data_link),
            *more,
        ]
    )


def asking[A: BaseModel](bus: Bus, subject: str, answered: type[A]) -> Callable[[BaseModel], Awaitable[A]]:
    """Asks a service over NATS."""

    async def answer(question: BaseModel) -> A:
        return await ask(bus, subject, question, answered)

    return answer
