"""What a database's errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc as sql

from core.errors import PermanentError, TemporaryError


@contextmanager
def database_errors() -> Iterator[None]:
    """The one place where a database's errors become ours."""
    try:
        yield
    except sql.IntegrityError as error:
        raise PermanentError(f"The database refused a row: {error.orig}") from error
    except (sql.ProgrammingError, sql.DataError) as error:
        raise PermanentError(f"{error.orig}; if tables are missing, run `reelbot db upgrade`.") from error
    except sql.DBAPIError as error:
        if "no such table" in str(error.orig) or "no such column" in str(error.orig):
            raise PermanentError(f"{error.orig}: run `reelbot db upgrade`.") from error
        raise TemporaryError(f"The database does not take it now: {error.orig}") from error
    except (sql.TimeoutError, OSError) as error:
        raise TemporaryError("The database does not answer.") from error
