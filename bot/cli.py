"""The command line. Says what each command does and turns errors into one line; the work is done elsewhere.

Everything heavy is imported inside the commands, so that `reelbot --help` is there at once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.commands import loading, run_async, settings_of_here
from bot.events import events
from bot.money import money
from core.errors import ReelbotError

app = typer.Typer(
    name="reelbot",
    help="A chat bot that turns a conversation into a finished video. Settings come from the environment and .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the rich one takes three times as long to load as everything else
)
database = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(database, name="db")
app.add_typer(money, name="money")
app.add_typer(events, name="events")


def main() -> None:
    """Run the command that the process was started with."""
    try:
        app()
    except ReelbotError as error:
        _explain([error])
    except ExceptionGroup as group:
        ours, others = group.split(ReelbotError)
        if others is not None or ours is None:
            raise
        _explain(list(_leaves(ours)))
    except OSError as error:
        if error.filename is None:
            raise
        _explain([error])


def _explain(errors: list[ReelbotError] | list[OSError]) -> None:
    from bot.redaction import Redactor
    from bot.settings_checks import SettingsError

    redact = Redactor()
    for error in errors:
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        if isinstance(error, SettingsError):
            sys.stderr.write("Reelbot cannot start with these settings:\n")
        sys.stderr.write(redact(text) + "\n")
    sys.exit(2 if isinstance(errors[0], SettingsError) else 1)


def _leaves(group: ExceptionGroup[ReelbotError]) -> Iterator[ReelbotError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False) -> None:
    if version:
        typer.echo(f"reelbot {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("reelbot")
    except PackageNotFoundError:  # runs from a checkout
        import tomllib

        project = Path(__file__).resolve().parent.parent / "pyproject.toml"
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])


@app.command()
def chat() -> None:
    """Chat in the terminal. Needs no key and no settings; also reads a script from a pipe."""
    settings = settings_of_here()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    from bot import chatting
    from bot.stopping import run_until_stopped

    chatting.check_chat(settings)
    # The terminal belongs to the conversation.
    with (settings.data_dir / "chat.log").open("a", encoding="utf-8") as file:
        run_until_stopped(lambda: chatting.chat(settings, file), within_s=settings.stop_within_s, interrupted=130)


@app.command()
def run(
    only: Annotated[
        Literal["gateway", "worker"] | None, typer.Option(help="Run just this part; another process runs the other.")
    ] = None,
) -> None:
    """Run the bot: it takes messages in, makes the videos and delivers them."""
    settings = settings_of_here()
    with loading():
        from bot.build import build
        from bot.logs import configure_logging
        from bot.stopping import run_until_stopped

    configure_logging(settings.log_level, settings.log_format, settings.secrets)

    async def work() -> None:
        async with build(settings) as program:
            gc.freeze()  # what is there by now stays until the end
            await program.run(only=only)

    run_until_stopped(work, within_s=settings.stop_within_s)


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what is configured, what is missing and what does not answer. Shows no secret."""
    settings = settings_of_here()
    from rich.console import Console

    from bot import check as checking
    from bot.build import build
    from bot.logs import configure_logging

    configure_logging("ERROR", settings.log_format, settings.secrets)

    async def work() -> tuple[checking.Outcome, ...]:
        async with build(settings) as program:
            return await checking.run_probes(
                program.probes(), timeout_s=settings.check_timeout_s, secrets=settings.secrets
            )

    outcomes = run_async(work())
    if as_json:
        typer.echo(checking.as_json(settings, outcomes))
    else:
        checking.print_tables(Console(), settings, outcomes)
    raise typer.Exit(1 if checking.failed(outcomes) else 0)


@app.command()
def simulate(
    paid: Annotated[
        bool, typer.Option("--paid", help="With the configured video service; says what it costs, and asks.")
    ] = False,
    within: Annotated[float, typer.Option(min=1, help="Seconds that any one wait may take.")] = 600,
) -> None:
    """Send a test request through the whole path, with these settings: dialogue, card, rendering, checks, clip store,
    delivery into DATA_DIR/simulated. Never disturbs a running Reelbot; exit code 1 when a step fails."""
    settings = settings_of_here()
    from bot.logs import configure_logging
    from bot.redaction import Redactor
    from bot.simulating import Step
    from bot.simulating import simulate as go

    configure_logging("ERROR", settings.log_format, settings.secrets)
    redact = Redactor(settings.secrets)

    def say(step: Step) -> None:
        outcome = "ok" if step.ok else "FAILED"
        typer.echo(redact(f"{outcome:<7}{step.seconds:7.2f} s  {step.name:<18} {step.detail}".rstrip()))

    typer.echo(
        f"Real: the dialogue, {'the video service' if paid else 'the storyboard renderer (--paid: the service)'}, the "
        "checks, the clip store, the disk. Not tried: chats, webhooks, and the rows of the real database."
    )
    if not run_async(go(settings, paid=paid, agree=typer.confirm, say=say, within_s=within)):
        typer.echo("The path is broken where it says FAILED.")
        raise typer.Exit(1)
    typer.echo("The whole path works.")


@database.command()
def upgrade() -> None:
    """Create the tables or bring them up to date. `reelbot run` does so by itself."""
    settings = settings_of_here()
    from bot.logs import configure_logging
    from storage import migrations

    configure_logging("WARNING", settings.log_format, settings.secrets)
    run_async(migrations.upgrade(settings.database))
    typer.echo("The database is up to date.")


@database.command()
def copy(
    to: Annotated[
        str,
        typer.Option(
            help="The empty PostgreSQL database, like postgresql://user@host/reelbot. Its password may come from "
            "PGPASSWORD or ~/.pgpass, which other people on this machine cannot see."
        ),
    ],
) -> None:
    """Move from SQLite to PostgreSQL: copy everything from DATABASE_URL. Stop Reelbot first; the old file is left as
    it is, and the new database gets everything or nothing."""
    settings = settings_of_here()
    from bot.logs import configure_logging
    from core.money import exact_dollars
    from storage.copying import copy_database

    configure_logging("WARNING", settings.log_format, settings.secrets)
    done = copy_database(settings.database, to, told=lambda table, rows: typer.echo(f"  {table}: {rows}"))
    typer.echo(
        f"{sum(done.rows.values())} rows of {len(done.rows)} tables are copied, each read back and as it was. The "
        f"ledger of {done.proof.generations} videos has the same totals on both sides: {done.proof.sums}, "
        f"{exact_dollars(done.proof.open)} of it still open."
    )
    for finding in done.proof.findings:
        typer.echo(f"It was so before already: {finding}")
    typer.echo(
        "Now set DATABASE_URL to the new database and start Reelbot. The clips stay where MEDIA_URL keeps them. Do not "
        "start it on the old file again: what was under way would be done twice."
    )
