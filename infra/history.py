"""What read models say of entities that may have ended, caught up with the log (``infra.lookups.History``)."""

from datetime import datetime
from typing import Protocol

from commands.intents import EntityId
from domain.identity import InstanceId
from infra.reading import Reading
from projections.criteria import ElementInstanceCriteria, IncidentCriteria, JobCriteria, Page
from projections.database import Database
from projections.element_instances.queries import find_element_instances
from projections.incidents.queries import find_incidents
from projections.jobs.queries import find_jobs

ONE = Page(limit=1)


class Now(Protocol):
    """Engine time."""

    def now(self) -> datetime: ...


class ReadModelHistory:
    """Asks the read models ``jobs``, ``incidents`` and ``element_instances``."""

    def __init__(self, reading: Reading, database: Database, clock: Now) -> None:
        self._reading = reading
        self._database = database
        self._clock = clock

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        await self._reading.caught_up(("jobs",))
        criteria = JobCriteria(partition=job.partition, id=job.id)
        return bool(await find_jobs(self._database, tenant, criteria, ONE, self._clock.now()))

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        await self._reading.caught_up(("incidents",))
        criteria = IncidentCriteria(partition=incident.partition, id=incident.id)
        return bool(await find_incidents(self._database, tenant, criteria, ONE))

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        await self._reading.caught_up(("element_instances",))
        criteria = ElementInstanceCriteria(partition=element_instance.partition, id=element_instance.id)
        rows = await find_element_instances(self._database, tenant, criteria, ONE)
        return InstanceId(element_instance.partition, rows[0].process_instance_id) if rows else None
