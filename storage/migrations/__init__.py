"""Brings a database's tables up to date, with Alembic and without a configuration file.

One file in `versions` for each change, applied in order. A change is written by hand: what `storage.tables` says after
it, and the data that has to move; a test compares the two. There is no way back: restore a copy of the database.

Nearly every start finds that nothing is to be done. That is seen without Alembic, which takes long to load.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from storage.database import Database, sqlite_path

UPGRADE_LOCK = 727_001
"""Key of PostgreSQL's advisory lock that lets only one process upgrade at a time."""


def newest_revision() -> str:
    """The last change there is, by its file's name: `v0005_paces.py` is revision 0005."""
    return max(path.name[1:5] for path in (Path(__file__).parent / "versions").glob("v[0-9]*.py"))


def upgrade_tables(connection: Connection) -> None:
    """Apply every migration that the database has not seen, within the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    if _revision(connection) != newest_revision():
        from storage.migrations.applying import apply_migrations

        apply_migrations(connection)


def _revision(connection: Connection) -> str | None:
    """The change that was applied last, or None where there are no tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


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
