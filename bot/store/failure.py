"""Which failures of the database pass by themselves, so that waiting helps."""

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

# PostgreSQL's classes of conditions: connection, rollback, resources, locks, operator, system.
PASSING = frozenset({"08", "40", "53", "55", "57", "58"})
# SQLite calls nearly everything operational, our own mistakes in SQL too.
SQLITE_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def will_pass(error: Exception) -> bool:
    """False for our own mistakes, which fail again however long we wait.

    A server that is down shows as OSError: the driver's attempt to connect comes unwrapped.
    """
    if isinstance(error, OSError | NoConnectionFree):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in SQLITE_PASSING
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(cause, "sqlstate", None) or ""
    return (
        isinstance(error, OperationalError) or error.connection_invalidated or state[:2] in PASSING
    )
