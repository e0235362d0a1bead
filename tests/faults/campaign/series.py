"""Run after run until there were kills enough, and the table of what came of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.faults.campaign.counts import Counts, Found
from tests.faults.campaign.points import STAGES
from tests.faults.campaign.runs import Database, run, setting
from tests.storage.postgres import private_server

KILLS_A_RUN = 12
COLUMNS = (
    *("part", "database", "kills", "messages", "orders", "deliveries", "lost messages", "lost generations"),
    *("second orders", "second deliveries", "ambiguous, told, found", "said again", "events, again"),
)


async def campaign(database: Database, *, kills: int, seed: int, until: float, verbose: bool = False) -> Found:
    """So many kills over one database, in runs of a dozen; no new run is begun after `until` (monotonic seconds).
    `verbose`: tell what happened when in good runs, too."""
    found = Found()
    with ExitStack() as stack:
        server = stack.enter_context(private_server(durable=True)) if database == "postgresql" else None
        done = number = 0
        while done < kills and time.monotonic() < until:
            how = setting(
                database, number, kills=min(KILLS_A_RUN, kills - done), seed=seed, used=found.reached + found.missed
            )
            began = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="reelbot-faults-", ignore_cleanup_errors=True) as folder:
                came = await run(Path(folder), how, server)
            killed = sum(counts.kills for counts in came.rows.values())
            number, done = number + 1, done + killed
            found.add(came)
            for violation in came.violations:
                print(f"\nVIOLATION: {violation}\n", flush=True)
            if verbose or came.violations:
                print("\n".join(came.story), flush=True)
            verdict = f"{len(came.violations)} violations" if came.violations else "good"
            print(f"{done:4} kills, {time.monotonic() - began:5.1f} s: {how}: {verdict}", flush=True)
    return found


def table(found: Sequence[tuple[Database, Found]], *, markdown: bool) -> str:
    """The counts by part of the program and database."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    for stage in STAGES:
        rows += [_row(stage, database, one.rows[stage]) for database, one in found if stage in one.rows]
    for database, one in found:
        total = Counts()
        for counts in one.rows.values():
            total.add(counts)
        rows.append(_row("all", database, total))
    if markdown:
        rows.insert(1, tuple("---" for _ in COLUMNS))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(name: str, database: str, counts: Counts) -> tuple[str, ...]:
    numbers = (counts.kills, counts.messages, counts.orders, counts.deliveries, counts.lost_messages)
    more = (counts.lost_generations, counts.second_orders, counts.second_deliveries)
    ambiguous = f"{counts.ambiguous}, {counts.told}, {counts.found}"
    events = f"{counts.events}, {counts.events_again}"
    return (name, database, *map(str, numbers), *map(str, more), ambiguous, str(counts.repeated), events)
