"""The one place that asks for the time."""

from datetime import UTC, datetime, timedelta


class Clock:
    """The time at the edge, in UTC. `offset` seconds move it, for rehearsals and tests of a whole system."""

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = timedelta(seconds=offset)

    def now(self) -> datetime:
        """Now, aware, in UTC."""
        return datetime.now(UTC) + self._offset
