"""Brings a database's tables up to date, with Alembic and without a configuration file.

One file in `versions` for each change, applied in order. A change is written by hand: what `storage.tables` says after
it, and the data that has to move; a test compares the two. There is no way back: restore a copy of the database.
"""

from __future__ import annotations

import logging

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database import Database, sqlite_path

log = logging.getLogger("reelbot.storage")

UPGRADE_LOCK = 727_001
"""Key of PostgreSQL's advisory lock that lets only one process upgrade at a time."""


def upgrade_tables(connection: Connection) -> None:
    """Apply every migration that the database has not seen, within the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        # A newer program has been here, in a deploy one process after the other: what it added does no harm.
        log.warning("database.newer", extra={"revision": current})
        return
    command.upgrade(config, "head")


async def upgrade(url: str) -> None:
    """Create or upgrade the tables of the database at `url`; harmless when they are up to date.

    All or nothing. Raises TemporaryError when the database does not answer."""
    path = sqlite_path(url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    database = Database(url)
    try:
        await database.write(upgrade_tables)
    finally:
        await database.close()
