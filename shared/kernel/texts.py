"""Shapes of texts that every service takes, written down once so that no two of them differ.

They hold wherever a value comes from: a request, a form, loaded content, the journal. What no text of a request may
hold at all is for `parsing` to say.
"""

from typing import Annotated

from pydantic import StringConstraints

ONE_LINE = r"^[^\x00-\x1f\x7f]*$"

type Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=ONE_LINE)]
type Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
type Id = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", to_lower=True)
]
