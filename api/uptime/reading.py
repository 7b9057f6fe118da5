"""Reading one incident: the one that a path names, or the one that a command was about."""

from api.incidents.requests import Incoming, id_of, ulid_in_path
from domain.rejection import NotFound
from projections.incident_list.queries import ListedIncident, find_incident


async def incident_in_path(incoming: Incoming, incident_id: str) -> ListedIncident:
    """Return an incident of the caller's tenant by its id; raise ``NotFound``."""
    return await incident_of(incoming, ulid_in_path(incident_id))


async def incident_of(incoming: Incoming, ulid: str) -> ListedIncident:
    """Return an incident of the caller's tenant; raise ``NotFound``."""
    row = await find_incident(incoming.tracking.database, incoming.tenant, ulid)
    if row is None:
        raise NotFound("failed to find incident", f"incident {id_of(ulid)} could not be found")
    return row
