"""Applies migrations with Alembic. Loaded only where there is something to apply."""

from __future__ import annotations

import logging

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

log = logging.getLogger("reelbot.storage")


def apply_migrations(connection: Connection) -> None:
    """Apply every migration that the database has not seen, within the caller's transaction. A database that a newer
    program has upgraded stays as it is."""
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
