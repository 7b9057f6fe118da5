"""Reading one incident of the caller's tenant."""

from api.incidents.ids import INCIDENT_IDS
from api.incidents.requests import Incoming
from projections.incident_list.queries import ListedIncident, find_incident


async def read_incident(incoming: Incoming, ulid: str) -> ListedIncident:
    """Return an incident as its read model has it; raise ``NotFound``, also for those of other tenants."""
    row = await find_incident(incoming.tracking.database, incoming.tenant, ulid)
    if row is None:
        raise INCIDENT_IDS.unknown(ulid)
    return row
