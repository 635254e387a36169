"""What a session refers to in the catalogue is there before it is decided: topics, a place, projects."""

from collections.abc import Iterable, Sequence

from services.events.programme import Content, Talk
from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.kernel.bus import Bus
from shared.kernel.problems import Problem, of_fields
from shared.kernel.rpc import ask


async def refuse_unknown(bus: Bus, content: Content, present: Content | None, known: Iterable[Talk]) -> None:
    """Asks the catalogue about what is new beside `present` and `known` talks; a problem names the unknown, by field.

    `unavailable` when there is no answer, whatever kept it: it was we who asked, and not the client.
    """
    question = _question(content, present, known)
    answer = await _answer(bus, question)
    if answer.unknown_topics:
        unknown = [n for n, code in enumerate(content.topics) if code in answer.unknown_topics]
        raise of_fields("unknown_topic", [f"/topics/{n}" for n in unknown])
    if answer.unknown_ags:
        raise of_fields("unknown_organisation", ["/venue/ags"])
    _refuse_projects(content.agenda, answer, "agenda")


async def refuse_unknown_talks(bus: Bus, talks: Sequence[Talk], known: Iterable[Talk]) -> None:
    """The same about the talks that were held."""
    answer = await _answer(bus, KnownAsked(projects=_projects(talks, known)))
    _refuse_projects(talks, answer, "talks")


async def _answer(bus: Bus, question: KnownAsked) -> KnownAnswered:
    if not (question.topics or question.ags or question.projects):
        return KnownAnswered()
    try:
        return await ask(bus, KnownAsked.subject, question, KnownAnswered)
    except Problem as problem:
        raise Problem("unavailable") from problem


def _refuse_projects(talks: Sequence[Talk], answer: KnownAnswered, field: str) -> None:
    if answer.unknown_projects:
        unknown = [n for n, talk in enumerate(talks) if talk.project_id in answer.unknown_projects]
        raise of_fields("unknown_project", [f"/{field}/{n}/project_id" for n in unknown])


def _question(content: Content, present: Content | None, known: Iterable[Talk]) -> KnownAsked:
    topics, ags = _referred(content)
    known_topics, known_ags = _referred(present) if present else ((), ())
    return KnownAsked(
        topics=tuple(code for code in topics if code not in known_topics),
        ags=tuple(key for key in ags if key not in known_ags),
        projects=_projects(content.agenda, known),
    )


def _projects(talks: Iterable[Talk], known: Iterable[Talk]) -> tuple[str, ...]:
    """The projects of talks that no known talk is about, each once."""
    present = {talk.project_id for talk in known}
    named = (talk.project_id for talk in talks if talk.project_id and talk.project_id not in present)
    return tuple(dict.fromkeys(named))


def _referred(content: Content) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes of topics, and the venue's key if it has one."""
    ags = content.venue.ags if content.venue else None
    return content.topics, (ags,) if ags else ()
