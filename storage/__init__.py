"""What lasts: rows in SQLite or PostgreSQL, and files in a folder or an object store.

Implements the ports `Inbox`, `Generations`, `OutboxRows` and `ClipStore` of `core.ports`; imports core only.
"""
