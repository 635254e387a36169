"""`ikz`: runs a system and helps the people who operate it."""

import typer

from shared.cli import content, control, database, dead_letters, doctor, journal, projects, tail, up

app = typer.Typer(
    name="ikz",
    help="Runs the portal for inter-municipal cooperation and helps those who operate it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (up, control, database, content, projects, journal, dead_letters, tail, doctor):
    group.add_to(app)


if __name__ == "__main__":
    app()
