"""What is personal about questions, sealed with two keys, the asker's and the question's own: either end destroys it.

The asker's key goes when the person is erased; the question's when it lapses, is withdrawn, or was kept long enough.
"""

from collections.abc import Sequence
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict

from services.events.question import Question
from shared.kernel.vault import Vault

type Purpose = Literal["asker", "text", "reason", "answer", "publication"]


class Asker(BaseModel):
    """Whom to write to, and the token of the link that only the mail knows."""

    model_config = ConfigDict(frozen=True)

    email: str
    name: str
    organisation_name: str | None = None
    token: str


class Words(BaseModel):
    """What somebody wrote."""

    model_config = ConfigDict(frozen=True)

    text: str


class Publication(BaseModel):
    """A question as everybody may read it."""

    model_config = ConfigDict(frozen=True)

    text: str
    answer: str | None = None
    organisation: str | None = None


class Opened(BaseModel):
    """Everything that is sealed about a question; None of what there is not, or no more."""

    model_config = ConfigDict(frozen=True)

    asker: Asker | None = None
    text: str | None = None
    reason: str | None = None
    answer: str | None = None
    publication: Publication | None = None


async def make_keys(vault: Vault, person_id: str, question_id: str) -> None:
    """Both keys of a new question; `Erased` when the person has been forgotten."""
    await vault.ensure(person_id)
    await vault.ensure(question_id)


async def seal(vault: Vault, person_id: str, question_id: str, purpose: Purpose, plain: BaseModel) -> str:
    """`plain` behind both keys; `Erased` when one of them was destroyed."""
    inner = await vault.seal(person_id, _of(question_id, purpose), plain)
    return await vault.seal(question_id, _of(question_id, purpose), {"sealed": inner})


async def sealed_words(vault: Vault, question: Question, purpose: Purpose, text: str, present: str | None) -> str:
    """`text` behind both keys: what is `present` if that says the same, so that saying it again changes nothing."""
    (plain,) = await open_many(vault, [(question, purpose, present)])
    if present and plain and Words.model_validate_json(plain).text == text:
        return present
    return await seal(vault, question.person_id, question.question_id, purpose, Words(text=text))


async def open_many(vault: Vault, sealed: Sequence[tuple[Question, Purpose, str | None]]) -> list[bytes | None]:
    """What was sealed, in its order, by two questions to the database; None where a key is gone."""
    there = [(question, purpose, text) for question, purpose, text in sealed if text is not None]
    outer = await vault.open_many(
        [(one.question_id, _of(one.question_id, purpose), text) for one, purpose, text in there]
    )
    still = [
        (one, purpose, orjson.loads(plain)["sealed"])
        for (one, purpose, _), plain in zip(there, outer, strict=True)
        if plain is not None
    ]
    inner = await vault.open_many(
        [(one.person_id, _of(one.question_id, purpose), text) for one, purpose, text in still]
    )
    found = {(one.question_id, purpose): plain for (one, purpose, _), plain in zip(still, inner, strict=True)}
    return [found.get((one.question_id, purpose)) for one, purpose, _ in sealed]


async def opened(vault: Vault, questions: Sequence[Question]) -> list[Opened]:
    """Everything about some questions."""
    wanted: list[tuple[Question, Purpose, str | None]] = [
        part
        for one in questions
        for part in (
            (one, "asker", one.sealed),
            (one, "text", one.sealed_text),
            (one, "reason", one.sealed_reason),
            (one, "answer", one.sealed_answer),
            (one, "publication", one.sealed_publication),
        )
    ]
    plain = iter(await open_many(vault, wanted))
    return [_opened(next(plain), next(plain), next(plain), next(plain), next(plain)) for _ in questions]


async def publications(vault: Vault, questions: Sequence[Question]) -> list[Publication | None]:
    """What everybody may read of some questions."""
    plain = await open_many(vault, [(one, "publication", one.sealed_publication) for one in questions])
    return [Publication.model_validate_json(each) if each else None for each in plain]


async def texts(vault: Vault, questions: Sequence[Question]) -> list[str | None]:
    """What was asked."""
    return list(map(_words, await open_many(vault, [(one, "text", one.sealed_text) for one in questions])))


def _opened(
    asker: bytes | None, text: bytes | None, reason: bytes | None, answer: bytes | None, publication: bytes | None
) -> Opened:
    return Opened(
        asker=Asker.model_validate_json(asker) if asker else None,
        text=_words(text),
        reason=_words(reason),
        answer=_words(answer),
        publication=Publication.model_validate_json(publication) if publication else None,
    )


def _words(plain: bytes | None) -> str | None:
    return Words.model_validate_json(plain).text if plain else None


def _of(question_id: str, purpose: Purpose) -> str:
    return f"question/{question_id}/{purpose}"
