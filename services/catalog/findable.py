"""A name that the directory and the topics are found by."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from services.catalog.naming import name_key
from services.catalog.plain_text import PlainLabel, PlainLine

LONGEST_KEY = 600  # one sign may stand for a whole sentence („ﷺ“), and every search compares with all of it
LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def _with_a_word(name: str) -> str:
    """Both of the name and of its key: some signs are no letters and become some („№“), others leave nothing."""
    key = name_key(name)
    if len(key) > LONGEST_KEY:
        raise PydanticCustomError("name_too_long", "Ausgeschrieben ist dieser Name zu lang.")
    if LETTER_OR_DIGIT.search(name) is None or not key:
        raise PydanticCustomError("no_word", "Ein Name enthält mindestens einen Buchstaben oder eine Ziffer.")
    return name


type Findable = Annotated[PlainLine, AfterValidator(_with_a_word)]
type FindableLabel = Annotated[PlainLabel, AfterValidator(_with_a_word)]
