"""What a session refers to in the catalogue, its topics and its venue's municipality, is there before it is decided."""

from services.events.programme import Content
from shared.contracts.rpc import KnownAnswered, KnownAsked
from shared.kernel.bus import Bus
from shared.kernel.problems import Problem, of_fields
from shared.kernel.rpc import ask


async def refuse_unknown(bus: Bus, content: Content, present: Content | None = None) -> None:
    """Asks the catalogue about what is new beside `present`, if anything is; a problem names what is unknown, by field.

    `unavailable` when there is no answer, whatever kept it: it was we who asked, and not the client.
    """
    question = _question(content, present)
    if not (question.topics or question.ags):
        return
    try:
        answer = await ask(bus, KnownAsked.subject, question, KnownAnswered)
    except Problem as problem:
        raise Problem("unavailable") from problem
    if answer.unknown_topics:
        unknown = [n for n, code in enumerate(content.topics) if code in answer.unknown_topics]
        raise of_fields("unknown_topic", [f"/topics/{n}" for n in unknown])
    if answer.unknown_ags:
        raise of_fields("unknown_organisation", ["/venue/ags"])


def _question(content: Content, present: Content | None) -> KnownAsked:
    topics, ags = _referred(content)
    known_topics, known_ags = _referred(present) if present else ((), ())
    return KnownAsked(
        topics=tuple(code for code in topics if code not in known_topics),
        ags=tuple(key for key in ags if key not in known_ags),
    )


def _referred(content: Content) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes of topics, and the venue's key if it has one."""
    ags = content.venue.ags if content.venue else None
    return content.topics, (ags,) if ags else ()
