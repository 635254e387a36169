"""Errors in words that may be kept and shown: what went wrong, never the values it went wrong with."""

from pydantic import ValidationError

from shared.kernel.logs import hidden

LENGTH = 1000


def described(error: BaseException) -> str:
    """One line: the kind of error and its message; of a validation, the fields and what is wrong with them."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=False, include_input=False)
        what = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
    else:
        what = str(error).partition("\n")[0]  # further lines are Postgres' details, which quote rows
    return f"{type(error).__name__}: {hidden(what)}"[:LENGTH]
