"""`reelbot events`: what programs outside were told, what nobody took, and telling it again.

Reads and writes the database beside a running bot, which does the telling. How events come to be is told in
`core.events`; everything heavy is imported inside the commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bot.commands import run_async, settings_of_here
from core.errors import PermanentError

if TYPE_CHECKING:
    from storage.events import EventStore, KeptEvent

events = typer.Typer(help="Events out: list them and tell them again.", no_args_is_help=True)

T = TypeVar("T")


def _with_events(work: Callable[[EventStore], Awaitable[T]]) -> T:
    """What `work` makes of the events in the database."""
    settings = settings_of_here(logs_errors=True)
    from storage.store import SqlStore

    async def run() -> T:
        store = SqlStore(settings.database)
        try:
            await store.open()
            return await work(store.events)
        finally:
            await store.close()

    return run_async(run())


@events.command("list")
def list_events(
    dead: Annotated[
        bool, typer.Option("--dead", help="Only what was given up after a day, or was not wanted.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
) -> None:
    """The newest events, oldest first: what happened to which video, and whether it was told. What was told is kept for
    30 days, what was given up for 90."""
    found = _with_events(lambda rows: rows.listed(given_up=dead, limit=limit))
    if not found:
        typer.echo("Nothing was given up." if dead else "There are no events. They are kept while WEBHOOK_URL is set.")
        return
    lines = [("Event", "Video", "What", "When", "Now"), *map(_line, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if dead:
        typer.echo("Tell one again: reelbot events replay evt_…  All of them: reelbot events replay --all-dead")


def _line(kept: KeptEvent) -> tuple[str, ...]:
    event = kept.event
    status = event.data["status"]
    what = event.kind.value if event.kind.value.endswith(f".{status}") else f"{event.kind.value} ({status})"
    return event.id, str(event.data["generation"]), what, _moment(event.at), _state(kept)


def _state(kept: KeptEvent) -> str:
    if kept.sent_at is not None:
        return f"told {_moment(kept.sent_at)}"
    tries = f"{kept.attempts} failed {'try' if kept.attempts == 1 else 'tries'}"
    if kept.given_up_at is not None:
        return f"given up {_moment(kept.given_up_at)}, {tries}"
    return f"waits, {tries}, next {_moment(kept.due_at)}" if kept.attempts else "waits"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@events.command()
def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[EVENT]...", help="Which, such as evt_….")] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="Everything that was given up.")] = False,
) -> None:
    """Tell events again, under the same ids, with a day of tries anew. The running bot does so within seconds."""
    if bool(event_ids) == all_dead:
        raise typer.BadParameter("name events, or say --all-dead", param_hint="EVENT")
    wanted = None if all_dead else tuple(event_ids or ())
    replayed = _with_events(lambda rows: rows.replay(wanted, datetime.now(UTC)))
    missing = [one for one in wanted or () if one not in replayed]
    if replayed:
        count = "1 event is" if len(replayed) == 1 else f"{len(replayed)} events are"
        typer.echo(f"{count} told again as soon as the bot runs with WEBHOOK_URL set.")
    elif all_dead:
        typer.echo("Nothing was given up.")
    if missing:
        raise PermanentError(
            f"{', '.join(missing)}: there is no such event, or it waits to be told anyway. See: reelbot events list"
        )
