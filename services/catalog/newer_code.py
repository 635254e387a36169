"""What this code cannot read was written by newer code: it is left to the replicas that run that."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from shared.kernel.codec import UnknownEvent


@contextmanager
def left_to_newer_code(what: str) -> Iterator[None]:
    """Reading a row of a read model: one that does not have the shape known here is `UnknownEvent`."""
    try:
        yield
    except ValidationError as error:
        raise UnknownEvent(what) from error
