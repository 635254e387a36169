"""What went wrong: what may be tried again, and how to speak of the rest without the words of the error."""

import traceback
from pathlib import PurePath

import asyncpg

from shared.kernel.postgres import CONNECTION_LOST

TRY_AGAIN = (*CONNECTION_LOST, asyncpg.DeadlockDetectedError)
"""What the database raises when the same may work in a moment."""


def described(error: BaseException) -> str:
    """Kind and place: `KeyError at letter.py:120`. A validation's own words would repeat what was validated."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
