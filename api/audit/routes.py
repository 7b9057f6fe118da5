"""Where the audit is served."""

from litestar import Router
from litestar.di import Provide

from api.audit.controllers import Audit, Auditing
from api.log.seats import Seats
from infra.audit.trail import Trail
from projections.database import Database

#: Exports that may run at once: on a node, and with one credential.
MOST = 16
MOST_OF_ONE = 4


def audit_routes(database: Database) -> Router:
    """Return the routes of the audit."""
    auditing = Auditing(database, Trail(database), Seats(MOST, MOST_OF_ONE))
    return Router(
        "/",
        route_handlers=[Audit],
        dependencies={"auditing": Provide(lambda: auditing, sync_to_thread=False)},
    )
