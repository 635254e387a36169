"""A service whose command is answered without a journal: what HTTP alone costs. `python -m bench.twin`.

The events service's endpoint for starting a series, read, checked and logged by the same code in the same kind of
process; only the journal is left out.
"""

from services.events.rights import EDITORS
from services.events.series import SeriesContent, StartSeries
from services.events.settings import EventsSettings
from shared.kernel.endpoint import Answer, Call, Endpoint
from shared.kernel.http import committed
from shared.kernel.ids import new_id
from shared.kernel.recorded import Outcome
from shared.kernel.service import Parts, Runtime, main

PATH = "/api/v1/series"


async def start_series(call: Call) -> Answer:
    """Makes the command and its context, and answers as if it had been recorded."""
    content: SeriesContent = call.body
    command = StartSeries(series_id=str(new_id()), content=content)
    call.context()
    return committed(Outcome(command.series_id, 1, 1, repeated=False), 201, f"{PATH}/{command.series_id}")


async def build(_runtime: Runtime[EventsSettings]) -> Parts:
    """One endpoint."""
    summary = "Starts a series, and forgets it"
    return Parts(endpoints=[Endpoint("POST", PATH, start_series, summary, SeriesContent, status=201, roles=EDITORS)])


if __name__ == "__main__":
    raise SystemExit(main(EventsSettings, build))
