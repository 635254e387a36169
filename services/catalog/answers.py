"""What the catalogue's lists and pages answer, whatever they are of."""

from typing import Protocol

from pydantic import BaseModel

from shared.kernel.http import Answer, Call, Role
from shared.kernel.problems import Problem

API = "/api/v1"
EDITORS: frozenset[Role] = frozenset({"editor"})
SEE_DRAFTS: frozenset[Role] = frozenset({"editor", "operator"})


class Versioned(Protocol):
    """What is shown with the version of its aggregate."""

    @property
    def version(self) -> int:
        """How many facts there are of it."""


def written_upon(call: Call, version: int, by_itself: int) -> int | None:
    """The version that a change is meant for: the present one, if all that came since the client's came by itself.

    `by_itself` counts the latest versions that time brought: they changed nothing that anybody had read.
    """
    read = call.expected_version
    return version if read is not None and version - by_itself <= read <= version else read


def found(answer: BaseModel | None) -> Answer:
    """What was asked for; `not_found` when there is none."""
    if answer is None:
        raise Problem("not_found")
    return Answer(answer)


def found_in_version(answer: Versioned | None, call: Call) -> Answer:
    """What was asked for, with its version as the ETag for those who may change it; `not_found` when there is none."""
    if answer is None:
        raise Problem("not_found")
    return Answer(answer, version=answer.version if SEE_DRAFTS & call.identity.roles else None)
