"""Which failures of the database pass by themselves, so that waiting helps."""

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

# PostgreSQL's classes of conditions: connection, rollback, resources, locks, operator, system.
PASSING = frozenset({"08", "40", "53", "55", "57", "58"})


def will_pass(error: Exception) -> bool:
    """False for our own mistakes, which fail again however long we wait.

    A server that is down shows as OSError: the driver's attempt to connect comes unwrapped.
    """
    if isinstance(error, OSError | OperationalError | NoConnectionFree):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state[:2] in PASSING
