"""Which conversation and generation a platform's message belongs to, and what an anchor stands for: writing that map.

Reading it is `storage.loading`'s work.
"""

from __future__ import annotations

import functools
from typing import Any

from sqlalchemy import Connection

from storage.database import upsert
from storage.prepared import Prepared
from storage.tables import messages


def message_row(
    platform: str,
    chat: str,
    message_id: str,
    conversation_id: str | None,
    generation_id: int | None = None,
    anchor: str = "",
) -> dict[str, Any]:
    """One line of the map."""
    return {
        "platform": platform,
        "chat": chat,
        "message_id": message_id,
        "conversation_id": conversation_id or None,
        "generation_id": generation_id,
        "anchor": anchor,
    }


def remember(connection: Connection, rows: list[dict[str, Any]], *columns: str) -> None:
    """Add lines to the map; for a message that is in it already, only `columns` take the new values."""
    latest = {(row["platform"], row["chat"], row["message_id"]): row for row in rows}  # the last word on each
    if not latest:
        return
    _add(connection.dialect.name, columns).each(connection, list(latest.values()))


@functools.cache
def _add(dialect: str, changed: tuple[str, ...]) -> Prepared:
    add = upsert(dialect, messages)
    if not changed:
        return Prepared(add.on_conflict_do_nothing())
    new = {name: add.excluded[name] for name in changed}
    return Prepared(add.on_conflict_do_update(index_elements=["platform", "chat", "message_id"], set_=new))
