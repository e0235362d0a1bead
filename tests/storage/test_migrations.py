"""The migrations lead to exactly the tables that `storage.tables` describes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database import Database
from storage.migrations import newest_revision, upgrade
from storage.tables import metadata
from tests.storage.postgres import fresh_database

SQLITE_SCHEMA = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
POSTGRES_SCHEMA = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    "SELECT conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'",
    "SELECT table_name || '.' || column_name, data_type || ' ' || is_nullable || coalesce(column_default, '')"
    " FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two databases without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new folder' / 'one.db'}", f"sqlite:///{tmp_path / 'two.db'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    with fresh_database(server) as one, fresh_database(server) as two:
        yield one, two


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def _schema(connection: Connection) -> dict[str, list[str]]:
    """Everything that has a name, with its definition; the order of columns and constraints does not count."""
    statements = (SQLITE_SCHEMA,) if connection.dialect.name == "sqlite" else POSTGRES_SCHEMA
    rows = [row for statement in statements for row in connection.execute(text(statement))]
    return {name: sorted(re.split(r",\s+(?![^()]*\))", re.sub(r"\s+", " ", sql))) for name, sql in rows}


def _create(connection: Connection) -> None:
    metadata.create_all(connection)


def test_files_are_named_by_their_revisions() -> None:
    """By their names a start sees that there is nothing to be done."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    changes = ScriptDirectory.from_config(config)
    assert newest_revision() == changes.get_current_head()
    for change in changes.walk_revisions():
        assert Path(change.path).name.startswith(f"v{change.revision}_")


async def test_a_revision_that_is_not_ours_stays(tmp_path: Path) -> None:
    """A newer program has been here, and its tables are left as they are."""
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    await upgrade(url)
    database = Database(url)
    await database.write(_say, "UPDATE alembic_version SET version_num = '9999'")
    before = await database.read(_schema)
    await upgrade(url)
    assert await database.read(_schema) == before
    assert await database.read(_revision) == "9999"
    await database.close()


def _say(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def _revision(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


async def test_migrations_and_tables_agree(urls: tuple[str, str]) -> None:
    await asyncio.gather(upgrade(urls[0]), upgrade(urls[0]))
    await upgrade(urls[0])
    migrated, created = Database(urls[0]), Database(urls[1])
    await created.write(_create)
    assert await migrated.read(_differences) == []
    by_migration, by_tables = await migrated.read(_schema), await created.read(_schema)
    assert len(by_migration) > len(metadata.tables)
    assert _plain(by_migration) == _plain(by_tables)
    await migrated.close()
    await created.close()


def _plain(schema: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without what surrounds the list of columns in SQLite's text of a table."""
    strip = re.compile(r"^CREATE TABLE \w+ \( ?| ?\)$")
    return {name: sorted(strip.sub("", part).strip() for part in parts) for name, parts in schema.items()}
