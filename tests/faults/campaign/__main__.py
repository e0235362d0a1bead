"""`python -m tests.faults.campaign`: the campaign as a command."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import signal
import sys
import time

from tests.faults.campaign import __doc__ as about
from tests.faults.campaign.counts import Found
from tests.faults.campaign.runs import Database
from tests.faults.campaign.series import campaign, table
from tests.storage.postgres import postgres_binaries


def main() -> None:
    """Run it, print the table, and exit with 1 when anything was lost or done twice."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--kills", type=int, default=500, help="over all databases")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--minutes", type=float, default=60.0, help="no new run is begun after so long")
    parser.add_argument("--markdown", action="store_true", help="print the table as README has it")
    parser.add_argument("--verbose", action="store_true", help="tell what happened when")
    given = parser.parse_args()
    databases: list[Database] = [one for one in ("sqlite", "postgresql") if one in given.databases.split(",")]
    if "postgresql" in databases and postgres_binaries() is None:
        sys.exit("PostgreSQL is not installed. Install it, or run with --databases sqlite.")
    # Asked to end it takes what it has started with it, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.getLogger("aiohttp.server").disabled = True  # it tells of every connection that breaks
    print(f"seed {given.seed}", flush=True)
    until = time.monotonic() + given.minutes * 60
    results: list[tuple[Database, Found]] = []
    for number, database in enumerate(databases):
        kills = given.kills // len(databases) + (1 if number < given.kills % len(databases) else 0)
        work = campaign(database, kills=kills, seed=given.seed, until=until, verbose=given.verbose)
        results.append((database, asyncio.run(work)))
    print("\n" + table(results, markdown=given.markdown))
    for database, found in results:
        places = len(found.reached)
        print(f"\n{database}: {places} named places, {found.reached.total()} kills there; not reached in time and")
        print(f"killed at a random moment: {', '.join(sorted(found.missed)) or 'none'}")
    wrong = sum(len(found.violations) for _, found in results)
    print(f"\n{wrong} violations" if wrong else "\nNothing lost, nothing twice.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
