"""What lasts: rows in SQLite or PostgreSQL, and files in a folder or an object store.

Implements the ports of `core.repositories`, and `ClipStore`; imports core only.
"""
