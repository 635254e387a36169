"""A name that the directory and the topics are found by."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from services.catalog.naming import name_key
from services.catalog.plain_text import PlainLabel, PlainLine

LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def _with_a_word(name: str) -> str:
    """Both of the name and of its key: some signs are no letters and become some („№“), others leave nothing."""
    if LETTER_OR_DIGIT.search(name) is None or not name_key(name):
        raise PydanticCustomError("no_word", "Ein Name enthält mindestens einen Buchstaben oder eine Ziffer.")
    return name


type Findable = Annotated[PlainLine, AfterValidator(_with_a_word)]
type FindableLabel = Annotated[PlainLabel, AfterValidator(_with_a_word)]
