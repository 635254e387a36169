"""The closed lists over HTTP."""

from pydantic import BaseModel

from services.catalog.answers import API
from services.catalog.size_class import SizeClass
from services.catalog.vocabulary import VOCABULARIES
from shared.kernel.http import Answer, Call, Endpoint


class TermShown(BaseModel):
    """A word of a closed list: code, German word for addresses, label; legal forms with their law."""

    value: str
    slug: str
    label: str
    law: str | None


class Vocabularies(BaseModel):
    """The closed lists of the catalogue, by field."""

    vocabularies: dict[str, list[TermShown]]


VOCABULARY_ANSWER = Vocabularies(
    vocabularies={
        name: [TermShown(value=str(term), slug=term.slug, label=term.label, law=term.law or None) for term in terms]
        for name, terms in (VOCABULARIES | {"size_class": SizeClass}).items()
    }
)


async def vocabularies(_call: Call) -> Answer:
    """The closed lists."""
    return Answer(VOCABULARY_ANSWER)


def endpoints() -> list[Endpoint]:
    """The one list of lists."""
    return [
        Endpoint(
            "GET",
            f"{API}/vocabularies",
            vocabularies,
            "Read the closed lists: legal forms, stages, roles …",
            answer=Vocabularies,
        ),
    ]
