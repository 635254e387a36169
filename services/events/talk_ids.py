"""What a talk is known by: files hang on it, so it stays when the talk is revised."""

from collections.abc import Iterable, Sequence

from services.events.life import Life
from services.events.programme import Talk
from shared.kernel.ids import named_id
from shared.kernel.problems import of_fields


def identified(talks: Sequence[Talk], session_id: str, life: Life | None, field: str) -> tuple[Talk, ...]:
    """The talks with their ids: the one that was named, that of the talk with the same title, else a new one.

    A new one follows from the session and the title, so that saying the same twice gives the same. A problem names the
    talks whose id is of no talk of this session, or was named before.
    """
    known = known_talks(life)
    ids: set[str] = {talk.talk_id for talk in known if talk.talk_id}
    _refuse_strangers(talks, ids, field)
    taken: set[str] = {talk.talk_id for talk in talks if talk.talk_id}
    named = []
    for talk in talks:
        talk_id = talk.talk_id or _same(talk, known, taken) or _new(talk, session_id, ids | taken)
        taken.add(talk_id)
        named.append(talk.model_copy(update={"talk_id": talk_id}))
    return tuple(named)


def known_talks(life: Life | None) -> tuple[Talk, ...]:
    """The talks of a session, planned or held."""
    held = life.documentation.talks if life and life.documentation else ()
    return (*held, *life.content.agenda) if life else ()


def _refuse_strangers(talks: Sequence[Talk], ids: set[str], field: str) -> None:
    seen: set[str] = set()
    wrong = []
    for n, talk in enumerate(talks):
        if talk.talk_id and (talk.talk_id not in ids or talk.talk_id in seen):
            wrong.append(f"/{field}/{n}/talk_id")
        seen.add(talk.talk_id or "")
    if wrong:
        raise of_fields("unknown_talk", wrong)


def _same(talk: Talk, known: Iterable[Talk], taken: set[str]) -> str | None:
    title = talk.title.casefold()
    return next(
        (one.talk_id for one in known if one.talk_id and one.talk_id not in taken and one.title.casefold() == title),
        None,
    )


def _new(talk: Talk, session_id: str, taken: set[str]) -> str:
    candidates = (str(named_id("talk", f"{session_id}/{n}/{talk.title}")) for n in range(len(taken) + 1))
    return next(candidate for candidate in candidates if candidate not in taken)
