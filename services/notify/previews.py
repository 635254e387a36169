"""What a text looks like: all of its sample letters, in the words that an editor is about to save."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain

from pydantic import BaseModel

from services.notify.layout import Layout
from services.notify.letter import Letter
from services.notify.sample import Sample
from services.notify.texts import Text

# A document of its own: nothing in it is fetched, run, sent anywhere, or shown inside another site.
DOCUMENT = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


class Preview(BaseModel):
    """One mail as `standing` (German) would get it. `number` is its place among those of the same text."""

    number: int
    standing: str
    subject: str
    text: str
    html: str


class Previews(BaseModel):
    """A text as all kinds of recipients would get it."""

    items: list[Preview]


def sources() -> tuple[Callable[[], Iterable[Sample]], ...]:
    """Whoever adds texts adds its samples here."""
    # Not before an editor looks: they are many, and made when their modules are read.
    from services.notify import (  # noqa: PLC0415
        announcement_samples,
        catalog_samples,
        question_samples,
        session_samples,
        subscriber_samples,
    )

    return (
        session_samples.samples,
        question_samples.samples,
        catalog_samples.samples,
        announcement_samples.samples,
        subscriber_samples.samples,
    )


@cache
def samples_of(name: str) -> Sequence[Sample]:
    """The sample letters of a text, each standing once; at least one."""
    found = {each.standing: each for each in chain.from_iterable(source() for source in sources()) if each.text == name}
    return tuple(found.values())


def letters(name: str, texts: Mapping[str, Text], portal: str) -> Iterator[tuple[str, Letter]]:
    """Every sample letter of a text, with whom it is for."""
    for sample in samples_of(name):
        yield sample.standing, sample.letter(texts, portal)


def previews(name: str, texts: Mapping[str, Text], layout: Layout, portal: str) -> Previews:
    """All of them, laid out as they would be sent."""
    return Previews(
        items=[
            Preview(
                number=number,
                standing=standing,
                subject=letter.subject,
                text=layout.text(letter),
                html=layout.html(letter),
            )
            for number, (standing, letter) in enumerate(letters(name, texts, portal))
        ]
    )
