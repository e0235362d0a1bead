"""`reelbot money`: the proof that the ledger is right, what was spent, what waits for a decision, and that decision.

Reads and writes the database beside a running bot. What is proved and summed up is the work of `storage.proof` and
`storage.reports`; everything heavy is imported inside the commands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot.commands import run_async, settings_of_here
from core.errors import PermanentError, StaleRow
from core.money import exact_dollars

if TYPE_CHECKING:
    from core.generation import Generation
    from storage.proof import Proof
    from storage.reports import Period, Spending
    from storage.store import SqlStore

money = typer.Typer(help="The money: check, report, list and settle.", no_args_is_help=True)

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


# --- check -----------------------------------------------------------------------------------------------------------


@money.command()
def check() -> None:
    """Prove that every hold ends once, that nothing is charged above its card or without a clip, and that all totals
    agree. Changes nothing; exit code 1 when something is wrong."""
    settings = settings_of_here(logs_errors=True)
    from storage.reports import Reports

    async def work() -> Proof:
        reports = Reports(settings.database)
        try:
            await reports.open()
            return await reports.prove()
        finally:
            await reports.close()

    proof = run_async(work())
    sums = proof.sums
    rows = [
        ("Videos", str(proof.generations)),
        ("People", str(proof.people)),
        ("Teams", str(proof.teams)),
        ("Held", exact_dollars(sums.held)),
        ("Captured", exact_dollars(sums.captured)),
        ("Released", exact_dollars(sums.released)),
        ("Captured below the hold", exact_dollars(proof.spared)),
        ("Still held", exact_dollars(proof.open)),
    ]
    _print_table(("", ""), rows)
    for finding in proof.findings:
        typer.echo(finding)
    wrong = len(proof.findings)
    if wrong:
        typer.echo(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong.")
        raise typer.Exit(1)
    typer.echo("The ledger is right.")


# --- report ----------------------------------------------------------------------------------------------------------


@money.command()
def report(
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")],
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day, included. Unset: today.")
    ] = None,
    by: Annotated[
        Literal["person", "channel", "team", "model", "day"], typer.Option(help="What each line is about.")
    ] = "person",
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets.")] = False,
) -> None:
    """What was held, captured and released; what the dialogue cost; and, as the house's, what
    providers may bill for work that nobody was charged for. Days begin where BUDGET_ZONE says."""
    settings = settings_of_here(logs_errors=True)
    from zoneinfo import ZoneInfo

    from storage.reports import Period, Reports

    zone = UTC if settings.budget_zone == "UTC" else ZoneInfo(settings.budget_zone)
    last = until.date() if until else max(datetime.now(zone).date(), since.date())
    if last < since.date():
        raise typer.BadParameter("it is before --since", param_hint="--until")
    period = Period(first=since.date(), last=last, zone=zone)

    async def work() -> tuple[Spending, ...]:
        reports = Reports(settings.database)
        try:
            await reports.open()
            return await reports.spending(period, by)
        finally:
            await reports.close()

    lines = run_async(work())
    if as_csv:
        typer.echo(csv_of(lines, by), nl=False)
    else:
        _print_report(lines, by, period, settings.budget_zone)


def csv_of(lines: Sequence[Spending], by: str) -> str:
    """The report for a spreadsheet: plain amounts in dollars, and no text that a spreadsheet would compute."""
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((by, "held_usd", "captured_usd", "released_usd", "clips", "dialogue_usd", "house_usd"))
    for line in lines:
        sums = line.sums
        held, captured, released, dialogue, house = (
            exact_dollars(amount).replace("$", "")
            for amount in (sums.held, sums.captured, sums.released, line.dialogue, line.house)
        )
        writer.writerow((harmless(line.subject), held, captured, released, line.clips, dialogue, house))
    return file.getvalue()


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip().startswith(FORMULA) or text[:1] in ("\t", "\r", "\n") else text


def _print_report(lines: Sequence[Spending], by: str, period: Period, zone: str) -> None:
    rows: list[tuple[str, ...]] = [
        (
            line.subject or "(none)",
            exact_dollars(line.sums.held),
            exact_dollars(line.sums.captured),
            exact_dollars(line.sums.released),
            str(line.clips),
            exact_dollars(line.dialogue),
            exact_dollars(line.house),
        )
        for line in lines
    ]
    if lines:
        sums = [line.sums for line in lines]
        totals = (sum(s.held for s in sums), sum(s.captured for s in sums), sum(s.released for s in sums))
        apart = (sum(line.dialogue for line in lines), sum(line.house for line in lines))
        clips = sum(line.clips for line in lines)
        rows.append(("Total", *map(exact_dollars, totals), str(clips), *map(exact_dollars, apart)))
    _print_table((by.capitalize(), "Held", "Captured", "Released", "Clips", "Dialogue", "House"), rows)
    typer.echo(f"From {period.first} to {period.last}, both included; days begin at midnight in {zone}.")


# --- list and settle -------------------------------------------------------------------------------------------------


@money.command("list")
def list_held(
    ambiguous: Annotated[bool, typer.Option("--ambiguous", help="Only what waits for a decision.")] = False,
) -> None:
    """What is still held: each video, since when it is where it is, how much, and whose it is."""
    settings = settings_of_here(logs_errors=True)
    from core import texts
    from core.generation import RUNNING, GenerationStatus
    from storage.store import SqlStore

    async def work() -> list[Generation]:
        store = SqlStore(settings.database)
        try:
            await store.open()
            if ambiguous:
                return list(await store.with_status(GenerationStatus.AMBIGUOUS))
            held = RUNNING | {GenerationStatus.AMBIGUOUS, GenerationStatus.UNDELIVERABLE}
            found = await store.with_status(*held)
            # A clip that is posted after all, long after nobody took it, is held for no longer.
            kept = GenerationStatus.UNDELIVERABLE.value
            return [one for one in found if kept not in one.entered or one.on_its_way_elsewhere]
        finally:
            await store.close()

    now = datetime.now(UTC)
    rows: list[tuple[str, ...]] = []
    for one in run_async(work()):
        since = one.entered.get(one.status.value, one.updated_at)
        looks = one.status is GenerationStatus.AMBIGUOUS and one.due_at is not None
        rows.append(
            (
                one.name,
                f"{one.status.value}, still looked for" if looks else one.status.value,
                f"{since.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
                texts.spelling.spell_seconds((now - since).total_seconds()),
                exact_dollars(one.plan.quote.amount) if one.plan else "",
                one.requester.id,
                one.order.model if one.order else "",
            )
        )
    if not rows:
        typer.echo("Nothing waits for a decision." if ambiguous else "Nothing is held.")
        return
    _print_table(("Video", "Status", "Since", "For", "Held", "Person", "Model"), rows)
    if ambiguous:
        typer.echo("End one without a charge: reelbot money settle v12 --release")


@money.command()
def settle(
    video: Annotated[str, typer.Argument(help="Which one, such as v12.")],
    release: Annotated[bool, typer.Option("--release", help="Give the held money back and drop the order.")] = False,
    reason: Annotated[str, typer.Option(help="Why; the person reads it.")] = "",
) -> None:
    """End an order whose answer was lost, without a charge. Its person is told."""
    match = re.fullmatch(r"v?([0-9]{1,18})", video.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise typer.BadParameter("name it like v12", param_hint="VIDEO")
    if not release:
        raise typer.BadParameter("say what is to become of the money: --release gives it back", param_hint="--release")
    settings = settings_of_here(logs_errors=True)
    from bot.terms import announce_of
    from storage.store import SqlStore

    async def work() -> Generation:
        store = SqlStore(settings.database, announce=announce_of(settings))
        try:
            await store.open()
            return await released(store, int(match[1]), " ".join(reason.split()), datetime.now(UTC))
        finally:
            await store.close()

    ended = run_async(work())
    amount = exact_dollars(ended.plan.quote.amount) if ended.plan else "nothing"
    typer.echo(
        f"{ended.name} is dropped and {amount} given back. {ended.requester.id} is told as soon as the bot runs."
    )


async def released(store: SqlStore, number: int, reason: str, now: datetime) -> Generation:
    """Drop a generation whose order was never answered, and leave word for its person; returns it as saved.

    Raises PermanentError when it is not such a one, or was moved by somebody else at this very moment."""
    from core import endings
    from core.generation import GenerationStatus
    from core.messages import short_id

    name = short_id(number)
    generation = await store.generation(number)
    if generation is None:
        raise PermanentError(f"There is no {name}. What waits for a decision: reelbot money list --ambiguous")
    if generation.status is not GenerationStatus.AMBIGUOUS:
        raise PermanentError(
            f"{name} is {generation.status.value}: only an ambiguous one, whose order was never answered, can be "
            "settled. Those are listed by: reelbot money list --ambiguous"
        )
    changes = endings.settled(generation, reason, now)
    try:
        await store.commit(changes)
    except StaleRow as error:
        raise PermanentError(
            f"{name} changed at this very moment, and nothing was settled. Look at it again: reelbot money list"
        ) from error
    return changes.generations[0]


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as it has to be: ids are for copying, so none is cut off or broken in two."""
    lines = [header, *rows] if any(header) else rows
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numbers = [all(re.match(r"-?\$?[0-9]+(\.[0-9]+)?$", cell) for cell in column) for column in zip(*rows, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers or [False] * len(widths), strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())
