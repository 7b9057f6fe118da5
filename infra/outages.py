"""Which errors say that the database could not be used just now, and not that what was asked of it is wrong.

Whoever only wants to know whether to try again asks ``passes``. Whoever can tell whose fault it may be, as a follower
can, asks for the two parts of it.
"""

import asyncpg

#: Classes of SQLSTATE: connection, transaction rollback (deadlock), resources, operator intervention, system error.
_OUTAGES = frozenset({"08", "40", "53", "57", "58"})

#: What a projector's statement gets that waited too long: a lock timeout, a statement timeout.
_TIMEOUTS = frozenset({"55P03", "57014"})


def is_outage(error: BaseException) -> bool:
    """Tell whether the same request may well succeed later: the database is down, restarting, full or overloaded."""
    match error:
        case asyncpg.PostgresError(sqlstate=str() as state):
            return state[:2] in _OUTAGES and state not in _TIMEOUTS
        case asyncpg.InterfaceError():
            return not isinstance(error, ValueError)  # those that are also ValueErrors are about an argument
        case _:
            return isinstance(error, (asyncpg.InternalClientError, OSError))


def passes(error: BaseException) -> bool:
    """Tell whether it is worth trying again: after an outage, and when a statement took too long or was canceled."""
    return is_outage(error) or is_timeout(error)


def is_timeout(error: BaseException) -> bool:
    """Tell whether a statement was ended because it took too long, most likely waiting for a lock."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _TIMEOUTS
